"""What an operation on an edge is worth, in nats, from the losses of the paths that a training runs anyway."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from simplexnas.space.search_space import SearchSpace, genotype_edges

CELL_TYPES = 2  # normal and reduction


class Worth(NamedTuple):
    """By how much an operation lowers the loss, relative to the mean of the edge's operations, with standard error.

    nats, error: (E, k) float64; the rows of nats sum to 0.
    """

    nats: np.ndarray
    error: np.ndarray


class PathLosses(nn.Module):
    """Choices and losses of a warm-up's paths in their order; buffers, so that a resumed training has them.

    paths: how many there will be.
    """

    def __init__(self, space: SearchSpace, paths: int):
        super().__init__()
        self.register_buffer("choices", torch.zeros(paths, len(genotype_edges(space)), dtype=torch.uint8))
        self.register_buffer("losses", torch.zeros(paths))

    def record(self, first: int, choices: torch.Tensor, losses: torch.Tensor) -> None:
        """Keep choices (n, E) and losses (n,) in nats of the paths from `first` on."""
        places = slice(first, first + len(losses))
        self.choices[places], self.losses[places] = choices, losses

    def latest(self) -> tuple[np.ndarray, np.ndarray]:
        """Choices (n, E) and losses (n,) of the second half of the paths."""
        first = len(self.losses) // 2
        return self.choices.cpu().numpy()[first:], self.losses.cpu().numpy()[first:]


def worth(choices: np.ndarray, losses: np.ndarray, space: SearchSpace) -> Worth:
    """Regress the losses (n,) of paths, in their order, on their choices (n, E).

    loss = trend + sum over edges of an effect of the operation there. An effect is the sum of one for its cell type and
    operation and one of the edge's own, all with one normal prior, whose width and that of the noise maximise the
    evidence (MacKay 1992; `sklearn.linear_model.BayesianRidge`). So the data say how far edges of a cell type are told
    apart: with few losses hardly at all. The trend is a parabola in the path's number, as losses fall in training.
    """
    from sklearn.linear_model import BayesianRidge  # takes most of a second to import; only a training needs it

    n, edges = choices.shape
    chosen = np.eye(space.k)[choices]  # (n, E, k)
    counts = chosen.reshape(n, CELL_TYPES, edges // CELL_TYPES, space.k).sum(axis=2)
    features = np.concatenate([counts.reshape(n, -1), chosen.reshape(n, -1)], axis=1)
    time = np.linspace(-1, 1, n)
    trend = np.linalg.qr(np.stack([np.ones(n), time, time**2], axis=1))[0]
    features, losses = (values - trend @ (trend.T @ values) for values in (features, losses))
    fitted = BayesianRidge(fit_intercept=False).fit(features, losses)
    # From the coefficients to nats gained on each edge, relative to the edge's mean.
    of_type = np.repeat(np.eye(CELL_TYPES), edges // CELL_TYPES, axis=0)
    centred = np.eye(space.k) - 1 / space.k
    gain = -np.concatenate([np.kron(of_type, centred), np.kron(np.eye(edges), centred)], axis=1)
    variance = np.einsum("if,fg,ig->i", gain, fitted.sigma_, gain)
    return Worth((gain @ fitted.coef_).reshape(edges, -1), np.sqrt(variance).reshape(edges, -1))
