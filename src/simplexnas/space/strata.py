"""Architectures at random by their size: equally many of each part of the range."""

import numpy as np
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace


class Strata:
    """The architectures of a search space in bins of size, total parameters.

    The borders between smallest and largest are even in the logarithm; what lies on one belongs to the bin above it.
    Raises `SimplexNASError` if a bin has no architecture.
    """

    def __init__(self, space: SearchSpace, bins: int):
        self.table = cost.edge_parameters(space).tolist()
        # After the first e edges: the probability of each size, if all operations are equally likely.
        self.chances: list[dict[int, float]] = [{cost.fixed_parameters(space): 1.0}]
        for row in self.table:
            after: dict[int, float] = {}
            for size, chance in self.chances[-1].items():
                for parameters in row:
                    after[size + parameters] = after.get(size + parameters, 0.0) + chance / space.k
            self.chances.append(after)
        sizes = np.array(sorted(self.chances[-1]))
        self.borders = np.geomspace(sizes[0], sizes[-1], bins + 1)[1:-1]
        places = self.place(sizes)
        self.sizes = [sizes[places == place].tolist() for place in range(bins)]  # that a bin has
        if not all(self.sizes):
            raise SimplexNASError(
                f"{bins} bins of size; allowed: fewer in this search space, whose architectures have {len(sizes)} "
                f"sizes, from {sizes[0]} to {sizes[-1]} parameters, none in bin {self.sizes.index([]) + 1}"
            )

    def place(self, size: np.ndarray | int) -> np.ndarray:
        """The bins of sizes, from 0."""
        return np.searchsorted(self.borders, size, side="right")

    def draw(self, place: int, random: torch.Generator) -> list[int]:
        """Operations of one architecture, (E,): each one of the bin is equally likely."""

        def pick(weights: list[float]) -> int:
            return int(torch.multinomial(torch.tensor(weights, dtype=torch.float64), 1, generator=random))

        sizes, choice = self.sizes[place], []
        size = sizes[pick([self.chances[-1][size] for size in sizes])]
        for row, before in zip(reversed(self.table), reversed(self.chances[:-1]), strict=True):
            m = pick([before.get(size - parameters, 0.0) for parameters in row])
            size -= row[m]
            choice.append(m)
        return choice[::-1]
