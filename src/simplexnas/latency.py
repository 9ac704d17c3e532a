"""Measured latency: the time of every part of the network on one machine, and what it predicts for an architecture.

A *part* is what runs as a unit in `supernet.Cell`: an operation's source part or edge part at one place (channels,
size, stride), the sum at a node, the concatenation of a cell, preprocessing, stem and head. The prediction for an
architecture is a straight line in the sum over its parts, fitted for each batch size: a part timed alone finds its
input in the cache, in a network it often does not, and Python's share between the parts is not timed at all.

All times are of networks as `Architecture.build` makes them, in inference mode, channels last, batch normalisation not
folded, under the allocator settings of the command line (`allocator.keep_memory`).
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy import stats
from torch import nn
from tqdm import tqdm

from simplexnas.allocator import keep_memory
from simplexnas.architecture import Architecture, random_architectures
from simplexnas.errors import SimplexNASError
from simplexnas.files import check_format, check_writable, read_json, write_atomically
from simplexnas.operations import OPERATIONS
from simplexnas.paths import LATENCY, relative
from simplexnas.provenance import computed, processor
from simplexnas.supernet import (
    IMAGE_SIZE,
    Preprocess,
    SearchSpace,
    Supernet,
    cell_edges,
    cell_layouts,
    concatenate,
    genotype_edges,
    genotype_part,
    node_sum,
)

FORMAT, VALIDATION_FORMAT, VERSION = "simplexnas latency table", "simplexnas latency validation", 2
TABLE, VALIDATION = "table.json", "validation.json"
DEVICES = ("cpu", "cuda")
ROUNDS = 15
SECONDS_PER_ROUND = 0.01  # of one call; a slower one is timed once
CANARY = "canary"
NOISE_LIMIT = 0.1  # largest IQR / median over the rounds: of the canary, and of all other calls together
FIT_ARCHITECTURES, FIT_SEED = 12, 1
VALIDATION_ARCHITECTURES, VALIDATION_SEED, VALIDATION_ROUNDS = 40, 2, 7


class BusyMachineError(SimplexNASError):
    """Other programs disturb the measurement."""


class Part(NamedTuple):
    """What is timed as a unit.

    kind: "stem", "preprocess", "source", "edge", "sum", "concatenate" or "head". name: the operation of a source or
    edge part, the number of terms of a sum, "to <channels>" for preprocessing, "rectified" for the output of a cell
    that another cell reads. channels, size: of each of its inputs; stride: 2 where it halves the size.
    """

    kind: str
    name: str
    channels: int
    size: int
    stride: int = 1

    def __str__(self) -> str:
        return f"{' '.join(filter(None, (self.kind, self.name)))} {self.channels}x{self.size}x{self.size}/{self.stride}"


def parts(architecture: Architecture) -> Counter[Part]:
    """The parts that the architecture's network runs for one batch, with how often each runs."""
    space, found, names = architecture.space, Counter(), architecture.names
    layouts, edges = cell_layouts(space), cell_edges(space)
    found[Part("stem", "", 1, IMAGE_SIZE)] += 1
    for index, layout in enumerate(layouts):
        for channels, size in zip(layout.input_channels, layout.input_sizes, strict=True):
            found[Part("preprocess", f"to {layout.channels}", channels, size, size // layout.size)] += 1
        own = names[genotype_part(space, layout.cell_type)]
        chosen = [(source, name) for (_, source), name in zip(edges, own, strict=True)]
        found.update(_place("edge", name, layout, source) for source, name in chosen)
        found.update(_place("source", name, layout, source) for source, name in set(chosen))  # shared by its edges
        for target in range(2, space.nodes + 2):
            found[Part("sum", str(target), layout.channels, layout.output_size)] += 1
        last = index == len(layouts) - 1
        found[Part("concatenate", "" if last else "rectified", layout.channels, layout.output_size)] += 1
    found[Part("head", "", space.nodes * layouts[-1].channels, layouts[-1].output_size)] += 1
    return found


def _place(kind: str, name: str, layout, source: int) -> Part:
    size = layout.size if source < 2 else layout.output_size
    return Part(kind, name, layout.channels, size, layout.stride(source))


def all_parts(space: SearchSpace) -> list[Part]:
    """Every part that some architecture of the space runs."""
    uniform = (Architecture(space, [m] * len(genotype_edges(space))) for m in range(space.k))
    return list(dict.fromkeys(part for architecture in uniform for part in parts(architecture)))


def _task(part: Part, space: SearchSpace, batch: int, device: str) -> Callable[[], object]:
    """A call that runs the part on a random batch."""
    x = torch.randn(batch, part.channels, part.size, part.size, device=device)
    x = x.contiguous(memory_format=torch.channels_last)

    def ready(module: nn.Module) -> nn.Module:
        return module.to(device, memory_format=torch.channels_last).eval()

    if part.kind == "stem":
        stem = ready(Supernet(space, [(0,)] * len(genotype_edges(space))).stem)
        return lambda: torch.relu_(stem(x))
    if part.kind == "preprocess":
        module = ready(Preprocess(part.channels, int(part.name.removeprefix("to ")), part.stride == 2))
        return lambda: module(x)
    if part.kind == "sum":
        terms = [x.clone() for _ in range(int(part.name))]
        return lambda: node_sum(terms, space.mean_nodes)
    if part.kind == "concatenate":
        states = [x.clone() for _ in range(space.nodes)]
        if part.name == "rectified":
            return lambda: torch.relu_(concatenate(states))
        return lambda: concatenate(states)
    if part.kind == "head":
        head = ready(Supernet(space, [(0,)] * len(genotype_edges(space)))).head
        return lambda: head(x)
    operation = OPERATIONS[part.name]
    source = ready(operation.source_part(part.channels, part.stride))
    if part.kind == "source":
        return lambda: source(x)
    edge, shared = ready(operation.edge_part(part.channels, part.stride)), source(x)
    return lambda: edge(shared)


def time_calls(
    calls: dict[str, Callable[[], object]],
    *,
    device: str = "cpu",
    threads: int = 1,
    rounds: int = ROUNDS,
    title: str = "",
) -> dict[str, dict[str, float]]:
    """{"median_ms", "iqr_ms"} of each call, in rounds of random order; inference mode.

    In each round a fixed matrix product, the canary, is timed as well. Raises `BusyMachineError` where its
    interquartile range over the rounds is more than 10 % of its median: then the other times mean nothing either. The
    same where the calls' own ranges add up to more than 10 % of their medians: the canary fits into the processor's
    cache, and does not notice a neighbour that takes the memory's bandwidth.
    """
    from torch.utils.benchmark import Timer  # takes a second to import

    keep_memory()
    matrix = torch.ones(256, 256, device=device)
    calls = {CANARY: lambda: matrix @ matrix} | calls
    timers = {name: Timer("call()", globals={"call": call}, num_threads=threads) for name, call in calls.items()}
    random, times = np.random.default_rng(0), {name: [] for name in calls}
    with torch.inference_mode():
        runs = {}
        for name, timer in timers.items():
            timer.timeit(2)  # warm up
            runs[name] = ceil(SECONDS_PER_ROUND / timer.timeit(1).mean)
        for _ in tqdm(range(rounds), desc=title, disable=not title):
            for name in random.permutation(list(calls)):
                times[name].append(1e3 * timers[name].timeit(runs[name]).mean)
    measured = {name: {"median_ms": float(np.median(t)), "iqr_ms": float(stats.iqr(t))} for name, t in times.items()}
    timed = [times for name, times in measured.items() if name != CANARY]
    for what, own in (("one and the same product", [measured[CANARY]]), ("the time of one and the same call", timed)):
        noise = sum(times["iqr_ms"] for times in own) / sum(times["median_ms"] for times in own)
        if noise > NOISE_LIMIT:
            raise BusyMachineError(
                f"the machine is too busy to measure: {what} varied by {noise:.0%} "
                f"(allowed: {NOISE_LIMIT:.0%}); close other programs and try again"
            )
    return measured


def network_calls(networks: dict[str, nn.Module], batch: int, device: str = "cpu") -> dict[str, Callable[[], object]]:
    """A call of each network on one batch of images, for `time_calls`."""
    images = torch.randn(batch, 1, IMAGE_SIZE, IMAGE_SIZE, device=device).contiguous(memory_format=torch.channels_last)

    def call(network: nn.Module) -> Callable[[], object]:
        network = network.to(device, memory_format=torch.channels_last).eval()
        return lambda: network(images)

    return {name: call(network) for name, network in networks.items()}


def machine_name(device: str = "cpu", threads: int = 1) -> str:
    """Name of this machine's table, made of processor, device and threads."""
    slug = re.sub(r"[^a-z0-9]+", "-", processor(device).lower()).strip("-")
    return f"{slug}-{device}-{threads}-thread{'s' if threads > 1 else ''}"


def _check_device(device: str) -> None:
    available = [name for name in DEVICES if name == "cpu" or torch.cuda.is_available()]
    if device not in available:
        raise SimplexNASError(f"device = {device!r}; allowed here: {', '.join(available)}")


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
    _check_device(device)
    for setting, values in (("threads", [threads]), ("batch", batches)):
        if wrong := [value for value in values if value < 1]:
            raise SimplexNASError(f"{setting} = {wrong[0]}; allowed: whole numbers from 1")
    if rounds < 2:
        raise SimplexNASError(f"rounds = {rounds}; allowed: whole numbers from 2, for there to be a spread")
    name = machine_name(device, threads) if name is None else name
    _check_name(name)
    path = LATENCY / name / TABLE
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
        calls = {str(part): _task(part, space, batch, device) for part in all_parts(space)}
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
        path = LATENCY / name / TABLE
        if not path.exists():
            known = ", ".join(sorted(path.parent.name for path in LATENCY.glob(f"*/{TABLE}"))) or "(none)"
            raise SimplexNASError(
                f"{relative(path)} is missing; run `simplexnas latency measure`, or choose a table of: {known}"
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

    def with_predictions(self, points: list[dict], batch: int) -> list[dict]:
        """Points of a result file, each with its predicted time for one batch as "latency_ms"."""
        return [
            point | {"latency_ms": self.predict(Architecture(self.space, point["choice"]), batch)} for point in points
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
                    total += p * self.ms(_place("edge", name, layout, source), batch)
                    unused[source] *= 1 - p
                for source in sorted({source for _, source in edges}):
                    total += (1 - unused[source]) * self.ms(_place("source", name, layout, source), batch)
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
                        shared = self.ms(_place("source", name, layout, edge.source), batch) / leaving[edge.source]
                        table[row, m] += self.ms(_place("edge", name, layout, edge.source), batch) + shared
        return table


def check_machine(table: LatencyTable) -> dict:
    """{"device", "threads"} of a table of this machine; raises `SimplexNASError` if it is of another one."""
    content = table.content
    _check_device(content["device"])
    if (here := processor(content["device"])) != content["processor"]:
        raise SimplexNASError(
            f"the latency table {table.name} is of {content['processor']}, not of this {here}; "
            "run `simplexnas latency measure`"
        )
    return {key: content[key] for key in ("device", "threads")}


def validate(table: LatencyTable, rounds: int = VALIDATION_ROUNDS) -> Path:
    """Measured times of architectures that the prediction was not fitted to, each measured twice in the same rounds.

    Writes data/latency/<name>/validation.json; the second measurement says how well anything could predict the first.
    Raises `SimplexNASError` if the table is of another machine, or this one is too busy.
    """
    settings = check_machine(table) | {"rounds": rounds}
    path = LATENCY / table.name / VALIDATION
    check_writable(path)
    architectures = random_architectures(table.space, VALIDATION_ARCHITECTURES, VALIDATION_SEED)
    networks = {str(number): architecture.build() for number, architecture in enumerate(architectures)}
    batches = {}
    for batch in table.batches:
        calls = network_calls(networks, batch, settings["device"])
        again = {f"{number} again": call for number, call in calls.items()}
        times = time_calls(calls | again, **settings, title=f"batch {batch}")
        batches[str(batch)] = [
            {
                "operations": architecture.names,
                "measured_ms": times[number]["median_ms"],
                "again_ms": times[f"{number} again"]["median_ms"],
            }
            for number, architecture in zip(networks, architectures, strict=True)
        ]
    result = {
        "format": VALIDATION_FORMAT,
        "version": VERSION,
        "table_created": table.content["created"],
        "settings": settings,
        **computed(settings["device"], settings["threads"]),
        "batches": batches,
    }
    return write_atomically(path, json.dumps(result, indent=1) + "\n")


def read_validation(table: LatencyTable) -> dict[int, list[dict]]:
    """For each batch size what `validate` measured: "operations", "measured_ms", "again_ms" of each architecture.

    With what the table says of it: "sum_of_parts_ms", "predicted_ms". Raises `SimplexNASError` with the command that
    makes it, if there is none for this table.
    """
    path = LATENCY / table.name / VALIDATION
    hint = "run `simplexnas latency validate`"
    if not path.exists():
        raise SimplexNASError(f"{relative(path)} is missing; {hint}")
    content = read_json(path)
    check_format(content, VALIDATION_FORMAT, VERSION, relative(path))
    if content.get("table_created") != table.content["created"]:
        raise SimplexNASError(f"{relative(path)} is not of this table; {hint}")

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
