"""Muon against torch's own, and the two optimisers as one."""

import numpy as np
import pytest
import tiny
import torch
from torch import nn

from simplexnas.io.errors import SimplexNASError
from simplexnas.methods.choose import method_of
from simplexnas.methods.random_search import RandomSearchConfig
from simplexnas.methods.simplex import SimplexMethod
from simplexnas.network.supernet import Supernet
from simplexnas.training.optimizers import Muon, Optimizers, orthogonalise


def weights(shape: tuple[int, int], n: int) -> list[nn.Parameter]:
    random = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(*shape, 1, 1, generator=random)) for _ in range(n)]


@pytest.mark.parametrize("shape", [(16, 16), (16, 48), (48, 16)], ids=str)
def test_orthogonalise_brings_singular_values_near_one(shape):
    matrices = torch.randn(5, *shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(matrices))
    original = torch.linalg.svdvals(matrices)
    large = original > 0.1 * original.max()
    assert values[large].min() > 0.6 and values.max() < 1.3
    torch.testing.assert_close(orthogonalise(100 * matrices), orthogonalise(matrices))


@pytest.mark.parametrize("shape", [(16, 16), (16, 48), (48, 16)], ids=str)
def test_muon_follows_that_of_torch(shape):
    """torch's runs its iteration in bfloat16, hence the wide tolerance, as a share of the whole way."""
    ours = weights(shape, 3)
    theirs = [nn.Parameter(weight.detach().flatten(1).clone()) for weight in ours]
    start = [weight.detach().clone() for weight in theirs]
    settings = {"lr": 0.02, "weight_decay": 0.1, "momentum": 0.95}
    optimizers = Muon(ours, **settings), torch.optim.Muon(theirs, adjust_lr_fn="match_rms_adamw", **settings)
    random = torch.Generator().manual_seed(1)
    for _ in range(5):
        for mine, other in zip(ours, theirs, strict=True):
            other.grad = torch.randn(shape, generator=random)
            mine.grad = other.grad.view_as(mine).clone()
        for optimizer in optimizers:
            optimizer.step()
    for mine, other, before in zip(ours, theirs, start, strict=True):
        way = (other - before).norm()
        assert (mine.flatten(1) - other).norm() < 0.03 * way and way > 0.1


def test_muon_leaves_weights_without_gradient_alone():
    moved, kept = weights((4, 4), 2)
    before = kept.detach().clone()
    moved.grad = torch.ones_like(moved)
    optimizer = Muon([moved, kept], lr=0.1, weight_decay=0.1)
    optimizer.step()
    assert torch.equal(kept, before) and kept not in optimizer.state
    assert moved in optimizer.state


@pytest.mark.parametrize("rate", [0.0, 0.006])
def test_every_parameter_has_one_optimizer(rate):
    config = tiny.config("paper", matrix_learning_rate=rate)
    model = method_of(config)
    optimizers = Optimizers(model.supernet, config, 10, model.hypernetwork).optimizers
    held = {name: [w for g in o.param_groups for w in g["params"]] for name, o in optimizers.items()}
    assert sorted(id(w) for ws in held.values() for w in ws) == sorted(id(w) for w in model.parameters())
    matrices = {
        id(module.weight)
        for module in model.modules()
        if isinstance(module, nn.Conv2d) and module.weight.shape[2:] == (1, 1) and module.groups == 1
    }
    assert {id(weight) for weight in held.get("muon", [])} == (matrices if rate else set())
    assert any(weight is model.hypernetwork.tables for weight in held["adamw"])
    betas = [group["betas"] for group in optimizers["adamw"].param_groups]
    assert betas == [(0.9, 0.999), (0.5, 0.999)]


def test_gradients_are_clipped_and_forgotten_and_the_rate_moves():
    config = tiny.config()
    model = SimplexMethod(config)
    optimizers = Optimizers(model.supernet, config, 10, model.hypernetwork)
    first = optimizers.learning_rate
    for weight in model.parameters():
        weight.grad = torch.full_like(weight, 1e6)
    optimizers.step()
    assert all(weight.grad is None for weight in model.parameters())
    assert optimizers.learning_rate > first
    averages = [state["exp_avg"] / 0.1 for state in optimizers.optimizers["adamw"].state.values()]
    averages += [state["momentum"] / 0.05 for state in optimizers.optimizers["muon"].state.values()]
    assert torch.cat([average.flatten() for average in averages]).norm().item() == pytest.approx(5, rel=1e-4)


def test_rates_rise_over_a_fifth_of_the_steps_and_fall_to_almost_nothing():
    config = tiny.config(space=tiny.FEW_EDGES)
    optimizers = Optimizers(Supernet(config.space), config, 100)
    rates = []
    for _ in range(100):
        rates.append([group["lr"] for optimizer in optimizers.optimizers.values() for group in optimizer.param_groups])
        optimizers.step()
    for course, peak in zip(np.transpose(rates), (config.learning_rate, config.matrix_learning_rate), strict=True):
        assert course.argmax() == 19 and course[19] == pytest.approx(peak)
        assert course[0] == pytest.approx(peak / 25) and course[-1] == pytest.approx(peak / 25_000)


def test_with_relaxed_samples_a_steep_price_does_not_shrink_the_steps_of_the_weights():
    config = tiny.config("paper")
    model = method_of(config)
    optimizers = Optimizers(model.supernet, config, 10, model.hypernetwork)
    assert {id(w) for w in optimizers.limited} == {id(w) for w in model.supernet.parameters()}
    for weight in model.parameters():
        weight.grad = torch.full_like(weight, 1e-3)
    model.hypernetwork.tables.grad.fill_(1e6)
    optimizers.step()
    adamw = optimizers.optimizers["adamw"]
    moments = [adamw.state[weight]["exp_avg"] for weight in adamw.param_groups[0]["params"]]
    assert all(torch.allclose(moment, torch.tensor(1e-4)) for moment in moments)


def test_too_few_steps_are_one_line():
    with pytest.raises(SimplexNASError, match="5 training steps; allowed: from 6"):
        Optimizers(Supernet(tiny.SPACE), tiny.config(), steps=5)
    Optimizers(Supernet(tiny.SPACE), tiny.config(), steps=6)


def test_a_chooser_needs_no_settings_of_its_own():
    """Of a new method: it learns together with the weights, at their rate, without decay, and is limited with them."""
    config, chooser = RandomSearchConfig(preset="default", learning_rate=0.01), nn.Linear(2, 2)
    optimizers = Optimizers(nn.Conv2d(1, 1, 3), config, 10, chooser)
    _, group = optimizers.optimizers["adamw"].param_groups
    assert group["params"] == list(chooser.parameters()) and group["weight_decay"] == 0
    assert group["max_lr"] == 0.01 and group["betas"] == (0.9, 0.999)
    assert {id(each) for each in chooser.parameters()} < {id(each) for each in optimizers.limited}
    before = chooser.weight.detach().clone()
    chooser(torch.ones(1, 2)).sum().backward()
    optimizers.step()
    assert not torch.equal(chooser.weight, before)
