"""The page `supernet`: what the network is made of, and what that costs."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from simplexnas.family import Family
from simplexnas.measure import evaluation
from simplexnas.network.architecture import Architecture
from simplexnas.report import drawing, figures, published
from simplexnas.report.paper import PAPER, decoded_macs
from simplexnas.report.style import FIGURE_WIDTH
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, cell_edges, cell_layouts, genotype_edges

SPACE = SearchSpace()
POOL, IDENTITY, CONVOLUTION = range(SPACE.k)
FIRST = {"normal": 0, "reduction": len(cell_edges(SPACE))}  # an edge of each that leaves an input node


def network() -> str:
    """The whole network."""
    return drawing.picture("The network from images to classes", drawing.network(SPACE))


def cell(family: str = published.DEFAULT[0], name: str = "A") -> str:
    """The normal cell of the family's member at one of the paper's S."""
    operations = Family.load(family).architecture(PAPER[name][0]).operations
    normal = drawing.cell(SPACE, operations[: FIRST["reduction"]], "normal cell")
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
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 2.9), layout="constrained")
    figures.parameters_and_macs(sizes, ax)
    return figure


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name."""
    return {
        "supernet.fixed": f"{cost.fixed_parameters(SPACE):,}",
        "supernet.images": f"{evaluation.BATCH_NORM_IMAGES:,}",
        "supernet.batch": f"{evaluation.BATCH}",
    }
