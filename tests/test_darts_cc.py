"""DARTS-CC: logits along the knob, the price of a parameter, the noise of a step, and what moves in it."""

from functools import partial

import numpy as np
import pytest
import tiny
import torch
from scipy import stats
from torch.func import functional_call

from simplexnas.io import seeds
from simplexnas.io.errors import SimplexNASError
from simplexnas.methods import darts_cc, gumbel, objective
from simplexnas.methods.bilevel import still_statistics
from simplexnas.methods.choose import method_of
from simplexnas.methods.darts import unrolled
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.settings import preset
from simplexnas.network.architecture import Architecture
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks.task import Shape
from simplexnas.training.optimizers import Optimizers

SPACE = SearchSpace(channels=2, nodes=1, shape=Shape(channels=1, size=8, classes=10))  # 4 genotype edges
SMALL = {"space": SPACE, "batch_size": 8, "train_images": 160, "epochs": 20}  # 200 steps
CONVOLUTION = 2


def config(**changes):
    return preset("default", "darts_cc", **(SMALL | changes))


def made(**changes):
    """An untrained method in float64 with tables of its own, whose classifier tells images apart, in training."""
    torch.manual_seed(0)
    method = method_of(config(**changes)).double().train()
    tiny.awake(method.supernet)
    with torch.no_grad():
        method.chooser.tables.normal_(generator=torch.Generator().manual_seed(1))
    return method


def batches(n: int = 8) -> list[Batch]:
    random = torch.Generator().manual_seed(0)
    return [Batch(torch.randn(n, 1, 8, 8, generator=random).double(), torch.arange(n) % 10) for _ in range(2)]


def step_of(number: int = 0, steps: int = 200) -> Step:
    return Step(number, steps, seeds.generator(0, number))


def at(monkeypatch, place: float) -> None:
    """Every step has its lambda there."""
    monkeypatch.setattr(darts_cc, "place_of", lambda step: place)


def still_noise(monkeypatch) -> torch.Tensor:
    """Whatever the generator, batches of 8 have this noise: (8, 4, 3)."""
    noise = gumbel.gumbel_noise((8, 4, 3), torch.Generator().manual_seed(2)).double()
    monkeypatch.setattr(gumbel, "gumbel_noise", lambda shape, generator=None: noise)
    return noise


def short_difference(monkeypatch) -> None:
    """The second order's difference is so short that it meets no kink of so small a network: 0.01 would, and often."""
    monkeypatch.setattr(darts_cc, "unrolled", partial(unrolled, epsilon=1e-6))


def learn_from(monkeypatch, method, cross_entropy) -> None:
    """Train the tables to the end, without images: cross_entropy is a function of probabilities (E, k)."""

    def of_toy(of_step, weights, choices, *_):
        return [torch.autograd.grad(cross_entropy(torch.softmax(method.chooser(place[0]), dim=-1)), choices[0])[0]]

    place, kept = [0.0], darts_cc.place_of
    monkeypatch.setattr(darts_cc, "place_of", lambda step: place.__setitem__(0, kept(step)) or place[0])
    monkeypatch.setattr(darts_cc, "unrolled", of_toy)
    optimizer = method.chooser_optimizer()
    for number in range(method.config.steps):
        method.teach([None, None], step_of(number, method.config.steps))
        optimizer.step()
        optimizer.zero_grad()


# Logits along the knob


def test_at_knots_the_logits_are_tables_and_between_them_on_a_line():
    chooser = made().chooser
    for knot in range(5):
        assert torch.equal(chooser(knot / 4), chooser.tables[knot])
    for left in range(4):
        middle, nearer = chooser((left + 0.5) / 4), chooser((left + 0.25) / 4)
        first, second = chooser.tables[left], chooser.tables[left + 1]
        assert torch.allclose(middle, (first + second) / 2) and torch.allclose(nearer, 0.75 * first + 0.25 * second)


def test_the_logits_jump_nowhere():
    chooser = made().chooser
    steepest = 4 * chooser.tables.diff(dim=0).abs().max().item()
    curve = torch.stack([chooser(place) for place in np.linspace(0, 1, 2001)])
    assert curve.diff(dim=0).abs().max() <= 1.001 * steepest / 2000


