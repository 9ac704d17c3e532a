"""ProxylessNAS: its three gradients against enumeration, the shift of two paths, the cost, and what moves in a step."""

import copy
import itertools
from contextlib import nullcontext

import pytest
import tiny
import torch
from torch import nn
from torch.nn.functional import cosine_similarity, one_hot

from simplexnas.io import seeds
from simplexnas.io.errors import SimplexNASError
from simplexnas.methods import gumbel, objective, proxyless
from simplexnas.methods.choose import method_of
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.proxyless import GRADIENTS, draw_pairs, hard_gates, two_paths
from simplexnas.methods.settings import preset
from simplexnas.network.architecture import Architecture
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace
from simplexnas.tasks.task import Shape
from simplexnas.training.optimizers import Optimizers

SPACE = SearchSpace(channels=2, nodes=2, shape=Shape(channels=1, size=8, classes=10))  # 10 genotype edges
SMALL = {"space": SPACE, "batch_size": 8, "train_images": 160, "epochs": 20}  # 360 steps
LATER = 180  # number of a step in which the logits learn
LOGITS = torch.tensor([0.3, -0.5, 1.0], dtype=torch.float64)
OUTPUTS = torch.tensor([1.5, -0.7, 0.4], dtype=torch.float64)  # of the operations of one edge

every_gradient = pytest.mark.parametrize("gradient", GRADIENTS)


def config(**changes):
    return preset("default", "proxyless", **(SMALL | changes))


def made(**changes):
    """A method in training, in float64, whose classifier tells images apart, with logits of its own."""
    torch.manual_seed(0)
    method = method_of(config(**changes)).train().double()
    tiny.awake(method.supernet)
    with torch.no_grad():
        method.chooser.alpha.normal_()
    return method


def batches(n: int = 8, seed: int = 0) -> list[Batch]:
    random = torch.Generator().manual_seed(seed)
    shape = (n, 1, 8, 8)
    return [Batch(torch.randn(shape, generator=random, dtype=torch.float64), torch.arange(n) % 10) for _ in range(2)]


def step_of(number: int = LATER, steps: int = 360) -> Step:
    return Step(number, steps, seeds.generator(0, number))


def optimizers_of(method) -> Optimizers:
    return Optimizers(method.supernet, method.config, method.config.steps, None, method.chooser_optimizer())


def expected_gates(loss) -> torch.Tensor:
    """Mean gradient of one edge's logits over its gates, all enumerated, for a loss of the gates: (3,)."""
    logits = LOGITS.clone().requires_grad_()
    p = torch.softmax(logits, dim=0)
    mean = sum(p[m].detach() * loss(hard_gates(p[None], torch.tensor([m]))[0]) for m in range(3))
    return torch.autograd.grad(mean, logits)[0]


def true_gradient(loss) -> torch.Tensor:
    """Of E[loss(gates)] for one edge's logits: (3,)."""
    logits = LOGITS.clone().requires_grad_()
    p = torch.softmax(logits, dim=0)
    mean = sum(p[m] * loss(torch.eye(3, dtype=torch.float64)[m]) for m in range(3))
    return torch.autograd.grad(mean, logits)[0]


def test_the_gate_gradient_is_exact_for_linear_losses():
    assert torch.allclose(expected_gates(lambda g: g @ OUTPUTS), true_gradient(lambda g: g @ OUTPUTS), atol=1e-12)


def test_the_gate_gradient_lacks_a_known_part_for_quadratic_losses():
    def loss(g):
        return (g @ OUTPUTS - 0.2) ** 2 / 2

    p = torch.softmax(LOGITS, dim=0)
    h = (OUTPUTS - p @ OUTPUTS) ** 2 / 2
    assert torch.allclose(true_gradient(loss) - expected_gates(loss), p * (h - p @ h), atol=1e-12)


def test_gates_are_exactly_open_or_shut():
    p = torch.softmax(torch.randn(200, 3, generator=torch.Generator().manual_seed(0)), dim=-1).requires_grad_()
    choice = torch.arange(200) % 3
    assert torch.equal(hard_gates(p, choice), one_hot(choice, 3).float())


