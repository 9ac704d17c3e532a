"""The latency table: which parts a network runs, what is predicted from their times, what is refused."""

import dataclasses
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch
from typer.testing import CliRunner

from simplexnas import cli, latency
from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.provenance import processor
from simplexnas.latency import fitting, timing, validation
from simplexnas.latency.parts import Part, part_call
from simplexnas.latency.table import FIT_ARCHITECTURES, TAKES, LatencyTable
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
def folder(tmp_path, clock, monkeypatch):
    """Tables are written here."""
    monkeypatch.setattr(paths, "LATENCY", tmp_path)
    monkeypatch.setattr(timing, "ROUNDS", 2)
    monkeypatch.setitem(FIT_ARCHITECTURES, "onnxruntime", 6)
    monkeypatch.setattr(validation, "VALIDATION_ARCHITECTURES", 4)
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


@pytest.mark.parametrize("runtime", latency.RUNTIMES)
def test_measure_validate_load(runtime, folder, monkeypatch):
    monkeypatch.setattr(timing, "ROUNDS", 2)
    path = latency.measure(tiny.SPACE, [2, 1], runtime=runtime)
    name = latency.machine_name(runtime)
    assert path == folder / name / "table.json" and name.endswith(
        "cpu-1-thread" + "-onnxruntime" * (runtime != "torch")
    )
    table = LatencyTable.load(name, tiny.SPACE, here=True)
    assert table.name == name and table.batches == [1, 2] and table.runtime == runtime
    for batch in table.batches:
        entry = table.of_batch(batch)
        assert set(entry["parts"]) == {str(part) for part in latency.all_parts(tiny.SPACE)}
        assert all(table.ms(part, batch) > 0 for part in latency.all_parts(tiny.SPACE))
        assert len(entry["fit"]) == FIT_ARCHITECTURES[runtime]
        first = Architecture(tiny.SPACE, [tiny.SPACE.operations.index(name) for name in entry["fit"][0]["operations"]])
        assert entry["fit"][0]["sum_of_parts_ms"] == pytest.approx(table.sum_of_parts(first, batch))
    assert {"processor", "device", "threads", "versions", "created", "seconds"} <= table.content.keys()
    assert table.content["rounds"] == 2 and runtime in table.content["versions"]

    with pytest.raises(SimplexNASError, match=r"validation.json is missing; run `simplexnas latency validate`"):
        latency.read_validation(table)
    assert latency.validate(table) == folder / name / "validation.json"
    points = latency.read_validation(table)[1]
    fitted = [tuple(fit["operations"]) for fit in table.of_batch(1)["fit"]]
    assert len(points) == 4 and not {tuple(point["operations"]) for point in points} & set(fitted)


@pytest.fixture
def table(folder):
    """A written table of an invented machine, this one."""
    content = invented(tiny.SPACE).content | {
        "format": "simplexnas latency table",
        "version": 2,
        "space": dataclasses.asdict(tiny.SPACE),
        "processor": processor(),
        "device": "cpu",
        "threads": 1,
    }
    (folder / "here").mkdir()
    (folder / "here" / "table.json").write_text(json.dumps(content))
    return LatencyTable.load("here")


def test_a_table_without_runtime_is_of_pytorch(table):
    assert "runtime" not in table.content and table.runtime == "torch"


def test_a_damaged_validation_is_named(table, folder):
    latency.validate(table)
    path = folder / "here" / "validation.json"
    whole = json.loads(path.read_text())
    for damage, message in (
        ({"version": 0}, "expected format"),
        ({"table_created": "then"}, "is not of this table; move it away"),
        ({"batches": {"2": [{"operations": ["convolute"]}]}}, "is damaged"),
    ):
        path.write_text(json.dumps(whole | damage))
        with pytest.raises(SimplexNASError, match=rf"validation\.json.*{message}"):
            latency.read_validation(table)


