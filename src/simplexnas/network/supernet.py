"""The cell and the network: every candidate operation on every edge; one chosen per edge runs, or a mixture of all.

Source: Liu, Simonyan, Yang 2019 (DARTS), sections 2.1 and 3.1; sizes decoded from the paper's table (Firsov 2024).
"""

from collections.abc import Iterable, Sequence

import torch
from torch import nn

from simplexnas.space.operations import (
    OPERATIONS,
    EvenOdd,
    batch_norm,
    factorized_reduce,
    memory_format,
)
from simplexnas.space.search_space import (
    STEM_KERNEL,
    STEM_MULTIPLIER,
    CellLayout,
    SearchSpace,
    cell_edges,
    cell_layouts,
    genotype_edges,
    genotype_part,
)


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
        convolution = nn.Conv2d(space.shape.channels, stem, STEM_KERNEL, padding=STEM_KERNEL // 2, bias=False)
        self.stem = nn.Sequential(convolution, batch_norm(stem, affine=True))
        layouts = cell_layouts(space)
        self.parts = [genotype_part(space, layout.cell_type) for layout in layouts]
        self.cells = nn.ModuleList(
            Cell(space, layout, candidates[part]) for layout, part in zip(layouts, self.parts, strict=True)
        )
        features = space.nodes * layouts[-1].channels
        self.feature_norm = nn.BatchNorm1d(features, affine=False) if space.normalise_features else nn.Identity()
        self.classifier = nn.Linear(features, space.shape.classes)
        nn.init.zeros_(self.classifier.weight)  # uniform class probabilities: cross-entropy starts at ln classes
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images, gamma):
        """images (B, *space.shape of an image) float, for example (B, 1, 28, 28) -> class logits (B, classes).

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
        """Class logits (B, classes) from the last cell's output (B, nodes * C, H, W)."""
        return self.classifier(self.feature_norm(output.mean(dim=(2, 3))))