def test_the_gate_gradient_of_a_network_is_the_formula():
    """Value of the one path; gradient through softmax(alpha) from those of all gates, also of shut ones."""
    method, given = made(), batches()
    alpha = method.chooser.alpha
    choice = gumbel.hard_sample(alpha.detach(), step_of().random)
    gates = one_hot(choice, 3).double().requires_grad_()
    loss = objective.cross_entropy(method.supernet(given[1].images, gates.expand(8, -1, -1)), given[1].labels)
    (h,) = torch.autograd.grad(loss, gates)
    p = torch.softmax(alpha.detach(), dim=-1)
    value, _ = method.gate(given[1], step_of().random)
    path = objective.cross_entropy(method.supernet(given[1].images, choice.tolist()), given[1].labels)
    assert value.item() == pytest.approx(path.item(), rel=1e-10)
    method.teach(given, step_of())
    assert torch.allclose(alpha.grad, p * (h - (p * h).sum(dim=1, keepdim=True)), rtol=1e-9, atol=1e-13)
    assert alpha.grad.sum(dim=1).abs().max() < 1e-12 and (alpha.grad != 0).all()


def test_pairs_are_drawn_without_replacement():
    n, p = 40_000, torch.softmax(LOGITS, dim=0)
    pairs = draw_pairs(LOGITS.expand(n, -1), torch.Generator().manual_seed(0))
    assert (pairs[:, 0] != pairs[:, 1]).all()
    for i, j in itertools.combinations(range(3), 2):
        expected = p[i] * p[j] * (1 / (1 - p[i]) + 1 / (1 - p[j]))
        share = ((pairs == i).any(dim=1) & (pairs == j).any(dim=1)).double().mean()
        assert abs(share - expected) < 0.01, "40,000 draws: standard error below 0.0025"


@pytest.mark.parametrize("k", [2, 3])
def test_two_paths_have_an_expectation_of_their_own(k):
    """For linear losses the sum over j of P_ij q_i q_j (o_i - o_j): the true gradient of two operations, not of three.

    The pairs are enumerated: `draw_pairs` gives each of them with the probability that the test above checks.
    """
    logits = LOGITS[:k].clone().requires_grad_()
    p, o = torch.softmax(logits.detach(), dim=0), OUTPUTS[:k]
    mean, expected = torch.zeros(k, dtype=torch.float64), torch.zeros(k, dtype=torch.float64)
    for i, j in itertools.combinations(range(k), 2):
        pair, chance = torch.tensor([i, j]), p[i] * p[j] * (1 / (1 - p[i]) + 1 / (1 - p[j]))
        q = torch.softmax(logits[pair], dim=0)
        for active in range(2):
            loss = hard_gates(q[None], torch.tensor([active]))[0] @ o[pair]
            mean += chance * q[active].detach() * torch.autograd.grad(loss, logits, retain_graph=True)[0]
        change = chance * p[i] * p[j] / (p[i] + p[j]) ** 2 * (o[i] - o[j])
        expected[i] += change
        expected[j] -= change
    true = p * (o - p @ o)
    assert torch.allclose(mean, expected, atol=1e-12) and mean.sum().abs() < 1e-12
    if k == 2:
        assert torch.allclose(mean, true, atol=1e-12)
    else:
        assert 0.9 < cosine_similarity(mean, true, dim=0) < 0.9999


def test_of_a_pair_the_softmax_of_the_two_opens_one(monkeypatch):
    """A fresh draw: the first of a pair is another thing, more often the more probable one."""
    method, seen = made(gradient="two_path"), {}
    method.chooser.alpha = nn.Parameter(LOGITS.expand(20_000, -1))
    method.supernet.forward = lambda *_: torch.zeros(8, 10)
    monkeypatch.setattr(proxyless, "hard_gates", lambda q, choice: seen.update(q=q, choice=choice))
    monkeypatch.setattr(proxyless, "two_paths", lambda *_: nullcontext())
    method.two_path(batches()[1], torch.Generator().manual_seed(0))
    pairs, q, choice = method.moving[0], seen["q"].detach(), seen["choice"]
    two_largest = (pairs.sort(dim=1).values == torch.tensor([0, 2])).all(dim=1)
    largest = (pairs.gather(1, choice[:, None])[:, 0] == 2)[two_largest].double().mean()
    expected = torch.softmax(LOGITS[[0, 2]], dim=0)[1]
    assert torch.allclose(q, torch.softmax(LOGITS[pairs], dim=1))
    assert abs(largest - expected) < 0.02, "more than 8,000 draws: standard error below 0.006"