def test_what_is_measured_is_not_measured_again(table, folder, monkeypatch):
    latency.validate(table)
    monkeypatch.setattr("torch.utils.benchmark.Timer", lambda *_, **__: pytest.fail("measured"))
    before = {path: path.read_bytes() for path in (folder / "here").iterdir()}
    with pytest.raises(SimplexNASError, match=r"table\.json exists; move it away to measure again, or give another"):
        latency.measure(tiny.SPACE, [1], name="here")
    with pytest.raises(SimplexNASError, match=r"validation\.json exists; move it away to measure again"):
        latency.validate(table)
    assert {path: path.read_bytes() for path in (folder / "here").iterdir()} == before


def test_the_second_of_two_measurements_at_once_changes_nothing(table, folder, monkeypatch):
    """Both begin before either has a file; the first file stays, and nothing temporary is left."""

    def measured_meanwhile(path):
        def time_calls(calls, **_):
            path.write_text("first")
            return {name: {"median_ms": 1.0, "iqr_ms": 0.0} for name in (timing.CANARY, *calls)}

        return time_calls

    for module, name, measure in (
        ("table", "table.json", lambda: latency.measure(tiny.SPACE, [1], name="other")),
        ("validation", "validation.json", lambda: latency.validate(dataclasses.replace(table, name="other"))),
    ):
        (folder / "other").mkdir(exist_ok=True)
        path = folder / "other" / name
        monkeypatch.setattr(f"simplexnas.latency.{module}.time_calls", measured_meanwhile(path))
        with pytest.raises(SimplexNASError, match=f"{name} exists; move it away to measure again"):
            measure()
        assert path.read_text() == "first"
    assert sorted(path.name for path in (folder / "other").iterdir()) == ["table.json", "validation.json"]


def test_a_table_that_does_not_fit_is_refused_with_those_that_do(table, folder):
    """Of the search space that is asked for, and of this machine where that is asked."""
    for name, changes in (
        ("elsewhere", {"processor": "another"}),
        ("small", {"space": dataclasses.asdict(tiny.FEW_EDGES)} | invented(tiny.FEW_EDGES).content),
        ("cuda", {"device": "cuda:7"}),
        ("damaged", {"batches": {}}),
    ):
        (folder / name).mkdir()
        (folder / name / "table.json").write_text(json.dumps(table.content | changes))

    def hint(*asked, **where) -> list[str]:
        """The message without its middle: why not, and what instead."""
        with pytest.raises(SimplexNASError) as error:
            LatencyTable.load(*asked, **where)
        return re.split("; run `simplexnas latency measure.*; or give --table, one of: ", str(error.value))

    assert hint("none") == [f"{folder}/none/table.json is missing", "cuda, elsewhere, here, small"]
    assert hint("none", tiny.SPACE)[1] == "cuda, elsewhere, here"
    assert hint("none", tiny.SPACE, here=True)[1] == "here"
    message, listed = hint("small", tiny.SPACE, here=True)
    assert message.startswith(f"{folder}/small/table.json was measured for another search space") and listed == "here"
    foreign = f"the latency table elsewhere is of another, not of this {processor()}"
    assert hint("elsewhere", here=True) == [foreign, "here, small"]
    assert hint("cuda", here=True) == ["device = 'cuda:7'; allowed here: cpu", "here, small"]
    (alone,) = hint("none", SearchSpace())
    assert alone.endswith(" (3 minutes), then try again"), "no list where there is none"
    assert LatencyTable.load("elsewhere", tiny.SPACE).content["processor"] == "another"


