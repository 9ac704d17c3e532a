"""The latency table: times of all parts on one machine in one runtime, and what they predict for an architecture.

ONNX Runtime changes the whole graph before it runs it, so that no part runs as it would alone: its parts' times are
fitted to whole networks (`fitting`), which are the models that `export` writes, from pixels to logits.

PyTorch runs part after part: there each is timed alone, in inference mode, channels last, batch normalisation not
folded, under the allocator settings of the command line (`allocator.keep_memory`). A part timed alone finds its input
in the cache, in a network it often does not, and Python's share between the parts is not timed at all.

In both, the prediction is a straight line in the sum over the architecture's parts, fitted for each batch size.
"""

import json
import re
import shlex
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_format, check_new, read_json, write_new
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed, processor
from simplexnas.io.records import Point
from simplexnas.latency import timing
from simplexnas.latency.fitting import part_times
from simplexnas.latency.parts import Part, all_parts, part_call, parts, place
from simplexnas.latency.timing import (
    CANARY,
    ONNXRUNTIME,
    RUNTIMES,
    TORCH,
    check_device,
    machine_name,
    network_calls,
    time_calls,
    version,
)
from simplexnas.methods.config import Config
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
FIT_ARCHITECTURES, FIT_SEED = {ONNXRUNTIME: 60, TORCH: 12}, 1
TAKES = {ONNXRUNTIME: "3 minutes", TORCH: "1 minute"}  # a measurement, on the machines of data/latency


def _names() -> list[str]:
    """Of all tables."""
    return sorted(path.parent.name for path in paths.LATENCY.glob(f"*/{TABLE}"))


def _check_name(name: str) -> None:
    if not re.fullmatch(r"\w[\w.-]{0,199}", name, re.ASCII):
        raise SimplexNASError(f"name = {name!r}; allowed: letters, digits, '-', '.', '_', at most 200")


def measure(
    space: SearchSpace,
    batches: list[int],
    *,
    runtime: str = ONNXRUNTIME,
    name: str | None = None,
    device: str = "cpu",
    threads: int = 1,
    rounds: int | None = None,
) -> Path:
    """Time what the prediction is made of: networks, and in PyTorch every part; write data/latency/<name>/table.json.

    Returns the path. batches: images at a time, for example [1, 64]. runtime: "onnxruntime" or "torch". name: by
    default `machine_name`. rounds: 15 by default. Raises `SimplexNASError` if there is a table of that name already,
    also one that was made meanwhile, it could not be written, or the machine was too busy.
    """
    rounds = timing.ROUNDS if rounds is None else rounds
    check_device(device, runtime)
    for setting, values in (("threads", [threads]), ("batch", batches)):
        if wrong := [value for value in values if value < 1]:
            raise SimplexNASError(f"{setting} = {wrong[0]}; allowed: whole numbers from 1")
    if rounds < 2:
        raise SimplexNASError(f"rounds = {rounds}; allowed: whole numbers from 2, for there to be a spread")
    name = machine_name(runtime, device, threads) if name is None else name
    _check_name(name)
    path = paths.LATENCY / name / TABLE
    hint = "move it away to measure again, or give another --name"
    check_new(path, hint)
    started = time.perf_counter()
    content = {
        "format": FORMAT,
        "version": VERSION,
        "runtime": runtime,
        "space": asdict(space),
        "device": device,
        "rounds": rounds,
        **computed(device, threads),
        **_measure_batches(space, sorted(set(batches)), runtime, device, threads, rounds),
    }
    content["versions"][runtime] = version(runtime)
    content["seconds"] = round(time.perf_counter() - started, 1)
    return write_new(path, json.dumps(content, indent=1) + "\n", hint)


