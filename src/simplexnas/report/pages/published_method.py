"""The page `published_method`: what the published method gives when we train it, and whether data have a say in it.

Every function takes trainings of one kind, which differ in their seeds.
"""

import math
from collections.abc import Collection, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from simplexnas.io import paths, records
from simplexnas.io.records import Point
from simplexnas.measure import price_alone
from simplexnas.methods import settings
from simplexnas.report import published, tables
from simplexnas.report.pages import latency
from simplexnas.report.paper import PAPER
from simplexnas.report.style import FIGURE_WIDTH, LINE_COLORS
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace

FAMILIES = published.PAPER
SQUARE = {"color": "black", "marker": "s", "markerfacecolor": "none", "markeredgewidth": 1.6, "markersize": 11}
RANGES = (([0, 1], "without images: all of a hundred trainings"), ([0.1, 0.9], "without images: eight of ten"))
BARS = ({"height": 0.78, "color": "#d9d9d9"}, {"height": 0.44, "color": "#a6a6a6"})  # one for each of the ranges
BAR = 0.5  # edges that a bar is longer than its range, so that one of a single count is seen
REPORTED, OF_TRAINING = "discrete", "discrete, statistics of training"  # two of the ways to measure


def points(families: Sequence[str] = FAMILIES) -> dict[str, list[Point]]:
    """The networks at the paper's S, by its name, one for each training."""
    measured = [records.read_record(paths.RESULTS / name / records.PAPER_POINTS).points for name in families]
    return {name: [next(point for point in own if point.name == name) for own in measured] for name in PAPER}