@pytest.mark.parametrize("runtime", latency.RUNTIMES)
@pytest.mark.parametrize(("asked", "taken"), [(None, False), (None, True), ("mine", False), ("mine", True)])
def test_the_command_of_the_hint_makes_the_table(
    runtime, asked, taken, table, tiny_folder, own_results, folder, monkeypatch
):
    """Typed as it stands, and with --table if the hint says so, it solves what the message is about."""
    monkeypatch.setitem(FIT_ARCHITECTURES, runtime, 4)
    if taken:
        foreign = table.content | {"space": dataclasses.asdict(tiny.FEW_EDGES)} | invented(tiny.FEW_EDGES).content
        (folder / (asked or latency.machine_name(runtime))).mkdir()
        (folder / (asked or latency.machine_name(runtime)) / "table.json").write_text(json.dumps(foreign))
    with pytest.raises(SimplexNASError) as error:
        LatencyTable.load(asked, tiny.SPACE, runtime=runtime)
    (command,) = re.findall("run `simplexnas ([^`]+)` with a FAMILY of this search space", str(error.value))
    with pytest.raises(SimplexNASError) as named:
        LatencyTable.load(asked, tiny.SPACE, runtime=runtime, family="tiny")
    assert "FAMILY" not in str(named.value) and command.replace("FAMILY", "tiny") in str(named.value)
    words = shlex.split(command.replace("FAMILY", "tiny"))
    assert words[:2] == ["latency", "measure"] and ("--runtime" in words) == (runtime != "onnxruntime")
    CliRunner().invoke(cli.app, [*words, "--batch", "1"], catch_exceptions=False)
    named = re.findall("then give --table ([^,;]+)", str(error.value))
    assert len(named) == taken
    assert LatencyTable.load(*named or [asked], tiny.SPACE, here=True, runtime=runtime).runtime == runtime


def test_the_hint_of_the_default_space_names_no_family(own_results, folder):
    with pytest.raises(SimplexNASError, match=r"measure --runtime torch --name mine` \(1 minute\), then try"):
        LatencyTable.load("mine", SearchSpace(), runtime="torch")


def test_without_a_name_tables_of_the_runtime_are_offered(table, folder, monkeypatch):
    """There are two of this machine, one of each runtime; neither has the name that is looked for."""
    (folder / "fast").mkdir()
    (folder / "fast" / "table.json").write_text(json.dumps(table.content | {"runtime": "onnxruntime"}))
    for runtime, offered in (("onnxruntime", "fast"), ("torch", "here")):
        missing = (
            rf"^.*{latency.machine_name(runtime)}/table\.json is missing; run .*; or give --table, one of: {offered}$"
        )
        with pytest.raises(SimplexNASError, match=missing):
            LatencyTable.load(runtime=runtime)


@pytest.mark.parametrize("name", published.TABLES)
def test_the_hint_says_how_long_a_measurement_takes(name):
    content = LatencyTable.load(name).content
    words = TAKES[content.get("runtime", "torch")]
    assert words.partition(" ")[0] == f"{content['seconds'] / 60:.0f}"
    of_help = CliRunner().invoke(cli.app, ["latency", "measure", "--help"]).stdout
    assert f"about {words}" in " ".join(of_help.split())


def test_a_table_of_another_machine_is_not_validated(table, folder):
    with pytest.raises(SimplexNASError, match="is of another, not of this"):
        latency.validate(LatencyTable("here", tiny.SPACE, table.content | {"processor": "another"}))
    assert not (folder / "here" / "validation.json").exists()


def test_a_damaged_table_is_named(table, folder):
    def fit(ms: float) -> list[dict]:
        return [{"sum_of_parts_ms": 1, "measured_ms": ms}]

    with pytest.raises(SimplexNASError, match="batch = 7; the latency table here has: 2"):
        table.predict(Architecture(tiny.SPACE, [0] * 10), 7)
    content, entry = table.content, table.of_batch(2)
    for damage, message in (
        ({"version": 0}, "expected format"),
        ({"batches": {"2": entry | {"parts": {}}}}, "not a whole latency table"),
        ({"space": {"width": 3}}, "not a whole latency table"),
        ({"space": {"channels": 4}}, "not a whole latency table .*'cells' is missing"),
        ({"batches": {"2": entry | {"parts": []}}}, "not a whole latency table"),
        ({"batches": {"2": entry | {"fit": fit(0)}}}, "a time of batch 2 is not above 0"),
        ({"batches": {"2": entry | {"fit": fit(1)}}}, "fewer than two networks to fit"),
        ({"batches": {}}, "it has no batch"),
        ({"threads": "one"}, "threads is 'one'"),
        ({"runtime": "tvm"}, "runtime is 'tvm'"),
        ({"space": content["space"] | {"operations": ["identity", "teleport"]}}, "'teleport'"),
    ):
        (folder / "here" / "table.json").write_text(json.dumps(content | damage))
        with pytest.raises(SimplexNASError, match=message) as error:
            LatencyTable.load("here")
        assert "\n" not in str(error.value)


