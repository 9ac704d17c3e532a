"""The page `learning`: what learned worths bring beside random ones, and whether trainings agree on them.

Families of one kind differ in their seeds. *Their own weights*: each kind was trained. *The same weights*: what S asks
for is drawn at random, and its networks use the weights of a family.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from scipy import stats

from simplexnas.family import Family, describe
from simplexnas.io import records
from simplexnas.io.records import Point
from simplexnas.measure.lattice import lattice_points
from simplexnas.report import analysis, figures, published, statistics, tables
from simplexnas.report.pages import triangle
from simplexnas.report.pages.triangle import CONVOLUTION, EDGES, POOL, REDUCTION, SPACE, lattices
from simplexnas.report.paper import BUDGETS
from simplexnas.report.style import FIGURE_WIDTH, LINE_COLORS
from simplexnas.space.search_space import genotype_edges

FAMILIES = published.DEFAULT
LEARNED, RANDOM, OURS, THEIRS = "learned worths", "random worths", "ours", "published method"
SHORT = {LEARNED: published.QUICK, RANDOM: published.RANDOM}
LONG = {OURS: FAMILIES, THEIRS: published.PAPER}
COARSE = 0.1  # step of the lattice on which short trainings and baselines are measured
SIZES = [f"≤ {budget:,}" for budget in BUDGETS]
SHUFFLES = 2000
CLOSE = 0.2  # the difference of the two smallest penalties up to which S leaves room


# Weights of their own


def own_fronts(kinds: Mapping[str, Sequence[str]] = SHORT) -> Figure:
    """Test accuracy against size: the front of every training, a style for each kind."""
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 4.3), layout="constrained")
    styles = [(LINE_COLORS[1], "o", "-"), (LINE_COLORS[3], "^", "--")]
    for (kind, families), (color, marker, dash) in zip(kinds.items(), styles, strict=True):
        style = {"color": color, "marker": marker, "linestyle": dash, "markersize": 5, "linewidth": 1.3, "alpha": 0.85}
        for number, points in enumerate(lattices(families)):
            label = f"{kind}: {triangle.number_word(len(families))} training{'s' * (len(families) > 1)}"
            ax.plot(*figures.places_of(analysis.front(points)), label=None if number else label, **style)
    figures.accuracy_by_size(ax).get_legend().remove()
    figure.legend(loc="outside upper left", frameon=False, borderpad=0)
    return figure


def own(kinds: Mapping[str, Sequence[str]] = SHORT) -> pd.DataFrame:
    """What every training is worth over its whole lattice, a row for each.

    Columns: "kind", "seed", "hypervolume"; by `SIZES` test accuracy in percent of the best member on validation (nan if
    none is that small); "on the front" and "smallest" (edge parameters).
    """
    lines = []
    for kind, families in kinds.items():
        for name in families:
            record = records.read_lattice(name)
            points = list(record.points)
            line = {"kind": kind, "seed": record.seed, "hypervolume": analysis.hypervolume(points, SPACE)}
            line |= dict(zip(SIZES, within(points), strict=True))
            line |= {"on the front": len(analysis.front(points))}
            line |= {"smallest": min(point.edge_parameters for point in points)}
            lines.append(line)
    return pd.DataFrame(lines)


def ahead(kinds: Mapping[str, Sequence[str]] = SHORT) -> pd.DataFrame:
    """What the first of two kinds is ahead of the second, paired by the seeds that both have.

    A row for hypervolume and each of `SIZES` (percentage points): "of", "pairs", "mean", "low" and "high" of the 95 % t
    interval of the difference; nan without a pair.
    """
    first, second = (found.set_index("seed") for _, found in own(kinds).groupby("kind", sort=False))
    lines = []
    for measure in ("hypervolume", *SIZES):
        difference = (first[measure] - second[measure]).dropna().tolist()
        found = statistics.mean_and_interval(difference or [np.nan])
        lines.append({"of": measure, "pairs": len(difference)} | found)
    return pd.DataFrame(lines)


def within(points: Sequence[Point]) -> list[float]:
    """Test accuracy in percent of the best member on validation within each of the paper's sizes; nan if none is."""
    return [100 * analysis.accuracy_within(points, budget) for budget in BUDGETS]


