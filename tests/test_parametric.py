"""Parametric complexity control: the posterior and its KL, pruning, scores of edges, and what moves in a step."""

import dataclasses
import math

import numpy as np
import pytest
import tiny
import torch
from torch import distributions

from simplexnas.family import Family
from simplexnas.io import seeds
from simplexnas.io.errors import SimplexNASError
from simplexnas.methods import objective, parametric
from simplexnas.methods.choose import method_of
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.parametric import Parametric, Posterior
from simplexnas.methods.settings import preset
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks.task import Shape
from simplexnas.training.optimizers import Optimizers

SPACE = SearchSpace(channels=2, nodes=1, shape=Shape(channels=1, size=8, classes=4))  # 4 genotype edges
POOL, CONVOLUTION = 0, 2


def config(**changes):
    small = {"space": SPACE, "batch_size": 8, "train_images": 64, "epochs": 20}
    return preset("default", "parametric", **(small | changes))


def method_with(**changes) -> Parametric:
    """With a classifier that sees, and weights that depend on the knob."""
    torch.manual_seed(0)
    method = method_of(config(**changes)).train()
    tiny.awake(method.supernet)
    posterior, random = method.supernet.posterior, torch.Generator().manual_seed(1)
    with torch.no_grad():
        for table in (posterior.mean, posterior.log_sigma):
            table[1] = torch.randn(table.shape[1], generator=random) / 3
    return method


def batch(n: int = 8, kind: torch.dtype = torch.float32) -> list[Batch]:
    random = torch.Generator().manual_seed(2)
    return [Batch(torch.randn(n, 1, 8, 8, generator=random).to(kind), torch.arange(n) % 4)]


def step_of(method: Parametric, number: int, seed: int = 0) -> Step:
    return Step(number, method.config.steps, seeds.generator(seed, number))


def test_the_divergence_in_closed_form():
    random = torch.Generator().manual_seed(0)
    mean, log_sigma = torch.randn(2, 50, generator=random, dtype=torch.float64)
    q, prior = distributions.Normal(mean, log_sigma.exp()), distributions.Normal(0.0, 1.0)
    expected = distributions.kl_divergence(q, prior).sum()
    assert parametric.divergence(mean, log_sigma).item() == pytest.approx(expected.item(), rel=1e-12)
    zero = torch.zeros(5, requires_grad=True)
    assert parametric.divergence(zero, zero).item() == 0
    assert not torch.autograd.grad(parametric.divergence(zero, zero), zero)[0].any(), "least there"
    assert parametric.divergence(torch.zeros(1), torch.tensor([-3.0])).item() == pytest.approx(2.501, abs=1e-3)


def test_sampled_weights_have_the_moments_of_local_reparametrisation():
    """Output x w of a draw: mean x mu, variance x^2 sigma^2."""
    random = torch.Generator().manual_seed(0)
    x, mean = torch.tensor([1.0, -2.0, 0.5]).double(), torch.tensor([0.5, 1.0, -1.0]).double()
    log_sigma = torch.tensor([-1.0, 0.0, 0.3]).double()
    output = parametric.sample(mean.expand(400_000, 3), log_sigma, random) @ x
    assert output.mean().item() == pytest.approx((x @ mean).item(), rel=0.01)
    assert output.var().item() == pytest.approx((x**2 @ (2 * log_sigma).exp()).item(), rel=0.01)


def test_the_hypernetwork_is_a_line():
    torch.manual_seed(0)
    weights = torch.randn(7)
    posterior = Posterior(weights)
    for place in (0.0, 1.0):
        mean, log_sigma = posterior(place)
        assert torch.equal(mean, weights) and log_sigma.eq(-3).all(), "at the start the knob has no say"
    with torch.no_grad():
        posterior.mean[1], posterior.log_sigma[1] = torch.randn(2, 7)
    ends, middle = [posterior(0.0), posterior(1.0)], posterior(0.5)
    assert torch.equal(ends[0][0], weights) and torch.equal(ends[0][1], posterior.log_sigma[0])
    assert not torch.allclose(ends[0][0], ends[1][0]) and not torch.allclose(ends[0][1], ends[1][1])
    for one, other, between in zip(*ends, middle, strict=True):
        assert torch.allclose(between, (one + other) / 2, atol=1e-6)


