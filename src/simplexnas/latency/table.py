"""The latency table: measured times of all parts on one machine, and what they predict for an architecture.

The prediction is a straight line in the sum over the architecture's parts, fitted for each batch size: a part timed
alone finds its input in the cache, in a network it often does not, and Python's share between the parts is not timed at
all.

All times are of networks as `Architecture.build` makes them, in inference mode, channels last, batch normalisation not
folded, under the allocator settings of the command line (`allocator.keep_memory`).
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_format, check_writable, read_json, write_atomically
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed, processor
from simplexnas.io.records import Point
from simplexnas.latency.parts import Part, all_parts, part_call, parts, place
from simplexnas.latency.timing import CANARY, ROUNDS, check_device, machine_name, network_calls, time_calls
from simplexnas.network.architecture import Architecture, random_architectures
from simplexnas.space.search_space import (
    SearchSpace,
    cell_edges,
    cell_layouts,
    genotype_edges,
    genotype_part,
)

FORMAT = "simplexnas latency table"
VERSION = 2
TABLE = "table.json"
FIT_ARCHITECTURES, FIT_SEED = 12, 1


def _check_name(name: str) -> None:
    if not re.fullmatch(r"\w[\w.-]{0,199}", name, re.ASCII):
        raise SimplexNASError(f"name = {name!r}; allowed: letters, digits, '-', '.', '_', at most 200")


def measure(
    space: SearchSpace,
    batches: list[int],
    *,
    name: str | None = None,
    device: str = "cpu",
    threads: int = 1,
    rounds: int = ROUNDS,
) -> Path:
    """Time every part, and the networks that the prediction is fitted to; write data/latency/<name>/table.json.

    Returns the path. batches: images at a time, for example [1, 64]. name: by default `machine_name`. Raises
    `SimplexNASError` if there is a table of that name already, it could not be written, or the machine was too busy.
    """
    check_device(device)
    for setting, values in (("threads", [threads]), ("batch", batches)):
        if wrong := [value for value in values if value < 1]:
            raise SimplexNASError(f"{setting} = {wrong[0]}; allowed: whole numbers from 1")
    if rounds < 2:
        raise SimplexNASError(f"rounds = {rounds}; allowed: whole numbers from 2, for there to be a spread")
    name = machine_name(device, threads) if name is None else name
    _check_name(name)
    path = paths.LATENCY / name / TABLE
    check_writable(path)
    if path.exists():
        raise SimplexNASError(f"{relative(path)} exists; move it away to measure again, or give another --name")
    started = time.perf_counter()
    content = {
        "format": FORMAT,
        "version": VERSION,
        "space": asdict(space),
        "device": device,
        "rounds": rounds,
        **computed(device, threads),
        "batches": {},
    }
    for batch in sorted(set(batches)):
        content["batches"][str(batch)] = _measure_batch(space, batch, device, threads, rounds)
    content["seconds"] = round(time.perf_counter() - started, 1)
    return write_atomically(path, json.dumps(content, indent=1) + "\n")


def _measure_batch(space: SearchSpace, batch: int, device: str, threads: int, rounds: int) -> dict:
    """The entry of one batch size in a table: canary, times of the parts, and the networks to fit the prediction to.

    Parts and networks are timed in the same rounds, so that a machine that slows down changes both.
    """
    with torch.inference_mode():
        calls = {str(part): part_call(part, space, batch, device) for part in all_parts(space)}
    architectures = random_architectures(space, FIT_ARCHITECTURES, FIT_SEED)
    networks = {f"network {number}": architecture.build() for number, architecture in enumerate(architectures)}
    calls |= network_calls(networks, batch, device)
    times = time_calls(calls, device=device, threads=threads, rounds=rounds, title=f"batch {batch}")
    canary, measured = times.pop(CANARY), [times.pop(name)["median_ms"] for name in networks]
    sums = [_total(architecture, times) for architecture in architectures]
    return {
        "canary": canary,
        "parts": times,
        "fit": [
            {"operations": architecture.names, "sum_of_parts_ms": total, "measured_ms": value}
            for architecture, total, value in zip(architectures, sums, measured, strict=True)
        ],
    }


def _total(architecture: Architecture, times: dict[str, dict[str, float]]) -> float:
    """Sum of the medians over the parts of an architecture, ms."""
    return sum(count * times[str(part)]["median_ms"] for part, count in parts(architecture).items())


@dataclass(frozen=True)
class LatencyTable:
    """A measured table. name: its folder under data/latency; content: what `measure` wrote."""

    name: str
    space: SearchSpace
    content: dict

    @classmethod
    def load(cls, name: str | None = None, space: SearchSpace | None = None) -> "LatencyTable":
        """The table of a name; without one that of this machine, one thread. space: what it has to be measured for.

        Raises `SimplexNASError` if it is missing, damaged, foreign, or of another search space.
        """
        name = machine_name() if name is None else name
        _check_name(name)
        path = paths.LATENCY / name / TABLE
        if not path.exists():
            known = ", ".join(sorted(path.parent.name for path in paths.LATENCY.glob(f"*/{TABLE}"))) or "(none)"
            raise SimplexNASError(
                f"{relative(path)} is missing; run `simplexnas latency measure`, or choose a table of: {known}; "
                f"{paths.ANOTHER_FOLDER}"
            )
        content = read_json(path)
        check_format(content, FORMAT, VERSION, relative(path))
        try:
            table = cls(name, SearchSpace.from_dict(content["space"]), content)
            for key, kind in (("processor", str), ("device", str), ("threads", int), ("created", str)):
                if not isinstance(content[key], kind):
                    raise TypeError(f"{key} is {content[key]!r}")
            if not table.batches:
                raise ValueError("it has no batch")
            for batch in table.batches:
                entry = table.of_batch(batch)
                times = [entry["parts"][str(part)]["median_ms"] for part in all_parts(table.space)]
                times += [fitted[key] for fitted in entry["fit"] for key in ("sum_of_parts_ms", "measured_ms")]
                if not all(0 < value < float("inf") for value in times):
                    raise ValueError(f"a time of batch {batch} is not above 0")
                if len({fitted["sum_of_parts_ms"] for fitted in entry["fit"]}) < 2:
                    raise ValueError(f"batch {batch} has fewer than two networks to fit the prediction to")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SimplexNASError(f"{relative(path)}: not a whole latency table ({error})") from None
        if space is not None and space != table.space:
            raise SimplexNASError(f"{relative(path)} was measured for another search space: {table.space}, not {space}")
        return table

    @property
    def batches(self) -> list[int]:
        return [int(batch) for batch in self.content["batches"]]

    def of_batch(self, batch: int) -> dict:
        if batch not in self.batches:
            allowed = ", ".join(map(str, self.batches))
            raise SimplexNASError(f"batch = {batch}; the latency table {self.name} has: {allowed}")
        return self.content["batches"][str(batch)]

    def ms(self, part: Part, batch: int) -> float:
        """Median time of one part for one batch."""
        return self.of_batch(batch)["parts"][str(part)]["median_ms"]

    def line(self, batch: int) -> tuple[float, float]:
        """Slope, and intercept in ms, of a network's time against the sum over its parts: least squares."""
        fit = self.of_batch(batch)["fit"]
        slope, intercept = np.polyfit(*([each[key] for each in fit] for key in ("sum_of_parts_ms", "measured_ms")), 1)
        return float(slope), float(intercept)

    def sum_of_parts(self, architecture: Architecture, batch: int) -> float:
        """Sum of the medians over the parts of an architecture's network for one batch, ms."""
        if architecture.space != self.space:
            raise SimplexNASError(
                f"the latency table {self.name} was measured for another search space: {self.space}, "
                f"not {architecture.space}"
            )
        return _total(architecture, self.of_batch(batch)["parts"])

    def predict(self, architecture: Architecture, batch: int) -> float:
        """Predicted time of the whole network for one batch, ms: the fitted line at the sum over its parts.

        Raises `SimplexNASError` for another search space, or a batch that the table does not have.
        """
        slope, intercept = self.line(batch)
        return slope * self.sum_of_parts(architecture, batch) + intercept

    def with_predictions(self, points: Iterable[Point], batch: int) -> list[Point]:
        """Points of a result file, each with its predicted time for one batch as `latency_ms`."""
        return [
            replace(point, latency_ms=self.predict(Architecture(self.space, point.choice), batch)) for point in points
        ]

    def expectation(self, probabilities: np.ndarray, batch: int) -> float:
        """Expected prediction, ms, if every edge draws its operation independently.

        probabilities: (E, k), from 0 to 1, each row with sum 1; `SimplexNASError` otherwise. An edge part runs with the
        probability of its operation; a source part unless all edges that leave its node take another:
        sum p t_edge + sum (1 - prod (1 - p)) t_source, beside what runs always.
        """
        space, edges = self.space, cell_edges(self.space)
        shape = (len(genotype_edges(space)), space.k)
        probabilities = np.asarray(probabilities, dtype=np.float64)
        if probabilities.shape != shape or probabilities.min() < 0 or not np.allclose(probabilities.sum(axis=1), 1):
            raise SimplexNASError(f"probabilities; allowed: numbers from 0 to 1 of shape {shape}, each row with sum 1")
        always = parts(Architecture(space, [0] * 2 * len(edges)))
        total = sum(n * self.ms(part, batch) for part, n in always.items() if part.kind not in ("source", "edge"))
        for layout in cell_layouts(space):
            own = probabilities[genotype_part(space, layout.cell_type)]
            for m, name in enumerate(space.operations):
                unused = np.ones(space.nodes + 2)  # probability that no edge from a node takes operation m
                for (_, source), p in zip(edges, own[:, m], strict=True):
                    total += p * self.ms(place("edge", name, layout, source), batch)
                    unused[source] *= 1 - p
                for source in sorted({source for _, source in edges}):
                    total += (1 - unused[source]) * self.ms(place("source", name, layout, source), batch)
        slope, intercept = self.line(batch)
        return slope * total + intercept

    def edge_ms(self, batch: int) -> np.ndarray:
        """Time of each operation on each genotype edge, ms, summed over its cells: (E, k).

        A source part is shared: each edge that leaves its node bears an equal part of it.
        """
        space, edges = self.space, cell_edges(self.space)
        leaving = Counter(source for _, source in edges)
        table = np.zeros((len(genotype_edges(space)), space.k))
        for row, edge in enumerate(genotype_edges(space)):
            for layout in cell_layouts(space):
                if layout.cell_type == edge.cell_type:
                    for m, name in enumerate(space.operations):
                        shared = self.ms(place("source", name, layout, edge.source), batch) / leaving[edge.source]
                        table[row, m] += self.ms(place("edge", name, layout, edge.source), batch) + shared
        return table


def check_machine(table: LatencyTable) -> dict:
    """{"device", "threads"} of a table of this machine; raises `SimplexNASError` if it is of another one."""
    content = table.content
    check_device(content["device"])
    if (here := processor(content["device"])) != content["processor"]:
        raise SimplexNASError(
            f"the latency table {table.name} is of {content['processor']}, not of this {here}; "
            "run `simplexnas latency measure`"
        )
    return {key: content[key] for key in ("device", "threads")}
