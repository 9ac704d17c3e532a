"""Measurements of a trained family: lattice of S, paper's S, baselines, retraining, and the retrained of another one.

Each is written whole, as data/results/<family>/<name>; what is half-done lies under data/runs and goes on.
"""

import dataclasses
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from simplexnas import cost, evaluate, results, simplex
from simplexnas.architecture import Architecture, random_architectures
from simplexnas.config import SearchConfig
from simplexnas.data import Splits
from simplexnas.errors import SimplexNASError, check_same
from simplexnas.family import Family
from simplexnas.hypernetwork import UtilityHypernetwork
from simplexnas.optimizers import Optimizers
from simplexnas.paths import RUNS, relative
from simplexnas.provenance import versions
from simplexnas.results import BASELINES, LATTICE, PAPER, PAPER_POINTS, RANKED, RETRAINED
from simplexnas.retrain import retrain
from simplexnas.search import Schedule, SearchModel, generator, steps_per_epoch
from simplexnas.supernet import genotype_edges

DRAWS = 3  # of the control and the random hypernetwork, for each family


def control(S, space, seed: int) -> Architecture:
    """The data-free control: every edge takes an operation of least penalty, ties at random."""
    S = simplex.parse(S, space.operations)
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
    model = SearchModel(config)
    steps = config.epochs * steps_per_epoch(config)
    optimizers = Optimizers(nn.Module(), config, steps, model.hypernetwork)
    for step in range(steps):
        schedule = Schedule.at(config, step / steps)
        if not schedule.policy_learns:
            break
        S = simplex.sample(1, config.space.k, config.corner_share, generator(config.seed, step, 0))
        probabilities = torch.softmax(schedule.gain * model.hypernetwork(S), dim=-1)
        prices = cost.price(S, config.space, config.parameter_price, model.costs)
        (schedule.kappa * cost.latency_term(probabilities, prices, config.space)).sum().backward()
        optimizers.step()
    return model.hypernetwork


def inherited_accuracy(family: Family, architecture: Architecture, splits: Splits) -> dict:
    """{"accuracy": {"validation", "test"}} of one architecture with inherited weights (discrete, BN re-estimated)."""
    network = evaluate.inherited(family, architecture, splits.train)
    return {"accuracy": evaluate.accuracies(network, splits)}


class _Measurement:
    """Points of a family: kept under data/runs while they are few, in data/results/<family>/<name> when all are there.

    Starts with the `points` that were kept. If they are of another training, other settings or versions, or if there
    is a whole measurement, raises `SimplexNASError`: neither is made again before it is moved away.
    """

    def __init__(self, family: Family, name: str, settings: dict):
        self.family, self.settings = family, settings
        self.whole, self.half = results.folder(family) / name, RUNS / family.name / name
        if self.whole.exists():
            raise SimplexNASError(f"{relative(self.whole)} exists; move it away to measure again")
        self.points, self.started = [], time.perf_counter()
        if self.half.exists():
            before = results.read(self.half)
            check_same(
                relative(self.half),
                {"sha256": before["sha256"]} | before["settings"] | before["versions"],
                {"sha256": family.description["sha256"]} | settings | versions(),
            )
            self.points = before["points"]
            self.started -= before["seconds"]

    def _save(self, path: Path, points: list[dict]) -> Path:
        seconds = round(time.perf_counter() - self.started, 1)
        about = results.provenance(self.family) | {"settings": self.settings, "seconds": seconds}
        return results.save(path, about | {"points": points})

    def keep(self, points: list[dict]) -> None:
        """Write the points so far."""
        self._save(self.half, points)

    def finish(self, points: list[dict]) -> Path:
        """Write the whole measurement; returns its path."""
        path = self._save(self.whole, points)
        self.half.unlink(missing_ok=True)
        return path


def _complete(family: Family, name: str, points: list[dict], settings: dict, measure_one) -> Path:
    """Measure the points one by one, and write data/results/<family>/<name> when all are there.

    points: dicts with "choice", the operation index of each edge. measure_one(architecture) -> dict to add to a point;
    an architecture that occurs twice is measured once. A half-done measurement, data/runs/<family>/<name>, goes on.
    """
    measurement, measured = _Measurement(family, name, settings), []
    extra = {
        tuple(point["choice"]): {key: value for key, value in point.items() if key not in ("S", "source", "draw")}
        for point in measurement.points
    }
    for point in tqdm(points, desc=f"{Path(name).stem} of {family.name}"):
        architecture = Architecture(family.space, point["choice"])
        choice = architecture.operations
        new = choice not in extra
        if new:
            extra[choice] = {"choice": choice} | architecture.sizes() | measure_one(architecture)
        measured.append(point | extra[choice] | point)  # what is given counts, not what was kept of it
        if new:
            measurement.keep(measured)
    return measurement.finish(measured)


