"""The family over a lattice of S, and at the paper's S in several ways."""

from pathlib import Path

from tqdm import tqdm

from simplexnas.family import Family
from simplexnas.io.records import LATTICE, PAPER_POINTS
from simplexnas.measure import evaluation
from simplexnas.measure.baselines import DRAWS, control
from simplexnas.measure.measurement import Measurement, complete, inherited_accuracy
from simplexnas.methods import penalties
from simplexnas.report.paper import PAPER
from simplexnas.tasks.task import Splits


def lattice(family: Family, splits: Splits, step: float) -> Path:
    """Counts and accuracy of the family over the lattice of S; goes on with a half-done measurement.

    Writes {"points": [{"S", "choice", "operations", "edge_parameters", "total_parameters", "macs", "accuracy"}], …}.
    """
    points = [
        {"S": S.round(6).tolist(), "choice": family.architecture(S).operations}
        for S in penalties.lattice(family.space.k, step)
    ]
    return complete(family, LATTICE, points, {"step": step}, lambda a: inherited_accuracy(family, a, splits))


def paper_points(family: Family, splits: Splits) -> Path:
    """The family at the paper's S: accuracy in all ways, and of the data-free control (three draws).

    Goes on with a half-done measurement.
    """
    measurement = Measurement(family, PAPER_POINTS, {"draws": DRAWS})
    points = measurement.points
    for name, (S, *_) in tqdm(list(PAPER.items())[len(points) :], desc=f"paper's S, {family.name}"):
        ways = evaluation.in_all_ways(family, S, splits)
        drawn = [control(S, family.space, seed) for seed in range(DRAWS)]
        points.append(
            {"name": name, "S": list(S)}
            | family.architecture(S).sizes()
            | {"accuracy": ways["discrete"], "ways": ways}
            | {"control": [each.sizes() | inherited_accuracy(family, each, splits) for each in drawn]}
        )
        measurement.keep(points)
    return measurement.finish(points)