def _measure_batches(
    space: SearchSpace, batches: list[int], runtime: str, device: str, threads: int, rounds: int
) -> dict:
    """Entries of a table, "canary" and "batches": by batch size the parts' times, and the networks to fit a line to.

    All batch sizes are timed in the same rounds, so that none depends on a few seconds in which the machine is slow.
    """
    architectures = random_architectures(space, FIT_ARCHITECTURES[runtime], FIT_SEED)
    networks = {f"network {number}": architecture.build() for number, architecture in enumerate(architectures)}
    calls, settings = {}, {"device": device, "threads": threads}
    for batch in batches:
        title = f"batch {batch}, networks built"
        of_batch = network_calls(networks, batch, runtime=runtime, title=title, **settings)
        if runtime == TORCH:
            with torch.inference_mode():
                of_batch |= {str(part): part_call(part, space, batch, device) for part in all_parts(space)}
        calls |= {f"batch {batch}, {name}": call for name, call in of_batch.items()}
    times = time_calls(calls, rounds=rounds, title="rounds", **settings)

    def entry(batch: int) -> dict:
        measured = [times[f"batch {batch}, {name}"]["median_ms"] for name in networks]
        if runtime == ONNXRUNTIME:
            of_parts = {str(part): {"fitted_ms": ms} for part, ms in part_times(architectures, measured).items()}
        else:
            of_parts = {str(part): times[f"batch {batch}, {part}"] for part in all_parts(space)}
        sums = [_total(architecture, of_parts) for architecture in architectures]
        return {
            "parts": of_parts,
            "fit": [
                {"operations": architecture.names, "sum_of_parts_ms": total, "measured_ms": value}
                for architecture, total, value in zip(architectures, sums, measured, strict=True)
            ],
        }

    return {"canary": times[CANARY], "batches": {str(batch): entry(batch) for batch in batches}}


def _part_ms(times: dict[str, dict[str, float]], part: Part) -> float:
    """Time of a part in an entry of a table: fitted, or the median of what was measured."""
    own = times[str(part)]
    return own["fitted_ms"] if "fitted_ms" in own else own["median_ms"]


def _total(architecture: Architecture, times: dict[str, dict[str, float]]) -> float:
    """Sum over the parts of an architecture, ms."""
    return sum(count * _part_ms(times, part) for part, count in parts(architecture).items())


def _remedy(name: str, space: SearchSpace | None, runtime: str, family: str | None = None) -> str:
    """The command that measures what was looked for; a table that is there stays, and the new one has another name.

    family: what `--family` takes for one of the search space, if one is known.
    """
    free = (each for each in (name, machine_name(runtime)) if not (paths.LATENCY / each / TABLE).exists())
    new = next(free, f"{name}-2")
    of_family = [] if space in (None, SearchSpace()) else ["--family", family or "FAMILY"]
    command = ["simplexnas", "latency", "measure", *of_family]
    command += [] if runtime == ONNXRUNTIME else ["--runtime", runtime]
    command += [] if new == machine_name(runtime) else ["--name", new]
    which = " with a FAMILY of this search space" if of_family and family is None else ""
    then = "try again" if new == name else f"give --table {new}"
    return f"run `{shlex.join(command)}`{which} ({TAKES[runtime]}), then {then}"


