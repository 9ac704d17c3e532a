"""The cell and the network: every candidate operation on every edge; one chosen per edge runs, or a mixture of all.

Source: Liu, Simonyan, Yang 2019 (DARTS), sections 2.1 and 3.1; sizes decoded from the paper's table (Firsov 2024).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import nn

from simplexnas.errors import SimplexNASError
from simplexnas.operations import (
    DEFAULT_OPERATIONS,
    OPERATIONS,
    EvenOdd,
    batch_norm,
    factorized_reduce,
    memory_format,
)

IMAGE_SIZE = 28
CLASSES = 10
STEM_MULTIPLIER = 3


@dataclass(frozen=True)
class SearchSpace:
    """The macro layout and the operations of an edge.

    operations: registry names, in the order of the components of S; k = len(operations) >= 2.
    channels: C of the first cell; each reduction cell doubles it and halves height and width.
    cells: number of cells; those at index cells // 3 and 2 * cells // 3 are reduction cells.
    nodes: intermediate nodes of a cell; node i sums one edge from each of the 2 + i nodes before it.
    mean_nodes: divide that sum by the number of its edges (the paper and DARTS do not).
    normalise_features: batch normalisation, without parameters, of what the classifier reads (neither do they).
    """

    operations: tuple[str, ...] = DEFAULT_OPERATIONS
    channels: int = 16
    cells: int = 3
    nodes: int = 4
    mean_nodes: bool = False
    normalise_features: bool = False

    def __post_init__(self):
        object.__setattr__(self, "operations", tuple(self.operations))
        unknown = [name for name in self.operations if name not in OPERATIONS]
        if unknown:
            raise SimplexNASError(f"unknown operation {unknown[0]!r}; known: {', '.join(OPERATIONS)}")
        if len(set(self.operations)) != len(self.operations) or len(self.operations) < 2:
            raise SimplexNASError(f"operations {self.operations}: at least two different ones are needed")
        for name, least in (("channels", 2), ("cells", 3), ("nodes", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise SimplexNASError(f"{name} = {value!r}; allowed: whole numbers from {least}")
        if self.channels % 2:
            raise SimplexNASError(f"channels = {self.channels}; allowed: even numbers")
        for name in ("mean_nodes", "normalise_features"):
            if not isinstance(getattr(self, name), bool):
                raise SimplexNASError(f"{name} = {getattr(self, name)!r}; allowed: true, false")

    @property
    def k(self) -> int:
        return len(self.operations)

    @classmethod
    def from_dict(cls, values: dict) -> "SearchSpace":
        """The inverse of `dataclasses.asdict`; an unknown or missing key raises `SimplexNASError`."""
        check_settings(cls, values)
        return cls(**values)


def check_settings(kind: type, values: object) -> None:
    """Raise `SimplexNASError` unless the values are a dict with all fields of the dataclass `kind`, and no others.

    A default must not stand in for a missing one: it may have been another one at the time.
    """
    if not isinstance(values, dict):
        raise SimplexNASError(f"{kind.__name__} = {str(values)[:80]!r}; allowed: an object of settings")
    known = {field.name for field in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise SimplexNASError(f"unknown setting {unknown[0]!r}; known: {', '.join(sorted(known))}")
    if missing := sorted(known - set(values)):
        raise SimplexNASError(f"the setting {missing[0]!r} is missing")


class Edge(NamedTuple):
    """An edge of a genotype. Nodes 0 and 1 are the cell's inputs, 2 … nodes + 1 its intermediate nodes."""

    cell_type: str  # "normal" or "reduction"
    target: int
    source: int


def cell_edges(space: SearchSpace) -> list[tuple[int, int]]:
    """(target, source) of every edge of one cell, by target, then source: 2 + 3 + 4 + 5 = 14 for four nodes."""
    return [(target, source) for target in range(2, space.nodes + 2) for source in range(target)]


def genotype_edges(space: SearchSpace) -> list[Edge]:
    """The E edges that an architecture decides: those of the normal cell, then those of the reduction cell (E = 28)."""
    return [Edge(kind, *pair) for kind in ("normal", "reduction") for pair in cell_edges(space)]


