"""Plots: data in, Axes out. Nothing here imports torch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle

import matplotlib
import matplotlib.pyplot as plt
import mpltern  # noqa: F401  (registers the projection "ternary")
import numpy as np
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.gridspec import SubplotSpec
from matplotlib.patches import Polygon
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, MaxNLocator, ScalarFormatter

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import Point
from simplexnas.report.style import FIGURE_WIDTH, HATCHES, LETTERS, LINE_COLORS, MARKERS, operation_colors

BOOK = {
    # The text stays text, in the reader's font; identifiers are the same on every run.
    **{"svg.fonttype": "none", "svg.hashsalt": "book"},
    **{"figure.facecolor": "none", "axes.facecolor": "none"},  # the notebook saves with these
    **{"font.size": LETTERS, "axes.titlesize": "medium", "figure.labelsize": "medium"},
}


def as_in_the_book() -> None:
    """In a notebook: figures between the cells, as SVG on a transparent ground, whatever the user's settings ask."""
    from IPython import get_ipython
    from matplotlib_inline.config import InlineBackend

    matplotlib.rcdefaults()
    plt.rcParams.update(BOOK)
    shell = get_ipython()
    shell.run_line_magic("matplotlib", "inline")
    backend = InlineBackend.instance(parent=shell)
    backend.figure_formats = {"svg"}
    backend.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {"Date": None, "Creator": None}}


def operation_bars(counts: dict[str, dict[str, float]], ax: plt.Axes | None = None, every: int = 0) -> plt.Axes:
    """Number of edges per operation for several models: a bar for each, divided among the operations.

    counts: {model: {operation: edges}}; all models list the same operations and have equally many edges.
    every: a gap after so many bars.
    """
    ax = ax or plt.subplots(figsize=(FIGURE_WIDTH, 0.24 * len(counts) + 1), layout="constrained")[1]
    rows = np.arange(len(counts)) + (0.5 * (np.arange(len(counts)) // every) if every else 0)
    bars = pd.DataFrame(counts).T
    left = np.zeros(len(bars))
    for (operation, color), hatch in zip(operation_colors(bars.columns).items(), cycle(HATCHES), strict=False):
        edges = bars[operation].to_numpy(dtype=float)
        style = {"height": 0.85, "color": color, "edgecolor": "white", "linewidth": 1, "hatch": hatch}
        drawn = ax.barh(rows, edges, left=left, label=operation, **style)
        letters = {"color": "white" if contrast(np.array(to_rgb(color))) >= 4.5 else "black"}
        letters["bbox"] = {"facecolor": color, "linewidth": 0, "pad": 3}  # no hatch behind them
        for bar, row, start, n in zip(drawn, rows, left, edges, strict=True):
            if n >= 1:  # what is narrower has no room for its number
                number = ax.text(start + n / 2, row, f"{n:g}", ha="center", va="center_baseline", **letters)
                number.get_bbox_patch().set(clip_on=True, clip_path=bar)
        left += edges
    ax.set_yticks(rows, bars.index)
    ax.set_ylim(rows[-1] + 0.6, -0.6)
    ax.set_xlim(0, left.max())
    ax.set_xlabel(f"edges, of {round(left.max())}")
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    style = {"frameon": False, "ncols": len(bars.columns), "borderpad": 0, "columnspacing": 1}
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.01), **style)
    return ax


def contrast(shade: np.ndarray) -> float:
    """How a colour (3,) stands out on white, 1 to 21 (WCAG 2)."""
    linear = np.where(shade <= 0.04045, shade / 12.92, ((shade + 0.055) / 1.055) ** 2.4)
    return 1.05 / (linear @ (0.2126, 0.7152, 0.0722) + 0.05)


def ink(color: str) -> np.ndarray:
    """A colour (3,) for letters on white: the given one, darkened until it stands out as 4.5 to 1 (WCAG 2)."""
    rgb = np.array(to_rgb(color))
    return next(shade for darker in range(100) if contrast(shade := rgb * (1 - darker / 100)) >= 4.5)


@dataclass(frozen=True)
class Simplex:
    """Axes on which vectors of k numbers with sum 1 are drawn, one number for each operation.

    A line for two operations, a triangle for three, and for more one square for each pair, below the diagonal of a
    matrix. axes: the one of line or triangle, or those squares. shown: which of the numbers each of them shows.
    """

    operations: tuple[str, ...]
    axes: tuple[plt.Axes, ...]
    shown: tuple[tuple[int, ...], ...]

    def panels(self, points) -> Iterator[tuple[plt.Axes, np.ndarray, dict]]:
        """Axes, coordinates (2 or 3, n) of the points (n, k) on them, and what `scatter` needs beside them."""
        points = np.asarray(points, dtype=float)
        if points.ndim != 2 or points.shape[1] != len(self.operations):
            raise SimplexNASError(f"points of shape {points.shape}; allowed: (n, {len(self.operations)})")
        for ax, shown in zip(self.axes, self.shown, strict=True):
            if len(shown) > 1:
                yield ax, points[:, shown].T, {}
            else:  # a line: at the foot of the axes, whatever stands above
                place = {"transform": ax.get_xaxis_transform(), "clip_on": False}
                yield ax, np.stack([points[:, shown[0]], np.zeros(len(points))]), place

    def scatter(self, points, **style) -> None:
        """The points (n, k) as dots; style: as of `Axes.scatter`."""
        for ax, places, needed in self.panels(points):
            ax.scatter(*places, **needed | style)


