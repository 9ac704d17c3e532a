"""What a family is compared with: the data-free control, a random hypernetwork, random architectures."""

import copy
from pathlib import Path

import numpy as np
import torch

from simplexnas.family import Family
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import BASELINES
from simplexnas.io.seeds import generator
from simplexnas.measure.lattice import lattice_points
from simplexnas.measure.measurement import complete, inherited_accuracy
from simplexnas.methods import penalties
from simplexnas.methods.hypernetwork import WorthHypernetwork
from simplexnas.network.architecture import Architecture, random_architectures
from simplexnas.space.search_space import genotype_edges
from simplexnas.tasks.task import Splits


def control(S, space, seed: int) -> Architecture:
    """The data-free control: every edge takes an operation of least penalty, ties at random."""
    S = penalties.parse(S, space.operations)
    least = np.flatnonzero(np.isclose(S, S.min()))
    edges = len(genotype_edges(space))
    return Architecture(space, tuple(np.random.default_rng(seed).choice(least, size=edges)))


def random_hypernetwork(family: Family, seed: int) -> WorthHypernetwork:
    """Worth minus price with worths that no data has seen."""
    hypernetwork = copy.deepcopy(family.model.hypernetwork)
    hypernetwork.draw(generator(seed))
    return hypernetwork


def baselines(family: Family, splits: Splits, step: float = 0.1, random: int = 30) -> Path:
    """What the family's front is compared with, all with its weights; goes on with a half-done measurement.

    "source" of a point: "control" and "random hypernetwork", each over the lattice of S, and "random architecture"; all
    are drawn once, by the family's seed. Needs the family's lattice.
    """
    family.check_S()
    if not isinstance(family.model.hypernetwork, WorthHypernetwork):
        raise SimplexNASError(f"hypernetwork = {family.config.hypernetwork!r}; allowed here: worth, which can be drawn")
    lattice_points(family, step)  # of the family itself: known to be there before the long measurement
    space, seed = family.space, family.config.seed
    lattice = penalties.lattice(space.k, step)
    with torch.no_grad():
        chosen = random_hypernetwork(family, seed)(torch.from_numpy(lattice).float()).argmax(dim=-1).tolist()
    drawn = {
        "control": [control(S, space, seed * len(lattice) + number) for number, S in enumerate(lattice)],
        "random hypernetwork": [Architecture(space, choice) for choice in chosen],
    }
    networks = [
        (architecture, {"source": source, "S": tuple(S.round(6).tolist())})
        for source, architectures in drawn.items()
        for S, architecture in zip(lattice, architectures, strict=True)
    ]
    networks += [
        (architecture, {"source": "random architecture"}) for architecture in random_architectures(space, random, seed)
    ]
    return complete(
        family,
        BASELINES,
        networks,
        {"step": step, "random": random},
        lambda a: {"accuracy": inherited_accuracy(family, a, splits)},
    )
