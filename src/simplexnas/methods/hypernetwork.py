"""alpha(S, a): from penalties S (B, k) to architecture logits (B, E, k). Three forms behind one call."""

import torch
from torch import nn

from simplexnas.methods.regression import Worth
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, genotype_edges


class PivotHypernetwork(nn.Module):
    """The published form: for each node a mixture of logit tables, weighted by squared distances from S to pivots.

    The weights are softmax(+||S - pivot||^2): the farthest pivot counts most. Each node of each cell type has pivots of
    its own. Pivots and tables are learned and start from a standard normal distribution, so that pivots need not lie on
    the simplex. Source: the author's code, commit 0e7bf83, there with 5 pivots for three operations.
    """

    def __init__(self, space: SearchSpace, pivots: int = 5, generator: torch.Generator | None = None):
        super().__init__()
        edges = genotype_edges(space)
        nodes = [(edge.cell_type, edge.target) for edge in edges]
        number = {node: n for n, node in enumerate(dict.fromkeys(nodes))}
        self.register_buffer("node_of_edge", torch.tensor([number[node] for node in nodes]), persistent=False)  # (E,)
        self.pivots = nn.Parameter(torch.randn(len(number), pivots, space.k, generator=generator))
        self.tables = nn.Parameter(torch.randn(pivots, len(edges), space.k, generator=generator))

    def forward(self, S: torch.Tensor) -> torch.Tensor:
        squared = (S[:, None, None] - self.pivots).square().sum(dim=-1)  # (B, nodes, pivots)
        weights = torch.softmax(squared, dim=-1)[:, self.node_of_edge]  # (B, E, pivots)
        return torch.einsum("bep,pek->bek", weights, self.tables)


class MLPHypernetwork(nn.Module):
    """A multilayer perceptron with one hidden layer: what comes to mind first, for comparison."""

    HIDDEN = 64

    def __init__(self, space: SearchSpace):
        super().__init__()
        edges = len(genotype_edges(space))
        self.layers = nn.Sequential(
            nn.Linear(space.k, self.HIDDEN),
            nn.ReLU(),
            nn.Linear(self.HIDDEN, edges * space.k),
            nn.Unflatten(1, (edges, space.k)),
        )

    def forward(self, S: torch.Tensor) -> torch.Tensor:
        return self.layers(S)


class UtilityHypernetwork(nn.Module):
    """Our arm: utility minus price, alpha_em(S) = u_em - price_em(S), to be multiplied by the gain kappa / tau.

    softmax(gain * (u - price)) minimises sum_m p_m (price_m - u_m) - H(p) / gain over the probabilities p of an edge:
    the closed-form optimum of a linear price with an entropy term. The price of an operation grows with S_m on every
    edge where it costs anything (`costs`, all 1 by default), and u does not depend on S, so that the probability of m
    falls as S_m rises, by construction.

    The learned `utility` is centred and scaled to standard deviation `spread` over the edges of a cell type, for each
    operation. Centring leaves the balance between operations to S, and that between cell types to the price; scaling
    makes edges switch at different S, one after another. Utilities end at `BOUND` standard deviations, so that no edge
    takes an operation whose price is larger than another's by more than 2 * BOUND * spread (0.48). At the start all
    utilities are 0.
    """

    FLOOR = 0.1  # added under the root: small utilities are not blown up before anything was learned
    BOUND = 1.6  # standard deviations; about one edge in ten of a normal distribution is outside

    def __init__(self, space: SearchSpace, spread: float, parameter_price: float, costs: torch.Tensor | None = None):
        super().__init__()
        self.space, self.spread, self.parameter_price = space, spread, parameter_price
        costs = cost.relative_costs("unit", space) if costs is None else costs
        self.register_buffer("costs", costs, persistent=False)
        self.utility = nn.Parameter(torch.zeros(len(genotype_edges(space)), space.k))

    def scaled_utility(self) -> torch.Tensor:
        """u: (E, k), in units of S."""
        by_type = self.utility.unflatten(0, (2, -1))  # normal edges, reduction edges
        centred = by_type - by_type.mean(dim=1, keepdim=True)
        scale = (centred.square().mean(dim=1, keepdim=True) + self.FLOOR**2).sqrt()
        return self.spread * (centred / scale).clamp(-self.BOUND, self.BOUND).flatten(0, 1)

    def forward(self, S: torch.Tensor) -> torch.Tensor:
        return self.scaled_utility() - cost.price(S, self.space, self.parameter_price, self.costs)


class WorthHypernetwork(nn.Module):
    """Worth minus price, alpha_em(S) = nats_em / (kappa n_e) - price_em(S), to be multiplied by the gain kappa / tau.

    n_e: the cells in which an edge stands, since the price is that of one instance. So softmax(gain * alpha) minimises
    the expected loss + kappa * Lat - tau n_e * entropy on each edge, as far as effects of operations add up. `nats` and
    their standard errors come from a regression of path losses (`regression.worth`); until then they are 0. Nothing is
    centred within a cell type: the data say which type should get its convolutions first.
    """

    def __init__(self, space: SearchSpace, kappa: float, parameter_price: float, costs: torch.Tensor | None = None):
        super().__init__()
        self.space, self.kappa, self.parameter_price = space, kappa, parameter_price
        costs = cost.relative_costs("unit", space) if costs is None else costs
        self.register_buffer("costs", costs, persistent=False)
        instances = torch.from_numpy(cost.instances(space)).float()
        self.register_buffer("instances", instances[:, None], persistent=False)
        for name in Worth._fields:
            self.register_buffer(name, torch.zeros(len(genotype_edges(space)), space.k))

    def learn(self, found: Worth) -> None:
        for name, values in found._asdict().items():
            getattr(self, name).copy_(torch.from_numpy(values))

    def draw(self, spread: float, generator: torch.Generator) -> None:
        """Random utilities that no data has seen: normal, with standard deviation `spread` in units of S."""
        self.nats.normal_(std=spread * self.kappa, generator=generator).mul_(self.instances)

    def forward(self, S: torch.Tensor) -> torch.Tensor:
        prices = cost.price_of_instance(S, self.space, self.parameter_price, self.costs)
        return self.nats / (self.kappa * self.instances) - prices
