"""What operations cost: parameters and MACs of every edge, prices under S, and the regulariser Lat.

Genotype edges E = 28; the reduction genotype stands in two cells of the default network, so that its costs are sums
over its instances (800 for a separable convolution on a normal edge, 2,624 + 9,344 = 11,968 on a reduction edge).
"""

from functools import cache

import numpy as np
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.space.operations import OPERATIONS
from simplexnas.space.search_space import STEM_KERNEL, STEM_MULTIPLIER, SearchSpace, cell_layouts, genotype_edges

PRICES = ("unit", "parameters", "macs", "latency")


@cache
def _edge_counts(space: SearchSpace) -> np.ndarray:
    """Parameters and MACs, summed over the cells in which each genotype edge stands: (2, E, k) integers."""
    table = np.zeros((2, len(genotype_edges(space)), space.k), dtype=np.int64)
    for row, edge in enumerate(genotype_edges(space)):
        for layout in cell_layouts(space):
            if layout.cell_type == edge.cell_type:
                for m, name in enumerate(space.operations):
                    place = layout.channels, layout.stride(edge.source), layout.source_size(edge.source)
                    table[:, row, m] += OPERATIONS[name].counts(*place)
    table.setflags(write=False)  # shared by all who ask
    return table


def edge_parameters(space: SearchSpace) -> np.ndarray:
    """Trainable parameters of each operation on each genotype edge: (E, k) integers, read only."""
    return _edge_counts(space)[0]


def edge_macs(space: SearchSpace) -> np.ndarray:
    """Multiply-accumulates per image of each operation on each genotype edge: (E, k) integers, read only."""
    return _edge_counts(space)[1]


def instances(space: SearchSpace) -> np.ndarray:
    """In how many cells each genotype edge stands: (E,) integers, 1 or 2 by default, 42 in all."""
    types = [layout.cell_type for layout in cell_layouts(space)]
    return np.array([types.count(edge.cell_type) for edge in genotype_edges(space)])


def fixed_parameters(space: SearchSpace) -> int:
    """Parameters that no choice of operations changes: stem, preprocessing, classifier (20,506 by default)."""
    stem = STEM_MULTIPLIER * space.channels
    layouts = cell_layouts(space)
    preprocess = sum(sum(layout.input_channels) * layout.channels for layout in layouts)
    classifier = (space.nodes * layouts[-1].channels + 1) * space.shape.classes
    return STEM_KERNEL**2 * space.shape.channels * stem + 2 * stem + preprocess + classifier


def fixed_macs(space: SearchSpace) -> int:
    """Multiply-accumulates per image that no choice changes (6,763,776 by default)."""
    stem = STEM_MULTIPLIER * space.channels
    layouts = cell_layouts(space)
    macs = STEM_KERNEL**2 * space.shape.channels * stem * space.shape.size**2
    macs += space.nodes * layouts[-1].channels * space.shape.classes
    for layout in layouts:
        for channels in layout.input_channels:  # both inputs are brought to the size of input 1
            macs += channels * layout.channels * layout.size**2
    return macs


def relative_costs(kind: str, space: SearchSpace, milliseconds=None) -> torch.Tensor:
    """r: what an operation on an edge costs, relative to the mean over operations and edge instances: (E, k) float32.

    kind: one of PRICES, "unit" being 1 everywhere. milliseconds: for "latency", the measured times, (E, k), summed over
    the cells of an edge (`LatencyTable.edge_ms`). With mean 1, Lat at uniform probabilities and uniform S is the same
    for each kind. An operation without parameters costs 0 as "parameters" and "macs", and
    its penalty has no effect. Raises `SimplexNASError` for another kind, for times that are missing, of another shape
    or not above 0, and where all operations cost 0.
    """
    if kind not in PRICES:
        raise SimplexNASError(f"price = {kind!r}; allowed: {', '.join(PRICES)}")
    n = instances(space)[:, None]
    if kind == "latency":
        table, shape = np.array(milliseconds, dtype=np.float64), (len(n), space.k)
        if table.shape != shape or not (np.isfinite(table) & (table > 0)).all():
            raise SimplexNASError(f"milliseconds; allowed with price 'latency': times above 0 of shape {shape}")
    else:
        tables = {"unit": n * np.ones(space.k), "parameters": edge_parameters(space), "macs": edge_macs(space)}
        table = tables[kind].astype(np.float64)
    if not table.any():
        raise SimplexNASError(f"price = {kind!r}; no operation of {', '.join(space.operations)} has any")
    return torch.from_numpy(table / n * (n.sum() * space.k / table.sum())).float()


def price(
    S: torch.Tensor, space: SearchSpace, parameter_price: float = 0.0, costs: torch.Tensor | float = 1.0
) -> torch.Tensor:
    """Price of each operation on one instance of each edge: (B, E, k), from penalties S (B, k).

    price_em(S) = S_m * r_em + parameter_price * parameters of the instance / those of the largest, which are 5,984 by
    default, the mean of a convolution in the two reduction cells. So a parameter costs the same everywhere. The paper's
    price is S_m alone (r = 1, parameter_price = 0); the second term makes a large convolution dearer than a small one
    at the same S. costs: r, (E, k) of `relative_costs`.
    """
    parameters = torch.tensor(edge_parameters(space) / instances(space)[:, None]).to(S)
    return S[:, None, :] * costs + parameter_price * parameters / parameters.max().clamp(min=1)


def price_term(probabilities: torch.Tensor, prices: torch.Tensor, space: SearchSpace) -> torch.Tensor:
    """Lat: sum over edge instances and operations of probability * price; (B, E, k) twice -> (B,).

    Linear in the probabilities, hence equal to the expected price of a hard Gumbel-Softmax sample. Between 0 and the
    number of edge instances (42 by default) where prices lie in [0, 1].
    """
    weights = torch.from_numpy(instances(space)).to(probabilities)
    return torch.einsum("bek,bek,e->b", probabilities, prices, weights)
