"""The page `sharing`: what one set of weights for all costs, and which weights rank networks as training alone does.

Families are those of which some networks, members and random ones, were trained alone (`simplexnas retrain`).
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from simplexnas.family import describe
from simplexnas.io import records
from simplexnas.io.records import Point
from simplexnas.measure import gradients
from simplexnas.report import analysis, figures, paper, published, statistics
from simplexnas.report.pages.triangle import SPACE, in_reduction, lattices
from simplexnas.report.style import FIGURE_WIDTH, LINE_COLORS

FAMILIES = published.DEFAULT[:1]
KINDS = {"members": "family", "random architectures": "random"}
STYLES = {"members": (LINE_COLORS[1], "o"), "random architectures": (LINE_COLORS[2], "s")}
WITH, WITHOUT = "with reduction conv.", "without reduction conv."  # a convolution in the reduction genotype
OWN, COUNTED = "the family's own", {"edge parameters": "edge_parameters", "MACs": "macs"}
SHORT = (published.QUICK[0], *published.SHARES)  # trainings of the same recipe with ever more random choices
PARTS = {"fixed": "stem, preprocessing,\nclassifier", "edges": "operations on edges"}


# Inherited, or trained alone


def points(families: Sequence[str] = FAMILIES) -> list[list[Point]]:
    """The networks that were trained alone, for each family; source: "family" or "random"."""
    return [list(records.read_own(describe(name), records.RETRAINED).points) for name in families]


def networks(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """The same, one row for each: "family", "kind" (of `KINDS`), "reduction" (whether there is a convolution in the
    reduction genotype), sizes, "inherited" and "alone" (test accuracy in percent), "gap" (their difference), and
    "validation" (of the one trained alone)."""
    kinds = {source: kind for kind, source in KINDS.items()}
    return pd.DataFrame(
        {
            "family": name,
            "kind": kinds[point.source],
            "reduction": in_reduction(point) > 0,
            "edge_parameters": point.edge_parameters,
            "total_parameters": point.total_parameters,
            "macs": point.macs,
            "inherited": 100 * point.accuracy.test,
            "alone": 100 * point.retrained.test,
            "gap": 100 * (point.retrained.test - point.accuracy.test),
            "validation": 100 * point.retrained.validation,
        }
        for name, own in zip(families, points(families), strict=True)
        for point in own
    )


def inherited_and_alone(families: Sequence[str] = FAMILIES) -> Figure:
    """Test accuracy against size: every network twice, with inherited weights (hollow) and trained alone (full)."""
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 4.8), layout="constrained")
    for number, own in enumerate(lattices(families)):
        places = figures.places_of(analysis.front(own))
        label = None if number else "front of the family, inherited weights"
        ax.plot(*places, color="#767676", linewidth=1, linestyle="--", label=label)
    for kind, own in networks(families).groupby("kind", sort=False):
        color, marker = STYLES[kind]
        sizes = own["total_parameters"] / 1e3
        ax.vlines(sizes, own["inherited"], own["alone"], color=color, linewidth=0.8, alpha=0.6)
        style = {"marker": marker, "s": 26, "edgecolor": color, "linewidth": 1.1, "zorder": 3}
        ax.scatter(sizes, own["inherited"], facecolor="white", label=f"{kind}, inherited weights", **style)
        ax.scatter(sizes, own["alone"], facecolor=color, label=f"{kind}, trained alone", **style)
    figures.accuracy_by_size(ax).get_legend().remove()
    figure.legend(loc="outside upper left", frameon=False, borderpad=0)
    return figure


def scatter(families: Sequence[str] = FAMILIES) -> Figure:
    """Test accuracy trained alone against that with inherited weights; on the line both are equal."""
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 3.9), layout="constrained")
    for kind, own in networks(families).groupby("kind", sort=False):
        color, marker = STYLES[kind]
        ax.scatter(own["inherited"], own["alone"], s=28, color=color, marker=marker, linewidth=0, label=kind)
    ax.axline((90, 90), slope=1, color="black", linewidth=0.8)
    ax.set_xlabel("test accuracy, inherited weights, %")
    ax.set_ylabel("trained alone, %")
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper left", frameon=False, borderpad=0)
    return figure


def groups(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """What each kind of networks gains alone, with and without a convolution in the reduction genotype.

    Columns: "of", "networks", "inherited", "alone", "least", "most" (alone), "gap", "sd" (of the gap over networks),
    "largest" (gap), "tau": Kendall's of inherited and alone, mean over families.
    """
    found = networks(families)
    chosen = {}
    for kind in KINDS:
        own = found[found["kind"] == kind]
        with_one, without = own[own["reduction"]], own[~own["reduction"]]
        chosen |= {kind: own, f"{kind}, {WITH}": with_one, f"{kind}, {WITHOUT}": without}
    lines = []
    for words, own in (chosen | {"all": found}).items():
        of_each = [
            list(each[["inherited", "alone"]].to_numpy().T) for _, each in own.groupby("family") if len(each) > 1
        ]
        taus = [statistics.agreement(*both)["tau"] for both in of_each] or [np.nan]
        line = {"of": words, "networks": len(own), "inherited": own["inherited"].mean(), "alone": own["alone"].mean()}
        line |= {"least": own["alone"].min(), "most": own["alone"].max(), "gap": own["gap"].mean()}
        lines.append(line | {"sd": own["gap"].std(), "largest": own["gap"].max(), "tau": np.mean(taus)})
    return pd.DataFrame(lines)


def groups_table(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """`groups` as text."""
    return pd.DataFrame(
        {
            "networks": f"{line['of']} ({line['networks']})",
            "inherited": f"{line['inherited']:.1f}",
            "alone (range)": f"{line['alone']:.1f} ({line['least']:.1f} to {line['most']:.1f})",
            "gap (largest)": f"{line['gap']:.1f} ± {line['sd']:.1f} ({line['largest']:.1f})",
            "Kendall's τ": _signed(line["tau"]),
        }
        for line in groups(families).to_dict("records")
    )


def opponents(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """Each random architecture, trained alone, beside members that were trained alone, of the same family.

    Columns: "lead": percentage points of test accuracy above the member of its kind (with or without a convolution in
    the reduction genotype) nearest in edge parameters; "beaten": whether the best member on validation of at most its
    size is more accurate; "other": whether that member is of the other kind; "among": members of at most its size;
    "larger": whether every member is smaller.
    """
    lines = []
    for _, own in networks(families).groupby("family"):
        members = own[own["kind"] == "members"]
        for _, rival in own[own["kind"] != "members"].iterrows():
            alike = members[members["reduction"] == rival["reduction"]]
            nearest = alike.loc[(alike["edge_parameters"] - rival["edge_parameters"]).abs().idxmin()]
            small = members[members["edge_parameters"] <= rival["edge_parameters"]]
            best = small.loc[small["validation"].idxmax()]
            line = {"lead": rival["alone"] - nearest["alone"], "beaten": bool(best["alone"] > rival["alone"])}
            line |= {"other": bool(best["reduction"] != rival["reduction"]), "among": len(small)}
            lines.append(line | {"larger": bool((members["edge_parameters"] < rival["edge_parameters"]).all())})
    return pd.DataFrame(lines)


# Which weights rank networks


def predictors(family: str = FAMILIES[0]) -> dict[str, np.ndarray]:
    """What may rank the networks of a family that were trained alone, in words: inherited accuracies, or counts."""
    (own,) = points([family])
    known = {OWN: np.array([point.accuracy.test for point in own])}
    for name, words in published.RANKING.items():
        ranked = records.read_ranked(name).points
        known[words] = np.array([point.accuracy.test for point in ranked])
    return known | {words: np.array([getattr(point, key) for point in own]) for words, key in COUNTED.items()}


def ranking(family: str = FAMILIES[0]) -> pd.DataFrame:
    """How each of `predictors` agrees with training alone.

    Columns: "by"; "gap" and "gap, <kind>" in percentage points (nan for counts); "tau" and "tau, <kind>"; of all
    networks "low" and "high" of the 95 % interval of τ, and "behind low" and "behind high": the same of how far it is
    behind the τ of counting MACs. Intervals by a bootstrap that draws as many members and random architectures as there
    are, the same networks for every line.
    """
    (own,), known = points([family]), predictors(family)
    alone, source = np.array([point.retrained.test for point in own]), np.array([point.source for point in own])
    resampled = statistics.resampled_taus(known, alone, source)
    masks = {"": np.full(len(own), True)} | {f", {kind}": source == name for kind, name in KINDS.items()}
    lines = []
    for words, values in known.items():
        line = {"by": words}
        for suffix, chosen in masks.items():
            found = statistics.agreement(values[chosen], alone[chosen])
            line |= {f"gap{suffix}": np.nan if words in COUNTED else found["gap"], f"tau{suffix}": found["tau"]}
        line["low"], line["high"] = statistics.percentile_interval(resampled[words])
        behind = statistics.percentile_interval(resampled["MACs"] - resampled[words])
        line["behind low"], line["behind high"] = behind
        lines.append(line)
    return pd.DataFrame(lines)


def taus(found: pd.DataFrame) -> Figure:
    """Kendall's τ of `ranking`, a row for each: of all networks with its interval, of members, of random ones."""
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 0.42 * len(found) + 1.3), layout="constrained")
    rows = np.arange(len(found))
    ax.hlines(rows, found["low"], found["high"], color="black", linewidth=1.4)
    ax.scatter(found["tau"], rows, color="black", marker="D", s=34, zorder=3, label="all, with 95 % interval")
    for shift, (kind, (color, marker)) in zip((-0.24, 0.24), STYLES.items(), strict=True):
        ax.scatter(found[f"tau, {kind}"], rows + shift, color=color, marker=marker, s=30, linewidth=0, label=kind)
    ax.axvline(0, color="#767676", linewidth=0.8)
    ax.set_yticks(rows, found["by"])
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.set_xticks([-0.5, 0, 0.5, 1])
    ax.set_xlabel("Kendall's τ with training alone")
    ax.grid(axis="y", color="#dddddd", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper left", frameon=False, borderpad=0)
    return figure


def ranking_table(found: pd.DataFrame) -> pd.DataFrame:
    """`ranking` as text."""
    lines = []
    for line in found.to_dict("records"):
        behind = f"{_signed(line['behind low'], '+')} to {_signed(line['behind high'], '+')}"
        text = {"by": line["by"]}
        text |= {f"gap, {kind}": "–" if line["by"] in COUNTED else f"{line[f'gap, {kind}']:.1f}" for kind in KINDS}
        text |= {"τ, all": _signed(line["tau"])}
        lines.append(text | {"behind MACs, 95 %": "–" if line["by"] == "MACs" else behind})
    return pd.DataFrame(lines)


def shares(found: pd.DataFrame) -> pd.DataFrame:
    """Short trainings with ever more random choices: "share" of their steps after the warm-up, 0 to 1; out of `ranking`
    the gaps and taus; "hypervolume" and "within" (test accuracy in percent of the best within A's size) of the family
    that they are."""
    ranked = found.set_index("by").filter(regex="^(gap|tau)")
    lines = []
    for name, own in zip(SHORT, lattices(SHORT), strict=True):
        line = {"share": records.read_lattice(name).config["random_share"]}
        line |= ranked.loc[published.RANKING[name]].to_dict() | {"hypervolume": analysis.hypervolume(own, SPACE)}
        lines.append(line | {"within": 100 * analysis.accuracy_within(own, paper.PAPER["A"][2])})
    return pd.DataFrame(lines)


def trade(found: pd.DataFrame) -> Figure:
    """`shares` as curves: above what networks gain alone, members and random ones; below the hypervolume."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(FIGURE_WIDTH, 4.4), layout="constrained", sharex=True)
    for kind, (color, marker) in STYLES.items():
        above.plot(100 * found["share"], found[f"gap, {kind}"], color=color, marker=marker, label=kind)
    above.set_ylabel("alone − inherited,\n%-points")
    below.plot(100 * found["share"], found["hypervolume"], color="black", marker="D")
    below.set_ylabel("hypervolume\nof the family")
    below.set_xticks(100 * found["share"])
    below.set_xlabel("steps with random choices, % of those after the warm-up")
    for ax in (above, below):
        ax.grid(axis="y", color="#dddddd", linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper left", frameon=False, borderpad=0)
    return figure


def shares_table(found: pd.DataFrame) -> pd.DataFrame:
    """`shares` as text."""
    return pd.DataFrame(
        {
            "random steps": f"{100 * line['share']:.0f} %",
            **{f"gap, {kind}": f"{line[f'gap, {kind}']:.1f}" for kind in KINDS},
            "τ, random architectures": _signed(line["tau, random architectures"]),
            "τ, all": _signed(line["tau"]),
            "hypervolume": f"{line['hypervolume']:.3f}",
            "best within A's size, %": f"{line['within']:.1f}",
        }
        for line in found.to_dict("records")
    )


# Gradients


def cosines(families: Sequence[str] = FAMILIES) -> tuple[list[int], dict[str, np.ndarray]]:
    """Edge parameters of members, evenly spaced by size, and by part of the network the cosines of their gradients on
    the weights that two share: (n, n), nan where two share none.

    Of several families: sizes of the first, cosines as means over the families, whose members have the same ranks.
    """
    known = [gradients.read_gradients(describe(name)) for name in families]
    means = {}
    for part in PARTS:
        stacked = np.stack([own[part] for _, own in known])
        counted = np.isfinite(stacked).sum(axis=0)
        means[part] = np.where(counted > 0, np.nansum(stacked, axis=0) / np.maximum(counted, 1), np.nan)
    return [member["edge_parameters"] for member in known[0][0]], means


def opposed(families: Sequence[str] = FAMILIES) -> dict[str, tuple[float, float]]:
    """By part of the network: the share of pairs of members whose cosine is negative, and the least cosine."""
    found = {}
    for part, known in cosines(families)[1].items():
        pairs = known[np.triu_indices(len(known), 1)]
        pairs = pairs[np.isfinite(pairs)]
        found[part] = float((pairs < 0).mean()), float(pairs.min())
    return found


def pulls(families: Sequence[str] = FAMILIES) -> Figure:
    """`cosines` as maps, a panel for each part of the network; grey where two members share no weight."""
    sizes, known = cosines(families)
    figure, axes = plt.subplots(1, len(PARTS), figsize=(FIGURE_WIDTH, 3.7), layout="constrained", sharey=True)
    colors = plt.get_cmap("PuOr").with_extremes(bad="#cccccc")
    ends = [0, len(sizes) // 2, len(sizes) - 1]
    words = [f"{sizes[end] / 1e3:.0f}" for end in ends]
    for ax, (part, title) in zip(axes, PARTS.items(), strict=True):
        shown = ax.imshow(known[part], cmap=colors, vmin=-1, vmax=1, origin="lower")
        ax.set_title(title)
        ax.set_xticks(ends, words)
        ax.set_yticks(ends, words)
        ax.set_xlabel("edge parameters, thousands")
    bar = figure.colorbar(shown, ax=axes, orientation="horizontal", shrink=0.7, format=FuncFormatter(_tick))
    bar.set_label("cosine of two members' gradients")
    return figure


def _tick(value: float, _: int) -> str:
    return f"{value:g}".replace("-", "−")


# Numbers


def _signed(value: float, plus: str = "") -> str:
    return f"{value:{plus}.2f}".replace("-", "−")


def numbers(families: Sequence[str] = FAMILIES) -> dict[str, str]:
    """The numbers in the prose of the page, by name; accuracies in percent, differences in percentage points."""
    by_group, found, rivals = groups(families).set_index("of"), networks(families), opponents(families)
    largest = found[found["kind"] == "members"].sort_values("edge_parameters").iloc[-1]
    ranked = ranking(families[0])
    short, ranked = shares(ranked), ranked.set_index("by")
    last, against = short.iloc[-1], opposed(families)
    own, random = by_group.loc["members"], by_group.loc["random architectures"]
    others = ranked.loc[[words for name, words in published.RANKING.items() if name in published.DEFAULT]]
    theirs, counted = (ranked.loc[by] for by in (published.RANKING[published.PAPER[0]], "MACs"))
    known = {
        "members": f"{own['networks']:.0f}",
        "random": f"{random['networks']:.0f}",
        "all": f"{len(found)}",
        "gap": f"{own['gap']:.1f}",
        "tau": _signed(own["tau"]),
        "gap.with": f"{by_group.loc[f'members, {WITH}', 'gap']:.1f}",
        "gap.without": f"{by_group.loc[f'members, {WITHOUT}', 'gap']:.1f}",
        "tau.with": _signed(by_group.loc[f"members, {WITH}", "tau"]),
        "tau.without": _signed(by_group.loc[f"members, {WITHOUT}", "tau"]),
        "gap.largest": f"{own['largest']:.1f}",
        "gap.random": f"{random['gap']:.1f}",
        "largest": f"{largest['edge_parameters']:,}",
        "largest.inherited": f"{largest['inherited']:.1f}",
        "largest.alone": f"{largest['alone']:.1f}",
        "opposed.fixed": f"{100 * against['fixed'][0]:.0f}",
        "opposed.edges": f"{100 * against['edges'][0]:.0f}",
        "opposed.least": _signed(against["fixed"][1]),
        "lead": f"{abs(rivals['lead'].mean()):.1f}",
        "lead.least": f"{-rivals['lead'].min():.1f}",
        "beaten": f"{rivals['beaten'].sum()}",
        "beaten.other": f"{(rivals['beaten'] & rivals['other']).sum()}",
        "larger": f"{rivals['larger'].sum()}",
        "among.least": f"{rivals['among'].min()}",
        "among.most": f"{rivals['among'].max()}",
        "others.least": _signed(others["tau, members"].min()),
        "others.most": _signed(others["tau, members"].max()),
        "theirs": _signed(theirs["tau"]),
        "macs": _signed(counted["tau"]),
        "macs.members": _signed(counted["tau, members"]),
        "random.tau": _signed(last["tau"]),
        "random.gap": f"{last['gap']:.0f}",
        "short.within": f"{short['within'].iloc[0]:.1f}",
        "random.within": f"{last['within']:.1f}",
    }
    return {f"sharing.{name}": value for name, value in known.items()}
