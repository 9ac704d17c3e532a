"""FBNet: what a network takes, the product that is the loss, its gradient, and what moves in a step."""

import math

import numpy as np
import pytest
import tiny
import torch
from torch.nn import functional

from simplexnas.io import seeds
from simplexnas.io.errors import SimplexNASError
from simplexnas.latency.parts import all_parts
from simplexnas.latency.table import LatencyTable
from simplexnas.methods import gumbel
from simplexnas.methods.choose import method_of
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.settings import preset
from simplexnas.network.architecture import Architecture
from simplexnas.space.search_space import SearchSpace
from simplexnas.tasks.task import Shape
from simplexnas.training.optimizers import Optimizers

SPACE = SearchSpace(channels=2, nodes=1, shape=Shape(channels=1, size=8, classes=10))  # 4 genotype edges
TIMES = [[0.3, 0.1, 0.9], [0.2, 0.6, 0.4], [1.0, 0.7, 0.2], [0.5, 0.3, 0.8]]  # ms
FASTEST = (1, 0, 2, 1)
SMALL = {"space": SPACE, "batch_size": 8, "train_images": 80, "epochs": 20}  # 160 steps


def config(**changes):
    return preset("default", "fbnet", **(SMALL | {"milliseconds": TIMES, "other_milliseconds": 0.5} | changes))


def made(**changes):
    """An untrained method whose classifier tells images apart, in training."""
    torch.manual_seed(0)
    method = method_of(config(**changes)).train()
    tiny.awake(method.supernet)
    return method


def batches(n: int = 8) -> list[Batch]:
    random = torch.Generator().manual_seed(0)
    return [Batch(torch.randn(n, 1, 8, 8, generator=random), torch.arange(n) % 10) for _ in range(2)]


def first_step(steps: int = 160, number: int = 0) -> Step:
    return Step(number, steps, seeds.generator(0, number))


def exact(**changes) -> tuple:
    """A method in float64 with logits of its own, its batches, and the formula's terms by hand at a step half-way.

    Terms: logits, with gradient; gates; CE, Lat, and a log(Lat)^b of each image.
    """
    method = made(**changes).double()
    logits = method.chooser.alpha
    with torch.no_grad():
        logits.normal_(generator=torch.Generator().manual_seed(1))
    given = [Batch(images.double(), labels) for images, labels in batches()]
    step = first_step(number=80)
    gates = gumbel.gumbel_softmax(logits.expand(8, -1, -1), 5 * math.exp(-4.05 / 2), step.random)
    # The weights' batch for both, so that one set of terms serves both steps.
    given[1] = given[0]
    ce = functional.cross_entropy(method.supernet(given[0].images, gates), given[0].labels, reduction="none")
    lat = 500 + (gates * 1000 * torch.tensor(TIMES).double()).sum(dim=(1, 2))
    return method, given, (logits, gates, ce, lat, method.config.a * lat.log() ** method.config.b)


def test_a_network_takes_what_the_latency_table_says():
    """In microseconds per image; linear in between. With one node in a cell no two edges share a part."""
    random, space = np.random.default_rng(0), tiny.FEW_EDGES
    times = {str(part): {"median_ms": random.uniform(0.1, 1)} for part in all_parts(space)}
    fit = [{"sum_of_parts_ms": total, "measured_ms": 1.5 * total + 0.5} for total in (1.0, 2.0, 4.0)]
    table = LatencyTable("invented", space, {"batches": {"2": {"parts": times, "fit": fit}}})
    edges, other = table.additive(2)
    given = {"milliseconds": edges.tolist(), "other_milliseconds": other, "latency_batch": 2}
    method = method_of(config(space=space, **given))
    chosen = torch.cartesian_prod(*[torch.arange(3)] * 4)
    gates = functional.one_hot(chosen, 3).float()
    expected = [1000 / 2 * table.predict(Architecture(space, row), 2) for row in chosen.tolist()]
    assert torch.allclose(method.latency(gates), torch.tensor(expected), rtol=1e-5)
    assert torch.allclose(method.latency((gates[:1] + gates[-1:]) / 2), method.latency(gates)[[0, -1]].mean())
    gates.requires_grad_()
    (gradient,) = torch.autograd.grad(method.latency(gates).sum(), gates)
    assert torch.allclose(gradient[5], torch.from_numpy(edges).float() * 500)


