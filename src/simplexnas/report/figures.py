"""Plots and drawings: data in, Axes or graph out. Nothing here imports torch."""

import graphviz
import matplotlib
import matplotlib.pyplot as plt
import mpltern  # noqa: F401  (registers the projection "ternary")
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patheffects import withStroke

from simplexnas.io.records import Point
from simplexnas.report.published import UNCHANGED

# Okabe and Ito's palette, readable with any colour vision.
OPERATION_COLORS = {"pool": "#0072B2", "identity": "#999999", "convolution": "#D55E00"}


def as_in_the_book() -> None:
    """In a notebook: figures between the cells, in Matplotlib's own style, whatever MPLBACKEND or matplotlibrc ask."""
    from IPython import get_ipython

    matplotlib.rcdefaults()
    get_ipython().run_line_magic("matplotlib", "inline")


def cell_graph(edges: list[dict], cell_type: str) -> graphviz.Digraph:
    """One cell as a graph; edges: as in `Architecture.report()`. Rendering needs Graphviz's `dot`."""
    names = {0: "input 0", 1: "input 1"}
    graph = graphviz.Digraph(cell_type, graph_attr={"rankdir": "LR", "ranksep": "0.7", "nodesep": "0.25"})
    graph.attr("node", shape="box", style="rounded,filled", fillcolor="white", fontname="Helvetica", fontsize="12")
    graph.attr("edge", fontname="Helvetica", fontsize="10", penwidth="1.6")
    own = [edge for edge in edges if edge["cell_type"] == cell_type]
    targets = sorted({edge["target"] for edge in own})
    for node in sorted({edge["source"] for edge in own} | set(targets)):
        graph.node(str(node), names.get(node, f"node {node}"))
    graph.node("out", "output", fillcolor="#eeeeee")
    for edge in own:
        color = OPERATION_COLORS.get(edge["operation"], "black")
        graph.edge(str(edge["source"]), str(edge["target"]), edge["operation"], color=color, fontcolor=color)
    for target in targets:
        graph.edge(str(target), "out", color="#bbbbbb", style="dashed")
    return graph


def operation_bars(counts: dict[str, dict[str, int]], ax: plt.Axes | None = None) -> plt.Axes:
    """Number of edges per operation for several models, in the manner of the paper's Figure 3.

    counts: {model: {operation: edges}}; all models list the same operations.
    """
    ax = ax or plt.subplots(figsize=(7, 3.2), layout="constrained")[1]
    rows = [(model, operation, n) for model, edges in counts.items() for operation, n in edges.items()]
    bars = pd.DataFrame(rows, columns=["model", "operation", "edges"])
    colors = OPERATION_COLORS if set(bars["operation"]) <= set(OPERATION_COLORS) else "colorblind"
    sns.barplot(bars, x="model", y="edges", hue="operation", palette=colors, saturation=1, ax=ax)
    for container in ax.containers:
        ax.bar_label(container, fontsize=8, padding=1)
    ax.set_xlabel("")
    ax.set_ylabel("edges (of 28)")
    ax.set_ylim(0, 30)
    ax.legend(frameon=False, ncols=bars["operation"].nunique(), loc="upper right")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def cell_html(edges: list[dict], cell_type: str) -> str:
    """One cell as inline SVG with a caption; without Graphviz's `dot`, a list of its edges that asks for it."""
    caption = f"{cell_type.capitalize()} cell"
    own = [edge for edge in edges if edge["cell_type"] == cell_type]
    try:
        svg = cell_graph(edges, cell_type).pipe(format="svg", encoding="utf-8")
    except graphviz.ExecutableNotFound:
        items = "".join(f"<li>{edge['source']} → {edge['target']}: {edge['operation']}</li>" for edge in own)
        return f"<p>{caption} (install Graphviz, the program <code>dot</code>, to see it drawn)</p><ul>{items}</ul>"
    svg = svg[svg.index("<svg") :].replace(
        "<svg ", f'<svg role="img" aria-label="{caption}" style="max-width:100%;height:auto" ', 1
    )
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def triangle(ax: plt.Axes | None = None, quantity: str = "penalty on") -> plt.Axes:
    """Empty triangle of three numbers with sum 1: pool counts towards the top, identity left, convolution right."""
    if ax is None:
        ax = plt.figure(figsize=(5.4, 4.4)).add_subplot(projection="ternary")
    set_labels = (ax.set_tlabel, ax.set_llabel, ax.set_rlabel)
    for set_label, (operation, color) in zip(set_labels, OPERATION_COLORS.items(), strict=True):
        set_label(f"{quantity} {operation}", color=color)
    for axis in (ax.taxis, ax.laxis, ax.raxis):
        axis.set_label_position("tick1")
        axis.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1])
        axis.set_tick_params(labelsize=8)
    ax.grid(linewidth=0.4, alpha=0.6)
    return ax


