"""The latency table: which parts a network runs, what is predicted from their times, what is refused."""

import dataclasses
import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch

from simplexnas import latency
from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.latency import timing
from simplexnas.latency.parts import Part, part_call
from simplexnas.latency.table import FIT_ARCHITECTURES, LatencyTable
from simplexnas.network import supernet
from simplexnas.network.architecture import Architecture, random_architectures
from simplexnas.network.supernet import Cell
from simplexnas.report import published
from simplexnas.space.search_space import SearchSpace, genotype_edges

SPACES = [
    tiny.SPACE,
    SearchSpace(tiny.FIVE_OPERATIONS, channels=4, cells=4, nodes=3, mean_nodes=True, normalise_features=True),
]


def invented(space: SearchSpace) -> LatencyTable:
    """A table with random times, for what needs no clock; a network takes 1.5 times its parts and 0.5 ms."""
    random = np.random.default_rng(0)
    times = {str(part): {"median_ms": random.uniform(0.1, 1), "iqr_ms": 0.01} for part in latency.all_parts(space)}
    fit = [{"sum_of_parts_ms": total, "measured_ms": 1.5 * total + 0.5} for total in (1.0, 2.0, 4.0)]
    return LatencyTable("invented", space, {"created": "now", "batches": {"2": {"parts": times, "fit": fit}}})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Tables are written here, and a busy machine is no reason to fail."""
    monkeypatch.setattr(paths, "LATENCY", tmp_path)
    monkeypatch.setattr(timing, "NOISE_LIMIT", float("inf"))
    monkeypatch.setattr(timing, "SECONDS_PER_ROUND", 1e-4)
    return tmp_path


@pytest.mark.parametrize("space", SPACES, ids=["three operations", "five operations"])
def test_parts_are_what_the_network_runs(space, monkeypatch):
    """Counted in real networks, with the shapes that really arrive."""
    run = []

    def node_sum(terms, mean):
        terms = list(terms)
        run.append(("sum", str(len(terms)), *terms[0].shape[1:3]))
        return sum_of(terms, mean)

    def concatenate(states):
        run.append(("concatenate", "", *states[0].shape[1:3]))
        return concatenation_of(states)

    sum_of, concatenation_of = supernet.node_sum, supernet.concatenate
    monkeypatch.setattr(supernet, "node_sum", node_sum)
    monkeypatch.setattr(supernet, "concatenate", concatenate)
    for architecture in random_architectures(space, 5, seed=3):
        network = architecture.build().eval()
        run.clear()

        def record(kind, name):
            return lambda _, inputs, __: run.append((kind, name, *inputs[0].shape[1:3]))

        for cell in (module for module in network.modules() if isinstance(module, Cell)):
            for key, part in cell.source_parts.items():
                part.register_forward_hook(record("source", key.split("/")[1]))
            for key, part in cell.edge_parts.items():
                part.register_forward_hook(record("edge", key.split("/")[1]))
            for part in cell.preprocess:
                part.register_forward_hook(record("preprocess", ""))
        network(tiny.images(1))
        predicted = list(latency.parts(architecture).elements())
        for kind in ("source", "preprocess", "sum", "concatenate"):
            expected = [(part.channels, part.size) for part in predicted if part.kind == kind]
            assert sorted(shape for k, _, *shape in run if k == kind) == sorted(map(list, expected))
        for kind in ("source", "edge", "sum"):
            assert sorted(name for k, name, *_ in run if k == kind) == sorted(
                part.name for part in predicted if part.kind == kind
            )


@pytest.mark.parametrize("space", SPACES, ids=["three operations", "five operations"])
def test_every_part_runs(space):
    with torch.inference_mode():
        for part in latency.all_parts(space):
            assert isinstance(part_call(part, space, 2, "cpu")(), torch.Tensor), part


def test_default_space_has_52_parts():
    parts = latency.all_parts(SearchSpace())
    assert len(parts) == len({str(part) for part in parts}) == 52
    assert Part("edge", "sep_conv_3x3", 32, 28, 2) in parts
    assert Part("preprocess", "to 64", 64, 28, 2) in parts  # the first input of the last cell is halved


def test_sums_of_a_network():
    """Four nodes in each of three cells; the head and the stem run once."""
    parts = latency.parts(Architecture(SearchSpace(), [0] * 28))
    kinds = {kind: sum(n for part, n in parts.items() if part.kind == kind) for kind in ("sum", "edge", "source")}
    assert kinds == {"sum": 12, "edge": 42, "source": 15}  # nodes 0 to 4 of each cell are sources
    assert sum(n for part, n in parts.items() if part.kind in ("stem", "head", "concatenate")) == 5


def test_prediction_is_the_fitted_line_at_the_sum():
    table = invented(tiny.SPACE)
    architecture = Architecture(tiny.SPACE, tiny.choices(tiny.SPACE, 1)[0])
    total = sum(n * table.ms(part, 2) for part, n in latency.parts(architecture).items())
    assert table.line(2) == pytest.approx((1.5, 0.5))
    assert table.sum_of_parts(architecture, 2) == pytest.approx(total)
    assert table.predict(architecture, 2) == pytest.approx(1.5 * total + 0.5)
    with pytest.raises(SimplexNASError, match="invented was measured for another search space"):
        table.predict(Architecture(dataclasses.replace(tiny.SPACE, mean_nodes=True), [0] * 10), 2)


def test_the_line_is_one_of_least_squares():
    table = invented(tiny.SPACE)
    random = np.random.default_rng(0)
    sums, measured = random.uniform(1, 5, 12), random.uniform(1, 5, 12)
    table.of_batch(2)["fit"][:] = [
        {"sum_of_parts_ms": x, "measured_ms": y} for x, y in zip(sums, measured, strict=True)
    ]
    slope, intercept = table.line(2)
    residuals = measured - slope * sums - intercept
    assert residuals.sum() == pytest.approx(0, abs=1e-9) and (residuals * sums).sum() == pytest.approx(0, abs=1e-9)


def test_expectation_by_enumeration():
    """Architectures weighted by their probabilities, against the formula; edges that share a source part are free."""
    space = tiny.SPACE
    table, edges = invented(space), genotype_edges(space)
    free = [
        edges.index(edge) for edge in (("normal", 2, 0), ("normal", 3, 0), ("reduction", 2, 1), ("reduction", 3, 1))
    ]
    random = np.random.default_rng(1)
    p = np.eye(3)[random.integers(3, size=len(edges))]
    p[free] = random.dirichlet(np.ones(3), size=len(free))
    enumerated = 0.0
    for choice in itertools.product(range(3), repeat=len(free)):
        operations = p.argmax(axis=1)
        operations[free] = choice
        enumerated += p[free, choice].prod() * table.predict(Architecture(space, operations), 2)
    assert table.expectation(p, 2) == pytest.approx(enumerated)
    for wrong in (p[:3], 5 * p, -p, np.full(p.shape, np.nan)):
        with pytest.raises(SimplexNASError, match="probabilities; allowed: numbers from 0 to 1 of shape"):
            table.expectation(wrong, 2)


def test_edge_ms_adds_up():
    """With one operation everywhere the shares of the source parts add up to whole source parts."""
    table = invented(tiny.SPACE)
    for m in range(3):
        parts = latency.parts(Architecture(tiny.SPACE, [m] * len(genotype_edges(tiny.SPACE))))
        expected = sum(n * table.ms(part, 2) for part, n in parts.items() if part.kind in ("source", "edge"))
        assert table.edge_ms(2)[:, m].sum() == pytest.approx(expected)


def test_edge_ms_of_single_edges():
    """Two edges leave each input node, one leaves node 2; a reduction edge stands in two cells."""
    table, edges = invented(tiny.SPACE), genotype_edges(tiny.SPACE)

    def ms(kind: str, *places: tuple[int, int, int]) -> float:
        return sum(table.ms(Part(kind, "sep_conv_3x3", *place), 2) for place in places)

    for edge, leaving, places in (
        (("normal", 2, 0), 2, [(4, 28, 1)]),
        (("normal", 3, 2), 1, [(4, 28, 1)]),
        (("reduction", 3, 1), 2, [(8, 28, 2), (16, 14, 2)]),
        (("reduction", 3, 2), 1, [(8, 14, 1), (16, 7, 1)]),
    ):
        expected = ms("edge", *places) + ms("source", *places) / leaving
        assert table.edge_ms(2)[edges.index(edge), 2] == pytest.approx(expected)


def test_measure_validate_load(folder):
    path = latency.measure(tiny.SPACE, [2, 1], rounds=3)
    name = latency.machine_name()
    assert path == folder / name / "table.json" and "cpu-1-thread" in name
    table = LatencyTable.load(space=tiny.SPACE)
    assert table.name == name and table.batches == [1, 2]
    for batch in table.batches:
        entry = table.of_batch(batch)
        assert set(entry["parts"]) == {str(part) for part in latency.all_parts(tiny.SPACE)}
        assert all(time["median_ms"] > 0 and time["iqr_ms"] >= 0 for time in entry["parts"].values())
        assert len(entry["fit"]) == FIT_ARCHITECTURES
        first = Architecture(tiny.SPACE, [tiny.SPACE.operations.index(name) for name in entry["fit"][0]["operations"]])
        assert entry["fit"][0]["sum_of_parts_ms"] == pytest.approx(table.sum_of_parts(first, batch))
    assert {"processor", "device", "threads", "versions", "created", "seconds"} <= table.content.keys()

    with pytest.raises(SimplexNASError, match=r"validation.json is missing; run `simplexnas latency validate`"):
        latency.read_validation(table)
    latency.validate(table, rounds=2)
    points = latency.read_validation(table)[1]
    fitted = [tuple(fit["operations"]) for fit in table.of_batch(1)["fit"]]
    assert len(points) == 40 and not {tuple(point["operations"]) for point in points} & set(fitted)

    path_of_validation = folder / name / "validation.json"
    whole = json.loads(path_of_validation.read_text())
    for damage, message in (
        ({"version": 0}, "expected format"),
        ({"table_created": "then"}, "is not of this table"),
        ({"batches": {"1": [{"operations": ["convolute"]}]}}, "is damaged"),
    ):
        path_of_validation.write_text(json.dumps(whole | damage))
        with pytest.raises(SimplexNASError, match=rf"validation\.json.*{message}"):
            latency.read_validation(table)
    path_of_validation.write_text(json.dumps(whole))

    other = LatencyTable(name, tiny.SPACE, table.content | {"processor": "another"})
    before = (folder / name / "validation.json").read_bytes()
    with pytest.raises(SimplexNASError, match="is of another, not of this"):
        latency.validate(other)
    assert (folder / name / "validation.json").read_bytes() == before

    before = path.read_bytes()
    with pytest.raises(SimplexNASError, match="exists; move it away to measure again, or give another --name"):
        latency.measure(tiny.SPACE, [1], rounds=2)
    assert path.read_bytes() == before
    with pytest.raises(SimplexNASError, match="measured for another search space"):
        LatencyTable.load(space=SearchSpace())
    with pytest.raises(SimplexNASError, match=f"batch = 7; the latency table {name} has: 1, 2"):
        table.predict(Architecture(tiny.SPACE, [0] * 10), 7)

    def fit(ms: float) -> list[dict]:
        return [{"sum_of_parts_ms": 1, "measured_ms": ms}]

    content = json.loads(path.read_text())
    for damage, message in (
        ({"version": 0}, "expected format"),
        ({"batches": {"1": content["batches"]["1"] | {"parts": {}}}}, "not a whole latency table"),
        ({"space": {"width": 3}}, "not a whole latency table"),
        ({"space": {"channels": 4}}, "not a whole latency table .*'cells' is missing"),
        ({"batches": {"1": content["batches"]["1"] | {"parts": []}}}, "not a whole latency table"),
        ({"batches": {"1": content["batches"]["1"] | {"fit": fit(0)}}}, "a time of batch 1 is not above 0"),
        ({"batches": {"1": content["batches"]["1"] | {"fit": fit(1)}}}, "fewer than two networks to fit"),
        ({"batches": {}}, "it has no batch"),
        ({"threads": "one"}, "threads is 'one'"),
        ({"space": content["space"] | {"operations": ["identity", "teleport"]}}, "'teleport'"),
    ):
        path.write_text(json.dumps(content | damage))
        with pytest.raises(SimplexNASError, match=message) as error:
            LatencyTable.load(name)
        assert "\n" not in str(error.value)


def test_unwritable_folder_is_known_before_measuring(folder, monkeypatch):
    monkeypatch.setattr(paths, "LATENCY", folder / "file" / "latency")
    (folder / "file").write_text("")
    monkeypatch.setattr(timing, "time_calls", lambda *_, **__: pytest.fail("measured"))
    with pytest.raises(SimplexNASError, match="cannot be written"):
        latency.measure(tiny.SPACE, [1])


@pytest.mark.parametrize("noisy", [timing.CANARY, "slow call"])
def test_a_busy_machine_is_noticed(noisy, monkeypatch):
    """By the canary, or by the calls themselves, whose ranges count by their times."""
    calls = {"slow call": lambda: None, "fast call": lambda: None}
    typical = {timing.CANARY: 1e-3, "slow call": 1e-2, "fast call": 1e-5}
    turns = dict.fromkeys(typical, 0)

    class Timer:
        def __init__(self, _, globals, num_threads):
            self.name = next((name for name, call in calls.items() if call is globals["call"]), timing.CANARY)

        def timeit(self, runs):
            turns[self.name] += 1
            mean = typical[self.name] * (1 + 0.3 * (turns[self.name] % 2) * (self.name in (noisy, "fast call")))
            return SimpleNamespace(mean=mean)

    monkeypatch.setattr("torch.utils.benchmark.Timer", Timer)
    with pytest.raises(latency.BusyMachineError, match=r"too busy to measure: .* varied by (26|30)% .allowed: 10%."):
        latency.time_calls(calls, rounds=10)
    noisy = "fast call"  # alone it is no reason
    assert latency.time_calls(calls, rounds=10)["slow call"]["iqr_ms"] == 0


def test_busy_machine_writes_nothing(folder, monkeypatch):
    monkeypatch.setattr(timing, "NOISE_LIMIT", -1.0)
    with pytest.raises(SimplexNASError, match="too busy to measure"):
        latency.measure(tiny.SPACE, [1], rounds=2)
    assert list(folder.iterdir()) == []


def test_refusals(folder):
    with pytest.raises(SimplexNASError, match=r"table.json is missing; run `simplexnas latency measure`.*\(none\)"):
        LatencyTable.load()
    for name in ("../x", "a/b", "", "x" * 300):
        with pytest.raises(SimplexNASError, match=r"name = .*allowed: letters"):
            LatencyTable.load(name)
    with pytest.raises(SimplexNASError, match=r"name = '\.\./x'; allowed: letters"):
        latency.measure(tiny.SPACE, [1], name="../x")
    with pytest.raises(SimplexNASError, match="device = 'tpu'; allowed here: cpu"):
        latency.measure(tiny.SPACE, [1], device="tpu")
    with pytest.raises(SimplexNASError, match="batch = 0; allowed: whole numbers from 1"):
        latency.measure(tiny.SPACE, [0])
    with pytest.raises(SimplexNASError, match="threads = 0"):
        latency.measure(tiny.SPACE, [1], threads=0)
    with pytest.raises(SimplexNASError, match="rounds = 1; allowed: whole numbers from 2"):
        latency.measure(tiny.SPACE, [1], rounds=1)


@pytest.mark.parametrize("name", [published.LATENCY_TABLE, published.TIMED_TABLE])
def test_published_predictions_are_good(name):
    table = LatencyTable.load(name, SearchSpace())
    fitted = {tuple(fit["operations"]) for batch in table.batches for fit in table.of_batch(batch)["fit"]}
    for points in latency.read_validation(table).values():
        assert len(points) == 40 and not fitted & {tuple(point["operations"]) for point in points}
        errors = latency.prediction_errors(points)
        assert errors["spearman"] >= 0.95 and errors["mape"] <= 0.1


def test_points_with_predictions():
    table = invented(tiny.SPACE)
    points = [tiny.point(choice=choice, S=(1, 0, 0)) for choice in tiny.choices(tiny.SPACE, 3)]
    for point, found in zip(points, table.with_predictions(points, 2), strict=True):
        assert found == dataclasses.replace(point, latency_ms=table.predict(Architecture(tiny.SPACE, point.choice), 2))


def test_prediction_errors():
    points = [{"predicted_ms": p, "measured_ms": m} for p, m in ((1, 1), (2.2, 2), (3, 4))]
    errors = latency.prediction_errors(points)
    assert errors["spearman"] == pytest.approx(1)
    assert errors["mape"] == pytest.approx((0 + 0.1 + 0.25) / 3) and errors["worst"] == pytest.approx(0.25)