def test_lambda_is_even_in_the_logarithm_and_rises():
    method = method_of(config())
    prices = [method.price(knob) for knob in (0, 0.25, 0.5, 1)]
    assert prices == pytest.approx([1e-4, 1e-3, 1e-2, 1.0])
    assert [method.warmth(progress) for progress in (0, 0.1, 0.2, 0.9)] == [0, 0.5, 1, 1]
    assert method_of(config(kl_warmup=0.0)).warmth(0.0) == 1
    with pytest.raises(SimplexNASError, match=r"lambda_to = 1e-05; allowed: from lambda_from, 0.0001"):
        config(lambda_to=1e-5)


def test_the_posterior_is_of_the_convolutions_on_the_edges():
    method = method_of(preset("default", "parametric"))
    supernet, counts = method.supernet, cost.edge_parameters(SearchSpace())[:, CONVOLUTION]
    assert supernet.edge_of_weight.bincount().tolist() == counts.tolist() and counts.sum() == 178_752
    assert method.structure.total_parameters - counts.sum() == 20_506
    assert supernet.posterior.mean.shape == supernet.posterior.log_sigma.shape == (2, 178_752)
    weights = dict(supernet.named_parameters())
    means = supernet.by_layer(supernet.posterior(0.0)[0])
    assert len(means) == 42 * 4 and all(torch.equal(mean, weights[name]) for name, mean in means.items())
    for name in means:
        cell, _, edge = name.split(".")[1:4]
        target, source = map(int, edge.split("/")[0].split("<-"))
        kind = "reduction" if int(cell) in (1, 2) else "normal"
        row = [tuple(each) for each in genotype_edges(SearchSpace())].index((kind, target, source))
        marked = supernet.by_layer(supernet.edge_of_weight)[name]
        assert marked.eq(row).all()


def test_the_loss_is_that_of_the_sample_and_its_divergence():
    method, number, progress = method_with().double(), 100, 100 / 160
    ((images, labels),) = batch(kind=torch.float64)
    found = method.loss([Batch(images, labels)], step_of(method, number))
    random = seeds.generator(0, number)
    knob = torch.rand((), generator=random).item()
    mean, log_sigma = (table[0] + knob * table[1] for table in (method.supernet.posterior.mean, log_sigma_of(method)))
    q = distributions.Normal(mean, log_sigma.exp())
    draw = mean + q.stddev * torch.randn(len(mean), generator=random)
    other = method.structure.build().double().train()
    weights = method.supernet.state_dict() | method.supernet.by_layer(draw.detach())
    other.load_state_dict({name: weights[name] for name in other.state_dict()})
    cross_entropy = objective.cross_entropy(other(images), labels)
    divergence = distributions.kl_divergence(q, distributions.Normal(0.0, 1.0)).sum()
    assert method.warmth(progress) == 1 and 0 < knob < 1 and found["knob"] == knob
    assert found["cross_entropy"].item() == pytest.approx(cross_entropy.item(), rel=1e-9)
    assert found["kl"].item() == pytest.approx(divergence.item(), rel=1e-9)
    expected = cross_entropy + 1e-4 * 1e4**knob / 64 * divergence
    assert found["loss"].item() == pytest.approx(expected.item(), rel=1e-9)
    assert found["loss"].requires_grad and not found["cross_entropy"].requires_grad


def log_sigma_of(method: Parametric) -> torch.Tensor:
    return method.supernet.posterior.log_sigma


def test_the_gradient_of_the_tables():
    """Against differences, with the same noise: of values and slopes, of means and deviations."""
    method = method_with(kl_warmup=0.0).double()
    posterior, place = method.supernet.posterior, step_of(method, 3)

    def loss() -> torch.Tensor:
        return method.loss(batch(kind=torch.float64), place._replace(random=seeds.generator(0, 3)))["loss"]

    gradients = torch.autograd.grad(loss(), [posterior.mean, posterior.log_sigma])
    for table, gradient in zip((posterior.mean, posterior.log_sigma), gradients, strict=True):
        for row in (0, 1):
            at = row, gradient[row].abs().argmax().item()
            ends = []
            for sign in (1, -1):
                with torch.no_grad():
                    table[at] += sign * 1e-6
                    ends.append(loss().item())
                    table[at] -= sign * 1e-6
            assert gradient[at].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4)


def test_a_step_draws_from_its_own_stream():
    method = method_with()
    torch.manual_seed(1)
    one = method.loss(batch(), step_of(method, 5))
    torch.manual_seed(2)
    again, other = method.loss(batch(), step_of(method, 5)), method.loss(batch(), step_of(method, 5, seed=1))
    assert one["loss"].item() == again["loss"].item() != other["loss"].item() and one["knob"] != other["knob"]
    assert one.keys() == other.keys()