def simplex_points(points: dict[str, tuple[float, ...]], ax: plt.Axes | None = None) -> plt.Axes:
    """Named vectors S as points of the triangle."""
    ax = triangle() if ax is None else ax
    halo = withStroke(linewidth=2.5, foreground="white")
    for name, S in points.items():
        ax.scatter(*([component] for component in S), color="black", edgecolor="white", s=34, zorder=5)
        pool, identity, convolution = S
        ax.text(pool + 0.05, identity - 0.05, convolution, name, weight="bold", zorder=5, path_effects=[halo])
    return ax


def image_row(images: np.ndarray, names: list[str]) -> np.ndarray:
    """Grey images (n, H, W) side by side, dark on white, each under its name. Returns the n axes."""
    axes = plt.subplots(1, len(images), figsize=(0.75 * len(images), 1.1), layout="constrained")[1]
    for ax, image, name in zip(axes, images, names, strict=True):
        ax.imshow(image, cmap="gray_r")
        ax.set_title(name, fontsize=7)
        ax.set_axis_off()
    return axes


def parameters_and_macs(costs: dict[str, tuple[int, int]], ax: plt.Axes | None = None) -> plt.Axes:
    """Total parameters against MACs; costs: {model: (total parameters, MACs)}."""
    ax = ax or plt.subplots(figsize=(5.4, 3.4), layout="constrained")[1]
    for name, (parameters, macs) in costs.items():
        ax.scatter(parameters / 1e3, macs / 1e6, color="black")
        ax.annotate(name, (parameters / 1e3, macs / 1e6), (7, -4), textcoords="offset points", weight="bold")
    ax.set_xlabel("total parameters, thousands")
    ax.set_ylabel("MACs per image, millions")
    ax.set_xlim(0)
    ax.set_ylim(0)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def mixture_clouds(samples: dict[str, np.ndarray]) -> list[plt.Axes]:
    """Mixtures (n, 3) in one triangle per name, each point in the colour of its largest component."""
    figure = plt.figure(figsize=(4.2 * len(samples), 3.6))
    colors = np.array(list(OPERATION_COLORS.values()))
    axes = []
    for index, (name, points) in enumerate(samples.items(), 1):
        ax = triangle(figure.add_subplot(1, len(samples), index, projection="ternary"), "share of")
        ax.scatter(*points.T, s=5, color=colors[points.argmax(axis=1)])
        ax.set_title(name, fontsize=10, y=1.12)
        axes.append(ax)
    figure.subplots_adjust(wspace=0.55, top=0.78, bottom=0.12)
    return axes


def triple_points(points: dict[str, np.ndarray], ax: plt.Axes | None = None) -> plt.Axes:
    """Points (n, 3) at which an edge is indifferent between its operations, one marker per name.

    From the first point inside three lines are drawn, which bound the regions where that edge takes each operation.
    """
    ax = triangle() if ax is None else ax
    inside = {name: places[(places >= 0).all(axis=1)] for name, places in points.items()}
    for (name, places), marker in zip(inside.items(), "o^"[: len(inside)], strict=True):
        ax.scatter(*places.T, marker=marker, s=26, label=name, facecolor="white", edgecolor="black", zorder=4)
    first = np.concatenate(list(inside.values()))[0]
    for m in range(3):  # operations other than m tie here, and both beat m: penalty m above the point's
        direction = np.full(3, -0.5)
        direction[m] = 1
        limits = -first[direction < 0] / direction[direction < 0]
        ax.plot(*np.stack([first, first + limits.min() * direction]).T, color="black", linewidth=1)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.72, 1.05), fontsize=9)
    return ax


