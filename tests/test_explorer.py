"""The explorer: its script's numbers are the library's, and the fragment needs nothing else."""

import json
import re
import shutil
import subprocess
from importlib import resources

import numpy as np
import pytest

from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.latency.table import LatencyTable
from simplexnas.methods import penalties
from simplexnas.report import published
from simplexnas.report.explorer.page import explorer
from simplexnas.space.search_space import cell_edges

LIMIT = 200_000  # bytes
BATCH = 1
ANSWERS = """
const { simplexnasModel } = require(process.argv[1]);
const { data, points } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const model = simplexnasModel(data);
const answers = points.map((S) => {
  const choice = model.architecture(S);
  return { logits: model.logits(S), choice, sizes: model.sizes(choice), accuracy: model.accuracy(S, choice) };
});
const refused = [["0.5", "0.5"], ["0.5", "0.6", "0.2"], ["-0.1", "0.6", "0.5"], ["a", "0.5", "0.5"], ["NaN", "1", "0"]];
const parsed = model.parse(["0.33", "0.33", "0.33"]);
console.log(JSON.stringify({ answers, parsed, refused: refused.map(model.parse) }));
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


@pytest.fixture(scope="module")
def data(fragment) -> dict:
    return json.loads(re.search(r"previousElementSibling, (\{.*\})\);\n", fragment)[1])


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_script_gives_the_library_s_architectures_sizes_and_times(family, lattice, table, data):
    corners_and_edges = penalties.lattice(3, 0.05)
    corners_and_edges = corners_and_edges[(corners_and_edges == 0).any(axis=1)]
    inside = np.random.default_rng(0).dirichlet(np.ones(3), size=1000)
    points = np.concatenate([corners_and_edges, inside, [point.S for point in lattice.points]])
    script = resources.files("simplexnas.report.explorer").joinpath("explorer.js")
    done = subprocess.run(
        ["node", "-e", ANSWERS, str(script)],
        input=json.dumps({"data": data, "points": points.tolist()}),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    measured = {point.choice: point.accuracy.test for point in lattice.points}
    gain = family.config.kappa / family.config.tau
    nearest = 0
    for S, answer in zip(points, found["answers"], strict=True):
        architecture = family.architecture(S)
        assert np.abs(family.logits(S).numpy() / gain - np.array(answer["logits"])).max() < 1e-4
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
