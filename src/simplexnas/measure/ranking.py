"""How the weights of one family rank the networks that were retrained for another."""

from pathlib import Path

from simplexnas.family import Description, Family
from simplexnas.io import records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import RANKED, RETRAINED
from simplexnas.measure.measurement import complete, inherited_accuracy
from simplexnas.network.architecture import Architecture
from simplexnas.tasks.task import Splits


def ranking(family: Family, of: Family | Description, splits: Splits) -> Path:
    """How the weights of `family` rank the networks of the retraining of `of`; goes on with a half-done measurement.

    The points are those of that retraining, with the "accuracy" that they inherit from `family`. Raises
    `SimplexNASError` if it is missing or the families have other search spaces.
    """
    if family.space != of.space:
        raise SimplexNASError(f"{of.name} has another search space than {family.name}; allowed: the same")
    networks = [
        (
            Architecture(of.space, point.choice),
            {key: getattr(point, key) for key in ("source", "S", "knob", "retrained")},
        )
        for point in records.read_own(of, RETRAINED).points
    ]
    return complete(
        family, RANKED, networks, {"of": of.name}, lambda a: {"accuracy": inherited_accuracy(family, a, splits)}
    )
