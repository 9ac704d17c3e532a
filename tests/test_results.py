"""The lattice and the table: on a tiny family, and as published."""

import json

import numpy as np
import pytest

from simplexnas import results, simplex
from simplexnas.errors import SimplexNASError
from simplexnas.family import Family
from simplexnas.paths import RESULTS
from simplexnas.supernet import SearchSpace

POINTS = [
    {"S": [1, 0, 0], "edge_parameters": 300, "validation": 0.9},
    {"S": [0, 1, 0], "edge_parameters": 200, "validation": 0.8},
    {"S": [0, 0, 1], "edge_parameters": 100, "validation": 0.8},
    {"S": [0, 0.5, 0.5], "edge_parameters": 50, "validation": 0.7},
]


@pytest.mark.parametrize(("budget", "best"), [(1000, 300), (300, 300), (299, 100), (99, 50)])
def test_best_within_a_budget(budget, best):
    assert results.best_within(POINTS, budget)["edge_parameters"] == best


def test_nothing_within_the_budget():
    with pytest.raises(SimplexNASError, match="budget = 49"):
        results.best_within(POINTS, 49)


@pytest.mark.parametrize(
    ("S", "allowed"),
    [((0.7, 0.15, 0.15), {1, 2}), ((0.15, 0.15, 0.7), {0, 1}), ((0.33, 0.33, 0.33), {0, 1, 2}), ((0, 0.5, 0.5), {0})],
)
def test_control_takes_the_least_penalty_and_ties_at_random(S, allowed):
    space = SearchSpace()
    drawn = [results.control(S, space, seed) for seed in range(3)]
    assert all(set(architecture.operations) == allowed for architecture in drawn)
    assert len(set(drawn)) == (1 if len(allowed) == 1 else 3)
    assert drawn[0] == results.control(S, space, 0)


def test_paper_rows_sum_to_28_edges():
    for S, accuracy, _, operations in results.PAPER.values():
        assert sum(operations.values()) == 28 and 0 < accuracy < 1
        simplex.parse(S, SearchSpace().operations)


