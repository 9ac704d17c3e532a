"""The landing page: the result in one picture."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, ScalarFormatter

from simplexnas.io import records
from simplexnas.io.records import Point
from simplexnas.report import analysis, published
from simplexnas.report.paper import PAPER
from simplexnas.report.style import LINE_COLORS
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace


def fronts(names: list[str]) -> list[list[Point]]:
    """The front of each family's lattice, by size."""
    return [analysis.front(records.read_lattice(name).points) for name in names]


def pooling_everywhere(names: list[str]) -> list[Point]:
    """The member of each family that pools on every edge."""
    return [next(point for point in records.read_lattice(name).points if not any(point.choice)) for name in names]


def result(families: list[str] = published.DEFAULT, theirs: list[str] = (published.PAPER,)) -> Figure:
    """Accuracy against size: the paper's A to D, our families' fronts, that of the published method, pooling alone."""
    figure, ax = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
    black, blue, orange, green = LINE_COLORS[:4]
    groups = [
        (fronts(list(families)), "ours", blue, "o", "-"),
        (fronts(list(theirs)), "published method, trained by us", orange, "s", "--"),
    ]
    for own, label, color, marker, dash in groups:
        for number, front in enumerate(own):
            sizes = [point.total_parameters for point in front]
            tests = [100 * point.accuracy.test for point in front]
            style = {"color": color, "marker": marker, "linestyle": dash, "markersize": 4, "linewidth": 1}
            ax.plot(sizes, tests, alpha=0.8, label=label if number == 0 else None, **style)
    pooling = pooling_everywhere(list(families))
    tests = [100 * point.accuracy.test for point in pooling]
    style = {"marker": "D", "s": 42, "facecolor": "none", "edgecolor": green, "linewidth": 1.5, "zorder": 4}
    ax.scatter([point.total_parameters for point in pooling], tests, label="pooling everywhere, our weights", **style)
    fixed = cost.fixed_parameters(SearchSpace())
    for number, (name, (_, accuracy, edge_parameters, _)) in enumerate(PAPER.items()):
        place = (edge_parameters + fixed, 100 * accuracy)
        ax.scatter(*place, marker="*", s=110, color=black, zorder=4, label="the paper" if number == 0 else None)
        ax.annotate(name, place, (8, -4), textcoords="offset points", weight="bold")
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.minorticks_off()
    ax.set_xlabel("parameters of the network")
    ax.set_ylabel("test accuracy, %")
    ax.legend(frameon=False, loc="lower right")
    ax.spines[["top", "right"]].set_visible(False)
    return figure
