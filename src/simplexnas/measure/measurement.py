"""A resumable measurement: points of a family, written whole, kept half-done meanwhile."""

import time
from pathlib import Path

from tqdm import tqdm

from simplexnas.family import Family
from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError, check_same
from simplexnas.io.paths import relative
from simplexnas.io.provenance import versions
from simplexnas.measure import evaluation
from simplexnas.network.architecture import Architecture
from simplexnas.tasks.task import Splits


def inherited_accuracy(family: Family, architecture: Architecture, splits: Splits) -> dict:
    """{"accuracy": {"validation", "test"}} of one architecture with inherited weights (discrete, BN re-estimated)."""
    network = evaluation.inherited(family, architecture, splits.train)
    return {"accuracy": evaluation.accuracies(network, splits)}


class Measurement:
    """Points of a family: kept under data/runs while they are few, in data/results/<family>/<name> when all are there.

    Starts with the `points` that were kept. If they are of another training, other settings or versions, or if there
    is a whole measurement, raises `SimplexNASError`: neither is made again before it is moved away.
    """

    def __init__(self, family: Family, name: str, settings: dict):
        self.family, self.settings = family, settings
        self.whole, self.half = records.folder(family) / name, paths.RUNS / family.name / name
        if self.whole.exists():
            raise SimplexNASError(f"{relative(self.whole)} exists; move it away to measure again")
        self.points, self.started = [], time.perf_counter()
        if self.half.exists():
            before = records.read(self.half)
            check_same(
                relative(self.half),
                {"sha256": before["sha256"]} | before["settings"] | before["versions"],
                {"sha256": family.description["sha256"]} | settings | versions(),
            )
            self.points = before["points"]
            self.started -= before["seconds"]

    def _save(self, path: Path, points: list[dict]) -> Path:
        seconds = round(time.perf_counter() - self.started, 1)
        about = records.provenance(self.family) | {"settings": self.settings, "seconds": seconds}
        return records.save(path, about | {"points": points})

    def keep(self, points: list[dict]) -> None:
        """Write the points so far."""
        self._save(self.half, points)

    def finish(self, points: list[dict]) -> Path:
        """Write the whole measurement; returns its path."""
        path = self._save(self.whole, points)
        self.half.unlink(missing_ok=True)
        return path


def complete(family: Family, name: str, points: list[dict], settings: dict, measure_one) -> Path:
    """Measure the points one by one, and write data/results/<family>/<name> when all are there.

    points: dicts with "choice", the operation index of each edge. measure_one(architecture) -> dict to add to a point;
    an architecture that occurs twice is measured once. A half-done measurement, data/runs/<family>/<name>, goes on.
    """
    measurement, measured = Measurement(family, name, settings), []
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
