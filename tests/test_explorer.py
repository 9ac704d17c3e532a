"""The explorer: its script's numbers are the library's, and the fragment needs nothing else."""

import json
import re
import shlex
import subprocess
from importlib import resources
from pathlib import Path

import numpy as np
import playwright
import pytest
from typer.main import get_command

from simplexnas import cli
from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.latency.table import LatencyTable
from simplexnas.methods import penalties
from simplexnas.report import published
from simplexnas.report.explorer.page import accuracy_in_words, explorer
from simplexnas.space.search_space import cell_edges

LIMIT = 200_000  # bytes
BATCH = 1
NODE = Path(playwright.__file__).parent / "driver" / "node"  # comes with Playwright, so that nothing is skipped
ANSWERS = """
const { simplexnasModel } = require(process.argv[1]);
const { data, points, limits } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const model = simplexnasModel(data);
const answers = points.map((S) => {
  const choice = model.architecture(S);
  return { logits: model.logits(S), choice, sizes: model.sizes(choice), accuracy: model.accuracy(S, choice) };
});
const refused = [["0.5", "0.5"], ["0.5", "0.6", "0.2"], ["-0.1", "0.6", "0.5"], ["a", "0.5", "0.5"], ["NaN", "1", "0"]];
const parsed = model.parse(["0.33", "0.33", "0.33"]);
const within = limits.map((each) => answers.map(({ sizes }) => model.within(sizes, each)));
const commands = limits.map(model.selectCommand);
console.log(JSON.stringify({ answers, parsed, refused: refused.map(model.parse), within, commands }));
"""


@pytest.fixture(scope="module")
def family() -> Family:
    return Family.load(published.DEFAULT[0])


@pytest.fixture(scope="module")
def table() -> LatencyTable:
    return LatencyTable.load(published.ONNXRUNTIME_TABLE)


@pytest.fixture(scope="module")
def lattice(family) -> records.Record:
    return records.read_own(family, records.LATTICE)


@pytest.fixture(scope="module")
def fragment(family, lattice, table) -> str:
    return explorer(family, lattice, table, BATCH)


def explorer_data(fragment: str) -> dict:
    """The numbers that the page's script takes."""
    return json.loads(re.search(r"previousElementSibling, (\{.*\})\);\n", fragment)[1])


@pytest.fixture(scope="module")
def data(fragment) -> dict:
    return explorer_data(fragment)