@pytest.fixture
def lattice(tiny_family, fewer, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    return results.compute_lattice(tiny_family, fewer, 0.5)


def test_other_families_have_folders_of_their_own(published, tiny_family):
    assert results.folder(published) == RESULTS
    assert results.folder(tiny_family) == RESULTS / "tiny"


def test_lattice_file(lattice, tiny_family, tmp_path):
    assert lattice == tmp_path / "tiny" / results.LATTICE
    content = json.loads(lattice.read_text())
    assert content["complete"] and content["sha256"] == tiny_family.description["sha256"]
    assert [point["S"] for point in content["points"]] == simplex.lattice(3, 0.5).tolist()
    for point in content["points"]:
        architecture = tiny_family.architecture(point["S"])
        assert tuple(point["choice"]) == architecture.operations
        assert point["operations"] == architecture.counts() and point["macs"] == architecture.macs
        assert 0 <= point["validation"] <= 1


def test_half_done_lattice_goes_on(lattice, tiny_family, fewer, monkeypatch):
    whole = json.loads(lattice.read_text())
    kept = whole["points"][:3]
    lattice.write_text(json.dumps(whole | {"points": kept, "complete": False, "seconds": 5000.0}))
    measured = []
    monkeypatch.setattr(results.evaluate, "accuracy", lambda *_: measured.append(0) or 0.5)
    results.compute_lattice(tiny_family, fewer, 0.5)
    missing = {tuple(p["choice"]) for p in whole["points"]} - {tuple(p["choice"]) for p in kept}
    assert len(measured) == len(missing)
    again = json.loads(lattice.read_text())
    assert again["points"][:3] == kept and again["complete"] and len(again["points"]) == 6
    assert 5000 <= again["seconds"] < 5100, "seconds add up"


def test_lattice_of_another_family_is_measured_anew(lattice, tiny_family, fewer, monkeypatch):
    lattice.write_text(json.dumps(json.loads(lattice.read_text()) | {"sha256": "0", "seconds": 5000.0}))
    monkeypatch.setattr(results.evaluate, "accuracy", lambda *_: 0.25)
    results.compute_lattice(tiny_family, fewer, 0.5)
    again = json.loads(lattice.read_text())
    assert {point["validation"] for point in again["points"]} == {0.25} and again["seconds"] < 5000


def test_table_of_a_tiny_family(lattice, tiny_family, fewer):
    path = results.compute_table(tiny_family, fewer)
    assert path == lattice.with_name(results.TABLE)
    rows = results.table(tiny_family)
    assert [row["name"] for row in rows] == ["A", "B", "C", "D"]
    for row in rows:
        assert row["ours"]["operations"] == tiny_family.architecture(row["S"]).counts()
        assert row["best"]["edge_parameters"] <= row["paper"]["edge_parameters"]
        assert len(row["control"]) == 3 and len(row["ours"]["ways"]) == 4
        assert row["ours"]["ways"]["discrete"] == row["ours"]["accuracy"]
    frame = results.frame(rows)
    assert len(frame) == 16 and frame["model"].tolist() == [name for name in "ABCD" for _ in range(4)]
    asked = {"S": [0.2, 0.5, 0.3]} | rows[0]["ours"]
    assert results.frame(rows, asked)["S"].iloc[-1] == "(0.20, 0.50, 0.30)"
    lines = results.markdown(rows).splitlines()
    assert len(lines) == 6 and len({line.count("|") for line in lines}) == 1
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": "0"}))
    no_table(tiny_family)


def no_table(family) -> None:
    commands = "run `simplexnas lattice --family tiny`, then `simplexnas table --family tiny`"
    with pytest.raises(SimplexNASError, match=f"table.json is not of this family tiny; {commands}") as error:
        results.table(family)
    assert len(str(error.value).splitlines()) == 1


def test_family_without_a_table(tiny_family, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    no_table(tiny_family)


def measured(edge_parameters: int, test: float, pools: int) -> dict:
    """Counts and accuracy of a made-up architecture of 28 edges."""
    return {
        "operations": {"pool": pools, "identity": 28 - pools, "convolution": 0},
        "edge_parameters": edge_parameters,
        "total_parameters": edge_parameters + 20_506,
        "macs": 7_174_144,
        "accuracy": {"validation": 0.1, "test": test},
    }


ROW = {
    "name": "B",
    "S": [0.15, 0.15, 0.7],
    "paper": {
        "accuracy": 0.792,
        "edge_parameters": 5_120,
        "operations": {"pool": 17, "identity": 11, "convolution": 0},
    },
    "ours": measured(10_240, 0.8123, 20),
    "best": {"S": [0, 0.5, 0.5]} | measured(5_120, 0.8, 18),
    "control": [measured(0, 0.70, 13), measured(5_120, 0.72, 14), measured(10_240, 0.74, 14)],
}


def test_frame_shows_sizes_and_the_spread_of_the_control():
    kinds = "pool / identity / convolution"
    frame = results.frame([ROW]).set_index("source")
    columns = ["S", "test accuracy, %", "edge parameters", "total parameters", "M MACs", kinds]
    assert frame.columns.tolist() == ["model", *columns]
    shown = {source: tuple(line[columns]) for source, line in frame.iterrows()}
    S = "(0.15, 0.15, 0.70)"
    assert shown == {
        "paper": (S, "79.2", "5,120", "25,626", "–", "17 / 11 / 0"),
        "ours, same S": (S, "81.2", "10,240", "30,746", "7.17", "20 / 8 / 0"),
        "ours, best within the paper's parameters": (
            *("(0.00, 0.50, 0.50)", "80.0", "5,120"),
            *("25,626", "7.17", "18 / 10 / 0"),
        ),
        "control": (S, "72.0 ± 2.0", "5,120", "25,626", "7.17", "13.7 / 14.3 / 0.0"),
    }


def test_markdown_shows_accuracy_and_edge_parameters():
    cells = [cell.strip() for cell in results.markdown([ROW]).splitlines()[-1].strip("|").split("|")]
    assert cells == [
        *("B", "(0.15, 0.15, 0.70)", "79.2 %, 5,120", "81.2 %, 10,240"),
        *("**80.0 %, 5,120** at S = (0.00, 0.50, 0.50)", "72.0 %, 5,120"),
    ]


@pytest.mark.parametrize("change", [{"complete": False}, {"sha256": "0"}])
def test_table_needs_the_whole_lattice_of_its_family(change, lattice, tiny_family, fewer):
    lattice.write_text(json.dumps(json.loads(lattice.read_text()) | change))
    with pytest.raises(SimplexNASError, match="not the whole lattice of tiny; run `simplexnas lattice`"):
        results.compute_table(tiny_family, fewer)


# As published


@pytest.fixture(scope="module")
def published() -> Family:
    return Family.load("default-seed0")


def test_published_table(published):
    rows = results.table(published)
    assert [row["name"] for row in rows] == list(results.PAPER)
    for row in rows:
        S, accuracy, edge_parameters, operations = results.PAPER[row["name"]]
        paper = {"accuracy": accuracy, "edge_parameters": edge_parameters, "operations": operations}
        assert row["S"] == list(S) and row["paper"] == paper
        assert row["best"]["edge_parameters"] <= edge_parameters
        for measured in (row["ours"], row["best"], *row["control"]):
            assert sum(measured["operations"].values()) == 28
            assert all(0 <= value <= 1 for value in measured["accuracy"].values())


@pytest.mark.parametrize("name", ["A", "B", "C"])
def test_published_family_is_at_least_as_accurate_within_the_paper_parameters(name, published):
    (row,) = [row for row in results.table(published) if row["name"] == name]
    assert row["best"]["accuracy"]["test"] >= row["paper"]["accuracy"]


@pytest.fixture(scope="module")
def published_lattice() -> dict:
    return json.loads((RESULTS / results.LATTICE).read_text())


def test_published_lattice_is_whole_and_of_the_published_family(published, published_lattice):
    assert published_lattice["complete"] and published_lattice["sha256"] == published.description["sha256"]
    points = published_lattice["points"]
    assert len(points) == 231
    assert np.allclose([point["S"] for point in points], simplex.lattice(3, 0.05))
    for point in points:
        architecture = published.architecture(point["S"])
        assert tuple(point["choice"]) == architecture.operations
        assert point["edge_parameters"] == architecture.edge_parameters
        assert 0 <= point["validation"] <= 1


def test_best_of_the_published_table_is_the_best_of_the_lattice(published, published_lattice):
    best = {row["name"]: row["best"] for row in results.table(published)}
    for name, (_, _, budget, _) in results.PAPER.items():
        found = results.best_within(published_lattice["points"], budget)
        assert np.allclose(found["S"], best[name]["S"])
        assert found["validation"] == pytest.approx(best[name]["accuracy"]["validation"], abs=2e-3)
