"""Networks of different methods beside each other: all trained alone by one recipe, and how much chance there is in it.

Members of a family's front, chosen on validation, and architectures at random, as many of each size.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from simplexnas.family import Family
from simplexnas.io.records import COMPARED, NOISE, Accuracy, Point
from simplexnas.io.seeds import generator
from simplexnas.measure.measurement import Measurement, complete, inherited_accuracy
from simplexnas.measure.retraining import accuracy_alone, common_recipe, spaced_by_size
from simplexnas.network.architecture import Architecture
from simplexnas.space.search_space import SearchSpace
from simplexnas.space.strata import Strata
from simplexnas.tasks.task import Splits


def stratified(space: SearchSpace, n: int, seed: int) -> list[Architecture]:
    """n architectures at random, by size: one of each of n parts of the range of total parameters, which are even in
    the logarithm; each equally likely among all of its part. Raises `SimplexNASError` for more parts than sizes."""
    if n == 0:
        return []
    strata = Strata(space, n)
    return [Architecture(space, strata.draw(place, generator(seed, place))) for place in range(n)]


def compare(family: Family, splits: Splits, front: Sequence[Point], members: int, random: int, epochs: int) -> Path:
    """Inherited accuracy beside that of a training of its own for so many epochs, by the recipe that is common to all
    methods, with the family's seed; goes on with a half-done measurement. Writes data/results/<family>/compared.json.

    front: members of the family with their inherited accuracy; at most `members` of them, evenly spaced in the order of
    their size, are trained (source "family"), then `random` architectures of `stratified` (source "random").
    """
    config = dataclasses.replace(common_recipe(family.config), epochs=epochs)
    known = {point.choice: point.accuracy for point in front}

    def both(architecture: Architecture) -> dict[str, Accuracy]:
        inherited = known.get(architecture.operations) or inherited_accuracy(family, architecture, splits)
        return {"accuracy": inherited, "retrained": accuracy_alone(architecture, splits, config, family.runs / "alone")}

    networks = [
        (Architecture(family.space, point.choice), {"source": "family", "S": point.S, "knob": point.knob})
        for point in spaced_by_size(front, members)
    ]
    networks += [(each, {"source": "random"}) for each in stratified(family.space, random, family.config.seed)]
    settings = {"epochs": epochs, "members": members, "random": random}
    return complete(family, COMPARED, networks, settings, both)


def noise(family: Family, splits: Splits, front: Sequence[Point], members: int, seeds: int, epochs: int) -> Path:
    """The same networks trained alone with several seeds: what a difference of two has to exceed to mean anything.

    front: as of `compare`, and the same recipe; seed of a point: that of its training. Goes on with a half-done
    measurement. Writes data/results/<family>/noise.json.
    """
    config = dataclasses.replace(common_recipe(family.config), epochs=epochs)
    trainings = [(point, seed) for point in spaced_by_size(front, members) for seed in range(seeds)]
    points: list[Point] = []
    with Measurement(family, NOISE, {"epochs": epochs, "members": members, "seeds": seeds}) as measurement:
        known = {(point.choice, point.seed): point.retrained for point in measurement.points}
        for point, seed in tqdm(trainings, desc=f"trainings of {family.name}"):
            new = (point.choice, seed) not in known
            if new:
                own, folder = dataclasses.replace(config, seed=seed), family.runs / "noise"
                architecture = Architecture(family.space, point.choice)
                known[point.choice, seed] = accuracy_alone(architecture, splits, own, folder)
            points.append(dataclasses.replace(point, seed=seed, retrained=known[point.choice, seed]))
            if new:
                measurement.keep(points)
        return measurement.finish(points)