def test_the_architecture_has_the_largest_logits_at_the_knob():
    method = made()
    with torch.no_grad():
        method.chooser.tables.zero_()
        method.chooser.tables[2, :, 0] = 3.0
        method.chooser.tables[3, :, CONVOLUTION] = 1.0
    for knob, operation in ((0.5, 0), (0.68, 0), (0.69, 2), (0.75, 2)):  # they are equal at 3/4 of the piece, 0.6875
        assert method.architecture(method.knob(knob)) == Architecture(SPACE, [operation] * 4)


# lambda


def test_lambda_is_uniform_in_its_logarithm_and_one_in_a_step():
    places = [darts_cc.place_of(step_of(number)) for number in range(1000)]
    assert stats.kstest(places, "uniform").pvalue > 0.01
    step = step_of(3)
    torch.rand(5, generator=step.random)
    assert darts_cc.place_of(step) == places[3], "what else was drawn does not matter"
    assert darts_cc.place_of(Step(3, 200, seeds.generator(1, 3))) != places[3]
    assert made().loss(batches(), step)["place"] == places[3]
    method = made()
    for place, price in ((0, 1e-8), (0.25, 1e-7), (0.5, 1e-6), (1, 1e-4)):
        assert method.price(place) == pytest.approx(price)


def test_tables_and_weights_learn_at_the_same_lambda():
    method, seen = made(order=2), []
    method.chooser.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    method.teach(batches(), step_of(7))
    taught = len(seen)
    method.loss(batches(), step_of(7))
    assert 5 <= taught < len(seen) and set(seen) == {darts_cc.place_of(step_of(7))}


# The penalty


def test_the_gradient_of_the_penalty():
    method = made()
    P = torch.tensor(cost.edge_parameters(SPACE)).double()
    p = torch.softmax(method.chooser.tables[3].detach(), dim=-1)
    (found,) = torch.autograd.grad(method.penalty(0.75), method.chooser.tables)
    expected = 1e-5 * p * (P - (p * P).sum(dim=1, keepdim=True))
    assert torch.allclose(found[3], expected, rtol=1e-5, atol=1e-12) and not found[[0, 1, 2, 4]].any()


def test_the_penalty_of_a_network_is_lambda_for_each_parameter():
    """Of both reduction cells."""
    space = SearchSpace(channels=4, cells=4, nodes=2)  # two normal cells as well
    method = method_of(config(space=space))
    for chosen in tiny.choices(space, 3):
        with torch.no_grad():
            method.chooser.tables[2] = 100.0 * torch.nn.functional.one_hot(torch.tensor(chosen), 3)
        expected = 1e-6 * Architecture(space, chosen).edge_parameters
        assert method.penalty(0.5).item() == pytest.approx(expected, rel=1e-5)


def test_lambda_means_the_same_for_every_price():
    space = SearchSpace()
    edges = len(genotype_edges(space))
    times = np.random.default_rng(0).uniform(0.1, 1, size=(edges, 3)).tolist()
    for changes in ({}, {"price": "macs"}, {"price": "latency", "milliseconds": times}):
        method = method_of(config(space=space, **changes))
        assert method.penalty(0.5).item() == pytest.approx(1e-6 * 219_712 / 3, rel=1e-5)
    one_hot = torch.zeros(edges, 3)
    one_hot[:, 0] = 100.0
    with torch.no_grad():
        method.chooser.tables[2] = one_hot
    share = np.array(times)[:, 0].sum() / np.array(times).mean(axis=1).sum()
    assert method.penalty(0.5).item() == pytest.approx(share * 1e-6 * 219_712 / 3, rel=1e-5)


def test_by_the_penalty_alone_only_operations_without_parameters_remain(monkeypatch):
    space = SearchSpace()
    method = method_of(config(space=space, choice_decay=0.0, travel=20.0))
    learn_from(monkeypatch, method, lambda p: 0.0 * p.sum())
    free = torch.tensor(cost.edge_parameters(space) == 0)
    assert (~free[:, 1]).sum() == 8 and not free[:, CONVOLUTION].any()
    for knob in method.knobs(0.25):
        p = torch.softmax(method.chooser(knob), dim=-1)
        assert (p[~free] < 0.05).all()
        assert torch.allclose(p[free[:, 1], 0], p[free[:, 1], 1]), "nothing tells them apart"
        assert method.architecture(knob).total_parameters == 20_506


