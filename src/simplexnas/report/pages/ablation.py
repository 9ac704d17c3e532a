"""The page `ablation`: what each part of the recipe is worth, in short trainings of which each changes one.

A *change* is what was changed, in words of `data/published.json`; its trainings differ in their seeds. Hypervolumes are
times 100.
"""

import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from simplexnas.io import records
from simplexnas.report import analysis, figures, names, published, statistics, tables
from simplexnas.report.names import UNCHANGED
from simplexnas.report.paper import BUDGETS, PAPER
from simplexnas.report.style import FIGURE_WIDTH, LINE_COLORS, MARKERS

SIZES = [f"≤ {budget:,}" for budget in BUDGETS]
WITHIN_A = f"≤ {PAPER['A'][2]:,}"
MEASURED_HERE = ["test", "networks", "epochs", "seconds"]  # beside what `tables.ablation` has
TWO, SANDWICH = "quick-epochs=2", "quick-epochs=2-sandwich=true"
TIMED = {  # the unchanged recipe for one, two and three epochs, and what costs more time in each step
    **{"quick-epochs=1": UNCHANGED, TWO: UNCHANGED, "quick": UNCHANGED},
    **{SANDWICH: published.ABLATED[SANDWICH]},
    **published.ESTIMATORS,
}
FORMS = {"utility": "ours", "pivot": "published pivots", "mlp": "multilayer perceptron"}
LEVEL = 0.05  # of a test


# One change at a time


def measured(changes: Mapping[str, str] = published.ABLATED) -> pd.DataFrame:
    """`tables.ablation`, and of each training "test", its hypervolume on test images, "networks", the different ones on
    its lattice, "epochs" and "seconds" of training."""
    lines = []
    for name in names.with_seeds(changes):
        record = records.read_lattice(name)
        test = 100 * analysis.hypervolume(record.points, analysis.space_of(record))
        networks = len({point.choice for point in record.points})
        lines.append([test, networks, record.config["epochs"], record.training_seconds])
    return pd.concat([tables.ablation(changes), pd.DataFrame(lines, columns=MEASURED_HERE)], axis=1)


def tested(runs: pd.DataFrame) -> set[str]:
    """The changes whose trainings all have a member within every size, with nothing changed among them."""
    return set(runs["change"]) - set(runs.loc[runs[SIZES].isna().any(axis=1), "change"])


def p_values(runs: pd.DataFrame, column: str = "hypervolume", changes: Collection[str] | None = None) -> dict:
    """p of each change's difference from nothing changed, by Dunnett's test over those `tested`, or over others."""
    chosen = tested(runs) if changes is None else changes
    groups = runs[runs["change"].isin(chosen)].groupby("change")[column]
    return statistics.many_to_one({change: list(values) for change, values in groups}, UNCHANGED)


def resolved(p: Mapping[str, float]) -> set[str]:
    """The changes whose difference from nothing changed the trainings resolve."""
    return {change for change, value in p.items() if value < LEVEL}


def label(change: str) -> str:
    """A change in lines of at most 36 letters, without the clause before a name in brackets at its end."""
    return textwrap.fill(re.sub(r",[^,]* (?=\(\w+\)$)", " ", change), 36)


def dots(runs: pd.DataFrame) -> Figure:
    """`figures.ablation`, for a narrow screen; what is resolved in bold."""
    rows, clear = runs["change"].nunique(), resolved(p_values(runs))
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 0.29 * rows + 0.8), layout="constrained")
    figures.ablation(runs, ax)
    order = [words.get_text() for words in ax.get_yticklabels()]
    ax.set_yticks(range(rows), [label(change) for change in order])
    for words, change in zip(ax.get_yticklabels(), order, strict=True):
        words.set_fontweight("bold" if change in clear else "normal")
    ax.set_xlabel("hypervolume × 100")
    return figure


def changes_table(runs: pd.DataFrame) -> pd.DataFrame:
    """`tables.ablation_table` of `measured`."""
    found = tables.ablation_table(runs.drop(columns=MEASURED_HERE))
    return found.assign(steering=found["steering"].str.replace("-", "−"))


# For the same time