def ask(data: dict, points=(), limits=()) -> dict:
    """What the page's script says of points, and of limits that are typed in the page."""
    script = resources.files("simplexnas.report.explorer").joinpath("explorer.js")
    done = subprocess.run(
        [NODE, "-e", ANSWERS, str(script)],
        input=json.dumps({"data": data, "points": points, "limits": limits}),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_script_gives_the_library_s_architectures_sizes_and_times(family, lattice, table, data):
    corners_and_edges = penalties.lattice(3, 0.05)
    corners_and_edges = corners_and_edges[(corners_and_edges == 0).any(axis=1)]
    inside = np.random.default_rng(0).dirichlet(np.ones(3), size=1000)
    points = np.concatenate([corners_and_edges, inside, [point.S for point in lattice.points]])
    found = ask(data, points.tolist())
    measured = {point.choice: point.accuracy.test for point in lattice.points}
    nearest = 0
    for S, answer in zip(points, found["answers"], strict=True):
        architecture = family.architecture(S)
        assert np.abs(family.logits(S).numpy() - np.array(answer["logits"])).max() < 5e-4  # of hundreds
        assert tuple(answer["choice"]) == architecture.operations
        sizes = answer["sizes"]
        assert sizes["edgeParameters"] == architecture.edge_parameters
        assert (sizes["totalParameters"], sizes["macs"]) == (architecture.total_parameters, architecture.macs)
        assert sizes["time"] == pytest.approx(table.predict(architecture, BATCH))
        accuracy, member = answer["accuracy"], data["members"][answer["accuracy"]["member"]]
        marked, percent = re.fullmatch(r"(≈ )?(\d\d\.\d) %", accuracy["text"]).groups()
        assert (marked is None) == accuracy["measured"] and float(percent) == pytest.approx(
            100 * member["test"], abs=0.051
        )
        assert accuracy["measured"] == (architecture.operations in measured)
        if accuracy["measured"]:
            assert member["test"] == measured[architecture.operations]
        else:
            nearest += 1
            distances = [np.sum((np.array(point.S) - S) ** 2) for point in lattice.points]
            assert np.sum((np.array(accuracy["S"]) - S) ** 2) == pytest.approx(min(distances))
    assert 0 < nearest < len(points)
    assert found["refused"] == [None] * 5 and np.allclose(found["parsed"], 1 / 3)


def test_limits_are_those_of_the_command(family, lattice, table, data):
    """The same numbers: a network that the page greys out is none that the command answers."""
    points = [point.S for point in lattice.points]
    typed = [{}, {"edgeParameters": 30000}, {"macs": 9.1}, {"time": 0.3, "macs": 9.5, "edgeParameters": 5e4}]
    found = ask(data, points, typed)
    assert found["commands"] == [
        "",
        "simplexnas select --max-edge-parameters 30000",
        "simplexnas select --max-macs 9100000",
        "simplexnas select --max-edge-parameters 50000 --max-macs 9500000 --max-latency-ms 0.3",
    ]
    assert found["within"][0] == [True] * len(points)
    assert found["within"][1] == [family.architecture(S).edge_parameters <= 30000 for S in points]
    assert found["within"][2] == [family.architecture(S).macs <= 9.1e6 for S in points]
    (of_many,) = ask(explorer_data(explorer(family, lattice, table, 64)), limits=[{"time": 7}])["commands"]
    assert of_many == "simplexnas select --batch 64 --max-latency-ms 7"
    known = {option for each in get_command(cli.app).commands["select"].params for option in each.opts}
    options = [word for command in [*found["commands"], of_many] for word in shlex.split(command) if word[0] == "-"]
    assert set(options) < known and "--batch" in options


def test_fragment_is_small_and_needs_nothing_else(fragment):
    assert len(fragment.encode()) < LIMIT
    assert not re.search(r"https?:|<link|src=|@import|url\(|fetch\(|import\(", fragment)
    assert fragment.count("<script>") == fragment.count("</script>") == 1


def test_without_javascript_there_are_a_network_and_the_front(family, lattice, fragment):
    static = fragment[: fragment.index("<script>")]
    middle = family.architecture([1 / 3] * 3)
    half = len(cell_edges(family.space))
    drawn = re.findall(r'data-edge="(\d+)" data-operation="(\d)"', static)
    assert [int(m) for _, m in drawn] == list(middle.operations)
    assert [int(number) for number, _ in drawn] == [*range(half), *range(half)]
    assert f'<dd data-value="totalParameters">{middle.total_parameters:,}</dd>' in static
    assert static.count("<tr><td>") == static.count("data-member=") > 5
    assert not re.findall(r'<dd data-value="\w+"></dd>', static), "nothing is left to the script"


def test_without_javascript_the_accuracy_says_whose_it_is(family, lattice, fragment):
    """Of the middle of the triangle, which is no point of the lattice, and of the points that are."""
    S, middle = [1 / 3] * 3, family.architecture([1 / 3] * 3)
    distances = [round(sum((x - 1 / 3) ** 2 for x in point.S), 9) for point in lattice.points]
    near = [p for p, distance in zip(lattice.points, distances, strict=True) if distance == min(distances)]
    own = [point for point in lattice.points if point.choice == middle.operations]
    accuracy, whose = accuracy_in_words(lattice, S, middle)
    for value in (accuracy, whose):
        assert f">{value}</dd>" in fragment[: fragment.index("<script>")]
    assert accuracy in {f"{'' if own else '≈ '}{100 * point.accuracy.test:.1f} %" for point in own or near}
    assert own or whose.startswith("of another network, the nearest measured: S = (0.3")
    for point in lattice.points[::50]:
        words = accuracy_in_words(lattice, point.S, family.architecture(point.S))
        assert words == (f"{100 * point.accuracy.test:.1f} %", "measured")
    far = accuracy_in_words(lattice, lattice.points[0].S, family.architecture((0.512, 0.313, 0.175)))
    assert far[0] == f"≈ {100 * lattice.points[0].accuracy.test:.1f} %" and "the nearest measured" in far[1]


def test_sizes_are_called_as_the_commands_call_them(fragment):
    """Edge parameters or total ones, and never parameters alone; the first command makes a model."""
    fields = dict(re.findall(r'<label>([^<]+)<input type="number" name="budget-(\w+)"', fragment))
    assert fields == {"edge parameters": "edgeParameters", "million MACs": "macs", "ms, batch of 1": "time"}
    assert "<dt>edge parameters</dt>" in fragment and "<dt>total parameters</dt>" in fragment
    assert all(before in ("edge", "total") for before in re.findall(r"(\w+) parameters", fragment))
    commands = re.findall(r'data-command="(\w+)"></code> <button type="button" data-copy="(\w+)"', fragment)
    assert commands == [(name, name) for name in ("export", "select", "papermill", "evaluate")]
    assert "`simplexnas export --S ${text} --output model`" in fragment
