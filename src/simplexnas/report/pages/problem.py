"""The page `problem`: what is searched, the data, and why penalties are a vector."""

from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from simplexnas.family import Family
from simplexnas.io import paths, records
from simplexnas.io.records import Point
from simplexnas.report import figures, published
from simplexnas.report.paper import PAPER
from simplexnas.report.style import FIGURE_WIDTH, MARKERS, operation_colors
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace
from simplexnas.tasks.task import Splits

NEAR = 0.002  # validation accuracies that differ by at most so much count as about the same
ROUNDING = 1e-12  # of a difference of two shares
GREY = "#8c8c8c"


def _open(ax: plt.Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)


def idea(family: str = published.DEFAULT[0]) -> Figure:
    """S in a triangle, the networks of the paper's four S, and their accuracy against size among all members."""
    figure = plt.figure(figsize=(FIGURE_WIDTH, 5.2), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.05))
    left, right = above.subplots(1, 2, width_ratios=(1, 1.35))
    trained = Family.load(family)
    triangle(left, {name: S for name, (S, *_) in PAPER.items()}, labels(trained.space.operations))
    chosen = {name: trained.architecture(S).operations for name, (S, *_) in PAPER.items()}
    networks(right, chosen, labels(trained.space.operations))
    left.set_title("1  penalties S", pad=20)  # above the name of the corner
    right.set_title("2  networks: 28 choices each")
    ax = below.subplots()
    named = records.read_record(paths.RESULTS / family / records.PAPER_POINTS).points
    members(ax, records.read_lattice(family).points, {point.name: point for point in named})
    ax.set_title("3  accuracy and size of each")
    return figure


def triangle(ax: plt.Axes, named: dict[str, tuple[float, ...]], operations: Iterable[str]) -> None:
    """Named vectors S in a plain triangle; each corner is all the penalty on one of the three operations."""
    corners = figures.plain_triangle(operations, ax)
    for name, S in named.items():
        place = np.array(S) / sum(S) @ corners
        ax.plot(*place, "o", color="black", markersize=5)
        ax.annotate(name, place, (6, -4), textcoords="offset points", weight="bold")


def networks(ax: plt.Axes, chosen: dict[str, tuple[int, ...]], operations: Iterable[str]) -> None:
    """Architectures as rows of marks, one for each edge: the normal cell in a first row, the reduction cell below."""
    operations = tuple(operations)
    for row, (name, choice) in enumerate(chosen.items()):
        half = len(choice) // 2
        for m, color in enumerate(operation_colors(operations).values()):
            edges = np.flatnonzero(np.array(choice) == m)
            places = -(2.6 * row + edges // half)
            ax.scatter(edges % half, places, marker=MARKERS[m], s=26, color=color, linewidth=0)
        ax.text(-1.6, -(2.6 * row + 0.5), name, weight="bold", va="center")
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=color, label=name, markersize=5)
        for marker, (name, color) in zip(MARKERS, operation_colors(operations).items(), strict=False)
    ]
    style = {"frameon": False, "ncols": 3, "columnspacing": 0.6, "handletextpad": 0}
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.45, 0.02), borderpad=0, **style)
    ax.set_axis_off()
    ax.margins(0.03, 0.06)


def members(ax: plt.Axes, points: Iterable[Point], named: dict[str, Point]) -> None:
    """Test accuracy against total parameters of all members, and of named ones."""
    places = np.array([[point.total_parameters / 1e3, 100 * point.accuracy.test] for point in points])
    ax.scatter(*places.T, s=12, color=GREY, linewidth=0, label="all members of the lattice")
    for name, point in named.items():
        place = (point.total_parameters / 1e3, 100 * point.accuracy.test)
        ax.scatter(*place, s=36, color="black", zorder=3)
        ax.annotate(name, place, (6, -13), textcoords="offset points", weight="bold")
    ax.set_xlabel("total parameters, thousands")
    ax.set_ylabel("test accuracy, %")
    _open(ax)


