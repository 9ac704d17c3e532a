"""The search methods side by side, read off their result files: indicators with intervals, collapse, and cost.

What one seed of a method gave is a `Run`: of one training, or of all trainings that scan its knob. An accuracy is that
with inherited weights or that of the network trained alone; no number is made of both. What counts is chosen on
validation images, and counts with its accuracy on test images.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise, product
from typing import NamedTuple

import moocore
import numpy as np

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import Point, Record
from simplexnas.latency.table import LatencyTable
from simplexnas.measure.retraining import spaced_by_size
from simplexnas.network.architecture import Architecture
from simplexnas.report import analysis, statistics
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, genotype_edges

INHERITED, ALONE = ACCURACIES = "inherited", "retrained"
LEAST_ERROR, MOST_ERROR = 0.05, 0.2  # between which the indicators tell errors apart
IMAGES = 10_000  # of the test
RESAMPLES = 1000
FAMILY, SINGLE, RANDOM = "family", "one architecture a training", "random architectures"  # ways to many architectures
NUMBERS = (1, 3, 10, 30)  # of architectures


# Architectures


class Run(NamedTuple):
    """What one seed of a method gave.

    members: all architectures with their inherited accuracy, in the order of the knob. alone: those of them that were
    also trained alone. random: random architectures, also with both accuracies.
    """

    seed: int
    members: tuple[Point, ...]
    alone: tuple[Point, ...]
    random: tuple[Point, ...]

    def points(self, accuracy: str) -> list[Point]:
        """The method's architectures whose accuracy of that kind (of `ACCURACIES`) is known, as `of_accuracy`."""
        return of_accuracy(self.members if accuracy == INHERITED else self.alone, accuracy)


def union(trainings: Sequence[tuple[Record, Record]]) -> Run:
    """The run of all trainings of one seed, in the order of the knob that they scan.

    trainings: of each the record of its lattice and that of `measure.comparison.compare`. Raises `SimplexNASError` if
    they are of several seeds.
    """
    seeds = {record.seed for training in trainings for record in training}
    if len(seeds) != 1:
        raise SimplexNASError(f"trainings of seeds {sorted(seeds)}; allowed: trainings of one seed")
    compared = [point for _, record in trainings for point in record.points]
    return Run(
        seed=seeds.pop(),
        members=tuple(point for record, _ in trainings for point in record.points),
        alone=tuple(point for point in compared if point.source == "family"),
        random=tuple(point for point in compared if point.source == "random"),
    )


def of_accuracy(points: Iterable[Point], accuracy: str) -> list[Point]:
    """Points with the accuracy of that kind (of `ACCURACIES`) as their `accuracy`."""
    return list(points) if accuracy == INHERITED else [replace(point, accuracy=point.retrained) for point in points]


def chosen(points: Sequence[Point], n: int, size: str) -> list[Point]:
    """n of the front of validation accuracy against `size`, an attribute, evenly spaced in the order of their edge
    parameters; all of the front if it has fewer."""
    return spaced_by_size(analysis.front(points, size), n)


class Networks(NamedTuple):
    """What counts of networks once they are chosen: (n,) each, a size above 0, and test accuracy, 0 … 1."""

    sizes: np.ndarray
    tests: np.ndarray


def networks(points: Iterable[Point], size: str) -> Networks:
    """size: the attribute of the points that it is."""
    return Networks(*np.transpose([(getattr(point, size), point.accuracy.test) for point in points]))


# Indicators


class Scale(NamedTuple):
    """A cost of networks, an attribute of points, and what the smallest and the largest network of a space have."""

    size: str
    smallest: float
    largest: float


def scale(size: str, space: SearchSpace, table: LatencyTable | None = None) -> Scale:
    """size: "total_parameters", "macs" of an image, or "latency_ms" of one image as a table of the space predicts."""
    if size == "latency_ms":
        return Scale(size, *latency_bounds(table))
    edges, fixed = {
        "total_parameters": (cost.edge_parameters(space), cost.fixed_parameters(space)),
        "macs": (cost.edge_macs(space), cost.fixed_macs(space)),
    }[size]
    return Scale(size, int(fixed + edges.min(axis=1).sum()), int(fixed + edges.max(axis=1).sum()))


