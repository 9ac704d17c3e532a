"""What a network is timed in: the parts that run as a unit.

A *part* is what runs as a unit in `supernet.Cell`: an operation's source part or edge part at one place (channels,
size, stride), the sum at a node, the concatenation of a cell, preprocessing, stem and head.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from simplexnas.network.architecture import Architecture
from simplexnas.network.supernet import Preprocess, Supernet, concatenate, node_sum
from simplexnas.space.operations import OPERATIONS
from simplexnas.space.search_space import (
    SearchSpace,
    cell_edges,
    cell_layouts,
    genotype_edges,
    genotype_part,
)


class Part(NamedTuple):
    """What is timed as a unit.

    kind: "stem", "preprocess", "source", "edge", "sum", "concatenate" or "head". name: the operation of a source or
    edge part, the number of terms of a sum, "to <channels>" for preprocessing, "rectified" for the output of a cell
    that another cell reads. channels, size: of each of its inputs; stride: 2 where it halves the size.
    """

    kind: str
    name: str
    channels: int
    size: int
    stride: int = 1

    def __str__(self) -> str:
        return f"{' '.join(filter(None, (self.kind, self.name)))} {self.channels}x{self.size}x{self.size}/{self.stride}"


def parts(architecture: Architecture) -> Counter[Part]:
    """The parts that the architecture's network runs for one batch, with how often each runs."""
    space, found, names = architecture.space, Counter(), architecture.names
    layouts, edges = cell_layouts(space), cell_edges(space)
    found[Part("stem", "", space.shape.channels, space.shape.size)] += 1
    for index, layout in enumerate(layouts):
        for channels, size in zip(layout.input_channels, layout.input_sizes, strict=True):
            found[Part("preprocess", f"to {layout.channels}", channels, size, size // layout.size)] += 1
        own = names[genotype_part(space, layout.cell_type)]
        chosen = [(source, name) for (_, source), name in zip(edges, own, strict=True)]
        found.update(place("edge", name, layout, source) for source, name in chosen)
        found.update(place("source", name, layout, source) for source, name in set(chosen))  # shared by its edges
        for target in range(2, space.nodes + 2):
            found[Part("sum", str(target), layout.channels, layout.output_size)] += 1
        last = index == len(layouts) - 1
        found[Part("concatenate", "" if last else "rectified", layout.channels, layout.output_size)] += 1
    found[Part("head", "", space.nodes * layouts[-1].channels, layouts[-1].output_size)] += 1
    return found


def place(kind: str, name: str, layout, source: int) -> Part:
    return Part(kind, name, layout.channels, layout.source_size(source), layout.stride(source))


def all_parts(space: SearchSpace) -> list[Part]:
    """Every part that some architecture of the space runs."""
    uniform = (Architecture(space, [m] * len(genotype_edges(space))) for m in range(space.k))
    return list(dict.fromkeys(part for architecture in uniform for part in parts(architecture)))


def part_call(part: Part, space: SearchSpace, batch: int, device: str) -> Callable[[], object]:
    """A call that runs the part on a random batch."""
    x = torch.randn(batch, part.channels, part.size, part.size, device=device)
    x = x.contiguous(memory_format=torch.channels_last)

    def ready(module: nn.Module) -> nn.Module:
        return module.to(device, memory_format=torch.channels_last).eval()

    if part.kind == "stem":
        stem = ready(Supernet(space, [(0,)] * len(genotype_edges(space))).stem)
        return lambda: torch.relu_(stem(x))
    if part.kind == "preprocess":
        module = ready(Preprocess(part.channels, int(part.name.removeprefix("to ")), part.stride == 2))
        return lambda: module(x)
    if part.kind == "sum":
        terms = [x.clone() for _ in range(int(part.name))]
        return lambda: node_sum(terms, space.mean_nodes)
    if part.kind == "concatenate":
        states = [x.clone() for _ in range(space.nodes)]
        if part.name == "rectified":
            return lambda: torch.relu_(concatenate(states))
        return lambda: concatenate(states)
    if part.kind == "head":
        head = ready(Supernet(space, [(0,)] * len(genotype_edges(space)))).head
        return lambda: head(x)
    operation = OPERATIONS[part.name]
    source = ready(operation.source_part(part.channels, part.stride))
    if part.kind == "source":
        return lambda: source(x)
    edge, shared = ready(operation.edge_part(part.channels, part.stride)), source(x)
    return lambda: edge(shared)