def lattice(family: Family, splits: Splits, step: float) -> Path:
    """Counts and accuracy of the family over the lattice of S; goes on with a half-done measurement.

    Writes {"points": [{"S", "choice", "operations", "edge_parameters", "total_parameters", "macs", "accuracy"}], …}.
    """
    points = [
        {"S": S.round(6).tolist(), "choice": family.architecture(S).operations}
        for S in simplex.lattice(family.space.k, step)
    ]
    return _complete(family, LATTICE, points, {"step": step}, lambda a: inherited_accuracy(family, a, splits))


def paper_points(family: Family, splits: Splits) -> Path:
    """The family at the paper's S: accuracy in all ways, and of the data-free control (three draws).

    Goes on with a half-done measurement.
    """
    measurement = _Measurement(family, PAPER_POINTS, {"draws": DRAWS})
    points = measurement.points
    for name, (S, *_) in tqdm(list(PAPER.items())[len(points) :], desc=f"paper's S, {family.name}"):
        ways = evaluate.in_all_ways(family, S, splits)
        drawn = [control(S, family.space, seed) for seed in range(DRAWS)]
        points.append(
            {"name": name, "S": list(S)}
            | family.architecture(S).sizes()
            | {"accuracy": ways["discrete"], "ways": ways}
            | {"control": [each.sizes() | inherited_accuracy(family, each, splits) for each in drawn]}
        )
        measurement.keep(points)
    return measurement.finish(points)


def baselines(family: Family, splits: Splits, step: float = 0.1, draws: int = DRAWS, random: int = 30) -> Path:
    """What the family's front is compared with, all with its weights; goes on with a half-done measurement.

    "source" of a point: "control" and "random hypernetwork", each over the lattice of S and drawn `draws` times, and
    "random architecture". Draw d of the family with seed s has the seed s + 100 d. Needs the family's lattice.
    """
    results.lattice_points(family, step)  # of the family itself: known to be there before the long measurement
    space, seed = family.space, family.config.seed
    penalties = simplex.lattice(space.k, step)
    points = []
    for draw in range(draws):
        own = seed + 100 * draw
        with torch.no_grad():
            chosen = random_hypernetwork(family, own)(torch.from_numpy(penalties).float()).argmax(dim=-1).tolist()
        drawn = [control(S, space, own * len(penalties) + number).operations for number, S in enumerate(penalties)]
        points += [
            {"source": source, "draw": draw, "S": S.round(6).tolist(), "choice": choice}
            for source, choices in (("control", drawn), ("random hypernetwork", chosen))
            for S, choice in zip(penalties, choices, strict=True)
        ]
    for architecture in random_architectures(space, random, seed):
        points.append({"source": "random architecture", "S": None, "choice": architecture.operations})
    settings = {"step": step, "draws": draws, "random": random}
    return _complete(family, BASELINES, points, settings, lambda a: inherited_accuracy(family, a, splits))


def retraining_sample(family: Family, points: list[dict]) -> list[dict]:
    """20 architectures of the family, evenly spaced in the order of their size, and 10 random ones."""
    distinct = {tuple(point["choice"]): point for point in points}
    ordered = sorted(distinct.values(), key=lambda point: (point["edge_parameters"], point["macs"]))
    spaced = [ordered[i] for i in np.linspace(0, len(ordered) - 1, min(20, len(ordered))).round().astype(int)]
    sample = [{"source": "family", "S": point["S"], "choice": point["choice"]} for point in spaced]
    random = random_architectures(family.space, 10, seed=0)
    return sample + [{"source": "random", "S": None, "choice": architecture.operations} for architecture in random]


def retraining(family: Family, splits: Splits, epochs: int) -> Path:
    """Inherited against retrained-from-scratch accuracy of `retraining_sample`; goes on with a half-done measurement.

    "accuracy" of a point is that of the inherited weights, "retrained" that of its own training with the family's
    optimiser settings for `epochs` epochs; BN statistics are re-estimated for both.
    """
    config = dataclasses.replace(family.config, epochs=epochs)

    def both(architecture: Architecture) -> dict:
        network = evaluate.reestimate_batch_norm(retrain(architecture, splits.train, config), splits.train)
        retrained = evaluate.accuracies(network, splits)
        return inherited_accuracy(family, architecture, splits) | {"retrained": retrained}

    points = retraining_sample(family, results.read_own(family, LATTICE)["points"])
    return _complete(family, RETRAINED, points, {"epochs": epochs}, both)


def ranking(family: Family, of: Family, splits: Splits) -> Path:
    """How the weights of `family` rank the networks of the retraining of `of`; goes on with a half-done measurement.

    The points are those of that retraining, with the "accuracy" that they inherit from `family`. Raises
    `SimplexNASError` if it is missing or the families have other search spaces.
    """
    if family.space != of.space:
        raise SimplexNASError(f"{of.name} has another search space than {family.name}; allowed: the same")
    points = [
        {key: point[key] for key in ("source", "S", "choice", "retrained")}
        for point in results.read_own(of, RETRAINED)["points"]
    ]
    return _complete(family, RANKED, points, {"of": of.name}, lambda a: inherited_accuracy(family, a, splits))