def latency_bounds(table: LatencyTable) -> tuple[float, float]:
    """Predicted time of one image, ms, of the fastest and of the slowest network of the table's space.

    Edges that leave the same node share parts, others do not: so all operations of such edges are tried together, and
    those of other nodes apart.
    """
    space = table.space
    edges = genotype_edges(space)
    fastest, slowest = np.zeros((2, len(edges)), dtype=int)

    def predicted(rows: list[int], operations: tuple[int, ...]) -> float:
        choice = np.zeros(len(edges), dtype=int)
        choice[rows] = operations
        return table.predict(Architecture(space, choice), batch=1)

    for node in {(edge.cell_type, edge.source) for edge in edges}:
        rows = [row for row, edge in enumerate(edges) if (edge.cell_type, edge.source) == node]
        ordered = sorted(product(range(space.k), repeat=len(rows)), key=partial(predicted, rows))
        fastest[rows], slowest[rows] = ordered[0], ordered[-1]
    everywhere = list(range(len(edges)))
    return predicted(everywhere, fastest), predicted(everywhere, slowest)


def objectives(networks: Networks, scale: Scale) -> np.ndarray:
    """(n, 2), both to be minimised, 0 … 1; networks: with the scale's size.

    First the logarithm of the size, from 0 at the smallest network to 1 at the largest, then the test error, from 0 at
    5 % to 1 at 20 %; what lies outside is moved to the bound.
    """
    sizes = np.log(networks.sizes / scale.smallest) / np.log(scale.largest / scale.smallest)
    errors = (1 - networks.tests - LEAST_ERROR) / (MOST_ERROR - LEAST_ERROR)
    return np.clip(np.column_stack([sizes, errors]), 0, 1)


def hypervolume(networks: Networks, scale: Scale) -> float:
    """Area between `objectives` and the reference point (1, 1); 0 … 1, larger is better."""
    return float(moocore.hypervolume(objectives(networks, scale), ref=1))


def reference(runs: Iterable[Sequence[Point]], scale: Scale) -> np.ndarray:
    """Objectives (n, 2) that no others beat, of the members on the fronts (chosen on validation) of all runs."""
    fronts = [objectives(networks(analysis.front(points, scale.size), scale.size), scale) for points in runs]
    return moocore.filter_dominated(np.concatenate(fronts))


def igd_plus(networks: Networks, reference: np.ndarray, scale: Scale) -> float:
    """IGD+: mean over r of the reference (n, 2) of the least ‖max(a - r, 0)‖ of `objectives` a; 0 is best."""
    return float(moocore.igd_plus(objectives(networks, scale), ref=reference))


# Intervals


def redrawn(networks: Networks, resamples: int, random: np.random.Generator) -> Iterator[Networks]:
    """So many times the networks as other test images might have shown them.

    Each test accuracy is drawn from Binomial(10,000, accuracy) / 10,000. Result files hold accuracies, not which images
    were right, so networks are drawn independently: conservative for differences of networks that err alike.
    """
    tests = random.binomial(IMAGES, networks.tests, size=(resamples, len(networks.tests))) / IMAGES
    return (networks._replace(tests=drawn) for drawn in tests)


def score(
    seeds: Sequence[Networks], measure: Callable[[Networks], float], resamples: int = RESAMPLES
) -> dict[str, float]:
    """{"mean", "low", "high"}: mean over seeds of a measure of each one's networks, and its 95 % interval.

    By bootstrap over seeds and test images: as many seeds are drawn, with replacement, as there are, and the networks
    are `redrawn`. The interval of a single seed is for its test images alone. nan without a seed.
    """
    if not seeds:
        return dict.fromkeys(("mean", "low", "high"), np.nan)
    random = np.random.default_rng(0)
    values = [[measure(drawn) for drawn in redrawn(own, resamples, random)] for own in seeds]
    return _mean_and_interval([measure(own) for own in seeds], np.array(values), random)


def _mean_and_interval(measured: list[float], values: np.ndarray, random: np.random.Generator) -> dict[str, float]:
    """measured: of each seed; values: the same of other test images, (seeds, resamples)."""
    seeds = random.integers(len(values), size=values.shape)
    low, high = statistics.percentile_interval(np.take_along_axis(values, seeds, axis=0).mean(axis=0))
    return {"mean": float(np.mean(measured)), "low": low, "high": high}


def advantage(networks: Networks, random: Networks) -> np.ndarray:
    """Test accuracy less that of random architectures of the same size, in percentage points: (n,).

    random: in order of size. Between two of them the accuracy is linear in the logarithm of size; nan beyond them.
    """
    at = np.interp(np.log(networks.sizes), np.log(random.sizes), random.tests, left=np.nan, right=np.nan)
    return 100 * (networks.tests - at)


