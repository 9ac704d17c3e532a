"""The page `latency`: what Lat prices, and what a hypernetwork that learns from it alone chooses."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import chisquare, hypergeom

from simplexnas.family import Family
from simplexnas.latency.table import LatencyTable
from simplexnas.measure import baselines, price_alone
from simplexnas.methods import settings
from simplexnas.report import paper, published
from simplexnas.report.style import FIGURE_WIDTH, OPERATION_COLORS
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, genotype_edges

SPACE = SearchSpace()
POOL, IDENTITY, CONVOLUTION = range(SPACE.k)
PLACES = {"normal": 0, "reduction": 14}  # an edge of each that leaves an input node
CROSS = {"color": "black", "markeredgewidth": 2.4, "markersize": 10}


def measures() -> pd.DataFrame:
    """What each operation costs on an edge of each genotype: by Lat at A, parameters, MACs and time.

    Time: of 64 images in PyTorch, what edges share divided equally, all summed over the cells of the edge.
    """
    milliseconds = LatencyTable.load(published.TIMED_TABLE, SPACE).edge_ms(64)
    return pd.DataFrame(
        {
            "edge": place,
            "operation": operation,
            "Lat at A": f"{cost.instances(SPACE)[edge] / SPACE.k:.2f}",
            "parameters": f"{cost.edge_parameters(SPACE)[edge, m]:,}",
            "M MACs": f"{cost.edge_macs(SPACE)[edge, m] / 1e6:.2f}",
            "ms": f"{milliseconds[edge, m]:.2f}",
        }
        for place, edge in PLACES.items()
        for m, operation in enumerate(labels(SPACE.operations))
    )


def saved(kappa: float) -> float:
    """What one edge that goes from convolution to pooling saves at B, in nats of penalty."""
    pool, _, convolution = paper.PAPER["B"][0]
    return kappa * (convolution - pool)


def control_counts() -> pd.DataFrame:
    """Edges with pooling, identity and convolution: the paper's, and a draw of the control.

    P-value: of equal shares among the operations that tie for the least penalty, by a chi-square test of the paper's.
    """
    lines = []
    for name, (S, *_, theirs) in paper.PAPER.items():
        ours = baselines.control(S, SPACE, seed=0).counts()
        tied = [count for count, penalty in zip(theirs.values(), S, strict=True) if penalty == min(S)]
        line = {"model": name, "paper": _listed(theirs), "control": _listed(ours)}
        lines.append(line | {"P-value": f"{chisquare(tied).pvalue:.2f}"})
    return pd.DataFrame(lines)


def _listed(counts: dict[str, int]) -> str:
    return " / ".join(map(str, counts.values()))


def places() -> pd.DataFrame:
    """Where the paper's operations stand, and where they would by chance, with the totals as they are.

    chance: of as few on the same side, or as many. The numbers follow a hypergeometric distribution if all edges are
    alike.
    """
    normal, strided = 14, 8  # edges where a convolution is small, and where an identity has stride 2
    lines = []
    for name, (small, _, halving) in paper.DECODED.items():
        identities, convolutions = (paper.PAPER[name][3][key] for key in ("identity", "convolution"))
        for what, found, total, edges in (
            ("convolutions: normal", small, convolutions, normal),
            ("identities: stride 2", halving, identities, strided),
        ):
            if total:
                by_chance = hypergeom(len(genotype_edges(SPACE)), edges, total)
                tail = min(by_chance.cdf(found), by_chance.sf(found - 1))
                line = {"model": name, "edges": f"{total} {what}", "paper": found}
                lines.append(line | {"expected": f"{by_chance.mean():.1f}", "chance": f"{tail:.4f}"})
    return pd.DataFrame(lines)


def without_images() -> pd.DataFrame:
    """Every training without images: "model" (the paper's S), "epochs", "operation", "edges" with it."""
    lines = [
        {"model": name, "epochs": after["epochs"], "operation": operation, "edges": chosen.count(m)}
        for after in price_alone.read_without_images()
        for name, trainings in after["choices"].items()
        for chosen in trainings
        for m, operation in enumerate(labels(SPACE.operations))
    ]
    return pd.DataFrame(lines)


def hundred() -> Figure:
    """Edges with each operation in the trainings without images as dots, in the paper's models as crosses."""
    counts, random = without_images(), np.random.default_rng(0)
    figure, axes = plt.subplots(4, 1, figsize=(FIGURE_WIDTH, 5.4), layout="constrained", sharex=True, sharey=True)
    operations, epochs = labels(SPACE.operations), sorted(counts["epochs"].unique())
    for ax, (name, (S, *_, theirs)) in zip(axes, paper.PAPER.items(), strict=True):
        for row, operation in enumerate(operations):
            own = counts[(counts["model"] == name) & (counts["operation"] == operation)]
            for after, height, marker in zip(epochs, (-0.2, 0.2), "oD", strict=True):
                edges = own.loc[own["epochs"] == after, "edges"].to_numpy()
                moved = random.uniform(-1, 1, (2, len(edges)))  # so that dots do not hide each other
                style = {"color": OPERATION_COLORS[operation], "alpha": 0.55, "markeredgewidth": 0}
                ax.plot(edges + 0.3 * moved[0], row + height + 0.15 * moved[1], marker, **style, markersize=3.4)
            ax.plot(theirs[operation], row, "x", **CROSS, zorder=3)
        ax.set_yticks(range(len(operations)), operations)
        ax.set_ylim(len(operations) - 0.5, -0.5)
        ax.set_title(f"{name}, S = ({', '.join(f'{value:.2f}' for value in S)})", loc="left")
        ax.grid(axis="x", color="#dddddd", linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("edges with the operation, of 28")
    legend = [
        *(
            Line2D(
                [],
                [],
                color="#555555",
                marker=marker,
                linestyle="",
                markersize=5,
                label=f"after {after} epochs, one training",
            )
            for after, marker in zip(epochs, "oD", strict=True)
        ),
        Line2D([], [], linestyle="", label="the paper's model", marker="x", **CROSS),
    ]
    figure.legend(handles=legend, loc="outside upper center", frameon=False)
    return figure


def spread() -> pd.DataFrame:
    """Mean ± standard deviation of the trainings without images, for each of the paper's S after 10 and 20 epochs.

    "distance": the largest of the paper's counts from those means, in those standard deviations, over operations.
    """
    lines = []
    for (name, after), own in without_images().groupby(["model", "epochs"], sort=False):
        grouped = own.groupby("operation", sort=False)["edges"]
        means, sds, theirs = grouped.mean(), grouped.std(), pd.Series(paper.PAPER[name][3])
        line = {"S of": name, "epochs": after}
        line |= {operation: f"{means[operation]:.1f} ± {sds[operation]:.1f}" for operation in means.index}
        lines.append(line | {"distance": round((abs(theirs - means) / sds).max(), 2)})
    return pd.DataFrame(lines).sort_values("S of", kind="stable")


def one_sided() -> pd.DataFrame:
    """How many of the trainings without images are as one-sided as the paper's models, or have as small a network."""
    edges = genotype_edges(SPACE)
    normal = np.array([edge.cell_type == "normal" for edge in edges])
    strided = np.array([edge.cell_type != "normal" and edge.source < 2 for edge in edges])
    columns = {}
    for after in price_alone.read_without_images():
        A, B, C, D = (np.array(after["choices"][name]) for name in paper.PAPER)
        held = {
            "A: no identity of stride 2": ((A == IDENTITY) & strided).sum(1) == 0,
            "B: at most one of stride 2": ((B == IDENTITY) & strided).sum(1) <= 1,
            "C: at most 2 of 13 convolutions normal": (
                13 * ((C == CONVOLUTION) & normal).sum(1) <= 2 * (C == CONVOLUTION).sum(1)
            ),
            "D: all convolutions normal": ((D == CONVOLUTION) & ~normal).sum(1) == 0,
        }
        held["A, B and C together"] = np.all(list(held.values())[:3], axis=0)
        held["all four"] = np.all(list(held.values()), axis=0)
        least = np.array(after["least_edge_parameters"])
        for name in "BD":
            limit = paper.PAPER[name][2]
            held[f"a network within {limit:,} ({name})"] = least <= limit
        columns[f"{after['epochs']} epochs"] = {what: int(hits.sum()) for what, hits in held.items()}
    return pd.DataFrame(columns).rename_axis(f"of {len(A)} trainings").reset_index()


def three_sides() -> list[int]:
    """Trainings that are as one-sided as A, B or C, after 10 and 20 epochs."""
    return one_sided().iloc[:3, 1:].to_numpy().ravel().tolist()


def default_prices(S) -> np.ndarray:
    """Price of each operation on one instance of each edge in the preset `default`: (E, k), for one S (k,)."""
    parameter_price = settings.preset("default").parameter_price
    return cost.price(torch.tensor([S], dtype=torch.float64), SPACE, parameter_price)[0].numpy()


def dearer(name: str) -> float:
    """By how much a convolution in the reduction genotype is dearer than pooling at a named S, in units of price; mean
    over edges of one cell."""
    prices = default_prices(paper.PAPER[name][0])[PLACES["reduction"] :]
    return float((prices[:, CONVOLUTION] - prices[:, POOL]).mean())


def gained(family: Family) -> tuple[float, float]:
    """What a convolution in the place of pooling is worth in one cell, in nats, mean over edges: normal, reduction."""
    nats = family.model.hypernetwork.nats / torch.from_numpy(cost.instances(SPACE))[:, None]
    return tuple((nats[:, CONVOLUTION] - nats[:, POOL]).unflatten(0, (2, -1)).mean(dim=1).tolist())


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name."""
    published_form, ours = settings.preset("paper"), [Family.load(name) for name in published.DEFAULT]
    kappas = [family.model.hypernetwork.kappa.item() for family in ours]
    gains = [gained(family)[1] for family in ours]
    distances = spread().groupby("epochs")["distance"].max()
    third = default_prices((1 / 3, 1 / 3, 1 / 3))
    sides = three_sides()
    return {
        "latency.sides.least": f"{min(sides)}",
        "latency.sides.most": f"{max(sides)}",
        "latency.kappa.least": f"{min(kappas):.3f}",
        "latency.kappa.most": f"{max(kappas):.3f}",
        "latency.dearer.B": f"{min(kappas) * dearer('B'):.3f}",
        "latency.dearer.C": f"{max(kappas) * dearer('C'):.3f}",
        "latency.gained.least": f"{min(gains):.3f}",
        "latency.gained.most": f"{max(gains):.3f}",
        "latency.largest": f"{(cost.edge_parameters(SPACE) / cost.instances(SPACE)[:, None]).max():,.0f}",
        "latency.border": f"{math.log(10) / published_form.kappa:.3f}",
        "latency.outweighs": f"{saved(published_form.kappa) / math.log(10):.0f}",
        "latency.saved50": f"{saved(published_form.kappa):.1f}",
        "latency.distance10": f"{math.ceil(10 * distances[10]) / 10:g}",
        "latency.distance20": f"{math.ceil(10 * distances[20]) / 10:g}",
        "latency.parameter_price": f"{settings.preset('default').parameter_price:g}",
        "latency.cheapest": f"{third.min():.3f}",
        "latency.dearest": f"{third.max():.3f}",
        "latency.most": f"{cost.instances(SPACE) @ default_prices((0, 0, 1))[:, CONVOLUTION]:.1f}",
    }
