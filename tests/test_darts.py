"""DARTS: the published toy, the second order against autograd, and what moves in a step."""

import numpy as np
import pytest
import tiny
import torch
from torch import nn

from simplexnas.io import seeds
from simplexnas.methods import darts, objective
from simplexnas.methods.choose import method_of
from simplexnas.methods.darts import unrolled
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.settings import preset
from simplexnas.network.architecture import Architecture
from simplexnas.space import cost
from simplexnas.training.optimizers import Optimizers

SMALL = {"space": tiny.SPACE, "batch_size": 8, "train_images": 64, "epochs": 20}


def config(**changes):
    return preset("default", "darts", **(SMALL | changes))


def batches(n: int = 8) -> list[Batch]:
    return [Batch(tiny.images(n, seed), torch.arange(n) % 10) for seed in (0, 1)]


class Toy(nn.Module):
    """Figure 2 of the paper: L_val = alpha w - 2 alpha + 1, L_train = w^2 - 2 alpha w + alpha^2."""

    def __init__(self):
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
        self.w = nn.Parameter(torch.tensor(-2.0, dtype=torch.float64))

    def loss_of(self, split: str) -> torch.Tensor:
        if split == "train":
            return self.w**2 - 2 * self.alpha * self.w + self.alpha**2
        return self.alpha * self.w - 2 * self.alpha + 1


@pytest.mark.parametrize("xi", [0.0, 0.1, 0.5])
def test_the_toy_of_the_paper_ends_where_it_should(xi):
    """At alpha = w = 2 / (1 + 2 xi): the true optimum, 1, with xi = 0.5, and far from it in first order."""
    toy = Toy()
    for _ in range(4000):
        (gradient,) = unrolled(toy, [toy.w], [toy.alpha], "train", "validation", xi)
        (of_w,) = torch.autograd.grad(toy.loss_of("train"), toy.w)
        with torch.no_grad():
            toy.alpha -= 0.02 * gradient
            toy.w -= 0.1 * of_w
    assert toy.alpha.item() == pytest.approx(2 / (1 + 2 * xi), abs=1e-3)
    assert toy.w.item() == pytest.approx(2 / (1 + 2 * xi), abs=1e-3)


class Smooth(nn.Module):
    """A network of three mixed layers without batch normalisation or kinks, in float64."""

    def __init__(self):
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.w = nn.Parameter(torch.randn(3, 4, 6, 6, generator=random, dtype=torch.float64) / 3)
        self.alpha = nn.Parameter(torch.randn(3, 4, generator=random, dtype=torch.float64))

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        for layer in range(3):
            p = torch.softmax(self.alpha[layer], dim=0)
            x = sum(p[m] * torch.tanh(x @ w[layer, m]) for m in range(4))
        return x

    def loss_of(self, batch: Batch, w: torch.Tensor | None = None) -> torch.Tensor:
        return objective.cross_entropy(self(batch.images, self.w if w is None else w), batch.labels)


def test_the_second_order_is_the_gradient_through_the_step():
    """Its error falls with the square of the difference's length."""
    network, random = Smooth(), torch.Generator().manual_seed(1)
    train, validation = (
        Batch(torch.randn(16, 6, generator=random, dtype=torch.float64), torch.arange(16) % 6) for _ in range(2)
    )
    xi = 0.5
    (step,) = torch.autograd.grad(network.loss_of(train), network.w, create_graph=True)
    (exact,) = torch.autograd.grad(network.loss_of(validation, network.w - xi * step), network.alpha)
    (first,) = torch.autograd.grad(network.loss_of(validation, network.w - xi * step.detach()), network.alpha)
    errors = []
    for length in (0.1, 0.01):
        (found,) = unrolled(network, [network.w], [network.alpha], train, validation, xi, epsilon=length)
        errors.append(((found - exact).norm() / (exact - first).norm()).item())
    assert errors[0] < 0.05 and errors[1] == pytest.approx(errors[0] / 100, rel=0.1)


def test_the_difference_is_around_the_weights_themselves():
    """Around those after the step it would be another matrix."""
    network, random = Smooth(), torch.Generator().manual_seed(1)
    train, validation = (
        Batch(torch.randn(16, 6, generator=random, dtype=torch.float64), torch.arange(16) % 6) for _ in range(2)
    )
    kept, seen = network.w.detach().clone(), []
    network.loss_of = lambda batch, kept=network.loss_of: seen.append(network.w.detach().clone()) or kept(batch)
    unrolled(network, [network.w], [network.alpha], train, validation, 0.5)
    assert torch.equal(seen[0], kept) and not torch.allclose(seen[1], kept)
    assert torch.allclose((seen[2] + seen[3]) / 2, kept) and not torch.equal(seen[2], seen[3])
    assert torch.equal(network.w, kept), "bit by bit what they were"