def test_the_loss_is_the_mean_of_the_products():
    """Not the product of the means, and not log(Lat^b)."""
    method, given, (_, _, ce, lat, factor) = exact()
    found = method.loss(given, first_step(number=80))
    assert found["loss"].item() == pytest.approx((ce * factor).mean().item(), rel=1e-6)
    assert found["loss"].item() != pytest.approx((ce.mean() * factor.mean()).item(), rel=1e-6)
    assert found["cross_entropy"].item() == pytest.approx(ce.mean().item())
    assert found["microseconds"].item() == pytest.approx(lat.mean().item()) and not found["cross_entropy"].grad_fn
    assert factor[0].item() == pytest.approx(0.2 * math.log(lat[0].item()) ** 0.6)


@pytest.mark.parametrize("b", [0.6, 2.4])
def test_the_gradient_of_the_logits_is_the_formula(b):
    method, given, (logits, gates, ce, lat, factor) = exact(b=b)
    per_us = (factor * ce * b / (lat * lat.log()))[:, None, None] * 1000 * torch.tensor(TIMES).double()
    (by_ce,) = torch.autograd.grad(ce, logits, factor.detach() / 8, retain_graph=True)
    (by_lat,) = torch.autograd.grad(gates, logits, per_us.detach() / 8)
    method.teach(given, first_step(number=80))
    assert torch.allclose(logits.grad, by_ce + by_lat, rtol=1e-5, atol=1e-12)
    assert min(by_ce.norm(), by_lat.norm()) > 1e-5 * max(by_ce.norm(), by_lat.norm()), "both have a say"
    assert logits.grad.sum(dim=1).abs().max() < 1e-12, "a softmax does not see a constant"


def test_time_weighs_in_the_gradient_of_the_weights_too():
    method, given, (logits, _, ce, _, factor) = exact()
    weight = method.supernet.classifier.weight
    (expected,) = torch.autograd.grad((ce * factor.detach()).mean(), weight)
    method.loss(given, first_step(number=80))["loss"].backward()
    assert torch.allclose(weight.grad, expected, rtol=1e-5, atol=1e-12)
    assert logits.grad is None


def test_the_scale_of_the_loss_moves_no_logit():
    """Adam divides it out: a is no weight of time."""
    ends = []
    for a in (0.2, 0.4):
        method = made(a=a, choice_decay=0.0).double()
        optimizer = method.chooser_optimizer()
        optimizer.param_groups[0]["eps"] = 1e-30
        given = [Batch(images.double(), labels) for images, labels in batches()]
        for number in (20, 24, 28):
            method.teach(given, first_step(number=number))
            optimizer.step()
        ends.append(method.chooser.alpha.detach())
    assert torch.allclose(*ends, rtol=1e-9, atol=0) and ends[0].abs().min() > 0


def test_a_step_moves_the_logits_first_and_leaves_no_trace():
    settings = config()
    method = made()
    before = {name: value.clone() for name, value in method.supernet.state_dict().items()}
    step = first_step(number=20)
    method.teach(batches(), step)
    assert all(torch.equal(value, before[name]) for name, value in method.supernet.state_dict().items())
    assert all(weight.grad is None for weight in method.supernet.parameters())
    optimizers = Optimizers(method.supernet, settings, settings.steps, None, method.chooser_optimizer())
    optimizers.choose()
    alpha = method.chooser.alpha.detach().clone()
    assert alpha.abs().max().item() == pytest.approx(settings.choice_learning_rate, rel=1e-3), "Adam's first step"
    method.loss(batches(), step)["loss"].backward()
    optimizers.step()
    assert method.chooser.alpha.grad is None and torch.equal(method.chooser.alpha, alpha)
    moved = [not torch.equal(weight, before[name]) for name, weight in method.supernet.named_parameters()]
    assert all(moved), "a mixture runs every operation"