def own_table(kinds: Mapping[str, Sequence[str]] = SHORT) -> pd.DataFrame:
    """`own` as text: a column for each kind, means ± standard deviation, and how far the first is ahead."""
    found, digits = own(kinds), {"hypervolume": 3, "on the front": 0, "smallest": 0}
    words = {"smallest": "edge parameters of the smallest"}
    leads = {line["of"]: line for line in ahead(kinds).to_dict("records")}
    lines = []
    for measure in found.columns[2:]:
        line, n = {"": words.get(measure, measure)}, digits.get(measure, 1)
        for kind, values in found.groupby("kind", sort=False)[measure]:
            told = statistics.mean_and_sd(values.tolist())
            shown = f"{told['mean']:,.{n}f} ± {told['sd']:,.{n}f}"
            line[f"{kind} ({len(values)})"] = "–" if values.isna().any() else shown
        lead = leads.get(measure)
        line["ahead"] = _ahead(lead["mean"], lead["low"], lead["high"], n) if lead and lead["pairs"] > 1 else ""
        lines.append(line)
    return pd.DataFrame(lines).rename(columns={"": "of the family"})


def _ahead(mean: float, low: float, high: float, digits: int) -> str:
    signed = [f"{value:+.{digits}f}".replace("-", "−") for value in (mean, low, high)]
    return f"{signed[0]} ({signed[1]} to {signed[2]})"


# The same weights


def drawn(name: str, source: str) -> list[Point]:
    """The points of a family or of what uses its weights: on the coarse lattice, or random."""
    family = describe(name)
    if source == "family":
        return lattice_points(family, COARSE)
    return tables.of_source(records.read_own(family, records.BASELINES).points, source)


def same_fronts(family: str = FAMILIES[0]) -> Figure:
    """Fronts of a family, a random hypernetwork and the control, and random architectures as dots.

    Random architectures below the axes are drawn at their lower edge.
    """
    lowest = 74
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 4.3), layout="constrained")
    figures.fronts(
        {
            "the family": analysis.front(drawn(family, "family")),
            "random hypernetwork, its weights": analysis.front(drawn(family, "random hypernetwork")),
            "control, its weights": analysis.front(drawn(family, "control")),
            "random architectures, its weights": drawn(family, "random architecture"),
        },
        ax,
        lines=3,
    )
    (dots,) = ax.collections
    places = dots.get_offsets()
    dots.set_offsets(np.column_stack([places[:, 0], np.maximum(places[:, 1], lowest)]))
    dots.set(clip_on=False, zorder=4)
    ax.set_ylim(lowest, None)
    ax.get_legend().remove()
    figure.legend(loc="outside upper left", frameon=False, borderpad=0)
    return figure


