"""The page `hypernetwork`: how S becomes logits, as published and in our form, and what one training found."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from simplexnas.family import Family
from simplexnas.methods import penalties
from simplexnas.methods.hypernetwork import PivotHypernetwork
from simplexnas.methods.settings import SearchConfig
from simplexnas.report import drawing, figures, published
from simplexnas.report.paper import PAPER
from simplexnas.report.style import FIGURE_WIDTH, MARKERS, operation_colors
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, genotype_edges, genotype_part

FAMILY = published.DEFAULT[0]
SPACE = SearchSpace()
OPERATIONS = labels(SPACE.operations)
_, IDENTITY, CONVOLUTION = range(SPACE.k)
EDGES = genotype_edges(SPACE)
GENOTYPES = {cell_type: genotype_part(SPACE, cell_type) for cell_type in ("normal", "reduction")}
STEP = 0.05  # of the lattice
EXAMPLE = (0.70, 0.15, 0.15)  # C of the paper
ANOTHER_KAPPA, TICKS = (0.0025, 0.1), (0.003, 0.01, 0.03, 0.1)  # nats
ENDS = (("smallest member", "#0072B2", "--", "v"), ("largest member", "#D55E00", "-", "^"))


class Learned(NamedTuple):
    """What our hypernetwork knows after a training.

    nats, error: worth and its standard error in nats, for all cells of an edge together, (E, k). kappa: nats that a
    unit of S weighs. v: worth of one cell in units of S, (E, k). price: that part of it which does not depend on S,
    (E, k). config: of the training. paths: so many taught.
    """

    nats: np.ndarray
    error: np.ndarray
    kappa: float
    v: np.ndarray
    price: np.ndarray
    config: SearchConfig
    paths: int

    @property
    def b(self) -> np.ndarray:
        """What S does not change, in units of S: (E, k)."""
        return self.v - self.price


def learned(name: str = FAMILY) -> Learned:
    """From a family of our method."""
    family = Family.load(name)
    hypernetwork, config = family.model.hypernetwork, family.config
    nats, error = (values.double().numpy() for values in (hypernetwork.nats, hypernetwork.error))
    kappa = hypernetwork.kappa.item()
    v = nats / (kappa * cost.instances(SPACE)[:, None])
    without_penalties = torch.zeros(1, SPACE.k, dtype=torch.float64)
    price = cost.price(without_penalties, SPACE, config.parameter_price)[0].numpy()
    return Learned(nats, error, kappa, v, price, config, len(family.model.paths.latest()[1]))


def convolutions(found: Learned) -> list[float]:
    """The mean worth of a convolution in each genotype, nats, normal first."""
    return [float(found.nats[edges, CONVOLUTION].mean()) for edges in GENOTYPES.values()]


def edge_name(edge: int) -> str:
    """Such as "c-2→1", by the names that nodes have in the drawing of a cell."""
    names = drawing.node_names(SPACE)
    return f"{names[EDGES[edge].source]}→{names[EDGES[edge].target]}"


# The published form


def pivots_table() -> pd.DataFrame:
    """The smallest example: at S = `EXAMPLE`, squared distances to pivots at the three corners, and their weights."""
    published_form = PivotHypernetwork(SPACE, pivots=SPACE.k, generator=torch.Generator())
    corners = torch.eye(SPACE.k)
    with torch.no_grad():
        published_form.pivots.copy_(corners.expand_as(published_form.pivots))
        # Each table is 1 for one operation: the logits are the weights themselves.
        published_form.tables.copy_(corners[:, None].expand_as(published_form.tables))
        S = torch.tensor([EXAMPLE])
        weights = published_form(S)[0, 0]
    squared = (S - corners).square().sum(dim=1)
    return pd.DataFrame(
        {
            "pivot at the corner of": OPERATIONS,
            "squared distance": [f"{value:.3f}" for value in squared],
            "weight ω": [f"{value:.3f}" for value in weights],
        }
    )


# What was found


def worths(found: Learned | None = None) -> Figure:
    """The worth of each operation on each edge, plus and minus a standard error; a panel for each genotype."""
    found = found or learned()
    figure, axes = plt.subplots(1, 2, figsize=(FIGURE_WIDTH, 5), layout="constrained", sharex=True, sharey=True)
    rows = np.arange(len(EDGES) // len(GENOTYPES))
    for ax, (genotype, edges) in zip(axes, GENOTYPES.items(), strict=True):
        for m, (operation, color) in enumerate(operation_colors(OPERATIONS).items()):
            nats, error = 1e3 * found.nats[edges, m], 1e3 * found.error[edges, m]
            style = {"fmt": MARKERS[m], "color": color, "markersize": 5.5, "linewidth": 1.2, "label": operation}
            ax.errorbar(nats, rows + 0.26 * (m - 1), xerr=error, **style)
        for row in rows[::2]:
            ax.axhspan(row - 0.5, row + 0.5, color="black", alpha=0.05, linewidth=0)
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_title(f"{genotype} genotype", loc="left")
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right", "left"]].set_visible(False)
    axes[0].set_yticks(rows, [edge_name(edge) for edge in rows])
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    figure.supxlabel("worth, thousandths of a nat")
    handles = axes[0].get_legend_handles_labels()
    legend = {"frameon": False, "ncols": 3, "handletextpad": 0.2, "columnspacing": 1.2}
    figure.legend(*handles, loc="outside upper center", **legend)
    return figure


def apart(found: Learned) -> np.ndarray:
    """By how many standard errors worths of one operation on two edges of a genotype differ: (pairs,).

    The two errors count as independent. Both contain that of what the edges of a genotype have in common, so that the
    numbers are rather too small.
    """
    sizes = []
    for edges in GENOTYPES.values():
        first, second = np.triu_indices(len(found.nats[edges]), 1)
        difference = found.nats[edges][first] - found.nats[edges][second]
        sizes.append(np.abs(difference) / np.hypot(found.error[edges][first], found.error[edges][second]))
    return np.concatenate(sizes).ravel()


# The rule for kappa


def reach(found: Learned, kappa: np.ndarray) -> np.ndarray:
    """Edge parameters of the smallest and the largest member, (2, n), if kappa were another: (n,) nats."""
    parameters, S = cost.edge_parameters(SPACE), penalties.lattice(SPACE.k, STEP)
    sizes = []
    for own in kappa:
        taken = choices(indifference(found.v * found.kappa / own - found.price), S)
        sizes.append(parameters[np.arange(len(EDGES)), taken].sum(axis=1))
    return np.array([[size.min(), size.max()] for size in sizes]).T


def reaches(families: Sequence[Learned] = ()) -> Figure:
    """Smallest and largest member against kappa; a line for each family, and a dot at the kappa of the rule."""
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 2.7), layout="constrained")
    kappa = np.geomspace(*ANOTHER_KAPPA, 141)
    for found in families or [learned(name) for name in published.DEFAULT]:
        own = reach(found, np.array([found.kappa]))
        for end, (name, color, dashes, marker) in enumerate(ENDS):
            style = {"color": color, "linewidth": 1.2, "alpha": 0.8}
            ax.plot(kappa, reach(found, kappa)[end] / 1e3, linestyle=dashes, label=name, **style)
            ax.plot(found.kappa, own[end] / 1e3, marker, color=color, markersize=6, clip_on=False)
    ax.set_xscale("log")
    ax.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    ax.minorticks_off()
    ax.set_xlabel("κ, nats")
    ax.set_ylabel("edge parameters, thousands")
    ax.set_ylim(bottom=0)
    ax.legend(*(each[:2] for each in ax.get_legend_handles_labels()), frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return figure


# Where edges change their mind


def indifference(b: np.ndarray) -> np.ndarray:
    """The S at which S_m - b_m is the same for all m, by edge; b and S (E, k). The rows of S sum to 1."""
    return b + (1 - b.sum(axis=1, keepdims=True)) / b.shape[1]


def choices(points: np.ndarray, S: np.ndarray) -> np.ndarray:
    """What edges with these points of indifference (E, k) take at S (n, k): (n, E) indices of operations."""
    return (S[:, None] - points).argmin(axis=-1)


def region(point: np.ndarray, m: int) -> np.ndarray:
    """Corners of the part of the triangle in which an edge with this point of indifference inside, (3,), takes m.

    (corners, 3), in their order around the part.
    """
    ends = [figures.border_end(point, other) for other in set(range(3)) - {m}]
    triangle = np.eye(3)
    corners = np.array([point, *ends, *triangle[(triangle - point).argmin(axis=1) == m]])
    flat = corners @ np.exp(2j * np.pi / 3 * np.arange(3))
    return corners[np.argsort(np.angle(flat - flat.mean()))]


def roomiest(part: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Where a word has most room in a part of the triangle, (3,): far from its border and from marks (n, 3).

    part: its corners (corners, 3), in their order around it.
    """
    flat = np.array([(1 / 2, 3**0.5 / 2), (0, 0), (1, 0)]) / (3, 1)  # a word is longer than high
    border = np.concatenate([np.linspace(a, b, 50) for a, b in zip(part, np.roll(part, 1, axis=0), strict=True)])
    inner = np.random.default_rng(0).dirichlet(np.ones(len(part)), 2000) @ part
    far = np.linalg.norm((inner[:, None] - np.concatenate([border, marks])) @ flat, axis=2).min(axis=1)
    return inner[far.argmax()]


