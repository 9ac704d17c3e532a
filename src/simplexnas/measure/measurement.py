"""A resumable measurement: points of a family, written whole, kept half-done meanwhile."""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.io.errors import SimplexNASError, check_same
from simplexnas.io.files import claim
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed, versions
from simplexnas.io.records import Accuracy, Point, Record
from simplexnas.measure import evaluation
from simplexnas.network.architecture import Architecture
from simplexnas.tasks.task import Splits


def inherited_accuracy(family: Family, architecture: Architecture, splits: Splits) -> Accuracy:
    """Accuracy of one architecture with inherited weights (discrete, BN re-estimated)."""
    return evaluation.accuracies(evaluation.inherited(family, architecture, splits.train), splits)


class Measurement:
    """Points of a family: kept in its folder of runs while they are few, in that of results when all are there.

    In its `with` block it belongs to this process, and starts with the `points` that were kept. If they are of another
    training, other settings or versions, or if there is a whole measurement, or another process is at it, that raises
    `SimplexNASError`: what is there is not made again before it is moved away.
    """

    def __init__(self, family: Family, name: str, settings: dict):
        self.family, self.settings = family, settings
        self.whole, self.half = family.results / name, family.runs / name

    def __enter__(self) -> "Measurement":
        with contextlib.ExitStack() as owned:
            owned.enter_context(claim(self.half.with_suffix(".lock"), relative(self.whole)))
            self._start()
            self.owned = owned.pop_all()
        return self

    def __exit__(self, *_) -> None:
        self.owned.close()

    def _start(self) -> None:
        if self.whole.exists():
            raise SimplexNASError(f"{relative(self.whole)} exists; move it away to measure again")
        self.points: list[Point] = []
        self.started = time.perf_counter()
        if self.half.exists():
            before = records.read_record(self.half)
            check_same(
                relative(self.half),
                {"sha256": before.sha256} | before.settings | before.versions,
                {"sha256": self.family.sha256} | self.settings | versions(),
            )
            self.points = list(before.points)
            self.started -= before.seconds

    def _save(self, path: Path, points: Sequence[Point]) -> Path:
        return Record(
            family=self.family.name,
            sha256=self.family.sha256,
            seed=self.family.config.seed,
            training_seconds=self.family.description.training_seconds,
            config=self.family.config.to_dict(),
            settings=self.settings,
            seconds=round(time.perf_counter() - self.started, 1),
            points=tuple(points),
            **computed(),
        ).save(path)

    def keep(self, points: Sequence[Point]) -> None:
        """Write the points so far."""
        self._save(self.half, points)

    def finish(self, points: Sequence[Point]) -> Path:
        """Write the whole measurement; returns its path."""
        path = self._save(self.whole, points)
        self.half.unlink(missing_ok=True)
        return path


def complete(
    family: Family,
    name: str,
    networks: Sequence[tuple[Architecture, dict]],
    settings: dict,
    measure_one: Callable[[Architecture], dict[str, Accuracy]],
) -> Path:
    """Measure the networks one by one, and write the family's result file of that name when all are there.

    networks: each architecture with what else its point says, such as {"S": …, "source": …}. measure_one: what it
    measures, {"accuracy": …} and maybe {"retrained": …}; an architecture that occurs twice is measured once. A
    half-done measurement goes on: what is given counts, not what was kept of it.
    """
    points = []
    with Measurement(family, name, settings) as measurement:
        known = {kept.choice: {"accuracy": kept.accuracy, "retrained": kept.retrained} for kept in measurement.points}
        for architecture, about in tqdm(networks, desc=f"{Path(name).stem} of {family.name}"):
            choice = architecture.operations
            new = choice not in known
            if new:
                known[choice] = measure_one(architecture)
            points.append(Point(**{"choice": choice} | architecture.sizes() | known[choice] | about))
            if new:
                measurement.keep(points)
        return measurement.finish(points)
