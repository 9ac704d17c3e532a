"""alpha(S, a): from penalties S (B, k) to architecture logits (B, E, k). Three forms behind one call."""

import torch
from torch import nn

from simplexnas import cost
from simplexnas.supernet import SearchSpace, genotype_edges


class PivotHypernetwork(nn.Module):
    """The paper's arm: a mixture of learned logit tables, weighted by squared distances from S to fixed pivots.

    The published weights are softmax(+||S - pivot||^2): the farthest pivot counts most. They are kept as published.
    A deviation: the author's pivots are learned, start from a normal distribution, and each node has its own.
    """

    def __init__(self, space: SearchSpace, pivots: int = 10, generator: torch.Generator | None = None):
        super().__init__()
        edges = len(genotype_edges(space))
        points = torch.empty(pivots, space.k).exponential_(generator=generator)
        self.register_buffer("pivots", points / points.sum(dim=1, keepdim=True))  # (pivots, k), on the simplex
        self.tables = nn.Parameter(0.01 * torch.empty(pivots, edges, space.k).normal_(generator=generator))

    def forward(self, S: torch.Tensor) -> torch.Tensor:
        weights = torch.softmax(torch.cdist(S, self.pivots).square(), dim=-1)  # (B, pivots)
        return torch.einsum("bp,pek->bek", weights, self.tables)


class MLPHypernetwork(nn.Module):
    """A multilayer perceptron with one hidden layer: what comes to mind first, for comparison."""

    def __init__(self, space: SearchSpace, hidden: int = 64):
        super().__init__()
        edges = len(genotype_edges(space))
        self.layers = nn.Sequential(
            nn.Linear(space.k, hidden), nn.ReLU(), nn.Linear(hidden, edges * space.k), nn.Unflatten(1, (edges, space.k))
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