def test_fitted_parts_explain_networks():
    """Networks that were not fitted, up to the noise of those that were; no time is negative."""
    space = tiny.SPACE
    table, architectures = invented(space), random_architectures(space, 60, seed=5)
    sums = np.array([table.sum_of_parts(architecture, 2) for architecture in architectures])
    noise = np.random.default_rng(0).normal(1, 0.03, size=40)
    times = fitting.part_times(architectures[:40], sums[:40] * noise)
    assert set(times) == set(latency.all_parts(space)) and min(times.values()) > 0
    found = [sum(n * times[part] for part, n in latency.parts(each).items()) for each in architectures[40:]]
    np.testing.assert_allclose(found, sums[40:], rtol=0.09)


def test_times_are_medians_and_interquartile_ranges(monkeypatch):
    """Of five rounds, one of them disturbed."""
    seconds = {"call": iter([1.0, 1.0, 2.0, 9.0, 3.0, 1.0, 4.0]), timing.CANARY: itertools.repeat(1.0)}

    class Timer:
        def __init__(self, _, globals, num_threads):
            self.name = "call" if globals["call"] is call else timing.CANARY

        def timeit(self, runs):
            return SimpleNamespace(mean=next(seconds[self.name]))

    def call():
        pass

    monkeypatch.setattr("torch.utils.benchmark.Timer", Timer)
    monkeypatch.setattr(timing, "NOISE_LIMIT", float("inf"))
    found = latency.time_calls({"call": call}, rounds=5)  # the first two calls are the warm-up
    assert found["call"] == {"median_ms": 3000.0, "iqr_ms": 2000.0}


def test_networks_are_timed_in_eval_mode():
    """A network that comes in training mode keeps its statistics."""
    network = Architecture(tiny.SPACE, tiny.choices(tiny.SPACE, 1)[0]).build().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    call = latency.network_calls({"network": network}, 3, runtime="torch")["network"]
    with torch.inference_mode():
        call()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name], msg=name)


def test_unwritable_folder_is_known_before_measuring(folder, monkeypatch):
    monkeypatch.setattr(paths, "LATENCY", folder / "file" / "latency")
    (folder / "file").write_text("")
    monkeypatch.setattr(timing, "time_calls", lambda *_, **__: pytest.fail("measured"))
    with pytest.raises(SimplexNASError, match="cannot be written"):
        latency.measure(tiny.SPACE, [1])


def test_calls_are_really_timed(monkeypatch):
    monkeypatch.setattr(timing, "NOISE_LIMIT", float("inf"))
    times = latency.time_calls({"sleep": lambda: time.sleep(0.002), "nothing": lambda: None}, rounds=3)
    assert times["sleep"]["median_ms"] >= 2 > times["nothing"]["median_ms"] > 0