def test_two_paths_are_the_mixture_of_two_and_run_no_third():
    """Value and gradient, with edges that share what leaves a node and cells that share a genotype."""
    network, images = made().supernet, batches()[0].images
    random = torch.Generator().manual_seed(1)
    pairs = draw_pairs(torch.zeros(10, 3), random)
    assert len(set(pairs[:, 0].tolist())) == 3, "each operation is somewhere the first of a pair"
    gates = torch.rand(10, 2, generator=random, dtype=torch.float64).requires_grad_()
    mixture = torch.zeros(10, 3, dtype=torch.float64).scatter(-1, pairs, gates)
    ran = []
    hooks = [
        part.register_forward_hook(lambda *_, place=(cell, name): ran.append(place))
        for cell, each in enumerate(network.cells)
        for name, part in each.edge_parts.items()
    ]
    with two_paths(network, pairs, gates):
        found = network(images, pairs[:, 0].tolist())
    for hook in hooks:
        hook.remove()
    expected = network(images, mixture.expand(8, -1, -1))
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-12)
    weights = torch.randn(found.shape, generator=random, dtype=torch.float64)
    gradients = [torch.autograd.grad((value * weights).sum(), gates)[0] for value in (found, expected)]
    assert torch.allclose(*gradients, rtol=1e-8, atol=1e-12)
    allowed = {
        (cell, f"{target}<-{source}/{SPACE.operations[m]}")
        for cell, part in enumerate(network.parts)
        for (target, source), pair in zip(network.cells[cell].edges, pairs[part].tolist(), strict=True)
        for m in pair
    }
    assert set(ran) == allowed and len(ran) == len(allowed) == 30
    plain = network(images, pairs[:, 0].tolist())
    assert not torch.allclose(plain, found) and torch.equal(plain, network(images, pairs[:, 0].tolist()))


def test_a_step_of_two_logits_leaves_the_others_their_probabilities():
    method = made(gradient="two_path", cost_weight=0.3)
    alpha, optimizers = method.chooser.alpha, optimizers_of(method)
    for number in (LATER, LATER + 9, LATER + 18):
        before, p = alpha.detach().clone(), torch.softmax(alpha.detach(), dim=-1)
        method.teach(batches(seed=number), step_of(number))
        pairs = method.moving[0]
        drawn = torch.zeros(10, 3, dtype=torch.bool).scatter(-1, pairs, True)
        assert (alpha.grad[~drawn] == 0).all() and (alpha.grad[drawn] != 0).all()
        assert alpha.grad.sum(dim=1).abs().max() < 1e-12
        optimizers.choose()
        after = torch.softmax(alpha.detach(), dim=-1)
        assert torch.equal(alpha.detach()[~drawn], before[~drawn]) and (alpha[drawn] != before[drawn]).all()
        assert (after - p)[~drawn].abs().max() < 1e-15 and (after != p)[drawn].all()
        assert method.moving is None
        kept = alpha.detach().clone()
        method.teach(batches(), step_of(number + 1))
        optimizers.choose()
        assert torch.equal(alpha, kept), "between its steps the choice rests"


def test_logits_without_a_gradient_do_not_move():
    method = made(gradient="two_path")
    alpha, optimizer = method.chooser.alpha, method.chooser_optimizer()
    alpha.grad = torch.randn(10, 3, dtype=torch.float64)
    optimizer.step()
    before = alpha.detach().clone()
    alpha.grad[:, 1] = 0
    optimizer.step()
    assert torch.equal(alpha[:, 1], before[:, 1]) and (alpha[:, ::2] != before[:, ::2]).all()


@pytest.mark.parametrize("name", ["choice_beta1", "choice_decay"])
def test_two_paths_refuse_what_moves_the_others(name):
    assert config(**{name: 0.5}).gradient == "gate"
    with pytest.raises(SimplexNASError, match=rf"{name} = 0.5; allowed: 0 with gradient two_path"):
        config(gradient="two_path", **{name: 0.5})


