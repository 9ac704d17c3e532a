"""Each operation against plain PyTorch, its shapes, and its count of parameters."""

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from simplexnas.space.operations import DEFAULT_OPERATIONS, OPERATIONS, EvenOdd, batch_norm, labels

X = torch.randn(3, 8, 14, 14, generator=torch.Generator().manual_seed(0))


def run(name: str, stride: int, x: torch.Tensor = X):
    """Source part and edge part of one operation: (module pair, output)."""
    source, edge = (make(x.shape[1], stride) for make in (OPERATIONS[name].source_part, OPERATIONS[name].edge_part))
    return (source, edge), edge(source(x))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", OPERATIONS)
def test_shape_and_parameters(name, stride):
    (source, _), output = run(name, stride)
    assert output.shape == (3, 8, 14 // stride, 14 // stride)
    assert not list(source.parameters()), "a shared part has no weights"


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", OPERATIONS)
def test_counts_by_hand(name, stride):
    kernel = {"sep_conv_3x3": 3, "sep_conv_5x5": 5}.get(name)
    parameters = 2 * (kernel**2 * 8 + 8**2) if kernel else 8**2 if name == "identity" and stride == 2 else 0
    assert OPERATIONS[name].counts(8, stride, 14) == (parameters, parameters * (14 // stride) ** 2)


@pytest.mark.parametrize("name", OPERATIONS)
def test_counts_are_those_of_pytorch_and_draw_nothing(name):
    before, operation = torch.get_rng_state(), OPERATIONS[name]
    parameters, macs = operation.counts.__wrapped__(operation, 6, 2, 10)
    assert torch.equal(torch.get_rng_state(), before)
    edge, shared = operation.edge_part(6, 2), operation.source_part(6, 2)(torch.zeros(2, 6, 10, 10))
    with FlopCounterMode(display=False) as counter:  # two for a multiplication and an addition
        edge(shared)
    assert counter.get_total_flops() == 2 * 2 * macs
    assert parameters == sum(parameter.numel() for parameter in edge.parameters())


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", OPERATIONS)
def test_batch_norm_has_no_affine_parameters(name, stride):
    norms = [m for part in run(name, stride)[0] for m in part.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert all(norm.weight is None and norm.bias is None for norm in norms)
    assert bool(norms) == (name != "identity" or stride == 2)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [13, 14])
def test_pools(stride, memory_format, size):
    x = X[:, :, :size, :size].contiguous(memory_format=memory_format)
    average = functional.avg_pool2d(x, 3, stride, 1, count_include_pad=False)
    maximum = functional.max_pool2d(x, 3, stride, 1)
    for name, expected in (("average_pool", average), ("max_pool", maximum)):
        torch.testing.assert_close(run(name, stride, x)[1], batch_norm(8)(expected))


def test_identity_of_stride_1_is_the_identity():
    assert run("identity", 1)[1] is X


def test_identity_of_stride_2_is_two_convolutions_on_even_and_odd_pixels():
    (_, edge), output = run("identity", 2)
    first, second = edge[0].weight.chunk(2)
    halves = [
        functional.conv2d(pixels, weight, stride=2)
        for pixels, weight in ((X.relu(), first), (X.relu()[:, :, 1:, 1:], second))
    ]
    torch.testing.assert_close(output, batch_norm(8)(torch.cat(halves, dim=1)))


@pytest.mark.parametrize(("name", "kernel"), [("sep_conv_3x3", 3), ("sep_conv_5x5", 5)])
def test_separable_convolution_is_twice_relu_depthwise_pointwise_norm(name, kernel):
    (_, edge), output = run(name, 2)
    weights = [module.weight for module in edge.modules() if isinstance(module, torch.nn.Conv2d)]
    x = X
    for depthwise, pointwise, stride in ((*weights[:2], 2), (*weights[2:], 1)):
        x = functional.conv2d(x.relu(), depthwise, stride=stride, padding=kernel // 2, groups=8)
        x = batch_norm(8)(functional.conv2d(x, pointwise))
    torch.testing.assert_close(output, x)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_even_odd_gradient(memory_format):
    x = X[:1, :2, :4, :4].double().contiguous(memory_format=memory_format).requires_grad_()
    assert torch.autograd.gradcheck(EvenOdd(), x)


def test_registry_and_labels():
    assert set(DEFAULT_OPERATIONS) < set(OPERATIONS)
    assert labels(DEFAULT_OPERATIONS) == ("pool", "identity", "convolution")
    assert labels(("max_pool", "identity", "sep_conv_3x3")) == ("pool", "identity", "convolution")
    assert labels(tuple(OPERATIONS)) == tuple(OPERATIONS)