def test_what_moves_in_a_step():
    """Tables and what all networks share; no other operation, and not the weights that samples stand in for."""
    method = method_with()
    optimizers = Optimizers(method.supernet, method.config, method.config.steps)
    for number in range(3):
        before = {name: value.clone() for name, value in method.supernet.state_dict().items()}
        method.loss(batch(), step_of(method, number))["loss"].backward()
        gradients = {name: weight.grad for name, weight in method.supernet.named_parameters()}
        optimizers.step()
        for name, value in method.supernet.state_dict().items():
            on_an_edge = "edge_parts" in name
            moves = not on_an_edge or ("sep_conv" in name and name not in method.supernet.shapes)
            if "source_parts" in name:
                moves = False
            assert torch.equal(value, before[name]) is not moves, name
            if name in gradients:
                assert (gradients[name] is not None) is moves, name
    assert any("identity" in name and gradient is None for name, gradient in gradients.items())


def test_nothing_but_the_divergence_pulls_at_the_tables():
    """No weight decay, and AdamW takes them, not Muon."""
    method = method_with()
    optimizers = Optimizers(method.supernet, method.config, method.config.steps)
    tables = list(method.supernet.posterior.parameters())
    (group,) = optimizers.optimizers["adamw"].param_groups
    assert group["weight_decay"] == 0 and all(any(table is each for each in group["params"]) for table in tables)
    before = [table.detach().clone() for table in tables]
    for table in tables:
        table.grad = torch.zeros_like(table)
    optimizers.step()
    assert all(torch.equal(table, own) for table, own in zip(tables, before, strict=True))


def trained_without_images(monkeypatch) -> Parametric:
    """With the cross-entropy constant."""
    method = method_with(epochs=100, learning_rate=0.05, kl_warmup=0.0, lambda_from=1.0)
    outputs = torch.zeros(8, 4)
    monkeypatch.setattr(parametric, "functional_call", lambda *_: outputs)
    optimizers = Optimizers(method.supernet, method.config, method.config.steps)
    for number in range(method.config.steps):
        method.loss(batch(), step_of(method, number))["loss"].backward()
        optimizers.step()
    return method


def test_by_the_divergence_alone_the_posterior_becomes_the_prior(monkeypatch):
    """And the edges take what costs least."""
    method = trained_without_images(monkeypatch)
    for knob in (0.0, 0.5, 1.0):
        mean, log_sigma = method.supernet.posterior(knob)
        assert mean.abs().max() < 0.05 and log_sigma.abs().max() < 0.05
        assert method.architecture(knob).operations == (POOL,) * 4
        assert method.architecture(knob).edge_parameters == 0


def test_before_the_divergence_counts_lambda_has_no_say():
    """Cross-entropy alone: in the first step of a warm-up."""
    results = []
    for most in (1.0, 1e6):
        method = method_with(lambda_to=most)
        found = method.loss(batch(), step_of(method, 0))
        found["loss"].backward()
        results.append([found["loss"].item(), *method.supernet.posterior.parameters()])
        assert found["loss"].item() == found["cross_entropy"].item()
    assert results[0][0] == results[1][0]
    assert all(torch.equal(one.grad, other.grad) for one, other in zip(results[0][1:], results[1][1:], strict=True))


def test_without_noise_it_is_the_network_of_the_means():
    method = method_with()
    with torch.no_grad():
        log_sigma_of(method)[0], log_sigma_of(method)[1] = -40.0, 0.0
    ((images, labels),) = batch()
    step = step_of(method, 0)
    found = method.loss([Batch(images, labels)], step)
    network = method.pruned(found["knob"], 0.0).train()
    assert found["cross_entropy"].item() == pytest.approx(objective.cross_entropy(network(images), labels).item())


def test_pruning_nothing_and_everything():
    """What is left in the end is what no choice changes."""
    method = method_with()
    shapes = method.supernet.shapes
    whole, none = method.pruned(0.5, 0.0), method.pruned(0.5, 1.0)
    means = method.supernet.by_layer(method.supernet.posterior(0.5)[0])
    weights = dict(whole.named_parameters())
    assert all(torch.equal(weights[name], mean) for name, mean in means.items())
    left = sum(weight.numel() for name, weight in none.named_parameters() if weight.any() or name not in shapes)
    assert left == cost.fixed_parameters(SPACE) and method.structure.total_parameters > left
    rest = {name: value for name, value in none.state_dict().items() if name not in shapes}
    assert all(torch.equal(value, method.supernet.state_dict()[name]) for name, value in rest.items())


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_pruning_keeps_the_largest_ratios_of_each_layer(share):
    method = method_with(space=dataclasses.replace(SPACE, channels=4))
    before = {name: value.clone() for name, value in method.state_dict().items()}
    weights = dict(method.pruned(0.7, share).named_parameters())
    mean, log_sigma = method.supernet.posterior(0.7)
    ratios = method.supernet.by_layer((mean / log_sigma.exp()).square())
    for name, own in method.supernet.by_layer(mean).items():
        gone = weights[name] == 0
        assert int(gone.sum()) == round(share * own.numel()) and 0 < int(gone.sum()) < own.numel()
        assert torch.equal(weights[name][~gone], own[~gone])
        assert ratios[name][gone].max() <= ratios[name][~gone].min()
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items()), "the family stays"