def test_a_larger_lambda_takes_convolutions_where_they_are_worth_less(monkeypatch):
    """Every other edge's pay up to lambda = 3e-6, between knots 1/2 and 3/4, the others' up to 3e-5."""
    space = tiny.SPACE
    method = method_of(config(space=space, epochs=40, choice_decay=0.0, travel=20.0))
    least = torch.tensor([3e-6, 3e-5]).repeat(5)
    worth = least * torch.tensor(cost.edge_parameters(space)[:, CONVOLUTION])
    learn_from(monkeypatch, method, lambda p: -(worth * p[:, CONVOLUTION]).sum())
    architectures = [method.architecture(knob) for knob in method.knobs(0.25)]
    takes = [[m == CONVOLUTION for m in each.operations] for each in architectures]
    assert takes == [[True] * 10] * 3 + [[False, True] * 5] + [[False] * 10]
    sizes = [each.edge_parameters for each in architectures]
    assert sizes[2] > sizes[3] > sizes[4] == 0


def test_without_a_price_the_cost_and_the_knob_have_no_say(monkeypatch):
    found = {}
    for price in ("parameters", "macs"):
        for lambda_ in (1e-300, 1e-6):
            method = made(price=price, lambda_least=lambda_, lambda_most=lambda_)
            method.teach(batches(), step_of())
            found[price, lambda_] = method.chooser.tables.grad
    assert torch.equal(found["parameters", 1e-300], found["macs", 1e-300])
    assert not torch.equal(found["parameters", 1e-6], found["macs", 1e-6])
    with torch.no_grad():
        method.chooser.tables[:] = method.chooser.tables[:1].clone()
    losses = []
    for place in (0.1, 0.9):
        at(monkeypatch, place)
        losses.append(method.loss(batches(), step_of())["loss"].item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)


# The gradient of the cross-entropy


def by_hand(method, batch: Batch, noise: torch.Tensor, logits: torch.Tensor, weights=None) -> torch.Tensor:
    """Cross-entropy at temperature 1, with other weights than the supernet's if given."""
    gates = torch.softmax(logits + noise, dim=-1)
    weights = dict(method.supernet.named_parameters()) if weights is None else weights
    return objective.cross_entropy(functional_call(method.supernet, weights, (batch.images, gates)), batch.labels)


def test_first_order_at_a_knot_is_the_gradient_of_plain_relaxed_samples(monkeypatch):
    at(monkeypatch, 0.5)
    noise, method = still_noise(monkeypatch), made(lambda_least=1e-300, lambda_most=1e-300)
    logits = method.chooser.tables[2].detach().clone().requires_grad_()
    (expected,) = torch.autograd.grad(by_hand(method, batches()[1], noise, logits), logits)
    method.teach(batches(), step_of())
    found = method.chooser.tables.grad
    assert torch.allclose(found[2], expected, rtol=1e-9, atol=1e-14) and not found[[0, 1, 3, 4]].any()
    assert expected.norm() > 1e-4 and expected.sum(dim=1).abs().max() < 1e-12


def test_between_knots_two_tables_share_the_gradient(monkeypatch):
    at(monkeypatch, 0.3)
    method = made()
    method.teach(batches(), step_of())
    found = method.chooser.tables.grad
    assert torch.allclose(found[2], found[1] * 0.2 / 0.8) and found[1].any() and not found[[0, 3, 4]].any()


def test_second_order_is_the_gradient_through_the_step_under_the_same_noise(monkeypatch):
    at(monkeypatch, 0.5)
    short_difference(monkeypatch)
    noise, method = still_noise(monkeypatch), made(order=2)
    train, validation = batches()
    logits = method.chooser.tables[2].detach().clone().requires_grad_()
    names, own = zip(*method.supernet.named_parameters(), strict=True)
    step = torch.autograd.grad(by_hand(method, train, noise, logits), own, create_graph=True)

    def after(steps) -> torch.Tensor:
        weights = {name: w - darts_cc.XI_START * s for name, w, s in zip(names, own, steps, strict=True)}
        loss = by_hand(method, validation, noise, logits, weights)
        return torch.autograd.grad(loss, logits)[0]

    first, exact = after([each.detach() for each in step]), after(step)
    (of_penalty,) = torch.autograd.grad(method.penalty(0.5), method.chooser.tables)
    found = (method.gradient(train, validation, step_of()) - of_penalty)[2]
    assert (found - exact).norm() < 1e-4 * (exact - first).norm() and (exact - first).norm() > 0.01 * exact.norm()


