"""alpha(S): its start, and how it answers to S."""

import math

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from simplexnas.io import seeds
from simplexnas.methods.choose import method_of
from simplexnas.methods.hypernetwork import PivotHypernetwork, WorthHypernetwork
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.penalties import lattice, sample
from simplexnas.methods.regression import Worth
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks import fashion_mnist

DEFAULT = SearchSpace()
LATTICE = torch.from_numpy(lattice(3, 0.1))


def untaught(spread: float, parameter_price: float = 0.0, space=DEFAULT) -> WorthHypernetwork:
    return WorthHypernetwork(space, spread, parameter_price, cost.relative_costs("unit", space))


def taught(seed: int, space=DEFAULT, size: float = 2e-3) -> WorthHypernetwork:
    """With random worths of that size in nats, in double precision."""
    network = untaught(0.15, 0.3, space).double()
    nats = size * torch.randn(network.nats.shape, generator=torch.Generator().manual_seed(seed)).numpy()
    network.learn(Worth(nats, abs(nats)))
    return network


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_cross_entropy_starts_at_log_10(preset, few):
    model = method_of(tiny.config(preset))
    images = fashion_mnist.TASK.normalize(few.train.images[:32])
    result = model([Batch(images, few.train.labels[:32])], Step(0, 1, seeds.generator(0)))
    assert result["cross_entropy"].item() == pytest.approx(math.log(10), rel=0.1)


@given(
    seed=st.integers(0, 1000),
    S=st.lists(st.floats(0.01, 1), min_size=3, max_size=3),
    m=st.integers(0, 2),
    share=st.floats(0.01, 1),
)
def test_raising_a_penalty_never_adds_edges_of_its_operation(seed, S, m, share):
    network = taught(seed)
    S = torch.tensor([S], dtype=torch.float64)
    S = S / S.sum()
    raised = S + share * (torch.eye(3, dtype=torch.float64)[m] - S)
    with torch.no_grad():
        before, after = network(S)[0], network(raised)[0]
    chosen = [logits.argmax(dim=-1) == m for logits in (before, after)]
    assert not (chosen[1] & ~chosen[0]).any()
    first, second = (torch.softmax(30 * logits, dim=-1)[:, m] for logits in (before, after))
    assert (second <= first + 1e-12).all()


def test_logits_are_worth_minus_price():
    """Nats are gained in both reduction cells, while the price is that of one instance."""
    network = taught(1)
    worths = network.nats / network.kappa
    worths[14:] /= 2
    assert worths.square().mean().sqrt().item() == pytest.approx(0.15), "kappa follows from what was learned"
    torch.testing.assert_close(network(LATTICE), worths - cost.price(LATTICE, DEFAULT, 0.3))
    fresh = untaught(0.15, 0.3)
    torch.testing.assert_close(fresh(LATTICE.float()), -cost.price(LATTICE.float(), DEFAULT, 0.3))


def test_the_unit_of_worths_does_not_matter():
    """So a training in which losses differ more, or longer, has members of the same sizes."""
    small, large = taught(1, size=2e-3), taught(1, size=0.2)
    torch.testing.assert_close(small(LATTICE), large(LATTICE))
    nothing, ignored = untaught(0.15), untaught(0.0)
    nothing.learn(Worth(*2 * (nothing.nats.numpy(),)))
    ignored.draw(torch.Generator().manual_seed(0))
    for network in (nothing, ignored):
        torch.testing.assert_close(network(LATTICE.float()), -cost.price(LATTICE.float(), DEFAULT))


def test_random_worths_have_the_spread_of_learned_ones():
    network = untaught(0.15)
    network.draw(torch.Generator().manual_seed(0))
    worths = network(torch.full((1, 3), 1 / 3))[0] + 1 / 3
    assert worths.square().mean().sqrt().item() == pytest.approx(0.15)
    torch.testing.assert_close(worths.mean(dim=1), torch.zeros(28), atol=1e-6, rtol=0)
    for cell_type in worths.split(14):
        assert cell_type.std().item() == pytest.approx(0.15, rel=0.3)


def test_closed_form_is_the_optimum_of_price_with_entropy():
    """softmax(gain (v - price)) beats random probabilities in sum p (price - v) - H(p) / gain."""
    random, gain = torch.Generator().manual_seed(0), 40.0
    logits = taught(2)(LATTICE[:5])

    def value(p):
        return (-p * logits + torch.xlogy(p, p) / gain).sum(-1)

    best = value(torch.softmax(gain * logits, dim=-1))
    for _ in range(50):
        other = sample(5 * 28, 3, 0.5, random).double().view(5, 28, 3)
        assert (value(other) >= best).all()


@pytest.mark.parametrize("space", [DEFAULT, tiny.SPACE])
def test_pivot_weights_are_softmax_of_squared_distances_to_the_pivots_of_the_edges_node(space):
    network = PivotHypernetwork(space, generator=torch.Generator().manual_seed(0))
    edges = genotype_edges(space)
    nodes = list(dict.fromkeys((edge.cell_type, edge.target) for edge in edges))
    assert network.pivots.shape == (len(nodes), 5, 3) and len(nodes) == 2 * space.nodes
    S = LATTICE[:7].float()
    logits = network(S)
    assert logits.shape == (7, len(edges), 3)
    for e, edge in enumerate(edges):
        pivots = network.pivots[nodes.index((edge.cell_type, edge.target))]
        squared = ((S[:, None] - pivots[None]) ** 2).sum(-1)
        weights = squared.exp() / squared.exp().sum(1, keepdim=True)
        assert torch.equal(weights.argmax(1), squared.argmax(1)), "as published, the farthest pivot counts most"
        torch.testing.assert_close(logits[:, e], weights @ network.tables[:, e])


def test_pivots_are_learned_and_come_from_the_generator():
    first, second = (PivotHypernetwork(DEFAULT, generator=torch.Generator().manual_seed(s)) for s in (0, 0))
    assert torch.equal(first.pivots, second.pivots) and torch.equal(first.tables, second.tables)
    assert {name for name, _ in first.named_parameters()} == {"pivots", "tables"}
    first(LATTICE.float()).square().sum().backward()
    assert all((parameter.grad != 0).any() for parameter in first.parameters())