def triple_points(found: Learned | None = None) -> Figure:
    """The point at which each edge is indifferent, and what the one whose point is most central takes where."""
    points = indifference((found or learned()).b)
    normal = points[GENOTYPES["normal"]]
    central = np.argsort(np.linalg.norm(normal - 1 / 3, axis=1))
    groups = {"normal": normal[central], "reduction": points[GENOTYPES["reduction"]]}
    on = figures.simplex(OPERATIONS)
    (ax,) = on.axes
    marks = np.array([*points, *(np.array(S) / sum(S) for S, *_ in PAPER.values())])
    for m, (operation, color) in enumerate(operation_colors(OPERATIONS).items()):
        part = region(normal[central[0]], m)
        ax.fill(*part.T, facecolor=color, alpha=0.22, linewidth=0, zorder=0)
        style = {"color": figures.ink(color), "ha": "center", "va": "center"}
        ax.text(*roomiest(part, marks), operation, **style)
    figures.indifference_points(groups, on).axes[0].get_legend().remove()
    figures.simplex_points({name: S for name, (S, *_) in PAPER.items()}, on)
    style = {"frameon": False, "alignment": "left", "borderpad": 0, "handletextpad": 0.4}
    edges = ax.get_legend_handles_labels()
    ax.figure.legend(*edges, title="an edge’s point", loc="upper right", bbox_to_anchor=(0.99, 0.99), **style)
    return ax.figure