def test_the_same_noise_in_all_passes_of_a_step_keeps_the_second_order_from_drowning(monkeypatch):
    """The difference of two gradients under different noise, divided by a small number, says nothing."""
    at(monkeypatch, 0.5)
    short_difference(monkeypatch)
    method = made(order=2)

    def variance() -> float:
        with still_statistics(method.supernet):
            found = [method.gradient(*batches(), step_of(number)) for number in range(8)]
        return torch.stack(found).var(dim=0).sum().item()

    reused = variance()
    assert torch.equal(*(method.gradient(*batches(), step_of(3)) for _ in range(2)))
    kept, fresh = gumbel.gumbel_noise, torch.Generator().manual_seed(0)
    monkeypatch.setattr(gumbel, "gumbel_noise", lambda shape, generator=None: kept(shape, fresh))
    assert variance() > 1e6 * reused > 0


def test_images_and_steps_have_noise_of_their_own_and_the_temperature_falls(monkeypatch):
    method, seen = made(), []
    kept = gumbel.gumbel_softmax
    spied = lambda logits, t, generator: seen.append((t, kept(logits, t, generator))) or seen[-1][1]  # noqa: E731
    monkeypatch.setattr(gumbel, "gumbel_softmax", spied)
    at(monkeypatch, 0.5)
    for number in (0, 1, 49):
        method.loss(batches(), step_of(number, 50))
    assert [t for t, _ in seen] == pytest.approx([1, 0.984, 0.216])
    gates = seen[0][1]
    assert gates.shape == (8, 4, 3) and not torch.allclose(gates[0], gates[1])
    assert seen[2][1].max(dim=-1).values.mean() > gates.max(dim=-1).values.mean()
    assert not torch.allclose(gates.argmax(dim=-1).double(), seen[1][1].argmax(dim=-1).double())


# Steps


@pytest.mark.parametrize("order", [1, 2])
def test_a_step_moves_the_tables_first_and_leaves_no_trace(order):
    method = made(order=order)
    settings = method.config
    before = {name: value.clone() for name, value in method.supernet.state_dict().items()}
    tables = method.chooser.tables.detach().clone()
    method.teach(batches(), step_of(5))
    assert all(torch.equal(value, before[name]) for name, value in method.supernet.state_dict().items())
    assert all(weight.grad is None for weight in method.supernet.parameters())
    optimizers = Optimizers(method.supernet, settings, settings.steps, None, method.chooser_optimizer())
    optimizers.choose()
    moved = (method.chooser.tables.detach() - tables).abs().max().item()
    assert moved == pytest.approx(settings.choice_learning_rate, rel=1e-3), "Adam's first step"
    tables = method.chooser.tables.detach().clone()
    result = method.loss(batches(), step_of(5))
    result["loss"].backward()
    assert method.chooser.tables.grad is None and result["cross_entropy"].grad_fn is None
    optimizers.step()
    assert torch.equal(method.chooser.tables, tables)
    moved = [not torch.equal(weight, before[name]) for name, weight in method.supernet.named_parameters()]
    assert all(moved), "a mixture runs every operation"


def test_tables_and_weights_learn_from_images_of_their_own():
    method, (weights, choices) = made(), batches()
    gradients = []
    for given in ([weights, choices], [choices, choices], [weights, weights]):
        method.teach(given, step_of())
        gradients.append(method.chooser.tables.grad)
    assert torch.equal(gradients[0], gradients[1]) and not torch.equal(gradients[0], gradients[2])
    losses = [method.loss(given, step_of())["loss"] for given in ([weights, choices], [weights, weights])]
    assert torch.equal(*losses)


def test_published_settings():
    settings = preset("default", "darts_cc")
    assert (settings.lambda_least, settings.lambda_most, settings.price) == (1e-8, 1e-4, "parameters")
    assert [len(part) for part in settings.parts] == [27_500, 27_500] and settings.choice_every == 1
    group = made().chooser_optimizer().param_groups[0]
    assert group["betas"] == (0.5, 0.999) and group["weight_decay"] == 1e-3
    assert made().chooser.tables.shape == (5, 4, 3)
    assert [darts_cc.xi(progress) for progress in (0, 0.5, 1)] == pytest.approx([0.025, 0.013, 0.001])


def test_ends_in_the_wrong_order_are_refused():
    with pytest.raises(SimplexNASError, match="lambda_most = 1e-09; allowed: from lambda_least, 1e-08"):
        config(lambda_most=1e-9)
    with pytest.raises(SimplexNASError, match=r"knob = 1.5; .*: 0 to 1, the place of log lambda between its ends"):
        made().knob("1.5")