def against_the_price(families: Sequence[str] = FAMILIES) -> Figure:
    """Edges with each operation: ours with images as squares, on the ranges of a hundred trainings without images."""
    counts, trained, operations = latency.without_images(), points(families), labels(SearchSpace().operations)
    figure, axes = plt.subplots(4, 1, figsize=(FIGURE_WIDTH, 5.4), layout="constrained", sharex=True, sharey=True)
    for ax, (name, (S, *_)) in zip(axes, PAPER.items(), strict=True):
        for row, operation in enumerate(operations):
            found = counts.loc[(counts["model"] == name) & (counts["operation"] == operation), "edges"]
            for (ends, _), style in zip(RANGES, BARS, strict=True):
                first, last = found.quantile(ends)
                ax.barh(row, last - first + BAR, left=first - BAR / 2, **style)
            edges = [point.operations[operation] for point in trained[name]]
            ax.plot(edges, [row] * len(edges), linestyle="", **SQUARE)
        ax.set_yticks(range(len(operations)), operations)
        ax.set_ylim(len(operations) - 0.5, -0.5)
        ax.set_title(f"{name}, S = ({', '.join(f'{value:.2f}' for value in S)})", loc="left")
        ax.grid(axis="x", color="#dddddd", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("edges with the operation, of 28")
    axes[-1].set_xlim(-1, 28.5)
    handles = [Patch(label=words, color=style["color"]) for (_, words), style in zip(RANGES, BARS, strict=True)]
    handles.append(Line2D([], [], linestyle="", label="trained by us, with images", **SQUARE))
    figure.legend(handles=handles, loc="outside upper center", frameon=False)
    return figure


def unlike(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """How many choices on the lattice the price alone makes otherwise, from the same initial values and from others.

    Columns: "with images" and "without": seeds of the two trainings; "choices", "differ", "share" (0 to 1).
    """
    lines = []
    for name in families:
        lattice = records.read_lattice(name)
        choices = sum(len(point.choice) for point in lattice.points)
        for seed, differ in price_alone.unlike(name).items():
            line = {"with images": lattice.seed, "without": seed, "choices": choices, "differ": differ}
            lines.append(line | {"share": differ / choices})
    return pd.DataFrame(lines)


def alike(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """`unlike` as text."""
    found = unlike(families)
    return pd.DataFrame(
        {
            "seed, with images": found["with images"],
            "seed, price alone": found["without"],
            "choices": found["choices"].map("{:,}".format),
            "that differ": found["differ"].map("{:,}".format),
            "%": found["share"].map(lambda share: f"{100 * share:.2g}"),
        }
    )


def ways(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """Test accuracy in percent of the paper's models and, in every way that we measured, of ours at the same S.

    Last column: largest minus smallest over the four S.
    """
    measured = {
        name: [{way: each.test for way, each in p.ways.items()} for p in own] for name, own in points(families).items()
    }
    theirs = {"network, statistics": "the paper's, not said"}
    theirs |= {name: f"{100 * accuracy:.1f}" for name, (_, accuracy, *_) in PAPER.items()}
    found = pd.concat([pd.DataFrame([theirs]), tables.ways(measured)], ignore_index=True)
    spreads = [[_range([accuracy for _, accuracy, *_ in PAPER.values()])], *spread(families).values()]
    return found.assign(spread=[tables.percents(own) for own in spreads])


def spread(families: Sequence[str] = FAMILIES) -> dict[str, list[float]]:
    """Largest minus smallest test accuracy (0 to 1) over the paper's S, for each way to measure and each training."""
    trainings = list(zip(*points(families).values(), strict=True))
    return {way: [_range([p.ways[way].test for p in own]) for own in trainings] for way in trainings[0][0].ways}


def _range(values: Collection[float]) -> float:
    return max(values) - min(values)


def kappa(families: Sequence[str] = published.KAPPA) -> pd.DataFrame:
    """What S moves at each kappa, one column for each training; last: choices that the price alone makes otherwise."""
    found = tables.steering_table(families, ["kappa"]).set_index("kappa")
    found = found.rename(columns=lambda name: name.replace("S and ", "ρ, "))
    sizes = [[point.edge_parameters / 1e3 for point in records.read_lattice(name).points] for name in families]
    found["edge parameters"] = [f"{min(own):.0f} to {max(own):.0f}" for own in sizes]
    found = found.rename(columns={"edge parameters": "edge parameters, thousands"})
    found["unlike the price alone, %"] = [f"{100 * share:.1f}" for share in shares(families)]
    return found.T.rename_axis(None, axis=1).rename(columns="{:g}".format).reset_index(names="κ")


def shares(families: Sequence[str] = published.KAPPA) -> list[float]:
    """Share (0 to 1) of each family's choices that the price alone makes otherwise, from the same initial values."""
    found = unlike(families)
    return found.loc[found["with images"] == found["without"], "share"].tolist()


def convolutions(family: str = published.KAPPA[0]) -> tuple[float, float]:
    """Edges with a convolution, mean over the lattice: where the training starts, and where it ends.

    The family is the one without a price, whose training on the price alone leaves the initial values.
    """
    operation = SearchSpace().operations.index("sep_conv_3x3")
    lattice = records.read_lattice(family)
    before = price_alone.choices(family)[lattice.seed]
    after = np.array([point.choice for point in lattice.points])
    return tuple(float((choices == operation).sum(axis=1).mean()) for choices in (before, after))


def control(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """The networks of the control with the weights of every training, and the published method's own networks.

    Columns: "S"; "draw" of the control, 0 for the method's own network; "weights": "published" or "ours"; "seed" of
    the training; "edge_parameters"; "test", accuracy from 0 to 1.
    """
    lines, seeds = [], [records.read_lattice(name).seed for name in families]
    for row in tables.table():
        of = {"S": row["name"]}
        for run in row["control"]["runs"]:
            for draw, each in enumerate(run["runs"], 1):
                measured = {"edge_parameters": each["edge_parameters"], "test": each["accuracy"]["test"]}
                lines.append(of | {"draw": draw, "weights": "ours", "seed": run["seed"]} | measured)
        for seed, point in zip(seeds, points(families)[row["name"]], strict=True):
            for draw, each in enumerate((point, *point.control)):
                measured = {"edge_parameters": each.edge_parameters, "test": each.accuracy.test}
                lines.append(of | {"draw": draw, "weights": "published", "seed": seed} | measured)
    return pd.DataFrame(lines)


DOTS = {
    ("published", True): {"label": "the published method's own network", "marker": "*", "color": "black", "s": 110},
    ("published", False): {"label": "control, weights of the published method", "marker": "s", "color": LINE_COLORS[2]},
    ("ours", False): {"label": "control, weights of our five trainings", "marker": "o", "color": LINE_COLORS[1]},
}


def whose_weights(families: Sequence[str] = FAMILIES) -> Figure:
    """Test accuracy of the networks of `control`: a row for each network, named by its edge parameters."""
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 6.6), layout="constrained")
    rows, found = {}, control(families)
    found["own"] = found["draw"] == 0
    for (S, own, _, size), network in found.groupby(["S", "own", "draw", "edge_parameters"]):
        row = len(rows) + 0.8 * list(PAPER).index(S)
        rows[row] = f"{S}   {size:,}"
        for weights, same in network.groupby("weights"):
            style = {"s": 34, "linewidth": 0, "zorder": 3} | DOTS[weights, own]
            ax.scatter(100 * same["test"], [row] * len(same), **style)
    ax.set_yticks(list(rows), rows.values())
    ax.set_ylim(max(rows) + 0.8, -0.8)
    ax.set_xlabel("test accuracy, %")
    ax.set_ylabel("S, edge parameters")
    ax.grid(axis="y", color="#dddddd", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    legend = {handle.get_label(): handle for handle in ax.collections}
    figure.legend(legend.values(), legend.keys(), loc="outside upper center", frameon=False)
    return figure


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def gains(families: Sequence[str] = FAMILIES) -> dict[str, np.ndarray]:
    """By S: percentage points that the control, mean over its draws, has more with the published method's weights.

    One for each pair of trainings, (theirs, ours).
    """
    found = control(families)
    drawn = 100 * found[found["draw"] > 0].groupby(["S", "weights", "seed"])["test"].mean()
    return {name: np.subtract.outer(*(drawn[name, of].to_numpy() for of in ("published", "ours"))) for name in PAPER}


def leads(families: Sequence[str] = FAMILIES) -> dict[str, list[float]]:
    """By S: percentage points that the method's own network has more than the draw (or draws) nearest in size."""
    found = {name: [] for name in PAPER}
    for name, own in points(families).items():
        for point in own:
            away = [abs(each.edge_parameters - point.edge_parameters) for each in point.control]
            nearest = [each for each, far in zip(point.control, away, strict=True) if far == min(away)]
            found[name] += [100 * (point.accuracy.test - each.accuracy.test) for each in nearest]
    return found


def numbers(families: Sequence[str] = FAMILIES) -> dict[str, str]:
    """The numbers in the prose of the page, by name; accuracies in percent, their differences in percentage points."""
    lattices, found = [records.read_lattice(name).points for name in families], unlike(families)
    same, other = (found[(found["with images"] == found["without"]) == own] for own in (True, False))
    tests = [100 * point.accuracy.test for lattice in lattices for point in lattice]
    networks = [len({point.choice for point in lattice}) for lattice in lattices]
    none, weak, *_ = shares()
    unpriced = records.read_lattice(published.KAPPA[0]).points
    before, after = convolutions()
    config, ours = settings.preset("paper"), settings.preset("default")
    known = {
        "epochs": f"{config.epochs}",
        "ours.epochs": f"{ours.epochs}",
        "steps": f"{config.steps:,}",
        "differ": f"{same['differ'].max()}",
        "choices": f"{same['choices'].max():,}",
        "other.seed": f"{100 * other['share'].min():.0f}",
        "images": f"{config.train_images:,}",
        **_least_and_most("networks", networks, 0),
        "low": f"{min(tests):.0f}",
        "high": f"{max(tests):.0f}",
        "none.networks": f"{len({point.choice for point in unpriced})}",
        "none.least": f"{min(point.edge_parameters for point in unpriced):,}",
        "none.most": f"{max(point.edge_parameters for point in unpriced):,}",
        "moved.none": f"{100 * none:.0f}",
        "moved.weak": f"{100 * weak:.0f}",
        "convolutions.before": f"{before:.1f}",
        "convolutions.after": f"{after:.1f}",
    }
    known |= _against_the_paper(points(families)) | _against_the_control(families)
    return {f"published_method.{name}": value for name, value in known.items()}


def _against_the_paper(trained: dict[str, list[Point]]) -> dict[str, str]:
    ahead, apart, lost, edges, larger = [], [], [], [], []
    for name, (_, accuracy, size, theirs) in PAPER.items():
        for point in trained[name]:
            measured = {way: each.test for way, each in point.ways.items()}
            ahead += [100 * (test - accuracy) for test in measured.values()]
            apart.append(100 * _range(measured.values()))
            lost.append(100 * (measured[REPORTED] - measured[OF_TRAINING]))
            edges += [abs(point.operations[operation] - count) for operation, count in theirs.items()]
            if name != "C":
                larger.append(point.edge_parameters / size)
    return {
        **_least_and_most("ahead", ahead, 0),
        **_least_and_most("larger", larger, 1),
        "apart": f"{math.ceil(max(apart))}",
        "lost": f"{math.ceil(10 * max(lost)) / 10:g}",
        "edges": f"{max(edges)}",
    }


def _against_the_control(families: Sequence[str]) -> dict[str, str]:
    gained, lead = gains(families), leads(families)
    others = [name for name in PAPER if name != "B"]
    elsewhere = np.concatenate([gained[name].ravel() for name in others])
    return {
        "gain.least": f"{elsewhere.min():.1f}",
        "gain.most": f"{elsewhere.max():.0f}",
        "gain.B.least": f"{-gained['B'].max():.0f}",
        "gain.B.most": f"{-gained['B'].min():.0f}",
        **_least_and_most("lead", [each for name in others for each in lead[name]], 1),
        **_least_and_most("lead.B", lead["B"], 0),
    }


def _least_and_most(name: str, values: Collection[float], digits: int) -> dict[str, str]:
    return {f"{name}.least": f"{min(values):.{digits}f}", f"{name}.most": f"{max(values):.{digits}f}"}