def last_penalty(b: np.ndarray, m: int) -> np.ndarray:
    """The penalty on m, the other two being equal, up to which edges take m: (E,), below 0 where they never do."""
    return 2 / 3 * (b[:, m] - np.delete(b, m, axis=1).max(axis=1) + 1 / 2)


def order(found: Learned | None = None) -> pd.DataFrame:
    """Edges in the order in which they take a convolution, as the penalty on it falls and the other two stay equal.

    Columns: "genotype", "edge"; of a convolution there, for one cell and in units of S: "worth", less that of the
    better of the others, and "parameters", their price, less that of this other; "penalty", the last at which it is
    taken.
    """
    found = found or learned()
    lines, v, price = [], found.v, found.price
    rival = found.b[:, :CONVOLUTION].argmax(axis=1)
    last = last_penalty(found.b, CONVOLUTION)
    for edge in np.argsort(-last, kind="stable"):
        line = {"genotype": EDGES[edge].cell_type, "edge": edge_name(edge)}
        for column, values in (("worth", v), ("parameters", price)):
            line[column] = values[edge, CONVOLUTION] - values[edge, rival[edge]]
        lines.append(line | {"penalty": last[edge]})
    return pd.DataFrame(lines)


def order_table(found: Learned | None = None) -> pd.DataFrame:
    """Of `order` as text: the first three edges, the first of the reduction genotype, and the last."""
    whole = order(found)
    text = pd.DataFrame({"place": [f"{place}" for place in range(1, len(whole) + 1)]})
    text["edge"] = whole["genotype"] + ", " + whole["edge"]
    text["worth"] = whole["worth"].map("{:.2f}".format)
    text["parameters"] = whole["parameters"].map("{:.2f}".format)
    text["takes it up to"] = [f"{value:.2f}" if value >= 0 else "never" for value in whole["penalty"]]
    return text.iloc[sorted({0, 1, 2, before(whole), len(whole) - 1})]


