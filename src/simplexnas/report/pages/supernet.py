"""The page `supernet`: what the network is made of, what that costs, and how an operation is drawn."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from simplexnas.family import Family
from simplexnas.measure import evaluation
from simplexnas.methods import gumbel
from simplexnas.network.architecture import Architecture
from simplexnas.report import drawing, figures, published
from simplexnas.report.paper import PAPER, decoded_macs
from simplexnas.report.style import MARKERS, operation_colors
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, cell_edges, cell_layouts, genotype_edges

SPACE = SearchSpace()
POOL, IDENTITY, CONVOLUTION = range(SPACE.k)
FIRST = {"normal": 0, "reduction": len(cell_edges(SPACE))}  # an edge of each that leaves an input node
LOGITS = (1.0, 0.0, 0.5)  # of the example
TEMPERATURES = (1.0, 0.2)  # the first and the last of the paper
SHOWN = 500  # of the samples, as dots


def network() -> str:
    """The whole network."""
    return drawing.picture("The network from images to classes", drawing.network(SPACE))


def cell(family: str = published.DEFAULT[0], name: str = "A") -> str:
    """The normal cell of the family's member at one of the paper's S."""
    operations = Family.load(family).architecture(PAPER[name][0]).operations
    normal = drawing.cell(SPACE, operations[: FIRST["reduction"]], "normal cell", letters=15)
    return drawing.picture(f"Normal cell of a member at {name}", normal, drawing.legend(SPACE))


def formula(kind: str, operation: int) -> tuple[str, int]:
    """Parameters of an operation on an edge that leaves an input node, by hand: the sum as text, and its value."""
    channels = [layout.channels for layout in cell_layouts(SPACE) if layout.cell_type == kind]
    if operation == CONVOLUTION:  # twice: a 3 x 3 window for each channel, then each channel from each
        words = [f"2({9 * C} + {C * C:,})" for C in channels]
        return " + ".join(words), sum(2 * (9 * C + C * C) for C in channels)
    if operation == IDENTITY and kind == "reduction":
        return " + ".join(f"{C * C:,}" for C in channels), sum(C * C for C in channels)
    return "–", 0


def counted(kind: str, operation: int) -> int:
    """The same by another route: parameters of a network that is built with it, less those with pooling there."""

    def built(choice: int) -> int:
        operations = [POOL] * len(genotype_edges(SPACE))
        operations[FIRST[kind]] = choice
        network = Architecture(SPACE, tuple(operations)).build()
        return sum(parameter.numel() for parameter in network.parameters())

    return built(operation) - built(POOL)


def operation_costs() -> pd.DataFrame:
    """Operations with parameters, on an edge of each genotype, by both routes."""
    lines = []
    for kind in FIRST:
        for operation, name in enumerate(labels(SPACE.operations)):
            words, value = formula(kind, operation)
            if found := counted(kind, operation):
                lines.append(
                    {"operation": f"{name}, {kind}", "by hand": f"{words} = {value:,}", "counted": f"{found:,}"}
                )
    return pd.DataFrame(lines)


def decodings(published_parameters: int, convolutions: int, identities: int) -> list[tuple[int, int, int]]:
    """All (x, y, z) that give a row of the paper's table.

    x, y: convolutions in the normal and in the reduction genotype, together `convolutions`. z: identities with stride
    2, at most `identities`.
    """
    table = cost.edge_parameters(SPACE)
    normal, reduction = FIRST.values()
    each = table[normal, CONVOLUTION], table[reduction, CONVOLUTION], table[reduction, IDENTITY]
    edges, stride_2 = FIRST["reduction"], 2 * SPACE.nodes
    return [
        (x, y, z)
        for x, y, z in itertools.product(range(edges + 1), range(edges + 1), range(stride_2 + 1))
        if np.dot(each, (x, y, z)) == published_parameters and x + y == convolutions and z <= identities
    ]


def decoded() -> pd.DataFrame:
    """The paper's four models: what their parameters are made of, and what follows from that."""
    lines = []
    for name, (_, _, parameters, operations) in PAPER.items():
        ((x, y, z),) = decodings(parameters, operations["convolution"], operations["identity"])
        lines.append(
            {
                "model": name,
                "edge parameters": f"{parameters:,}",
                "x": x,
                "y": y,
                "z": z,
                "total parameters": f"{parameters + cost.fixed_parameters(SPACE):,}",
                "M MACs": f"{decoded_macs(name) / 1e6:.2f}",
            }
        )
    return pd.DataFrame(lines)


def parameters_and_macs() -> Figure:
    """Total parameters against MACs of the paper's four models."""
    fixed = cost.fixed_parameters(SPACE)
    sizes = {name: (parameters + fixed, decoded_macs(name)) for name, (_, _, parameters, _) in PAPER.items()}
    figure, ax = plt.subplots(figsize=(5.6, 2.9), layout="constrained")
    figures.parameters_and_macs(sizes, ax)
    return figure


def samples(temperature: float, n: int) -> np.ndarray:
    """Gumbel-Softmax samples (n, k) of the example's logits; the same noise at each temperature."""
    logits = torch.tensor(LOGITS).expand(n, SPACE.k)
    return gumbel.gumbel_softmax(logits, temperature, torch.Generator().manual_seed(0)).numpy()


def clouds() -> Figure:
    """Samples at both temperatures, each in colour and marker of its largest component."""
    names = labels(SPACE.operations)
    figure, axes = plt.subplots(1, len(TEMPERATURES), figsize=(5.6, 2.9), layout="constrained")
    for ax, temperature in zip(axes, TEMPERATURES, strict=True):
        places = (drawn := samples(temperature, SHOWN)) @ figures.plain_triangle(names, ax)
        for m, color in enumerate(operation_colors(names).values()):
            own = places[drawn.argmax(axis=1) == m]
            ax.scatter(*own.T, s=9, color=color, marker=MARKERS[m], linewidth=0, alpha=0.8)
        ax.set_title(f"t = {temperature:g}", fontsize=11)
    return figure


def shares(n: int = 100_000) -> pd.DataFrame:
    """How often each operation is the largest component of a sample, and how often a hard sample, against softmax."""
    drawn = {f"t = {t:g}": samples(t, n).argmax(axis=1) for t in TEMPERATURES}
    logits = torch.tensor(LOGITS)
    drawn["hard"] = gumbel.hard_sample(logits.expand(n, SPACE.k), torch.Generator().manual_seed(1)).numpy()
    lines = {"softmax": torch.softmax(logits, dim=0).numpy()}
    lines |= {name: np.bincount(choices, minlength=SPACE.k) / n for name, choices in drawn.items()}
    table = pd.DataFrame(lines, index=pd.Index(labels(SPACE.operations), name="operation"))
    return table.map("{:.2f}".format).reset_index()


def mean_of_two(d: float) -> float:
    """Mean of the first component of a Gumbel-Softmax sample at t = 1 of two operations with logits d and 0."""
    return float(np.exp(d) * (np.exp(d) - 1 - d) / (np.exp(d) - 1) ** 2)


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name."""
    return {
        "supernet.fixed": f"{cost.fixed_parameters(SPACE):,}",
        "supernet.images": f"{evaluation.BATCH_NORM_IMAGES:,}",
        "supernet.batch": f"{evaluation.BATCH}",
        "supernet.mean": f"{mean_of_two(2.0):.4f}",
        "supernet.limit": f"{1 / (1 + np.exp(-2.0)):.4f}",
    }
