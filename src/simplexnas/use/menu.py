"""The menu of a family: the members worth having, with what each costs."""

from simplexnas.family import Description
from simplexnas.io import records
from simplexnas.latency.table import LatencyTable
from simplexnas.report import analysis


def menu(family: Description, table: LatencyTable | None = None, batch: int = 1) -> list[dict]:
    """The front of the family: no other member is both smaller in total parameters and better on validation images.

    By size; each a dict with what gave it ("S", or another method's "knob"), "edge_parameters", "total_parameters",
    "macs", "accuracy" ("validation", "test"), and with a table "predicted_ms", for one batch. Raises `SimplexNASError`
    if the family's lattice is missing, or the table is of another search space or lacks the batch.
    """
    points = analysis.front(records.read_own(family, records.LATTICE).points)
    if table is not None:
        points = table.with_predictions(points, batch)
    return [
        point.origin
        | {
            "edge_parameters": point.edge_parameters,
            "total_parameters": point.total_parameters,
            "macs": point.macs,
            "accuracy": point.accuracy.to_dict(),
        }
        | ({} if table is None else {"predicted_ms": point.latency_ms})
        for point in points
    ]
