"""Predicted against measured time of networks that the prediction was not fitted to."""

import json
from pathlib import Path

import numpy as np
from scipy import stats

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_format, check_new, read_json, write_new
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed
from simplexnas.latency import timing
from simplexnas.latency.table import VERSION, LatencyTable, check_machine
from simplexnas.latency.timing import network_calls, time_calls, version
from simplexnas.network.architecture import Architecture, random_architectures

VALIDATION_FORMAT = "simplexnas latency validation"
VALIDATION = "validation.json"
HINT = "move it away to measure again"
VALIDATION_ARCHITECTURES, VALIDATION_SEED = 40, 2


def validate(table: LatencyTable, rounds: int | None = None) -> Path:
    """Measured times of architectures that the prediction was not fitted to, each measured twice in the same rounds.

    Writes data/latency/<name>/validation.json; the second measurement says how well anything could predict the first.
    rounds: 15 by default. Raises `SimplexNASError` if the table is of another machine, it was validated already, also
    meanwhile, or this machine is too busy.
    """
    machine = check_machine(table)
    settings = machine | {"rounds": timing.ROUNDS if rounds is None else rounds}
    path = paths.LATENCY / table.name / VALIDATION
    check_new(path, HINT)
    architectures = random_architectures(table.space, VALIDATION_ARCHITECTURES, VALIDATION_SEED)
    networks = {str(number): architecture.build() for number, architecture in enumerate(architectures)}
    calls = {}
    for batch in table.batches:
        title = f"batch {batch}, networks built"
        of_batch = network_calls(networks, batch, runtime=table.runtime, **machine, title=title)
        calls |= {f"{batch} {number}{again}": call for number, call in of_batch.items() for again in ("", " again")}
    times = time_calls(calls, **settings, title="rounds")
    batches = {
        str(batch): [
            {
                "operations": architecture.names,
                "measured_ms": times[f"{batch} {number}"]["median_ms"],
                "again_ms": times[f"{batch} {number} again"]["median_ms"],
            }
            for number, architecture in zip(networks, architectures, strict=True)
        ]
        for batch in table.batches
    }
    result = {
        "format": VALIDATION_FORMAT,
        "version": VERSION,
        "table_created": table.content["created"],
        "settings": settings,
        **computed(settings["device"], settings["threads"]),
        "batches": batches,
    }
    result["versions"][table.runtime] = version(table.runtime)
    return write_new(path, json.dumps(result, indent=1) + "\n", HINT)


def read_validation(table: LatencyTable) -> dict[int, list[dict]]:
    """For each batch size what `validate` measured: "operations", "measured_ms", "again_ms" of each architecture.

    With what the table says of it: "sum_of_parts_ms", "predicted_ms". Raises `SimplexNASError` with the command that
    makes it, if there is none for this table.
    """
    path = paths.LATENCY / table.name / VALIDATION
    hint = "run `simplexnas latency validate`"
    if not path.exists():
        raise SimplexNASError(f"{relative(path)} is missing; {hint}")
    content = read_json(path)
    check_format(content, VALIDATION_FORMAT, VERSION, relative(path))
    if content.get("table_created") != table.content["created"]:
        raise SimplexNASError(f"{relative(path)} is not of this table; move it away, and {hint}")

    def predicted(point: dict, batch: int) -> dict:
        architecture = Architecture(table.space, [table.space.operations.index(name) for name in point["operations"]])
        return point | {
            "sum_of_parts_ms": table.sum_of_parts(architecture, batch),
            "predicted_ms": table.predict(architecture, batch),
        }

    try:
        return {
            int(batch): [predicted(point, int(batch)) for point in points]
            for batch, points in content["batches"].items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise SimplexNASError(f"{relative(path)} is damaged ({error}); move it away, and {hint}") from None


def prediction_errors(points: list[dict], predicted: str = "predicted_ms") -> dict:
    """{"spearman", "mape", "worst"} of predictions against measurements; mape and worst are shares (0.05 is 5 %)."""
    values, truth = (np.array([point[key] for point in points]) for key in (predicted, "measured_ms"))
    relative_error = np.abs(values - truth) / truth
    return {
        "spearman": float(stats.spearmanr(values, truth)[0]),
        "mape": float(relative_error.mean()),
        "worst": float(relative_error.max()),
    }