def before(whole: pd.DataFrame) -> int:
    """How many normal edges take a convolution before any reduction edge does; whole: of `order`."""
    return whole["genotype"].tolist().index("reduction")


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name."""
    families = [learned(name) for name in published.DEFAULT]
    found = families[0]
    points, config = indifference(found.b), found.config
    instances = cost.instances(SPACE)
    in_one_cell = cost.edge_parameters(SPACE) / instances[:, None]
    kappas = [each.kappa for each in families]
    half, own, twice = (np.stack([reach(each, np.array([f * each.kappa])) for each in families]) for f in (0.5, 1, 2))
    normal, reduction = convolutions(found)
    normals, reductions = zip(*map(convolutions, families), strict=True)
    clear = np.abs(found.nats) > 2 * found.error
    differences = apart(found)
    share = in_one_cell[GENOTYPES["normal"], CONVOLUTION].max() / in_one_cell.max()
    lattice = penalties.lattice(SPACE.k, STEP)
    return {
        "hypernetwork.outside": f"{(points < 0).any(axis=1).sum()}",
        "hypernetwork.networks": f"{len(np.unique(choices(points, lattice), axis=0))}",
        "hypernetwork.families": f"{len(families)}",
        "hypernetwork.spread": f"{config.spread:g}",
        "hypernetwork.kappa": f"{found.kappa:.4f}",
        "hypernetwork.kappa.least": f"{min(kappas):.4f}",
        "hypernetwork.kappa.most": f"{max(kappas):.4f}",
        "hypernetwork.half.smallest": f"{half[:, 0].min():,}",
        "hypernetwork.twice.largest": f"{twice[:, 1].max():,}",
        "hypernetwork.own.smallest": f"{own[:, 0].max():,}",
        "hypernetwork.own.largest": f"{own[:, 1].min():,}",
        "hypernetwork.gain": f"{config.gain:g}",
        "hypernetwork.parameter_price": f"{config.parameter_price:g}",
        "hypernetwork.largest": f"{in_one_cell.max():,.0f}",
        "hypernetwork.share.normal": f"{share:.2f}",
        "hypernetwork.times": f"{1 / share:.1f}",
        "hypernetwork.share.identity": f"{in_one_cell[:, IDENTITY].max() / in_one_cell.max():.2f}",
        "hypernetwork.paths": f"{found.paths:,}",
        "hypernetwork.worth.normal": f"{normal:.4f}",
        "hypernetwork.worth.reduction": f"{reduction:.4f}",
        "hypernetwork.worth.cell": f"{reduction / instances[-1]:.4f}",
        "hypernetwork.clear.normal": f"{clear[GENOTYPES['normal']].sum()}",
        "hypernetwork.clear.reduction": f"{clear[GENOTYPES['reduction'], CONVOLUTION].sum()}",
        "hypernetwork.normal.least": f"{round(min(normals), 4) + 0.0:.4f}",  # no minus before a zero
        "hypernetwork.normal.most": f"{max(normals):.4f}",
        "hypernetwork.reduction.least": f"{min(reductions):.4f}",
        "hypernetwork.pairs": f"{len(differences)}",
        "hypernetwork.apart": f"{(differences > 2).sum()}",
        "hypernetwork.before": f"{before(order(found))}",
    }
