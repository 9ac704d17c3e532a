"""Architectures at random by their size."""

import itertools

import numpy as np
import pytest
import tiny

from simplexnas.io import seeds
from simplexnas.io.errors import SimplexNASError
from simplexnas.network.architecture import Architecture
from simplexnas.space.search_space import SearchSpace
from simplexnas.space.strata import Strata


def test_each_architecture_of_a_bin_is_equally_likely():
    space, bins = tiny.FEW_EDGES, 3
    strata = Strata(space, bins)
    everyone = list(itertools.product(range(3), repeat=4))
    sizes = np.array([Architecture(space, choice).total_parameters for choice in everyone])
    borders = np.exp(np.linspace(np.log(sizes.min()), np.log(sizes.max()), bins + 1))
    for place in range(bins):
        low, high = (sizes.min(), *borders[1:-1], np.inf)[place : place + 2]
        members = [choice for choice, own in zip(everyone, sizes, strict=True) if low <= own < high]
        random = seeds.generator(0, place)
        drawn = [tuple(strata.draw(place, random)) for _ in range(40 * len(members))]
        assert set(drawn) <= set(members) and 5 < len(members) < 81
        freedom = len(members) - 1
        counts = np.array([drawn.count(choice) for choice in members])
        found = ((counts - counts.mean()) ** 2).sum() / counts.mean()  # chi-squared
        assert abs(found - freedom) < 4 * (2 * freedom) ** 0.5


def test_a_bin_without_an_architecture_is_named():
    few = SearchSpace(operations=("max_pool", "average_pool"), channels=2, nodes=1)  # all of one size
    with pytest.raises(SimplexNASError, match=r"^2 bins of size; allowed: fewer .* none in bin 1$"):
        Strata(few, 2)