def trade(points: Iterable[Point], near: float = NEAR) -> tuple[Point, Point]:
    """Two members of about the same validation accuracy: the first has fewer parameters, the second fewer MACs.

    Of all such pairs the one in which the less of the two savings, as a ratio, is largest.
    """
    points = list(points)
    sizes = np.log([[point.total_parameters, point.macs] for point in points])
    accuracy = np.array([point.accuracy.validation for point in points])
    more = sizes[None] - sizes[:, None]  # [a, b]: how much larger b is than a
    saving = np.minimum(more[..., 0], -more[..., 1])
    saving[np.abs(accuracy[:, None] - accuracy) > near + ROUNDING] = -np.inf
    first, second = np.unravel_index(saving.argmax(), saving.shape)
    return points[first], points[second]


def savings(pair: tuple[Point, Point]) -> tuple[float, float]:
    """Share of the parameters that the first of a pair saves, and share of the MACs that the second saves."""
    first, second = pair
    return 1 - first.total_parameters / second.total_parameters, 1 - second.macs / first.macs


def trades(families: Sequence[str] = published.DEFAULT) -> dict[str, tuple[float, float]]:
    """`savings` of the pair of each family, the one with the largest smaller saving first."""
    found = {name: savings(trade(records.read_lattice(name).points)) for name in families}
    return dict(sorted(found.items(), key=lambda item: -min(item[1])))


def two_devices() -> Figure:
    """MACs against parameters of all members, and the pair of `trade`, in the first of `trades`."""
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 3), layout="constrained")
    points = records.read_lattice(next(iter(trades()))).points
    ax.scatter(*_sizes(points), s=12, color=GREY, linewidth=0)
    pair = trade(points)
    ax.plot(*_sizes(pair), color="black", linewidth=1, linestyle="--", zorder=3)
    for point, marker in zip(pair, "Ds", strict=True):
        S = ", ".join(f"{value:.2f}" for value in point.S)
        label = f"S = ({S}): {100 * point.accuracy.validation:.1f} %"
        ax.scatter(*_sizes([point]), s=55, marker=marker, color="black", zorder=4, label=label)
    ax.legend(frameon=False, loc="upper left", handletextpad=0.2, borderpad=0)
    ax.set_xlabel("total parameters, thousands")
    ax.set_ylabel("MACs per image, millions")
    _open(ax)
    return figure


def _sizes(points: Iterable[Point]) -> np.ndarray:
    """Parameters in thousands and MACs in millions: (2, n)."""
    return np.array([[point.total_parameters / 1e3, point.macs / 1e6] for point in points]).T


def simplex() -> Figure:
    """The triangle of all S with the paper's four."""
    place = plt.figure(figsize=(4.6, 3.4)).add_gridspec(1, 1)[0]
    on = figures.simplex(labels(SearchSpace().operations), place)
    return figures.simplex_points({name: S for name, (S, *_) in PAPER.items()}, on).axes[0].figure


def images(loaded: Splits) -> Figure:
    """The first validation image of each class."""
    split = loaded.validation
    first = [int((split.labels == label).nonzero()[0]) for label in range(split.task.shape.classes)]
    return figures.image_row(split.images[first, 0].numpy(), list(split.task.classes))[0].figure


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name; shares in percent."""
    drawn, *others = 100 * np.array(list(trades().values()))
    shown = records.read_lattice(published.DEFAULT[0]).points
    tests = [100 * point.accuracy.test for point in shown]
    known = {
        "problem.points": f"{len(shown)}",
        "problem.networks": f"{len({point.choice for point in shown})}",
        "problem.low": f"{min(tests):.0f}",
        "problem.high": f"{max(tests):.0f}",
    }
    for column, name in enumerate(("parameters", "macs")):
        saved = [own[column] for own in others]
        known[f"problem.{name}"] = f"{drawn[column]:.0f}"
        known |= {f"problem.{name}.least": f"{min(saved):.0f}", f"problem.{name}.most": f"{max(saved):.0f}"}
    return known
