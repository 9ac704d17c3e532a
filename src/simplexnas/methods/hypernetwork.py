"""alpha(S, a): from penalties S (B, k) to architecture logits (B, E, k). Two forms behind one call."""

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


class WorthHypernetwork(nn.Module):
    """Worth minus price, alpha_em(S) = nats_em / (kappa n_e) - price_em(S), to be multiplied by the gain kappa / tau.

    n_e: the cells in which an edge stands, since the price is that of one instance. So softmax(gain * alpha) minimises
    the expected loss + kappa * Lat - tau n_e * entropy on each edge, as far as effects of operations add up. `nats` and
    their standard errors come from a regression of path losses (`regression.worth`); until then they are 0. Nothing is
    centred within a cell type: the data say which type should get its convolutions first.

    kappa says how many nats one unit of S weighs. It follows from what was learned: the root of the mean square of
    nats_em / (kappa n_e) is `spread`, in units of S. So S goes through all sizes, whatever the data and however long
    the training; one kappa for all does so in one training and not in the next.
    """

    def __init__(self, space: SearchSpace, spread: float, parameter_price: float, costs: torch.Tensor):
        """costs: of the operations, (E, k); see `cost.relative_costs`."""
        super().__init__()
        self.space, self.spread, self.parameter_price = space, spread, parameter_price
        self.register_buffer("costs", costs, persistent=False)
        instances = torch.from_numpy(cost.instances(space)).float()
        self.register_buffer("instances", instances[:, None], persistent=False)
        for name in Worth._fields:
            self.register_buffer(name, torch.zeros(len(genotype_edges(space)), space.k))
        self.register_buffer("kappa", torch.ones(()))

    def learn(self, found: Worth) -> None:
        for name, values in found._asdict().items():
            getattr(self, name).copy_(torch.from_numpy(values))
        self._set_kappa()

    def draw(self, generator: torch.Generator) -> None:
        """Random worths that no data has seen: normal on every instance, relative to the mean of the edge."""
        self.nats.normal_(generator=generator)
        self.nats.sub_(self.nats.mean(dim=1, keepdim=True)).mul_(self.instances)
        self._set_kappa()

    def _set_kappa(self) -> None:
        size = (self.nats / self.instances).square().mean().sqrt()
        self.kappa.copy_(torch.where(size > 0, size / self.spread, 1.0))

    def forward(self, S: torch.Tensor) -> torch.Tensor:
        prices = cost.price(S, self.space, self.parameter_price, self.costs)
        return self.nats / (self.kappa * self.instances) - prices
