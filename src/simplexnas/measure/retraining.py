"""Inherited accuracy beside that of the same networks trained alone."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from simplexnas.family import Description, Family
from simplexnas.io import records
from simplexnas.io.records import LATTICE, RETRAINED, Accuracy, Point
from simplexnas.measure import evaluation
from simplexnas.measure.measurement import complete, inherited_accuracy
from simplexnas.methods.config import Config
from simplexnas.methods.settings import SearchConfig, preset
from simplexnas.network.architecture import Architecture, random_architectures
from simplexnas.tasks.task import Splits
from simplexnas.training.retrain import retrain


def spaced_by_size(points: Sequence[Point], n: int = 20) -> list[Point]:
    """n different architectures, or all if there are fewer, evenly spaced in the order of their size."""
    distinct = {point.choice: point for point in points}
    ordered = sorted(distinct.values(), key=lambda point: (point.edge_parameters, point.macs))
    return [ordered[i] for i in np.linspace(0, len(ordered) - 1, min(n, len(ordered))).round().astype(int)]


def retraining_sample(family: Family, points: Sequence[Point]) -> list[tuple[Architecture, dict]]:
    """20 architectures of the family, spaced by size, and 10 random ones, for `complete`."""
    sample = [
        (Architecture(family.space, point.choice), {"source": "family", "S": point.S, "knob": point.knob})
        for point in spaced_by_size(points)
    ]
    random = random_architectures(family.space, 10, seed=0)
    return sample + [(architecture, {"source": "random"}) for architecture in random]


def recipe(family: Family | Description) -> SearchConfig:
    """How a network is trained alone: as the simplex method trains its weights, that of the family if it is one.

    For another method's family as the default preset does, but with the family's augmentation, which suits the data.
    """
    config = family.config
    if isinstance(config, SearchConfig):
        return config
    return dataclasses.replace(common_recipe(config), flip=config.flip, shift=config.shift)


def common_recipe(config: Config) -> SearchConfig:
    """How a network is trained alone where methods are compared: as the default preset trains its weights."""
    return preset("default", seed=config.seed, space=config.space, train_images=config.train_images)


def accuracy_alone(architecture: Architecture, splits: Splits, config: Config, folder: Path) -> Accuracy:
    """Accuracy of a network trained from scratch, its BN statistics re-estimated; an interrupted training goes on."""
    network = retrain(architecture, splits.train, config, folder)
    return evaluation.accuracies(evaluation.reestimate_batch_norm(network, splits.train), splits)


def retraining(family: Family, splits: Splits, epochs: int) -> Path:
    """Inherited against retrained-from-scratch accuracy of `retraining_sample`; goes on with a half-done measurement.

    "accuracy" of a point is that of the inherited weights, "retrained" that of its own training by
    `recipe` for `epochs` epochs; BN statistics are re-estimated for both.
    """
    config = dataclasses.replace(recipe(family), epochs=epochs)
    folder = family.runs / "retraining"

    def both(architecture: Architecture) -> dict[str, Accuracy]:
        retrained = accuracy_alone(architecture, splits, config, folder)
        return {"accuracy": inherited_accuracy(family, architecture, splits), "retrained": retrained}

    networks = retraining_sample(family, records.read_own(family, LATTICE).points)
    return complete(family, RETRAINED, networks, {"epochs": epochs}, both)