def simplex(operations: Iterable[str], place: SubplotSpec | None = None, quantity: str = "penalty on") -> Simplex:
    """Empty axes for vectors of numbers with sum 1, in a figure of their own or at a place of a `GridSpec`.

    In a triangle the first operation counts towards the top, the second left, the third right.
    """
    operations = tuple(operations)
    k, names = len(operations), [f"{quantity} {operation}" for operation in operations]
    colors = [ink(color) for color in operation_colors(operations).values()]
    if k < 2:
        raise SimplexNASError(f"operations {operations}; allowed: at least two")
    if place is None:
        size = {2: (FIGURE_WIDTH, 2.4), 3: (FIGURE_WIDTH, 4.1)}.get(k, (1.9 * k, 1.9 * k))
        place = plt.figure(figsize=size, layout="constrained" if k != 3 else None).add_gridspec(1, 1)[0]
    figure = place.get_gridspec().figure
    if k == 2:
        ax = figure.add_subplot(place, xlim=(0, 1))
        ax.set_xlabel(names[0], color=colors[0])
        ax.yaxis.set_visible(False)
        ax.spines[["top", "right", "left"]].set_visible(False)
        return Simplex(operations, (ax,), ((0,),))
    if k == 3:
        ax = figure.add_subplot(place, projection="ternary")
        set_labels = (ax.set_tlabel, ax.set_llabel, ax.set_rlabel)
        for set_label, name, color in zip(set_labels, names, colors, strict=True):
            set_label(name, color=color)
        for axis in (ax.taxis, ax.laxis, ax.raxis):
            axis.set_label_position("tick1")
            axis.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1])
        ax.grid(linewidth=0.4, alpha=0.6)
        return Simplex(operations, (ax,), ((0, 1, 2),))
    grid, axes = place.subgridspec(k - 1, k - 1), {}
    for row in range(1, k):
        for column in range(row):
            ax = figure.add_subplot(grid[row - 1, column], xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), box_aspect=1)
            ax.plot([0, 1], [1, 0], color="#bbbbbb", linewidth=0.8)  # two numbers have at most the sum 1
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(labelleft=column == 0, labelbottom=row == k - 1)
            if column == 0:
                ax.set_ylabel(names[row], color=colors[row])
            if row == k - 1:
                ax.set_xlabel(names[column], color=colors[column])
            axes[column, row] = ax
    return Simplex(operations, tuple(axes.values()), tuple(axes))


def plain_triangle(operations: Iterable[str], ax: plt.Axes) -> np.ndarray:
    """A triangle without scales, each corner named after one of three operations, for small panels.

    Returns the corners (3, 2): a vector S (3,) lies at S @ corners. They are those of `simplex`: the first above, the
    second left, the third right.
    """
    corners = np.array([(0.5, np.sqrt(3) / 2), (0, 0), (1, 0)])
    ax.fill(*corners.T, facecolor="none", edgecolor="black", linewidth=1)
    names = zip(corners, operation_colors(operations).items(), ("center", "left", "right"), strict=True)
    for place, (name, color), side in names:  # no wider than the triangle, which takes what room there is
        shift = (0, 5 if place[1] else -15)
        ax.annotate(name, place, shift, textcoords="offset points", ha=side, color=ink(color))
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.margins(0.01)
    return corners


def simplex_points(points: dict[str, tuple[float, ...]], on: Simplex) -> Simplex:
    """Named vectors S as points."""
    halo = [withStroke(linewidth=2.5, foreground="white")]
    on.scatter(list(points.values()), color="black", edgecolor="white", s=34, zorder=5)
    for ax, places, needed in on.panels(list(points.values())):
        for name, place in zip(points, places.T, strict=True):
            if len(place) == 3:
                top, left, right = place
                ax.text(top + 0.05, left - 0.05, right, name, weight="bold", zorder=5, path_effects=halo)
            else:
                style = {"textcoords": "offset points", "weight": "bold", "zorder": 5, "path_effects": halo}
                frame = needed.get("transform", "data")
                ax.annotate(name, place, (5, 5), xycoords=frame, annotation_clip=False, **style)
    return on