@pytest.mark.parametrize(
    ("noisy", "refused"), [(["slow"], True), (["fast"], False), (["slow", "fast", "other", timing.CANARY], False)]
)
def test_a_busy_machine_is_noticed(noisy, refused, monkeypatch):
    """By calls that vary, which count by their times; not by rounds in which all calls are slow alike."""
    calls = {name: lambda name=name: name for name in ("slow", "fast", "other")}
    seconds = {timing.CANARY: 1e-3, "slow": 1e-2, "fast": 1e-5, "other": 1e-3}
    turns = dict.fromkeys(seconds, 0)

    class Timer:
        def __init__(self, _, globals, num_threads):
            self.name = next((name for name, call in calls.items() if call is globals["call"]), timing.CANARY)

        def timeit(self, runs):
            turns[self.name] += 1
            disturbed = turns[self.name] % 2 == 1 and self.name in noisy
            return SimpleNamespace(mean=seconds[self.name] * (1.3 if disturbed else 1))

    monkeypatch.setattr("torch.utils.benchmark.Timer", Timer)
    if refused:
        with pytest.raises(latency.BusyMachineError, match=r"too busy to measure: .* varied by 2\d% .allowed: 15%."):
            latency.time_calls(calls, rounds=10)
    else:
        assert latency.time_calls(calls, rounds=10)["slow"]["iqr_ms"] == pytest.approx(0)


def test_a_while_in_which_the_machine_is_slow_does_not_count():
    """Two fifths of the time at half the speed, from the middle of a round to the middle of another."""
    random, typical = np.random.default_rng(0), {"a": 1.0, "b": 20.0, "c": 3.0}
    names = [name for _ in range(30) for name in random.permutation(list(typical))]
    timed = [(name, typical[name] * (2 if 20 <= position < 56 else 1)) for position, name in enumerate(names)]
    for name, times in timing._steady(timed).items():
        assert np.percentile(times, [10, 90]) == pytest.approx(np.median([t for n, t in timed if n == name]))
    alone = [(name, typical[name] * (2 if name == "a" and position % 2 else 1)) for position, name in enumerate(names)]
    assert np.percentile(timing._steady(alone)["a"], [10, 90]) == pytest.approx([1, 2])


def test_timing_shows_no_warning_of_a_missing_gpu():
    """PyTorch looks for one, where there is a CUDA toolkit, as soon as its timer is imported."""
    code = (
        "from simplexnas.latency import timing\n"
        "timing.NOISE_LIMIT = float('inf')\n"
        "timing.time_calls({'nothing': lambda: None}, rounds=2)\n"
    )
    environment = os.environ | {"CUDA_HOME": "/usr/local"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_busy_machine_writes_nothing(folder, monkeypatch):
    monkeypatch.setattr(timing, "NOISE_LIMIT", -1.0)
    with pytest.raises(SimplexNASError, match="too busy to measure"):
        latency.measure(tiny.SPACE, [1], rounds=2)
    assert list(folder.iterdir()) == []


def test_refusals(folder):
    yet = r"^no times of this machine yet; run `simplexnas latency measure` \(3 minutes\), then try again$"
    with pytest.raises(SimplexNASError, match=yet):
        LatencyTable.load()
    for name in ("../x", "a/b", "", "x" * 300):
        with pytest.raises(SimplexNASError, match=r"name = .*allowed: letters"):
            LatencyTable.load(name)
    with pytest.raises(SimplexNASError, match=r"name = '\.\./x'; allowed: letters"):
        latency.measure(tiny.SPACE, [1], name="../x")
    with pytest.raises(SimplexNASError, match="device = 'tpu'; allowed here: cpu"):
        latency.measure(tiny.SPACE, [1], device="tpu")
    with pytest.raises(SimplexNASError, match="device = 'cuda'; allowed here: cpu"):
        latency.measure(tiny.SPACE, [1], runtime="onnxruntime", device="cuda")
    with pytest.raises(SimplexNASError, match="runtime = 'tvm'; allowed: onnxruntime, torch"):
        latency.measure(tiny.SPACE, [1], runtime="tvm")
    with pytest.raises(SimplexNASError, match="batch = 0; allowed: whole numbers from 1"):
        latency.measure(tiny.SPACE, [0])
    with pytest.raises(SimplexNASError, match="threads = 0"):
        latency.measure(tiny.SPACE, [1], threads=0)
    with pytest.raises(SimplexNASError, match="rounds = 1; allowed: whole numbers from 2"):
        latency.measure(tiny.SPACE, [1], rounds=1)


@pytest.mark.parametrize("name", published.TABLES)
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
