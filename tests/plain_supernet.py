"""The supernet written plainly after DARTS: what the library's faster one is compared with.

Every edge applies every operation by itself, nothing is shared or rewritten, average pooling is `avg_pool2d`, and the
stride-2 identity is two strided 1x1 convolutions. The weights are those of a `Supernet` of the default operations.
"""

import torch
from torch.nn import functional

from simplexnas.network.supernet import Supernet
from simplexnas.space.search_space import cell_edges, cell_layouts


def normalise(x):
    """Batch normalisation without affine parameters, statistics of the batch."""
    return functional.batch_norm(x, None, None, training=True)


def reduce(x, weight):
    """ReLU, two 1x1 convolutions of stride 2 on even and on odd pixels, concatenated, BN."""
    x = functional.relu(x)
    even, odd = weight.chunk(2)
    parts = [functional.conv2d(x, even, stride=2), functional.conv2d(x[:, :, 1:, 1:], odd, stride=2)]
    return normalise(torch.cat(parts, dim=1))


def forward(supernet: Supernet, images, gamma):
    """images (B, 1, 28, 28), mixture weights gamma (B, E, 3) -> class logits (B, 10), in training mode."""
    space, weights = supernet.space, dict(supernet.named_parameters())
    edges = cell_edges(space)

    def average_pool(cell: int, edge: str, x, stride: int):
        return normalise(functional.avg_pool2d(x, 3, stride, padding=1, count_include_pad=False))

    def identity(cell: int, edge: str, x, stride: int):
        return x if stride == 1 else reduce(x, weights[f"cells.{cell}.edge_parts.{edge}/identity.0.weight"])

    def sep_conv_3x3(cell: int, edge: str, x, stride: int):
        for first, step in ((0, stride), (4, 1)):
            depthwise, pointwise = (
                weights[f"cells.{cell}.edge_parts.{edge}/sep_conv_3x3.{layer}.weight"] for layer in (first, first + 1)
            )
            x = functional.conv2d(functional.relu(x), depthwise, stride=step, padding=1, groups=len(depthwise))
            x = normalise(functional.conv2d(x, pointwise))
        return x

    operations = {"average_pool": average_pool, "identity": identity, "sep_conv_3x3": sep_conv_3x3}

    def preprocess(cell: int, which: int, x):
        name = f"cells.{cell}.preprocess.{which}"
        if f"{name}.1.0.weight" in weights:
            return reduce(x, weights[f"{name}.1.0.weight"])
        return normalise(functional.conv2d(functional.relu(x), weights[f"{name}.0.weight"]))

    x = functional.conv2d(images, weights["stem.0.weight"], padding=1)
    x = functional.batch_norm(x, None, None, weights["stem.1.weight"], weights["stem.1.bias"], training=True)
    before, last = x, x
    for cell, layout in enumerate(cell_layouts(space)):
        offset = 0 if layout.cell_type == "normal" else len(edges)
        states = [preprocess(cell, 0, before), preprocess(cell, 1, last)]
        for target in range(2, space.nodes + 2):
            total = 0
            for index, (node, source) in enumerate(edges):
                if node == target:
                    for m, name in enumerate(space.operations):
                        output = operations[name](cell, f"{target}<-{source}", states[source], layout.stride(source))
                        total = total + gamma[:, offset + index, m, None, None, None] * output
            states.append(total)
        before, last = last, torch.cat(states[2:], dim=1)
    return functional.linear(last.mean(dim=(2, 3)), weights["classifier.weight"], weights["classifier.bias"])
