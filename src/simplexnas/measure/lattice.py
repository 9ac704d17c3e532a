"""The family all over its knob."""

from pathlib import Path

import numpy as np

from simplexnas.family import Description, Family
from simplexnas.io import records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import relative
from simplexnas.io.records import LATTICE, Point
from simplexnas.measure.measurement import complete, inherited_accuracy
from simplexnas.methods import penalties
from simplexnas.tasks.task import Splits


def lattice(family: Family, splits: Splits, step: float) -> Path:
    """Counts and accuracy of the family all over its knob, with the simplex method over the lattice of S.

    step: from one value of the knob to the next. Goes on with a half-done measurement.
    """
    model = family.model
    networks = [(model.architecture(knob), model.said(knob)) for knob in model.knobs(step)]
    return complete(
        family, LATTICE, networks, {"step": step}, lambda a: {"accuracy": inherited_accuracy(family, a, splits)}
    )


def sublattice(points: list[Point], step: float) -> list[Point]:
    """The points whose S lies on the coarser lattice with this step."""
    return [point for point in points if np.allclose(np.array(point.S) / step, np.rint(np.array(point.S) / step))]


def lattice_points(family: Family | Description, step: float) -> list[Point]:
    """The points of the family's lattice file whose S lies on the lattice with this step; all of them, or an error."""
    points = sublattice(records.read_own(family, LATTICE).points, step)
    if len(points) < len(penalties.lattice(family.space.k, step)):
        raise SimplexNASError(
            f"{relative(family.results / LATTICE)} does not hold the lattice of step {step}; move it away and "
            f"run `simplexnas lattice --family {records.named(family)}`"
        )
    return points