def test_the_ratio_of_a_weight():
    found = parametric.log_ratio(torch.tensor([1.0, -0.1, 0.0]), torch.tensor([-3.0, math.log(0.1), 0.0]))
    assert found[:2].tolist() == pytest.approx([6.0, 0.0], abs=1e-5) and -100 < found[2].item() < -50


def test_the_score_is_a_mean_over_all_cells_of_an_edge():
    method = method_with(threshold=2.0)
    supernet = method.supernet
    expected = [[] for _ in range(4)]
    mean, log_sigma = (supernet.by_layer(values) for values in supernet.posterior(0.3))
    for name in supernet.shapes:
        cell, source = int(name.split(".")[1]), int(name.split("<-")[1][0])
        ratio = np.log(mean[name].detach().numpy() ** 2 / np.exp(log_sigma[name].detach().numpy()) ** 2)
        expected[source + 2 * (cell in (1, 2))].append(ratio.flatten())
    assert [len(each) for each in expected] == [4, 4, 8, 8]
    scores = [np.concatenate(each).mean() for each in expected]
    assert supernet.scores(0.3).tolist() == pytest.approx(scores, rel=1e-4)
    assert method.architecture(0.3).operations == tuple(CONVOLUTION if score > 2.0 else POOL for score in scores)


def test_a_larger_lambda_leaves_fewer_convolutions():
    """Where sigma grows with it: edges go one by one, those with the smallest scores first, until none is left."""
    method = method_with(space=dataclasses.replace(SPACE, nodes=3))
    supernet, posterior = method.supernet, method.supernet.posterior
    with torch.no_grad():
        edge = supernet.edge_of_weight
        posterior.mean[0], posterior.mean[1] = 1.0, 0.0
        posterior.log_sigma[0], posterior.log_sigma[1] = -0.05 - 0.05 * edge, 1.0
    knobs = [number / 100 for number in range(101)]
    kept = [sum(m == CONVOLUTION for m in method.architecture(knob).operations) for knob in knobs]
    edges = len(genotype_edges(method.config.space))
    assert edges == 18 and kept[0] == 18 and kept[-1] == 0 and (np.diff(kept) <= 0).all()
    assert set(kept) == set(range(19))
    some = method.architecture(0.42).operations
    assert some == (POOL,) * (18 - kept[42]) + (CONVOLUTION,) * kept[42]
    with torch.no_grad():
        posterior.log_sigma[1] = 0.0
    assert len({method.architecture(knob) for knob in knobs}) == 1


def test_networks_inherit_the_means_at_knob_0():
    """Also after other knobs were asked for."""
    method = method_with()
    means = method.supernet.by_layer(method.supernet.posterior.mean[0] + 1)
    with torch.no_grad():
        method.supernet.posterior.mean[0] += 1
    method.finish(None)
    method.architecture(1.0)
    inherited = dict(Family("x", method).network(method.structure).named_parameters())
    assert all(torch.equal(inherited[name], mean) for name, mean in means.items())


@pytest.mark.parametrize(
    ("operations", "missing"),
    [(("identity", "sep_conv_3x3"), "pool"), (("max_pool", "identity"), "convolution")],
)
def test_spaces_without_a_choice_are_refused(operations, missing):
    with pytest.raises(SimplexNASError, match=rf"{operations[0]}.*; allowed with this method: those with a {missing}"):
        method_of(config(space=dataclasses.replace(SPACE, operations=operations)))


def test_the_first_of_a_kind_counts():
    operations = ("identity", "sep_conv_5x5", "max_pool", "sep_conv_3x3", "average_pool")
    method = method_of(config(space=dataclasses.replace(SPACE, operations=operations)))
    assert (method.convolution, method.pool) == (1, 2) and set(method.structure.names) == {"sep_conv_5x5"}
    assert all("sep_conv_5x5" in name for name in method.supernet.shapes)
