"""Every parameter and MAC figure of the decoded search space; Lat against enumeration and sampling."""

import itertools

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_supernet import SPACES

from simplexnas.io.errors import SimplexNASError
from simplexnas.methods import gumbel
from simplexnas.network.architecture import Architecture
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks.task import Shape

POOL, IDENTITY, CONVOLUTION = range(3)
DEFAULT = SearchSpace()
NORMAL, REDUCTION = range(14), range(14, 28)
HALVING = [e for e, edge in enumerate(genotype_edges(DEFAULT)) if edge.cell_type == "reduction" and edge.source < 2]

# Row of the paper: edge parameters, counts of pool, identity and convolution, then
# normal convolutions, reduction convolutions, stride-2 identities, total parameters, MACs in millions.
PAPER = {
    "A": (38_304, (12, 10, 6), (3, 3, 0), 58_810, 11.56),
    "B": (5_120, (17, 11, 0), (0, 0, 1), 25_626, 7.17),
    "C": (143_488, (0, 15, 13), (2, 11, 2), 163_994, 19.51),
    "D": (12_320, (18, 1, 9), (9, 0, 1), 32_826, 12.81),
}
every_row = pytest.mark.parametrize("row", PAPER.values(), ids=PAPER)


def test_cost_of_an_edge():
    parameters = cost.edge_parameters(DEFAULT)
    assert (parameters[:, POOL] == 0).all()
    assert (parameters[NORMAL, CONVOLUTION] == 800).all()
    assert (parameters[REDUCTION, CONVOLUTION] == 2_624 + 9_344).all() and 2_624 + 9_344 == 11_968
    assert [e for e in range(28) if parameters[e, IDENTITY]] == HALVING and len(HALVING) == 8
    assert (parameters[HALVING, IDENTITY] == 1_024 + 4_096).all() and 1_024 + 4_096 == 5_120


def test_instances():
    assert cost.instances(DEFAULT).tolist() == [1] * 14 + [2] * 14
    assert cost.instances(SearchSpace(cells=6)).tolist() == [4] * 14 + [2] * 14


def test_fixed_rest():
    assert cost.fixed_parameters(DEFAULT) == 528 + 1_536 + 3_584 + 12_288 + 2_570 == 20_506
    assert cost.fixed_macs(DEFAULT) == 6_763_776


def test_total_of_the_supernet():
    assert cost.fixed_parameters(DEFAULT) + cost.edge_parameters(DEFAULT).sum() == 240_218


@every_row
def test_decomposition_of_the_paper_is_unique(row):
    """No other numbers of parametric operations give the paper's parameters and its counts of operations."""
    total, (_, identities, convolutions), expected, *_ = row
    found = [
        (a, b, c)
        for a, b, c in itertools.product(range(15), range(15), range(9))
        if 800 * a + 11_968 * b + 5_120 * c == total
    ]
    assert found == [expected], "already the parameters alone decide"
    a, b, c = expected
    assert a + b == convolutions and c <= identities


def architecture_of(counts, decomposition) -> Architecture:
    """One of the architectures with these counts: convolutions and stride-2 identities placed, the rest free."""
    (_, identities, _), (normal, reduction, halving) = counts, decomposition
    choice = np.full(28, POOL)
    choice[list(NORMAL)[:normal]] = CONVOLUTION
    choice[HALVING[:halving]] = IDENTITY
    choice[[e for e in REDUCTION if e not in HALVING[:halving]][:reduction]] = CONVOLUTION
    free = [e for e in range(28) if choice[e] == POOL and e not in HALVING]
    choice[free[: identities - halving]] = IDENTITY
    return Architecture(DEFAULT, tuple(choice))


@every_row
def test_true_sizes_of_the_paper(row):
    edge_parameters, counts, decomposition, total_parameters, millions = row
    architecture = architecture_of(counts, decomposition)
    assert tuple(architecture.counts().values()) == counts
    assert architecture.edge_parameters == edge_parameters
    assert architecture.total_parameters == total_parameters
    assert round(architecture.macs / 1e6, 2) == millions


def counted_macs(network: torch.nn.Module) -> int:
    """Multiply-accumulates per image, counted by hooks while one image runs."""
    total = 0

    def hook(module, inputs, output):
        nonlocal total
        per_output = module.in_features if isinstance(module, torch.nn.Linear) else module.weight[0].numel()
        total += output.numel() * per_output

    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            module.register_forward_hook(hook)
    with torch.no_grad():
        shape = network.space.shape
        network.eval()(torch.zeros(1, shape.channels, shape.size, shape.size))
    return total


OF_COLOUR = {"colour": SearchSpace(channels=4, nodes=2, shape=Shape(channels=3, size=12, classes=7))}


@pytest.mark.parametrize("space", (SPACES | OF_COLOUR).values(), ids=SPACES | OF_COLOUR)
@settings(max_examples=8)
@given(draw=st.data())
def test_formulas_equal_counts_of_the_built_network(space, draw):
    edges = len(genotype_edges(space))
    choice = draw.draw(st.lists(st.integers(0, space.k - 1), min_size=edges, max_size=edges))
    architecture = Architecture(space, tuple(choice))
    network = architecture.build()
    assert sum(p.numel() for p in network.parameters()) == architecture.total_parameters
    assert sum(p.numel() for n, p in network.named_parameters() if "edge_parts" in n) == architecture.edge_parameters
    assert counted_macs(network) == architecture.macs