def same(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """Hypervolume over the coarse lattice, with intervals over the families: of them, and of what uses their weights.

    Columns: those of `tables.hypervolumes`; "fewest" and "most" different networks of a family; by `SIZES` test
    accuracy in percent of the best on validation, mean over families (nan if one has none).
    """
    volumes = tables.hypervolumes([describe(name) for name in families])
    lines = []
    for source in volumes["of"]:
        known = [drawn(name, source) for name in families]
        networks = [len({point.choice for point in points}) for points in known]
        accuracies = np.mean([within(points) for points in known], axis=0)
        line = {"fewest": min(networks), "most": max(networks)}
        lines.append(line | dict(zip(SIZES, accuracies, strict=True)))
    return pd.concat([volumes, pd.DataFrame(lines)], axis=1)


def same_table(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """`same` as text: a column for each source."""
    columns = {}
    for line in same(families).to_dict("records"):
        behind = _interval(line["behind"], line["behind low"], line["behind high"])
        columns[line["of"]] = {
            "networks": " to ".join(dict.fromkeys([f"{line['fewest']}", f"{line['most']}"])),
            "hypervolume": _interval(line["mean"], line["low"], line["high"]),
            "behind the family": "–" if line["of"] == "family" else behind,
        } | {size: "–" if np.isnan(line[size]) else f"{line[size]:.1f}" for size in SIZES}
    return pd.DataFrame(columns).rename_axis("of").reset_index()


def _interval(mean: float, low: float, high: float) -> str:
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"


# Agreement


def worths(families: Sequence[str] = FAMILIES) -> np.ndarray:
    """What each training learned, in nats: (trainings, cells, edges of a cell, k)."""
    found = [Family.load(name).model.hypernetwork.nats for name in families]
    return torch.stack(found).numpy().astype(float).reshape(len(families), 2, EDGES // 2, SPACE.k)


def convolutions(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """Mean worth of a convolution in millinats, relative to the mean of the operations of its edge, by training.

    Columns: "training", "normal cell", "reduction cell".
    """
    found = 1000 * worths(families)[..., CONVOLUTION].mean(axis=2)
    return pd.DataFrame({"training": range(len(found)), "normal cell": found[:, 0], "reduction cell": found[:, 1]})


def agreement(worths: np.ndarray) -> np.ndarray:
    """For each pair of trainings: correlation over the edges of a cell, mean over cells and operations.

    worths: (trainings, cells, edges, operations).
    """
    centred = worths - worths.mean(axis=2, keepdims=True)
    unit = centred / np.linalg.norm(centred, axis=2, keepdims=True)
    return np.array([(a * b).sum(axis=1).mean() for a, b in combinations(unit, 2)])


def shuffled(worths: np.ndarray, groups: Sequence[np.ndarray], n: int = SHUFFLES) -> np.ndarray:
    """Mean agreement after the edges of every training were shuffled within each group (masks of edges): (n,)."""
    random, found = np.random.default_rng(0), []
    trainings, cells, edges, _ = worths.shape
    for _ in range(n):
        order = np.tile(np.arange(edges), (trainings, cells, 1))
        for group in groups:
            order[..., group] = random.permuted(order[..., group], axis=2)
        found.append(agreement(np.take_along_axis(worths, order[..., None], axis=2)).mean())
    return np.array(found)


def kinds_of_edge() -> dict[str, list[np.ndarray]]:
    """How edges are shuffled, in words: masks of the edges of a cell."""
    from_input = np.array([edge.source < 2 for edge in genotype_edges(SPACE)[: EDGES // 2]])
    return {
        "shuffled within each cell": [np.full(EDGES // 2, True)],
        "shuffled among edges of equal price": [from_input, ~from_input],
    }


def chance(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """Agreement of the trainings, and what shuffled edges give.

    Columns: "worths" in words, "agreement" (mean over pairs), "sd" (over shuffles), "as high" (share of the
    shuffles, 0 to 1, that agree at least as well).
    """
    learned = worths(families)
    mean = agreement(learned).mean()
    lines = [{"worths": "as learned", "agreement": mean}]
    for words, groups in kinds_of_edge().items():
        found = shuffled(learned, groups)
        line = {"worths": words, "agreement": found.mean(), "sd": found.std()}
        lines.append(line | {"as high": (found >= mean).mean()})
    return pd.DataFrame(lines)


def chance_table(found: pd.DataFrame) -> pd.DataFrame:
    """`chance` as text."""
    first, *others = found.to_dict("records")
    lines = [{"worths": first["worths"], "correlation": f"{first['agreement']:.2f}", "as high by chance, %": "–"}]
    for line in others:
        correlation = f"{line['agreement']:.2f} ± {line['sd']:.2f}"
        lines.append(
            {
                "worths": line["worths"],
                "correlation": correlation.replace("-0.00", "0.00"),
                "as high by chance, %": f"{100 * line['as high']:.1f}",
            }
        )
    return pd.DataFrame(lines)


# Where S leaves room


def differing(choices: np.ndarray) -> np.ndarray:
    """Edges in which two trainings differ, mean over pairs, at each S: (n,); choices: (trainings, n, E)."""
    return np.mean([(a != b).sum(axis=1) for a, b in combinations(choices, 2)], axis=0)


def over_trainings(families: Sequence[str] = FAMILIES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """S (n, 3); edges in which two trainings differ, and standard deviation of test accuracy in percent, (n,) each."""
    known = lattices(families)
    tests = 100 * np.array([[point.accuracy.test for point in points] for points in known])
    return np.array([point.S for point in known[0]]), differing(_choices(known)), tests.std(axis=0, ddof=1)


def _choices(known: list[list[Point]]) -> np.ndarray:
    return np.array([[point.choice for point in points] for points in known])


def room_maps(families: Sequence[str] = FAMILIES) -> Figure:
    """`over_trainings`, over the triangle."""
    S, edges, spread = over_trainings(families)
    return triangle.triangles(S, {"edges that differ, of 28": edges, "SD of test accuracy, %-points": spread})


def room(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """`over_trainings` where S leaves room and where it does not: means over the points S.

    Columns: "close" (whether the two smallest penalties are), "points", "trainings" and "random": edges that differ
    between two trainings, and between two random hypernetworks; "sd": of test accuracy.
    """
    S, edges, spread = over_trainings(families)
    by_chance = differing(_choices(triangle.random_lattices(families[0])))
    ordered = np.sort(S, axis=1)
    close = ordered[:, 1] - ordered[:, 0] < CLOSE + triangle.STEP / 2
    return pd.DataFrame(
        {
            "close": kind,
            "points": where.sum(),
            "trainings": edges[where].mean(),
            "random": by_chance[where].mean(),
            "sd": spread[where].mean(),
        }
        for kind, where in ((True, close), (False, ~close))
    )


def room_table(found: pd.DataFrame) -> pd.DataFrame:
    """`room` as text."""
    return pd.DataFrame(
        {
            "the two smallest penalties": f"at most {CLOSE:g} apart" if line["close"] else f"more than {CLOSE:g} apart",
            "points S": line["points"],
            "edges: two trainings": f"{line['trainings']:.1f}",
            "edges: two random hypernetworks": f"{line['random']:.1f}",
            "SD of accuracy": f"{line['sd']:.2f}",
        }
        for line in found.to_dict("records")
    )


def reduction_agrees(families: Sequence[str] = FAMILIES) -> float:
    """Share (0 to 1) of the points S at which all trainings have a convolution in the reduction genotype, or none."""
    found = (_choices(lattices(families))[:, :, REDUCTION] == CONVOLUTION).any(axis=2)
    return float((found == found[0]).all(axis=0).mean())


# Numbers


def numbers(families: Sequence[str] = FAMILIES) -> dict[str, str]:
    """The numbers in the prose of the page, by name; accuracies in percent, differences in percentage points."""
    volumes = same(families).set_index("of")
    found = chance(families).set_index("worths")
    _, edges, spread = over_trainings(families)
    gained, left = convolutions(families), room(families).set_index("close")
    known = {
        "trainings": triangle.number_word(len(families)),
        "same.random": f"{volumes.loc['random hypernetwork', 'behind']:.3f}",
        "agreement": _signed(found.loc["as learned", "agreement"]),
        "reduction.least": f"{gained['reduction cell'].min():.0f}",
        "reduction.most": f"{gained['reduction cell'].max():.0f}",
        "room.close": f"{left.loc[True, 'trainings']:.0f}",
        "room.far": f"{left.loc[False, 'trainings']:.0f}",
        "room.random": f"{left['random'].max():.0f}",
        "maps": _signed(stats.spearmanr(edges, spread)[0]),
        "sd.half": f"{spread[edges >= EDGES // 2].mean():.1f}",
        "reduction": f"{100 * reduction_agrees(families):.0f}",
    }
    return {f"learning.{name}": value for name, value in (known | dict(_of_own()) | dict(_of_theirs())).items()}


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _of_own() -> Iterator[tuple[str, str]]:
    means, leads = own().groupby("kind").mean(), ahead().set_index("of")
    yield "pairs", triangle.number_word(int(leads.loc["hypervolume", "pairs"]))
    for name, kind in (("learned", LEARNED), ("random", RANDOM)):
        yield f"hypervolume.{name}", f"{means.loc[kind, 'hypervolume']:.3f}"
    for name in ("mean", "low", "high"):
        yield f"ahead.{name}", f"{leads.loc['hypervolume', name]:.3f}".replace("-", "−")
    yield "ahead.small", f"{-leads.loc[SIZES[1], 'mean']:.1f}"
    drawn = [point.edge_parameters for points in lattices(published.RANDOM) for point in points]
    yield "random.largest", f"{max(drawn):,}"


def _of_theirs() -> Iterator[tuple[str, str]]:
    leads = ahead(LONG).set_index("of")
    for name in ("mean", "low", "high"):
        yield f"theirs.{name}", _signed(leads.loc["hypervolume", name])
        yield f"theirs.C.{name}", f"{leads.loc[SIZES[-1], name]:.1f}".replace("-", "−")
    theirs = [point for points in lattices(published.PAPER) for point in points]
    smallest = min(theirs, key=lambda point: point.edge_parameters)
    yield "theirs.pool", f"{max(point.choice.count(POOL) for point in theirs)}"
    yield "theirs.smallest", f"{smallest.edge_parameters:,}"
    unit = lattices(published.UNIT)
    yield "unit.smallest", f"{min(point.edge_parameters for points in unit for point in points):,}"
    yield "unit.hypervolume", f"{np.mean([analysis.hypervolume(points, SPACE) for points in unit]):.2f}"
