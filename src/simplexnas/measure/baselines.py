"""What a family is compared with: the data-free control, a random hypernetwork, random architectures, price alone."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from simplexnas.family import Family
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import BASELINES
from simplexnas.io.seeds import generator
from simplexnas.measure.lattice import lattice_points
from simplexnas.measure.measurement import complete, inherited_accuracy
from simplexnas.methods import penalties
from simplexnas.methods.hypernetwork import UtilityHypernetwork
from simplexnas.methods.settings import SearchConfig
from simplexnas.methods.simplex import Schedule, SimplexMethod
from simplexnas.network.architecture import Architecture, random_architectures
from simplexnas.space import cost
from simplexnas.space.search_space import genotype_edges
from simplexnas.tasks.task import Splits
from simplexnas.training.batches import steps_per_epoch
from simplexnas.training.optimizers import Optimizers

DRAWS = 3  # of the control and the random hypernetwork, for each family


def control(S, space, seed: int) -> Architecture:
    """The data-free control: every edge takes an operation of least penalty, ties at random."""
    S = penalties.parse(S, space.operations)
    least = np.flatnonzero(np.isclose(S, S.min()))
    edges = len(genotype_edges(space))
    return Architecture(space, tuple(np.random.default_rng(seed).choice(least, size=edges)))


def random_hypernetwork(family: Family, seed: int) -> UtilityHypernetwork:
    """Utility minus price with utilities that no data has seen: standard normal, then scaled as usual."""
    config = family.config
    hypernetwork = UtilityHypernetwork(config.space, config.spread, config.parameter_price, family.model.costs)
    hypernetwork.utility.data.normal_(generator=generator(seed))
    return hypernetwork


def price_alone(config: SearchConfig) -> nn.Module:
    """The hypernetwork as `search` would train it on kappa * Lat alone: no images, no network, no cross-entropy.

    Initial values, optimiser and S of every step are those of a search in one process, as far as no augmentation draws
    random numbers before S. Raises `SimplexNASError` with flip or shift.
    """
    if config.flip or config.shift:
        raise SimplexNASError(f"flip = {config.flip}, shift = {config.shift}; allowed: false, 0")
    torch.manual_seed(config.seed)  # before the initial values, as in `search`
    model = SimplexMethod(config)
    steps = config.epochs * steps_per_epoch(config)
    optimizers = Optimizers(nn.Module(), config, steps, model.hypernetwork)
    for step in range(steps):
        schedule = Schedule.at(config, step / steps)
        if not schedule.policy_learns:
            break
        S = penalties.sample(1, config.space.k, config.corner_share, generator(config.seed, step, 0))
        probabilities = torch.softmax(schedule.gain * model.hypernetwork(S), dim=-1)
        prices = cost.price(S, config.space, config.parameter_price, model.costs)
        (schedule.kappa * cost.price_term(probabilities, prices, config.space)).sum().backward()
        optimizers.step()
    return model.hypernetwork


def baselines(family: Family, splits: Splits, step: float = 0.1, draws: int = DRAWS, random: int = 30) -> Path:
    """What the family's front is compared with, all with its weights; goes on with a half-done measurement.

    "source" of a point: "control" and "random hypernetwork", each over the lattice of S and drawn `draws` times, and
    "random architecture". Draw d of the family with seed s has the seed s + 100 d. Needs the family's lattice.
    """
    lattice_points(family, step)  # of the family itself: known to be there before the long measurement
    space, seed = family.space, family.config.seed
    lattice = penalties.lattice(space.k, step)
    networks = []
    for draw in range(draws):
        own = seed + 100 * draw
        with torch.no_grad():
            chosen = random_hypernetwork(family, own)(torch.from_numpy(lattice).float()).argmax(dim=-1).tolist()
        drawn = [control(S, space, own * len(lattice) + number) for number, S in enumerate(lattice)]
        untrained = [Architecture(space, choice) for choice in chosen]
        networks += [
            (architecture, {"source": source, "draw": draw, "S": tuple(S.round(6).tolist())})
            for source, architectures in (("control", drawn), ("random hypernetwork", untrained))
            for S, architecture in zip(lattice, architectures, strict=True)
        ]
    networks += [
        (architecture, {"source": "random architecture"}) for architecture in random_architectures(space, random, seed)
    ]
    settings = {"step": step, "draws": draws, "random": random}
    return complete(
        family, BASELINES, networks, settings, lambda a: {"accuracy": inherited_accuracy(family, a, splits)}
    )