def test_first_order_is_the_gradient_at_the_weights():
    method = method_of(config()).double()
    tiny.awake(method.supernet)
    train, validation = (Batch(images.double(), labels) for images, labels in batches())
    found = method.gradient(train, validation, 0.0)
    loss = method.loss_of(validation)
    assert torch.equal(found, torch.autograd.grad(loss, method.chooser.alpha)[0])
    assert found.sum(dim=1).abs().max() < 1e-12, "a softmax does not see a constant"
    second = method.gradient(train, validation, 0.1)
    assert not torch.allclose(second, found) and second.sum(dim=1).abs().max() < 1e-9


@pytest.mark.parametrize("order", [1, 2])
def test_a_step_moves_the_logits_first_and_leaves_no_trace(order):
    settings = config(order=order)
    method = method_of(settings).train()
    tiny.awake(method.supernet)
    before = {name: value.clone() for name, value in method.supernet.state_dict().items()}
    step = Step(0, settings.steps, seeds.generator(0))
    method.teach(batches(), step)
    assert all(torch.equal(value, before[name]) for name, value in method.supernet.state_dict().items())
    assert all(weight.grad is None for weight in method.supernet.parameters())
    optimizers = Optimizers(method.supernet, settings, settings.steps, None, method.chooser_optimizer())
    optimizers.choose()
    rate = settings.choice_learning_rate
    assert method.chooser.alpha.detach().abs().max().item() == pytest.approx(rate, rel=1e-3), "Adam's first step"
    alpha = method.chooser.alpha.detach().clone()
    method.loss(batches(), step)["loss"].backward()
    assert method.chooser.alpha.grad is None
    optimizers.step()
    assert torch.equal(method.chooser.alpha, alpha)
    moved = [not torch.equal(weight, before[name]) for name, weight in method.supernet.named_parameters()]
    assert all(moved), "a mixture runs every operation"


def test_logits_travel_as_far_as_the_setting_says():
    settings = config(travel=3.0)
    assert settings.choice_learning_rate * settings.steps == pytest.approx(3.0)


def test_large_logits_make_the_network_of_one_operation():
    settings = config()
    method = method_of(settings)
    tiny.awake(method.supernet)
    chosen = tiny.choices(settings.space, 1)[0]
    with torch.no_grad():
        method.chooser.alpha.copy_(100.0 * torch.nn.functional.one_hot(torch.tensor(chosen), 3) - 50)
    images = tiny.images(4)
    gates = torch.softmax(method.chooser(), dim=-1).expand(4, -1, -1)
    assert torch.allclose(method.supernet(images, gates), method.supernet(images, list(chosen)), atol=1e-5)
    assert method.architecture() == Architecture(settings.space, chosen)


def test_the_step_that_is_looked_through_shrinks():
    method = method_of(config(order=2))
    assert method.xi(0.0) == pytest.approx(0.025) and method.xi(1.0) == pytest.approx(0.001)
    assert method.xi(0.5) == pytest.approx(0.013) and method_of(config()).xi(0.0) == 0


@pytest.mark.parametrize("kind", ["parameters", "macs"])
def test_by_the_cost_alone_every_edge_takes_what_costs_least(kind, monkeypatch):
    monkeypatch.setattr(darts, "unrolled", lambda method, weights, choices, *_: [torch.zeros_like(choices[0])])
    settings = config(kappa=0.1, price=kind, choice_decay=0.0)
    method = method_of(settings)
    optimizer = method.chooser_optimizer()
    for number in range(settings.steps):
        method.teach(batches(2), Step(number, settings.steps, seeds.generator(number)))
        optimizer.step()
    p = torch.softmax(method.chooser(), dim=-1).detach().numpy()
    costs = cost.edge_parameters(settings.space) if kind == "parameters" else cost.edge_macs(settings.space)
    least = costs == costs.min(axis=1, keepdims=True)
    assert (p[least].reshape(-1) > 0.45).all() and (p[~least] < 0.15).all()
    assert np.isclose(method.relative_cost(torch.full((10, 3), 1 / 3)).item(), 1.0)


def test_without_a_weight_the_cost_has_no_say():
    results = []
    for price in ("parameters", "macs"):
        torch.manual_seed(0)
        method = method_of(config(price=price))
        tiny.awake(method.supernet)
        method.teach(batches(), Step(0, 100, seeds.generator(0)))
        results.append(method.chooser.alpha.grad)
    assert torch.equal(*results)