def triangle_map(S: np.ndarray, values: np.ndarray, label: str, ax: plt.Axes | None = None) -> plt.Axes:
    """Values at points S (n, 3) as filled contours over the triangle."""
    ax = triangle() if ax is None else ax
    contours = ax.tricontourf(*S.T, values, levels=10, cmap="cividis")
    ax.figure.colorbar(contours, ax=ax, label=label, shrink=0.8, pad=0.16)
    return ax


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
    ax = ax or plt.subplots(figsize=(7, 4), layout="constrained")[1]
    colors = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7"]
    divisor, label = SIZES[size]
    for index, ((name, points), color) in enumerate(zip(groups.items(), colors[: len(groups)], strict=True)):
        values = [getattr(point, size) / divisor for point in points]
        test = [100 * point.accuracy.test for point in points]
        if index < lines:
            ax.plot(values, test, color=color, marker="o", markersize=4, linewidth=1.2, label=name, zorder=3)
        else:
            ax.scatter(values, test, s=14, color=color, alpha=0.7, linewidth=0, label=name)
    ax.set_xscale("log")
    ticks = [20, 30, 50, 100, 200]
    ax.set_xticks(ticks, list(map(str, ticks)))
    ax.xaxis.minorticks_off()
    ax.set_xlabel(label)
    ax.set_ylabel("test accuracy, %")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def predictions(points: dict[str, list[dict]]) -> np.ndarray:
    """Predicted against measured time of networks, one panel per name; points: of `latency.validate`. Returns the axes.

    Blue: the prediction. Grey: the plain sum of parts. Orange: the same networks measured again. On the line both axes
    are equal.
    """
    axes = plt.subplots(1, len(points), figsize=(4.6 * len(points), 3.8), layout="constrained", squeeze=False)[1][0]
    for ax, (name, own) in zip(axes, points.items(), strict=True):
        measured = [point["measured_ms"] for point in own]
        for key, color, label in (
            ("sum_of_parts_ms", "#999999", "sum of parts"),
            ("again_ms", "#E69F00", "measured again"),
            ("predicted_ms", "#0072B2", "prediction"),
        ):
            ax.scatter(measured, [point[key] for point in own], s=16, color=color, label=label, linewidth=0)
        ax.axline((measured[0], measured[0]), slope=1, color="black", linewidth=0.8)
        ax.set_title(name, fontsize=10)
        ax.set_xlabel("measured, ms")
        ax.set_ylabel("predicted, or measured again, ms")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    return axes


def retrained(points: dict[str, list[dict]], ax: plt.Axes | None = None) -> plt.Axes:
    """Test accuracy after training from scratch against that of inherited weights, {name: points of "retrained.json"}.

    On the line both are equal.
    """
    ax = ax or plt.subplots(figsize=(5, 4.2), layout="constrained")[1]
    styles = [("#0072B2", "o"), ("#D55E00", "s")][: len(points)]
    for (name, own), (color, marker) in zip(points.items(), styles, strict=True):
        pairs = np.array([[100 * point.accuracy.test, 100 * point.retrained.test] for point in own])
        ax.scatter(*pairs.T, s=24, color=color, marker=marker, linewidth=0, label=name)
    ax.axline((90, 90), slope=1, color="black", linewidth=0.8)
    ax.set_xlabel("test accuracy with inherited weights, %")
    ax.set_ylabel("test accuracy, trained alone, %")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def ablation(runs: pd.DataFrame, ax: plt.Axes | None = None) -> plt.Axes:
    """Hypervolume of every training, one row for each change, best mean first; runs: of `results.ablation`.

    The band spans the trainings with nothing changed.
    """
    order = runs.groupby("change")["hypervolume"].mean().sort_values(ascending=False).index
    ax = ax or plt.subplots(figsize=(7, 0.28 * len(order) + 0.8), layout="constrained")[1]
    base = runs.loc[runs["change"] == UNCHANGED, "hypervolume"]
    ax.axvspan(base.min(), base.max(), color="#56B4E9", alpha=0.3, linewidth=0)
    sns.stripplot(runs, x="hypervolume", y="change", order=order, jitter=False, color="black", size=5, ax=ax)
    ax.grid(axis="y", color="#dddddd", linewidth=0.6)
    ax.set_xlabel("hypervolume × 100, validation")
    ax.set_ylabel("")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def switching(penalty: np.ndarray, edges: dict[str, np.ndarray], ax: plt.Axes | None = None) -> plt.Axes:
    """Number of convolution edges against the penalty on convolution, one step line per name; penalty, edges: (n,)."""
    ax = ax or plt.subplots(figsize=(6.4, 3.4), layout="constrained")[1]
    styles = [("#999999", ":"), ("#0072B2", "--"), ("#D55E00", "-"), ("#009E73", "-.")]
    for (name, counts), (color, style) in zip(edges.items(), styles[: len(edges)], strict=True):
        ax.step(penalty, counts, where="mid", color=color, linestyle=style, linewidth=1.8, label=name)
    ax.set_xlabel("penalty on convolution")
    ax.set_ylabel("edges with convolution (of 28)")
    ax.set_ylim(-1, 29)
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