@dataclass(frozen=True)
class LatencyTable:
    """A measured table. name: its folder under data/latency; content: what `measure` wrote."""

    name: str
    space: SearchSpace
    content: dict

    @property
    def runtime(self) -> str:
        """What was timed: "onnxruntime" or "torch", that of tables that name none."""
        return self.content.get("runtime", TORCH)

    @classmethod
    def load(
        cls,
        name: str | None = None,
        space: SearchSpace | None = None,
        *,
        here: bool = False,
        runtime: str = ONNXRUNTIME,
        family: str | None = None,
    ) -> "LatencyTable":
        """The table of a name; without one that of this machine in a runtime, one thread.

        space: what it has to be measured for. here: whether it has to be of this machine. family: whose space it is, as
        `--family` takes it. Raises `SimplexNASError` if it is missing, damaged, foreign, or not what it has to be; the
        message has a command that measures one that is, and names those that are there, unnamed those of the runtime.
        """
        wanted = machine_name(runtime) if name is None else name
        _check_name(wanted)
        path = paths.LATENCY / wanted / TABLE
        if path.exists():
            table = cls._read(wanted)
            misfit = table._misfit(space, here)
            if misfit is None:
                return table
        elif name is not None or any(cls._fits(each, None, True, RUNTIMES) for each in _names()):
            misfit = f"{relative(path)} is missing"
        else:
            misfit = "no times of this machine yet"
        runtimes = RUNTIMES if name is not None else (runtime,)
        fitting = [each for each in _names() if cls._fits(each, space, here, runtimes)]
        others = f"; or give --table, one of: {', '.join(fitting)}" if fitting else ""
        raise SimplexNASError(f"{misfit}; {_remedy(wanted, space, runtime, family)}{others}{paths.another_folder()}")

    def _misfit(self, space: SearchSpace | None, here: bool) -> str | None:
        """Why the table is not one of this search space, and of this machine if `here`."""
        if space is not None and space != self.space:
            return f"{relative(paths.LATENCY / self.name / TABLE)} was measured for another search space: {self.space}"
        if here:
            try:
                check_device(self.content["device"], self.runtime)
            except SimplexNASError as error:
                return str(error)
            if (found := processor(self.content["device"])) != self.content["processor"]:
                return f"the latency table {self.name} is of {self.content['processor']}, not of this {found}"
        return None

    @classmethod
    def _fits(cls, name: str, space: SearchSpace | None, here: bool, runtimes: Iterable[str]) -> bool:
        try:
            table = cls._read(name)
            return table.runtime in runtimes and table._misfit(space, here) is None
        except SimplexNASError:  # damaged, or of another version
            return False

    @classmethod
    def _read(cls, name: str) -> "LatencyTable":
        path = paths.LATENCY / name / TABLE
        content = read_json(path)
        check_format(content, FORMAT, VERSION, relative(path))
        try:
            table = cls(name, SearchSpace.from_dict(content["space"]), content)
            if table.runtime not in RUNTIMES:
                raise ValueError(f"runtime is {table.runtime!r}")
            for key, kind in (("processor", str), ("device", str), ("threads", int), ("created", str)):
                if not isinstance(content[key], kind):
                    raise TypeError(f"{key} is {content[key]!r}")
            if not table.batches:
                raise ValueError("it has no batch")
            for batch in table.batches:
                entry = table.of_batch(batch)
                times = [table.ms(part, batch) for part in all_parts(table.space)]
                times += [fitted[key] for fitted in entry["fit"] for key in ("sum_of_parts_ms", "measured_ms")]
                if not all(0 < value < float("inf") for value in times):
                    raise ValueError(f"a time of batch {batch} is not above 0")
                if len({fitted["sum_of_parts_ms"] for fitted in entry["fit"]}) < 2:
                    raise ValueError(f"batch {batch} has fewer than two networks to fit the prediction to")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SimplexNASError(f"{relative(path)}: not a whole latency table ({error})") from None
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
        """Time of one part for one batch."""
        return _part_ms(self.of_batch(batch)["parts"], part)

    def line(self, batch: int) -> tuple[float, float]:
        """Slope, and intercept in ms, of a network's time against the sum over its parts: least squares."""
        fit = self.of_batch(batch)["fit"]
        slope, intercept = np.polyfit(*([each[key] for each in fit] for key in ("sum_of_parts_ms", "measured_ms")), 1)
        return float(slope), float(intercept)

    def sum_of_parts(self, architecture: Architecture, batch: int) -> float:
        """Sum over the parts of an architecture's network for one batch, ms."""
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

    def additive(self, batch: int) -> tuple[np.ndarray, float]:
        """Times whose sum predicts: of each operation on each genotype edge, (E, k), and of all else; in ms.

        The sum over the edges is `predict` where all edges take the same operation; elsewhere a source part that no
        edge needs is counted by halves, thirds, ….
        """
        slope, _ = self.line(batch)
        edges = slope * self.edge_ms(batch)
        same = Architecture(self.space, [0] * len(edges))
        return edges, self.predict(same, batch) - float(edges[:, 0].sum())

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

    def prices(self, config: Config) -> dict:
        """The settings by which a method of this configuration prices its operations by the table's times."""
        named = {"latency_table": self.name}
        if hasattr(config, "other_milliseconds"):
            edges, other = self.additive(config.latency_batch)
            return named | {"milliseconds": edges.tolist(), "other_milliseconds": other}
        return named | {"milliseconds": self.edge_ms(config.latency_batch).tolist()}


def check_machine(table: LatencyTable) -> dict:
    """{"device", "threads"} of a table of this machine; raises `SimplexNASError` if it is of another one."""
    if misfit := table._misfit(None, here=True):
        raise SimplexNASError(f"{misfit}; {_remedy(table.name, table.space, table.runtime)}")
    return {key: table.content[key] for key in ("device", "threads")}
