"""Kinds of members: those that resemble each other in how many edges of each cell type hold each operation."""

import numpy as np
import torch
from torch import nn

from simplexnas.methods.regression import CELL_TYPES
from simplexnas.space.search_space import SearchSpace


class Kinds(nn.Module):
    """A number of centres; an architecture is of the kind of the nearest. All are of the first kind until `fit`."""

    def __init__(self, space: SearchSpace, number: int):
        super().__init__()
        self.k = space.k
        self.register_buffer("centres", torch.zeros(number, CELL_TYPES * space.k))

    def features(self, choices: torch.Tensor) -> torch.Tensor:
        """Shares of the edges of each cell type: (n, E) -> (n, 2 k)."""
        chosen = nn.functional.one_hot(choices.long(), self.k).float()
        return chosen.unflatten(1, (CELL_TYPES, -1)).mean(dim=2).flatten(1)

    def fit(self, choices: torch.Tensor) -> None:
        """Centres of k-means on architectures (n, E), of which at least as many differ as there are kinds."""
        from sklearn.cluster import KMeans  # takes most of a second to import; only a training needs it

        found = KMeans(len(self.centres), n_init=10, random_state=0).fit(self.features(choices).cpu().numpy())
        order = np.lexsort(found.cluster_centers_.T[::-1])  # the same order however k-means numbers them
        self.centres.copy_(torch.from_numpy(found.cluster_centers_[order]))

    def forward(self, choices: torch.Tensor) -> torch.Tensor:
        """The kind of each architecture: (n, E) -> (n,) int64."""
        return torch.cdist(self.features(choices), self.centres).argmin(dim=1)
