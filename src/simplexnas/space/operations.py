"""The operations an edge can choose from, with the cost of each: the whole search space in one registry.

An operation splits into two parts. `source_part` needs no weights of its own and depends only on the tensor at the
edge's source node, so that all edges leaving one node share it (with hard choices BN(avg_pool(x)) and ReLU(x) are
computed once, which is exact). `edge_part` holds the weights of one edge. Batch normalisation inside cells has no
affine parameters.

Source: Liu, Simonyan, Yang 2019 (DARTS), appendix A.1.1, for the form of each operation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn
from torch.nn import functional


def batch_norm(channels: int, affine: bool = False) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, affine=affine)


def memory_format(x: torch.Tensor) -> torch.memory_format:
    """The layout of x (B, C, H, W) in memory: channels last or contiguous."""
    channels_last = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last else torch.contiguous_format


class _EvenOddPixels(torch.autograd.Function):
    """Even and odd pixels stacked as channels. Written out because autograd's backward of two strided slices fills
    two full-size tensors with zeros and adds them, which costs more than the convolution that follows."""

    @staticmethod
    def forward(ctx, x):
        ctx.shape = x.shape
        ctx.layout = memory_format(x)
        batch, channels, height, width = x.shape
        stacked = torch.empty(
            (batch, 2 * channels, height // 2, width // 2),
            dtype=x.dtype,
            device=x.device,
            memory_format=ctx.layout,  # `cat` of strided slices would lose it
        )
        stacked[:, :channels] = x[:, :, ::2, ::2]
        stacked[:, channels:] = x[:, :, 1::2, 1::2]
        return stacked

    @staticmethod
    def backward(ctx, gradient):
        even, odd = gradient.chunk(2, dim=1)
        result = torch.empty(ctx.shape, dtype=gradient.dtype, device=gradient.device, memory_format=ctx.layout).zero_()
        result[:, :, ::2, ::2] = even
        result[:, :, 1::2, 1::2] = odd
        return result


class EvenOdd(nn.Module):
    """Even and odd pixels stacked as channels: (B, C, H, W) -> (B, 2C, H/2, W/2); H and W even."""

    def forward(self, x):
        if torch.compiler.is_exporting():  # writing into an empty tensor becomes a slow scatter in ONNX
            return torch.cat([x[:, :, ::2, ::2], x[:, :, 1::2, 1::2]], dim=1)
        return _EvenOddPixels.apply(x)


def factorized_reduce(channels_in: int, channels_out: int) -> nn.Sequential:
    """Two 1x1 stride-2 convolutions, on even and on odd pixels, written as one grouped convolution, then BN.

    Expects the output of `EvenOdd`, (B, 2 * channels_in, H/2, W/2). Parameters: channels_in * channels_out.
    """
    return nn.Sequential(nn.Conv2d(2 * channels_in, channels_out, 1, groups=2, bias=False), batch_norm(channels_out))


def separable_convolution(channels: int, kernel: int, stride: int) -> nn.Sequential:
    """Depthwise, pointwise, BN, twice; the first depthwise carries the stride. The leading ReLU is the source part."""

    def half(stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            batch_norm(channels),
        ]

    return nn.Sequential(*half(stride), nn.ReLU(inplace=True), *half(1))


def _nothing(channels: int, stride: int) -> nn.Module:
    return nn.Identity()


@dataclass(frozen=True)
class Operation:
    """One entry of the registry.

    family: "pool", "identity" or "convolution", the three columns of the paper's table.
    source_part(C, stride) -> nn.Module: shared by all edges that leave a node; (B, C, H, W) -> what `edge_part` takes.
    edge_part(C, stride) -> nn.Module: the weights of one edge; its output is (B, C, H/stride, W/stride).
    """

    family: str
    source_part: Callable[[int, int], nn.Module] = _nothing
    edge_part: Callable[[int, int], nn.Module] = _nothing

    @cache  # noqa: B019  (the registry's entries live as long as the program)
    def counts(self, channels: int, stride: int, size: int) -> tuple[int, int]:
        """Trainable parameters of one edge, and its multiply-accumulates (MACs) per image of size x size pixels.

        Counted while the module runs once. `torch.utils.flop_counter` counts the same, and loads PyTorch's compiler for
        it, a second of every command.
        """
        macs = 0

        def count(convolution: nn.Conv2d, _, output: torch.Tensor) -> None:
            nonlocal macs
            macs += output.numel() * convolution.weight[0].numel()

        with torch.no_grad(), torch.random.fork_rng(devices=[]):  # new weights are random; that is nobody's business
            source, edge = self.source_part(channels, stride).eval(), self.edge_part(channels, stride).eval()
            for module in edge.modules():
                if isinstance(module, nn.Conv2d):
                    module.register_forward_hook(count)
            edge(source(torch.zeros(1, channels, size, size)))
        return sum(parameter.numel() for parameter in edge.parameters()), macs


class AveragePool(nn.Module):
    """3x3 average pooling that divides by the number of pixels inside the image.

    In channels-last memory a depthwise convolution with ones and a division beat `avg_pool2d` on large images.
    """

    def __init__(self, channels: int, stride: int):
        super().__init__()
        self.stride = stride
        self.register_buffer("ones", torch.ones(channels, 1, 3, 3), persistent=False)

    def forward(self, x):
        if memory_format(x) != torch.channels_last:
            return functional.avg_pool2d(x, 3, self.stride, padding=1, count_include_pad=False)
        inside = functional.conv2d(x.new_ones(1, 1, *x.shape[2:]), self.ones[:1], stride=self.stride, padding=1)
        total = functional.conv2d(x, self.ones, stride=self.stride, padding=1, groups=len(self.ones))
        return total.mul_(1 / inside)


def _pool(layer: Callable[..., nn.Module]) -> Operation:
    return Operation("pool", lambda channels, stride: nn.Sequential(layer(channels, stride), batch_norm(channels)))


def _identity() -> Operation:
    return Operation(
        "identity",
        lambda channels, stride: nn.Identity() if stride == 1 else nn.Sequential(EvenOdd(), nn.ReLU()),
        lambda channels, stride: nn.Identity() if stride == 1 else factorized_reduce(channels, channels),
    )


def _separable(kernel: int) -> Operation:
    return Operation(
        "convolution",
        lambda channels, stride: nn.ReLU(),
        lambda channels, stride: separable_convolution(channels, kernel, stride),
    )


OPERATIONS: dict[str, Operation] = {
    "max_pool": _pool(lambda channels, stride: nn.MaxPool2d(3, stride, padding=1)),
    "average_pool": _pool(AveragePool),
    "identity": _identity(),
    "sep_conv_3x3": _separable(3),
    "sep_conv_5x5": _separable(5),
}

DEFAULT_OPERATIONS = ("average_pool", "identity", "sep_conv_3x3")


def labels(names: tuple[str, ...]) -> tuple[str, ...]:
    """Reporting labels: the families pool, identity, convolution where each occurs at most once, else the names."""
    families = tuple(OPERATIONS[name].family for name in names)
    return families if len(set(families)) == len(families) else tuple(names)