def tiles(S: np.ndarray, values: np.ndarray, label: str, operations: Iterable[str], ax: plt.Axes) -> np.ndarray:
    """Values (n,) on the lattice S (n, 3) in a plain triangle: each point's tile in its colour, nothing in between.

    Returns the triangle's corners.
    """
    corners = plain_triangle(operations, ax)
    places = S @ corners
    step = np.sort(np.linalg.norm(places - places[0], axis=1))[1]
    angles = np.pi / 6 + np.pi / 3 * np.arange(6)
    hexagon = step / 3**0.5 * np.column_stack([np.cos(angles), np.sin(angles)])
    shown = PolyCollection(
        places[:, None] + hexagon, array=np.asarray(values), cmap="cividis", edgecolor="face", linewidth=0.4
    )
    ax.add_collection(shown)
    shown.set_clip_path(Polygon(corners, transform=ax.transData))
    bar = ax.figure.colorbar(shown, ax=ax, orientation="horizontal", shrink=0.8, pad=0.02, aspect=16)
    bar.set_label(label)
    bar.locator = MaxNLocator(4)
    bar.outline.set_visible(False)
    return corners


def mark(points: dict[str, tuple[float, ...]], corners: np.ndarray, ax: plt.Axes) -> None:
    """Named vectors S as dots in a plain triangle with these corners, readable on any colour."""
    halo = [withStroke(linewidth=2.5, foreground="white")]
    for name, S in points.items():
        place = np.array(S) / sum(S) @ corners
        ax.plot(*place, "o", color="black", markeredgecolor="white", markersize=6)
        style = {"weight": "bold", "path_effects": halo}
        ax.annotate(name, place, (5, 3), textcoords="offset points", **style)


def image_row(images: np.ndarray, names: list[str]) -> np.ndarray:
    """Grey images (n, H, W), at most five in a row, dark on white, each under its name. Returns the n axes."""
    rows = -(-len(images) // 5)
    axes = plt.subplots(rows, min(len(images), 5), figsize=(FIGURE_WIDTH, 1.3 * rows), layout="constrained")[1]
    for ax in (axes := np.atleast_1d(axes).flatten()):
        ax.set_axis_off()
    for ax, image, name in zip(axes, images, names, strict=False):
        ax.imshow(image, cmap="gray_r")
        ax.set_title(name)
    return axes[: len(images)]


def parameters_and_macs(costs: dict[str, tuple[int, int]], ax: plt.Axes | None = None) -> plt.Axes:
    """Total parameters against MACs; costs: {model: (total parameters, MACs)}."""
    ax = ax or plt.subplots(figsize=(FIGURE_WIDTH, 3.4), layout="constrained")[1]
    for name, (parameters, macs) in costs.items():
        ax.scatter(parameters / 1e3, macs / 1e6, color="black")
        ax.annotate(name, (parameters / 1e3, macs / 1e6), (7, -4), textcoords="offset points", weight="bold")
    ax.set_xlabel("total parameters, thousands")
    ax.set_ylabel("MACs per image, millions")
    ax.set_xlim(0)
    ax.set_ylim(0)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def border_end(point: np.ndarray, m: int) -> np.ndarray:
    """Where the penalty on m, rising from an edge's point of indifference (3,), leaves the triangle: (3,).

    On the way the other two operations tie, and both beat m: it is the border between them.
    """
    direction = np.full(3, -0.5)
    direction[m] = 1
    falling = direction < 0
    return point + np.min(-point[falling] / direction[falling]) * direction


def indifference_points(points: dict[str, np.ndarray], on: Simplex) -> Simplex:
    """Points (n, k) at which an edge is indifferent between its operations, one marker per name; those inside only.

    In a triangle, from the first point three lines are drawn, which bound the regions where that edge takes each
    operation.
    """
    inside = {name: places[(places >= 0).all(axis=1)] for name, places in points.items()}
    for (name, places), marker in zip(inside.items(), cycle(MARKERS), strict=False):
        on.scatter(places, marker=marker, s=26, label=name, facecolor="white", edgecolor="black", zorder=4)
    ax = on.axes[0]
    if len(on.operations) == 3:
        first = np.concatenate(list(inside.values()))[0]
        for m in range(3):
            ax.plot(*np.stack([first, border_end(first, m)]).T, color="black", linewidth=1)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.72, 1.05))
    return on


SIZES = {  # how a size of result points is drawn: divisor and label
    "total_parameters": (1e3, "total parameters, thousands"),
    "latency_ms": (1, "latency of a batch, ms"),
}