def genotype_part(space: SearchSpace, cell_type: str) -> slice:
    """Where the edges of the normal or of the reduction cell stand among `genotype_edges`."""
    edges = len(cell_edges(space))
    return slice(edges) if cell_type == "normal" else slice(edges, 2 * edges)


class CellLayout(NamedTuple):
    """Where a cell stands in the network: its channels and the channels and sizes (height = width) of its inputs."""

    cell_type: str
    channels: int
    input_channels: tuple[int, int]
    input_sizes: tuple[int, int]

    @property
    def size(self) -> int:
        """Height of the nodes that the inputs are brought to (the size of input 1)."""
        return self.input_sizes[1]

    def stride(self, source: int) -> int:
        """Edges that leave an input node of a reduction cell have stride 2."""
        return 2 if self.cell_type == "reduction" and source < 2 else 1

    @property
    def output_size(self) -> int:
        return (self.size + 1) // 2 if self.cell_type == "reduction" else self.size


def cell_layouts(space: SearchSpace) -> list[CellLayout]:
    """The layout of each cell, in order; the default gives normal C=16, reduction C=32, reduction C=64."""
    reductions = {space.cells // 3, 2 * space.cells // 3}
    channels = space.channels
    stem = STEM_MULTIPLIER * channels
    inputs, sizes = (stem, stem), (IMAGE_SIZE, IMAGE_SIZE)
    layouts = []
    for index in range(space.cells):
        kind = "reduction" if index in reductions else "normal"
        channels = channels * 2 if kind == "reduction" else channels
        layout = CellLayout(kind, channels, inputs, sizes)
        layouts.append(layout)
        inputs = (inputs[1], space.nodes * channels)
        sizes = (sizes[1], layout.output_size)
    return layouts


class Preprocess(nn.Sequential):
    """Brings a rectified input to the cell's channels and size: 1x1 convolution or factorised reduction, then BN.

    The ReLU that DARTS puts first is applied once to what two cells read (`Supernet.forward`).
    """

    def __init__(self, channels_in: int, channels_out: int, halve: bool):
        if halve:
            super().__init__(EvenOdd(), factorized_reduce(channels_in, channels_out))
        else:
            super().__init__(nn.Conv2d(channels_in, channels_out, 1, bias=False), batch_norm(channels_out))


class _DenseGradient(torch.autograd.Function):
    """Identity whose gradient is copied into dense memory. The gradient of a concatenation is a strided view of the
    whole, on which the backward of every batch normalisation behind it is more than twice as slow."""

    @staticmethod
    def forward(ctx, x):
        ctx.layout = memory_format(x)
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient.contiguous(memory_format=ctx.layout)


def node_sum(terms: Iterable[torch.Tensor], mean: bool) -> torch.Tensor:
    """Sum of the two or more terms of a node, or their mean; the terms stay as they are, since edges share them."""
    first, second, *others = terms
    total = first + second
    for term in others:
        total += term
    return total / (2 + len(others)) if mean else total


def concatenate(states: Sequence[torch.Tensor]) -> torch.Tensor:
    """The output of a cell: its intermediate nodes (B, C, H, W) side by side, (B, nodes * C, H, W)."""
    return torch.cat([_DenseGradient.apply(state) for state in states], dim=1)


class Cell(nn.Module):
    """One cell. `candidates` lists, for each edge of the cell, the indices of the operations that it holds."""

    def __init__(self, space: SearchSpace, layout: CellLayout, candidates: Sequence[Sequence[int]]):
        super().__init__()
        self.edges = cell_edges(space)
        self.nodes = space.nodes
        self.mean_nodes = space.mean_nodes
        self.names = space.operations
        halve = layout.input_sizes[0] != layout.input_sizes[1]
        self.preprocess = nn.ModuleList(
            [
                Preprocess(layout.input_channels[0], layout.channels, halve),
                Preprocess(layout.input_channels[1], layout.channels, False),
            ]
        )
        self.source_parts = nn.ModuleDict()  # "<source>/<operation>", shared by the edges that leave the node
        self.edge_parts = nn.ModuleDict()  # "<target><-<source>/<operation>"
        for (target, source), indices in zip(self.edges, candidates, strict=True):
            for name in (self.names[m] for m in indices):
                operation, stride = OPERATIONS[name], layout.stride(source)
                key = f"{source}/{name}"
                if key not in self.source_parts:
                    self.source_parts[key] = operation.source_part(layout.channels, stride)
                self.edge_parts[f"{target}<-{source}/{name}"] = operation.edge_part(layout.channels, stride)

    def forward(self, input0, input1, gamma):
        """gamma: one operation index per edge, or mixture weights (B, edges, k). Returns (B, nodes * C, H, W)."""
        states = [prepare(x) for prepare, x in zip(self.preprocess, (input0, input1), strict=True)]
        shared = {}

        def run(edge: tuple[int, int], m: int):
            target, source = edge
            key = f"{source}/{self.names[m]}"
            # Mixtures are the published scheme, the yardstick of speed: there each edge computes its own.
            if isinstance(gamma, torch.Tensor) or key not in shared:
                shared[key] = self.source_parts[key](states[source])
            return self.edge_parts[f"{target}<-{source}/{self.names[m]}"](shared[key])

        def outputs(target: int):
            """The terms of the sum at one node."""
            for index, edge in enumerate(self.edges):
                if edge[0] != target:
                    continue
                if isinstance(gamma, torch.Tensor):
                    for m in range(len(self.names)):
                        yield gamma[:, index, m, None, None, None] * run(edge, m)
                else:
                    yield run(edge, gamma[index])

        for target in range(2, self.nodes + 2):
            states.append(node_sum(outputs(target), self.mean_nodes))
        return concatenate(states[2:])


class Supernet(nn.Module):
    """The network of cells: 3x3 stem, cells, global average pooling, linear classifier.

    space: the search space.
    candidates: for each of the E genotype edges the operation indices it holds; by default all k. One index per edge
        makes a standalone network.
    """

    def __init__(self, space: SearchSpace, candidates: Sequence[Sequence[int]] | None = None):
        super().__init__()
        self.space = space
        if candidates is None:
            candidates = [range(space.k)] * len(genotype_edges(space))
        stem = STEM_MULTIPLIER * space.channels
        self.stem = nn.Sequential(nn.Conv2d(1, stem, 3, padding=1, bias=False), batch_norm(stem, affine=True))
        layouts = cell_layouts(space)
        self.parts = [genotype_part(space, layout.cell_type) for layout in layouts]
        self.cells = nn.ModuleList(
            Cell(space, layout, candidates[part]) for layout, part in zip(layouts, self.parts, strict=True)
        )
        features = space.nodes * layouts[-1].channels
        self.feature_norm = nn.BatchNorm1d(features, affine=False) if space.normalise_features else nn.Identity()
        self.classifier = nn.Linear(features, CLASSES)
        nn.init.zeros_(self.classifier.weight)  # uniform class probabilities: cross-entropy starts at ln 10
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images, gamma):
        """images (B, 1, 28, 28) float -> class logits (B, 10).

        gamma: E operation indices (one hard operation per edge for the whole batch; only those run), or a float
            tensor (B, E, k) of mixture weights per image (every operation of every edge runs).
        """
        previous = current = torch.relu_(self.stem(images))
        for index, (cell, part) in enumerate(zip(self.cells, self.parts, strict=True)):
            own = gamma[:, part] if isinstance(gamma, torch.Tensor) else gamma[part]
            output = cell(previous, current, own)
            if index + 1 < len(self.cells):  # the classifier reads the last cell without ReLU
                previous, current = current, torch.relu_(output)
        return self.head(output)

    def head(self, output):
        """Class logits (B, 10) from the last cell's output (B, nodes * C, H, W)."""
        return self.classifier(self.feature_norm(output.mean(dim=(2, 3))))