def mean_advantage(
    seeds: Sequence[Sequence[Point]], random: Sequence[Point], resamples: int = RESAMPLES
) -> dict[str, float]:
    """As `score` the mean `advantage` of a seed's points over the front of random ones, chosen on validation, at the
    same total parameters.

    Points beyond the front's ends do not count; nan if none does. The front's test accuracies are redrawn too.
    """
    size = "total_parameters"
    front = networks(analysis.front(random, size), size)
    within = [
        [point for point in points if front.sizes[0] <= point.total_parameters <= front.sizes[-1]] for points in seeds
    ]
    inside = [networks(points, size) for points in within if points]
    if not inside:
        return dict.fromkeys(("mean", "low", "high"), np.nan)
    generator = np.random.default_rng(0)
    fronts = list(redrawn(front, resamples, generator))
    values = [
        [
            advantage(drawn, other).mean()
            for drawn, other in zip(redrawn(own, resamples, generator), fronts, strict=True)
        ]
        for own in inside
    ]
    return _mean_and_interval([advantage(own, front).mean() for own in inside], np.array(values), generator)


# Noise


def retraining_noise(points: Iterable[Point]) -> float:
    """Standard deviation of test accuracy over trainings alone of the same network with several seeds, in percentage
    points, pooled over the networks; points: of `measure.comparison.noise`, at least two of some network."""
    tests: dict[tuple[int, ...], list[float]] = {}
    for point in points:
        tests.setdefault(point.choice, []).append(100 * point.retrained.test)
    squares = sum(len(own) * np.var(own) for own in tests.values())
    return float((squares / sum(len(own) - 1 for own in tests.values())) ** 0.5)


def least_difference(points: Iterable[Point]) -> float:
    """Percentage points that two networks trained alone have to differ by to be called different: twice the noise."""
    return 2 * retraining_noise(points)


# Collapse


def collapse(points: Sequence[Point]) -> dict:
    """How much the architectures of a run differ.

    {"architectures": different ones, "front": of them on the front of validation accuracy against total parameters,
    "least", "most": total parameters, "operation": the most frequent one on the edges of the different ones, "share":
    its part of the edges, 0 … 1}.
    """
    different = {point.choice: point for point in points}.values()
    sizes = [point.total_parameters for point in different]
    edges = sum((Counter(point.operations) for point in different), Counter())
    ((operation, most),) = edges.most_common(1)
    return {
        "architectures": len(different),
        "front": len({point.choice for point in analysis.front(points)}),
        "least": min(sizes),
        "most": max(sizes),
        "operation": operation,
        "share": most / edges.total(),
    }


def violations(points: Sequence[Point], rising: bool = False) -> tuple[int, int]:
    """Of the pairs of neighbouring values of the knob, how many have sizes, total parameters, in the wrong order; and
    how many pairs there are.

    points: of one run; sizes should fall in the order of a scan, and as a knob from 0 to 1 rises, or if `rising` they
    should rise with it. (0, 0) where the knob is S, which has no order, and where there is none.
    """
    if points[0].S is not None:
        return 0, 0
    if points[0].knob is not None:
        points = sorted(points, key=lambda point: point.knob, reverse=rising)
    pairs = list(pairwise(point.total_parameters for point in points))
    return sum(after > before for before, after in pairs), len(pairs)


# Cost


class Seconds(NamedTuple):
    """How long one training of a method takes, the evaluation of a member, and the training of a network alone."""

    training: float
    evaluation: float
    alone: float


def hours(n: int, seconds: Seconds) -> dict[tuple[str, str], float]:
    """What n architectures cost in hours, by the way to them and the kind of their accuracy."""
    training, evaluation, alone = (each / 3600 for each in seconds)
    return {
        (FAMILY, INHERITED): training + n * evaluation,
        (FAMILY, ALONE): training + n * alone,
        (SINGLE, INHERITED): n * training,
        (SINGLE, ALONE): n * (training + alone),
        (RANDOM, ALONE): n * alone,
    }


def costs(seconds: Seconds, measured: Mapping[tuple[str, str], int]) -> list[dict]:
    """`hours` for each of `NUMBERS`: {"way", "accuracy", "n", "hours", "extrapolated"}.

    measured: how many architectures were measured, by way and kind of accuracy; a value for more is extrapolated.
    """
    return [
        {"way": way, "accuracy": accuracy, "n": n, "hours": value, "extrapolated": n > measured[way, accuracy]}
        for n in NUMBERS
        for (way, accuracy), value in hours(n, seconds).items()
    ]