def test_reinforce_is_unbiased(monkeypatch):
    """On two edges, with each of the 81 outcomes of two networks enumerated, whatever their losses."""
    method = made(gradient="reinforce")
    alpha = nn.Parameter(torch.randn(2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    method.chooser.alpha = alpha
    table = torch.randn(3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    method.supernet.forward = lambda _, choice: table[choice[0], choice[1]]
    p = torch.softmax(alpha, dim=-1)
    chance = p[0, :, None] * p[1]
    (expected,) = torch.autograd.grad((chance * table).sum(), alpha)
    monkeypatch.setattr(proxyless, "NETWORKS", 2)
    monkeypatch.setattr(objective, "cross_entropy", lambda outputs, _: outputs)
    mean = torch.zeros(2, 3, dtype=torch.float64)
    for a, b, c, d in itertools.product(range(3), repeat=4):
        monkeypatch.setattr(gumbel, "hard_sample", lambda *_, drawn=((a, b), (c, d)): torch.tensor(drawn))
        term, q = method.reinforce(batches()[1], None)
        assert term == 0 and torch.equal(q, torch.softmax(alpha, dim=-1))
        mean += (chance[a, b] * chance[c, d]).item() * torch.autograd.grad(term, alpha)[0]
    assert torch.allclose(mean, expected, atol=1e-12) and expected.abs().max() > 0.01


def test_reinforce_runs_ten_networks_forward_only(monkeypatch):
    method, ran = made(gradient="reinforce"), []
    kept = method.supernet.forward
    method.supernet.forward = lambda images, choice: ran.append(choice) or kept(images, choice)
    method.teach(batches(), step_of())
    assert len(ran) == 10 and len({tuple(choice) for choice in ran}) > 1
    assert all(isinstance(choice, list) for choice in ran), "hard paths"
    assert method.chooser.alpha.grad.abs().max() > 0


def test_the_cost_is_relative_to_equal_probabilities():
    method = made(cost_weight=0.3)
    p = torch.softmax(method.chooser.alpha.detach(), dim=-1)
    equal, ce = torch.full_like(p, 1 / 3), torch.tensor(2.0)
    table = torch.tensor(cost.edge_parameters(SPACE)).double()
    change = (p * table).sum() / (equal * table).sum() - 1
    assert method.with_cost(ce, equal).item() == pytest.approx(2.0, abs=1e-6)
    assert method.with_cost(ce, p).item() == pytest.approx(2.0 + 0.3 * change.item(), rel=1e-6) and abs(change) > 0.01
    assert method.loss(batches(), step_of())["cost"].item() == pytest.approx(1 + change.item(), rel=1e-6)


def test_two_paths_price_all_operations():
    """The value is that of all; the gradient is of what the pair can change, its own share."""
    method = made(gradient="two_path")
    alpha = method.chooser.alpha
    _, p = method.two_path(batches()[1], torch.Generator().manual_seed(0))
    assert torch.allclose(p, torch.softmax(alpha, dim=-1), atol=1e-15)
    (gradient,) = torch.autograd.grad(method.relative_cost(p), alpha)
    pairs = method.moving[0]
    own, unit = p.detach().gather(-1, pairs), cost.edge_parameters(SPACE)
    table = torch.tensor(3 * unit / unit.sum()).gather(-1, pairs)
    change = own.prod(dim=1) / own.sum(dim=1) * (table[:, 0] - table[:, 1])
    expected = torch.zeros(10, 3, dtype=torch.float64).scatter(-1, pairs, torch.stack([change, -change], dim=1))
    assert torch.allclose(gradient, expected, rtol=1e-5, atol=1e-12)


@every_gradient
@pytest.mark.parametrize("kind", ["parameters", "macs"])
def test_by_the_cost_alone_every_edge_takes_what_costs_least(gradient, kind):
    """The classifier is at 0, so that the cross-entropy is ln 10 whatever the logits."""
    method = method_of(config(gradient=gradient, cost_weight=0.1, price=kind)).train()
    given = [Batch(images.float(), labels) for images, labels in batches(2)]
    optimizer = method.chooser_optimizer()
    for number in range(0, 360, 9):
        method.teach(given, step_of(number))
        optimizer.step()
        optimizer.zero_grad()
    p = torch.softmax(method.chooser(), dim=-1).detach().numpy()
    costs = cost.edge_parameters(SPACE) if kind == "parameters" else cost.edge_macs(SPACE)
    least = costs == costs.min(axis=1, keepdims=True)
    assert (p[~least] < 0.15).all() and (p * least).sum(axis=1).min() > 0.8
    chosen = method.architecture().operations
    assert all(least[edge, m] for edge, m in enumerate(chosen))


@every_gradient
def test_without_a_weight_the_cost_has_no_say(gradient):
    results = {}
    for weight, price in itertools.product((0.0, 0.1), ("parameters", "macs")):
        method = made(gradient=gradient, cost_weight=weight, price=price)
        method.teach(batches(), step_of())
        results[weight, price] = method.chooser.alpha.grad
    assert torch.equal(results[0.0, "parameters"], results[0.0, "macs"]) and results[0.0, "macs"].abs().max() > 0
    assert not torch.allclose(results[0.1, "parameters"], results[0.1, "macs"])


@every_gradient
def test_a_step_moves_the_logits_first_and_leaves_no_trace(gradient):
    method = made(gradient=gradient)
    before = {name: value.clone() for name, value in method.supernet.state_dict().items()}
    alpha, start = method.chooser.alpha, method.chooser.alpha.detach().clone()
    step, optimizers = step_of(), optimizers_of(method)
    method.teach(batches(), step)
    assert all(torch.equal(value, before[name]) for name, value in method.supernet.state_dict().items())
    assert all(weight.grad is None for weight in method.supernet.parameters())
    optimizers.choose()
    kept = alpha.detach().clone()
    assert not torch.equal(kept, start)
    method.loss(batches(), step)["loss"].backward()
    optimizers.step()
    assert alpha.grad is None and torch.equal(alpha, kept)


def test_only_the_path_of_a_step_moves():
    """Bit by bit: what earlier steps moved has momentum, and stays all the same."""
    method = made()
    optimizers, resting = optimizers_of(method), 0
    for number in range(3):
        chosen = gumbel.hard_sample(method.chooser.alpha.detach(), step_of(number).random).tolist()
        before = {name: value.clone() for name, value in method.supernet.named_parameters()}
        method.loss(batches(seed=number), step_of(number))["loss"].backward()
        path = {name for name, _ in Architecture(SPACE, chosen).build().named_parameters()}
        resting += len(before) - len(path)
        for name, weight in method.supernet.named_parameters():
            assert (weight.grad is not None) == (name in path), name
        optimizers.step()
        for name, weight in method.supernet.named_parameters():
            assert torch.equal(weight, before[name]) == (name not in path), name
    assert resting > 0


def test_logits_and_weights_learn_from_images_of_their_own():
    method, (weights, choices) = made(), batches()
    gradients = []
    for given in ([weights, choices], [choices, choices], [weights, weights]):
        method.teach(given, step_of())
        gradients.append(method.chooser.alpha.grad)
    assert torch.equal(gradients[0], gradients[1]) and not torch.equal(gradients[0], gradients[2])
    losses = [method.loss(given, step_of())["loss"] for given in ([weights, choices], [weights, weights])]
    assert torch.equal(*losses)


def test_in_the_warm_up_paths_are_uniform_and_logits_rest():
    settings = config()
    taught = [number for number in range(settings.steps) if settings.chooses(step_of(number))]
    assert taught == list(range(90, 360, 9))
    assert len(taught) * settings.choice_learning_rate == pytest.approx(settings.travel)
    method = method_of(settings).train()
    assert (method.chooser.alpha == 0).all()
    for number in (0, 81, 91):
        method.teach(batches(), step_of(number))
        assert method.chooser.alpha.grad is None
    paths = []
    method.supernet.forward = lambda _, choice: paths.append(choice) or torch.zeros(8, 10)
    numbers = [method.loss(batches(), step_of(number)) for number in range(600)]
    shares = one_hot(torch.tensor(paths), 3).double().mean(dim=0)
    assert (shares - 1 / 3).abs().max() < 0.08, "600 paths: standard error 0.019"
    assert numbers[0]["entropy"].item() == pytest.approx(1.0986, abs=1e-4) and numbers[0]["cost"] == pytest.approx(1.0)


@every_gradient
def test_a_resumed_training_repeats_an_uninterrupted_one(gradient):
    """From a checkpoint's contents, in the middle of the logits' steps."""
    changes = {"gradient": gradient, "cost_weight": 0.1, "choice_share": 0.4, "epochs": 1}  # 12 steps, each second

    def go_on(method, optimizers, numbers):
        for number in numbers:
            step, given = step_of(number, 12), batches(seed=number)
            method.teach(given, step)
            optimizers.choose()
            method.loss(given, step)["loss"].backward()
            optimizers.step()

    whole = made(**changes)
    optimizers = optimizers_of(whole)
    go_on(whole, optimizers, range(7))
    again = method_of(config(**changes)).train().double()
    others = optimizers_of(again)
    again.load_state_dict(whole.state_dict())
    others.load_state_dict(copy.deepcopy(optimizers.state_dict()))  # it takes tensors over as they are
    for method, own in ((whole, optimizers), (again, others)):
        before = method.chooser.alpha.detach().clone()
        go_on(method, own, range(7, 12))
        assert not torch.equal(method.chooser.alpha, before)
    tiny.assert_same_tensors(whole, again)


def test_published_settings():
    settings = preset("default", "proxyless")
    assert (settings.gradient, settings.cost_weight, settings.choice_every) == ("gate", 0.0, 9)
    assert [len(part) for part in settings.parts] == [49_500, 5_500]
    group = made().chooser_optimizer().param_groups[0]
    assert group["betas"] == (0.0, 0.999) and group["weight_decay"] == 0
    with pytest.raises(SimplexNASError, match="gradient = 'full'; allowed: gate, two_path, reinforce"):
        config(gradient="full")