# Lat


def random_case(space=tiny.FEW_EDGES, seed=0, parameter_price=0.3):
    """Logits (1, E, k) and prices (1, E, k)."""
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, len(genotype_edges(space)), space.k, generator=random, dtype=torch.float64)
    S = torch.rand(1, space.k, generator=random, dtype=torch.float64)
    return logits, cost.price(S / S.sum(), space, parameter_price)


def price_of(choice, prices, space=tiny.FEW_EDGES) -> torch.Tensor:
    """Price of hard choices (..., E), summed over edge instances."""
    picked = prices[0].expand(*choice.shape, -1).gather(-1, choice[..., None]).squeeze(-1)
    return (picked * torch.from_numpy(cost.instances(space))).sum(-1)


@pytest.mark.parametrize("seed", range(3))
def test_expected_price_by_enumeration_equals_lat(seed):
    logits, prices = random_case(seed=seed)
    every = torch.tensor(list(itertools.product(range(3), repeat=4)))
    log_p = torch.log_softmax(logits[0], dim=-1)
    probability = log_p.expand(81, -1, -1).gather(-1, every[..., None]).squeeze(-1).sum(-1).exp()
    expected = (probability * price_of(every, prices)).sum()
    term = cost.price_term(torch.softmax(logits, dim=-1), prices, tiny.FEW_EDGES)
    torch.testing.assert_close(term, expected[None])


def test_expected_price_by_sampling_equals_lat():
    logits, prices = random_case()
    n = 20_000
    sampled = price_of(gumbel.hard_sample(logits.expand(n, -1, -1), torch.Generator().manual_seed(1)), prices)
    term = cost.price_term(torch.softmax(logits, dim=-1), prices, tiny.FEW_EDGES)
    assert abs(sampled.mean() - term) < 4 * sampled.std() / n**0.5


def test_gradient_of_lat_is_zero_at_uniform_S():
    logits = random_case(DEFAULT)[0].requires_grad_()
    uniform = torch.full((1, 3), 1 / 3, dtype=torch.float64)
    for parameter_price, zero in ((0.0, True), (0.3, False)):
        prices = cost.price(uniform, DEFAULT, parameter_price)
        term = cost.price_term(torch.softmax(logits, dim=-1), prices, DEFAULT)
        (gradient,) = torch.autograd.grad(term.sum(), logits)
        assert (gradient.abs().max() < 1e-12) == zero
        if zero:
            torch.testing.assert_close(term, torch.tensor([42 / 3], dtype=torch.float64))


def test_price_without_any_parameters_is_the_penalty():
    space = SearchSpace(operations=("max_pool", "average_pool"))
    S = torch.tensor([[0.2, 0.8]])
    prices = cost.price(S, space, 0.3)
    assert torch.equal(prices, S[:, None, :].expand_as(prices)) and prices.shape == (1, 28, 2)


def test_price_is_penalty_plus_share_of_parameters():
    S = torch.tensor([[0.2, 0.3, 0.5]], dtype=torch.float64)
    prices = cost.price(S, DEFAULT, 0.3)
    assert prices[0, 0].tolist() == pytest.approx([0.2, 0.3, 0.5 + 0.3 * 800 / 5984])
    assert prices[0, 27].tolist() == pytest.approx([0.2, 0.3, 0.8])


@pytest.mark.parametrize("kind", cost.PRICES)
def test_relative_costs_have_mean_one(kind):
    """Over edge instances and operations, so that Lat at uniform probabilities and uniform S is the same for all."""
    measured = np.random.default_rng(0).uniform(0.1, 1, size=(28, 3))
    costs = cost.relative_costs(kind, DEFAULT, measured)
    uniform = torch.full((1, 28, 3), 1 / 3)
    prices = cost.price(torch.full((1, 3), 1 / 3), DEFAULT, costs=costs)
    assert cost.price_term(uniform, prices, DEFAULT).item() == pytest.approx(42 / 3, rel=1e-5)
    tables = {"unit": np.ones((28, 3)), "parameters": cost.edge_parameters(DEFAULT), "macs": cost.edge_macs(DEFAULT)}
    table = {**tables, "latency": measured}[kind]
    per_cell = table if kind == "unit" else table / cost.instances(DEFAULT)[:, None]
    np.testing.assert_allclose(costs / costs[0, 2], per_cell / per_cell[0, 2], rtol=1e-5)


def test_price_with_costs():
    costs = cost.relative_costs("macs", DEFAULT)
    S = torch.tensor([[0.2, 0.3, 0.5]])
    assert torch.equal(cost.price(S, DEFAULT, 0.0, costs), S[:, None, :] * costs)


def test_a_cost_that_no_operation_has_is_refused():
    with pytest.raises(SimplexNASError, match="price = 'parameters'; no operation of max_pool, average_pool has any"):
        cost.relative_costs("parameters", SearchSpace(operations=("max_pool", "average_pool")))
    with pytest.raises(SimplexNASError, match=r"price = .watts.; allowed: unit, parameters, macs, latency"):
        cost.relative_costs("watts", DEFAULT)
    for times in (None, np.ones(3), -np.ones((28, 3)), np.eye(28, 3), np.full((28, 3), np.nan)):
        with pytest.raises(SimplexNASError, match=r"milliseconds; allowed with price .latency.: times above 0"):
            cost.relative_costs("latency", DEFAULT, times)