def fronts(
    groups: dict[str, list[Point]],
    ax: plt.Axes | None = None,
    size: str = "total_parameters",
    lines: int = 1,
) -> plt.Axes:
    """Test accuracy against a size (of SIZES) of several groups of points of result files, {name: points}.

    The first `lines` groups, fronts in order of size, are drawn as lines, the others as dots.
    """
    ax = ax or plt.subplots(figsize=(FIGURE_WIDTH, 4), layout="constrained")[1]
    styles = zip(groups.items(), cycle(LINE_COLORS), cycle(MARKERS), strict=False)
    for index, ((name, points), color, marker) in enumerate(styles):
        places = places_of(points, size)
        if index < lines:
            ax.plot(*places, color=color, marker=marker, markersize=5, linewidth=1.2, label=name, zorder=3)
        else:
            ax.scatter(*places, s=16, color=color, marker=marker, alpha=0.7, linewidth=0, label=name)
    return accuracy_by_size(ax, size)


def places_of(points: Iterable[Point], size: str = "total_parameters") -> np.ndarray:
    """Size (of SIZES) and test accuracy in percent, as they are drawn: (2, n)."""
    divisor, _ = SIZES[size]
    return np.array([(getattr(point, size) / divisor, 100 * point.accuracy.test) for point in points]).T


def accuracy_by_size(ax: plt.Axes, size: str = "total_parameters") -> plt.Axes:
    """Scales, labels and legend of axes on which test accuracy is drawn against a size."""
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5) if high / low > 4 else range(1, 10)))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.minorticks_off()
    ax.set_xlabel(SIZES[size][1])
    ax.set_ylabel("test accuracy, %")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def predictions(points: dict[str, list[dict]]) -> np.ndarray:
    """Predicted against measured time of networks, one panel per name; points: of `latency.validate`. Returns the axes.

    Circles: the prediction. Grey: the plain sum of parts. Squares: the same networks measured again. On the line both
    axes are equal.
    """
    rows = -(-len(points) // 2)
    size = {"figsize": (FIGURE_WIDTH, 2.5 * rows + 0.4), "layout": "constrained", "squeeze": False}
    figure, axes = plt.subplots(rows, min(len(points), 2), **size)
    for ax, (name, own) in zip(axes.flat, points.items(), strict=True):
        measured = [point["measured_ms"] for point in own]
        for key, color, marker, label in (
            ("sum_of_parts_ms", "#999999", "^", "sum of parts"),
            ("again_ms", "#E69F00", "s", "measured again"),
            ("predicted_ms", "#0072B2", "o", "prediction"),
        ):
            style = {"s": 18, "color": color, "marker": marker, "linewidth": 0, "alpha": 0.8}
            ax.scatter(measured, [point[key] for point in own], label=label, **style)
        ax.axline((measured[0], measured[0]), slope=1, color="black", linewidth=0.8)
        ax.set_title(name)
        ax.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("measured, ms")
    figure.supylabel("predicted, or measured again, ms")
    style = {"frameon": False, "ncols": 3, "handletextpad": 0, "columnspacing": 1}
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", **style)
    return axes.flatten()


def ablation(differences: pd.DataFrame, ax: plt.Axes | None = None) -> plt.Axes:
    """Difference in hypervolume from nothing changed, with its interval: one row for each change, the first on top.

    differences: of `tables.ablation_differences`. Those whose interval does not hold 0 are filled, the others hollow.
    """
    rows = range(len(differences))
    ax = ax or plt.subplots(figsize=(FIGURE_WIDTH, 0.28 * len(rows) + 0.8), layout="constrained")[1]
    ax.axvline(0, color="#999999", linewidth=0.8)
    ax.hlines(rows, differences["low"], differences["high"], color="black", linewidth=1.4)
    resolved = differences["low"] * differences["high"] > 0
    ax.scatter(differences["mean"], rows, s=34, edgecolor="black", color=np.where(resolved, "black", "white"), zorder=3)
    ax.set_yticks(rows, differences["change"])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="y", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel("difference in hypervolume × 100, validation")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def switching(
    penalty: np.ndarray, edges: dict[str, np.ndarray], of: int, operation: str, ax: plt.Axes | None = None
) -> plt.Axes:
    """Number of edges with an operation, `of` so many, against its penalty: one step line per name; arrays (n,)."""
    ax = ax or plt.subplots(figsize=(FIGURE_WIDTH, 3.2), layout="constrained")[1]
    styles = zip(cycle(["#767676", *LINE_COLORS[1:4]]), cycle([":", "--", "-", "-."]), strict=False)
    for (name, counts), (color, style) in zip(edges.items(), styles, strict=False):
        ax.step(penalty, counts, where="mid", color=color, linestyle=style, linewidth=1.8, label=name)
    ax.set_xlabel(f"penalty on {operation}")
    ax.set_ylabel(f"edges with {operation} (of {of})")
    ax.set_ylim(-0.035 * of, 1.035 * of)
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