def short(change: str) -> str:
    """What stands in brackets at the end, if anything does: a name."""
    return change.rpartition("(")[2].rstrip(")")


def over_time(found: pd.DataFrame) -> Figure:
    """Hypervolume against seconds of training, of `measured`; a line through means where numbers of epochs differ."""
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 4.6), layout="constrained")
    for (change, own), color, marker in zip(found.groupby("change", sort=False), LINE_COLORS, MARKERS, strict=False):
        means = own.groupby("epochs")[["seconds", "hypervolume"]].mean()
        epochs = " to ".join(dict.fromkeys(f"{n:g}" for n in (means.index.min(), means.index.max())))
        words = f"{short(change)}, {epochs} epoch{'' if epochs == '1' else 's'}"
        ax.scatter(own["seconds"], own["hypervolume"], s=34, color=color, marker=marker, linewidth=0, label=words)
        if len(means) > 1:
            ax.plot(means["seconds"], means["hypervolume"], color=color, linewidth=1.2)
            for number, (seconds, hypervolume) in means.iterrows():
                style = {"textcoords": "offset points", "ha": "left", "va": "top"}
                ax.annotate(f"{number:g}", (seconds, hypervolume), (6, -2), **style)
    ax.set_xlim(0)
    ax.set_xlabel("seconds of training")
    ax.set_ylabel("hypervolume × 100, validation")
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper left", frameon=False, borderpad=0)
    return figure


def time_table(found: pd.DataFrame) -> pd.DataFrame:
    """`measured` as text, a line for each change and number of epochs. p: within the trainings of fewest epochs."""
    fewest = found["epochs"].min()
    p, lines = p_values(found[found["epochs"] == fewest]), []
    for (change, epochs), own in found.groupby(["change", "epochs"], sort=False):
        line = {"training": change, "epochs": f"{epochs:g}"}
        line["seconds"] = ", ".join(f"{seconds:.0f}" for seconds in own["seconds"])
        line["hypervolume"] = _spread(own["hypervolume"])
        line["P-value"] = f"{p[change]:.3f}" if epochs == fewest and change in p else "–"
        lines.append(line | {size: _spread(own[size]) for size in SIZES})
    return pd.DataFrame(lines)


def _spread(values: pd.Series) -> str:
    told = statistics.mean_and_sd(values.tolist())
    return "–" if values.isna().any() else f"{told['mean']:.1f} ± {told['sd']:.1f}"


# Other hypernetworks


def forms(families: Sequence[str] = names.with_seeds(published.FORMS)) -> pd.DataFrame:
    """What each training with one of the hypernetworks gives, a row for each.

    Columns: "hypernetwork" and "seed"; "steering", the weakest correlation; "networks", the different ones;
    "smallest" and "largest" edge parameters; "hypervolume" and "within A", accuracy in percent of the best member
    within that size, on validation images; "apart": edges in which two members differ, mean over pairs.
    """
    lines = []
    for record in map(records.read_lattice, families):
        points = record.points
        members, sizes = sorted({point.choice for point in points}), [point.edge_parameters for point in points]
        unlike = [sum(m != n for m, n in zip(a, b, strict=True)) for a, b in combinations(members, 2)]
        line = {"hypernetwork": FORMS[record.config["hypernetwork"]], "seed": record.seed}
        line |= {"steering": max(analysis.steering_correlations(points).values()), "networks": len(members)}
        line |= {"smallest": min(sizes), "largest": max(sizes)}
        line |= {"hypervolume": 100 * analysis.hypervolume(points, analysis.space_of(record), "validation")}
        line |= {"within A": 100 * analysis.accuracy_within(points, PAPER["A"][2], split="validation")}
        lines.append(line | {"apart": sum(unlike) / len(unlike)})
    return pd.DataFrame(lines)


def forms_table(found: pd.DataFrame) -> pd.DataFrame:
    """`forms` as text."""
    return pd.DataFrame(
        {
            "hypernetwork": line["hypernetwork"],
            "seed": line["seed"],
            "steering": _signed(line["steering"]),
            "networks": line["networks"],
            "edge parameters": f"{line['smallest']:,} to {line['largest']:,}",
            "hypervolume": f"{line['hypervolume']:.1f}",
            WITHIN_A: f"{line['within A']:.1f}",
            "edges that differ": f"{line['apart']:.1f}",
        }
        for line in found.to_dict("records")
    )