def test_logits_and_weights_learn_from_images_of_their_own():
    method, (weights, choices) = made(), batches()
    gradients = []
    for given in ([weights, choices], [choices, choices], [weights, weights]):
        method.teach(given, first_step(number=20))
        gradients.append(method.chooser.alpha.grad)
    assert torch.equal(gradients[0], gradients[1]) and not torch.equal(gradients[0], gradients[2])
    losses = [method.loss(given, first_step())["loss"] for given in ([weights, choices], [weights, weights])]
    assert torch.equal(*losses)


def test_logits_rest_in_the_warm_up_and_then_in_three_steps_of_four():
    settings = config()
    taught = [number for number in range(settings.steps) if settings.chooses(first_step(number=number))]
    assert taught == list(range(20, 160, 4))  # 11 % of 160 steps are 17.6
    assert len(taught) * settings.choice_learning_rate == pytest.approx(settings.travel, rel=0.03)
    method = made()
    for number in (16, 21):
        method.teach(batches(), first_step(number=number))
        assert method.chooser.alpha.grad is None


def test_samples_grow_hard_and_only_then_stand_for_the_probabilities():
    method = method_of(config())
    logits = torch.tensor([2.0, 0.0, -1.0]).expand(4, 3)
    means, largest = [], []
    for number in (0, 159):
        gates = method.gates(logits, 5000, first_step(number=number))
        assert gates.shape == (5000, 4, 3) and torch.allclose(gates.sum(dim=-1), torch.ones(5000, 4))
        assert not torch.equal(gates[0], gates[1]), "noise of its own for each image"
        means.append(gates.mean(dim=(0, 1)))
        largest.append(gates.max(dim=-1).values.mean().item())
    softmax = torch.softmax(logits[0], dim=-1)
    assert torch.allclose(means[1], softmax, atol=0.01), "20,000 draws: standard error below 0.004"
    assert means[0][0] < softmax[0] - 0.2 and largest[0] < 0.6 and largest[1] > 0.95
    assert method.loss(batches(), first_step())["temperature"] == 5
    assert method.loss(batches(), first_step(10**6, 10**6))["temperature"] == pytest.approx(0.0871, abs=1e-4)


def test_by_the_time_alone_every_edge_takes_what_is_fastest():
    """The classifier is at 0, so that the cross-entropy is ln 10 whatever the logits."""
    settings = config(choice_decay=0.0)
    method = method_of(settings).train()
    optimizer = method.chooser_optimizer()
    for number in range(settings.steps):
        method.teach(batches(2), first_step(number=number))
        optimizer.step()
        optimizer.zero_grad()
    p = torch.softmax(method.chooser(), dim=-1).detach()
    assert method.architecture() == Architecture(SPACE, FASTEST) and (p.max(dim=-1).values > 0.8).all()


def test_without_a_power_the_time_has_no_say():
    gradients, losses = [], []
    for milliseconds in (TIMES, [row[::-1] for row in TIMES]):
        method = made(b=0.0, milliseconds=milliseconds)
        method.teach(batches(), first_step(number=20))
        gradients.append(method.chooser.alpha.grad)
        losses.append(method.loss(batches(), first_step())["loss"])
    assert torch.equal(*gradients) and torch.equal(*losses) and gradients[0].abs().max() > 0


def test_published_settings():
    settings = preset("default", "fbnet")
    assert (settings.a, settings.b, settings.price, settings.milliseconds) == (0.2, 0.6, "latency", ())
    assert [len(part) for part in settings.parts] == [44_000, 11_000]
    group = made().chooser_optimizer().param_groups[0]
    assert group["betas"] == (0.9, 0.999) and group["weight_decay"] == 5e-4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"milliseconds": ()}, r"milliseconds; allowed with price 'latency': times above 0 of shape \(4, 3\)"),
        ({"price": "macs", "milliseconds": ()}, "price = 'macs'; allowed: latency"),
        (
            {"other_milliseconds": 0, "latency_batch": 1000},  # 0.8 ms for them
            "the fastest network takes 0.8 microseconds per image; allowed: above 1",
        ),
    ],
    ids=["no times", "no latency", "too fast"],
)
def test_times_without_which_there_is_no_loss(changes, message):
    with pytest.raises(SimplexNASError, match=message) as error:
        method_of(config(**changes))
    assert len(str(error.value).splitlines()) == 1