# Numbers


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name; accuracies in percent, differences in percentage points."""
    known = dict([*_of_changes(measured()), *_of_time(measured(TIMED)), *_of_forms(forms())])
    return {f"ablation.{name}": value for name, value in known.items()}


def _changed(setting: str) -> str:
    """The change of one setting, in words."""
    return published.ABLATED[f"{TWO}-{setting}"]


def _of_changes(runs: pd.DataFrame) -> Iterator[tuple[str, str]]:
    means, sds = runs.groupby("change").mean(), runs.groupby("change").std()
    gains, others = means - means.loc[UNCHANGED], sorted(tested(runs) - {UNCHANGED})
    clear = sorted(resolved(p_values(runs)))
    yield "tested", f"{len(others)}"
    yield "resolved.least", f"{gains.loc[clear, 'hypervolume'].abs().min():.0f}"
    yield "others.most", f"{gains.loc[others, 'hypervolume'].drop(clear).abs().max():.0f}"
    yield "base", f"{means.loc[UNCHANGED, 'hypervolume']:.0f}"
    for name, setting in (("muon", "matrix_learning_rate=0"), ("shifts", "shift=2")):
        yield name, f"{abs(gains.loc[_changed(setting), 'hypervolume']):.0f}"
    yield "sandwich.within", f"{means.loc[_changed('sandwich=true'), SIZES[-1]]:.1f}"
    yield "within", f"{means.loc[UNCHANGED, SIZES[-1]]:.1f}"
    wide = _changed("spread=0.3")
    yield "wide.sd", f"{sds.loc[wide, 'hypervolume']:.1f}"
    yield "others.sd", f"{sds['hypervolume'].drop(wide).max():.1f}"
    for split, column in (("validation", "hypervolume"), ("test", "test")):
        yield f"above.{split}", f"{(gains.loc[others, column] > 0).sum()}"
    yield "still", _signed(means.loc[_changed("policy_until=0"), "steering"])
    yield "still.networks", f"{runs.loc[runs['change'] == _changed('policy_until=0'), 'networks'].max()}"
    yield "narrow", _signed(means.loc[_changed("spread=0.05"), "steering"])
    unpriced = gains.loc[_changed("parameter_price=0")]
    yield "price.small", f"{abs(unpriced[SIZES[0]]):.1f}"
    yield "price.large", f"{abs(unpriced[SIZES[-1]]):.1f}"


def _of_time(found: pd.DataFrame) -> Iterator[tuple[str, str]]:
    means = found.groupby(["change", "epochs"])[["hypervolume", SIZES[-1]]].mean()
    one, three = (means.loc[(UNCHANGED, epochs), :] for epochs in (1, 3))
    sandwich = means.loc[(TIMED[SANDWICH], 2), :]
    yield "three", f"{three['hypervolume']:.1f}"
    yield "sandwich.two", f"{sandwich['hypervolume']:.1f}"
    yield "sandwich.ahead", f"{abs(sandwich[SIZES[-1]] - three[SIZES[-1]]):.0f}"
    for estimator in ("relaxed", "reinmax"):
        own = means.loc[(published.ESTIMATORS[f"quick-epochs=1-estimator={estimator}"], 1), :]
        yield estimator, f"{abs(own['hypervolume'] - one['hypervolume']):.0f}"


def _of_forms(found: pd.DataFrame) -> Iterator[tuple[str, str]]:
    ours = found["hypernetwork"] == FORMS["utility"]
    for of, own in (("ours", found[ours]), ("forms", found[~ours])):
        yield from _least_and_most(f"{of}.within", own["within A"], 1)
        yield from _least_and_most(f"{of}.apart", own["apart"], 0)


def _least_and_most(name: str, values: pd.Series, digits: int) -> Iterator[tuple[str, str]]:
    yield f"{name}.least", f"{values.min():.{digits}f}"
    yield f"{name}.most", f"{values.max():.{digits}f}"
