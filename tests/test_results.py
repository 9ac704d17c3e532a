"""The lattice and the table: on a tiny family, and as published."""

import json

import numpy as np
import pytest

from simplexnas import results, simplex
from simplexnas.errors import SimplexNASError
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
def lattice(tiny_family, fewer, tmp_path):
    return results.compute_lattice(tiny_family, fewer, 0.5, tmp_path / "lattice.json")


def test_lattice_file(lattice, tiny_family):
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
    lattice.write_text(json.dumps(whole | {"points": kept, "complete": False}))
    measured = []
    monkeypatch.setattr(results.evaluate, "accuracy", lambda *_: measured.append(0) or 0.5)
    results.compute_lattice(tiny_family, fewer, 0.5, lattice)
    missing = {tuple(p["choice"]) for p in whole["points"]} - {tuple(p["choice"]) for p in kept}
    assert len(measured) == len(missing)
    again = json.loads(lattice.read_text())
    assert again["points"][:3] == kept and again["complete"] and len(again["points"]) == 6


def test_lattice_of_another_family_is_measured_anew(lattice, tiny_family, fewer, monkeypatch):
    lattice.write_text(json.dumps(json.loads(lattice.read_text()) | {"sha256": "0"}))
    monkeypatch.setattr(results.evaluate, "accuracy", lambda *_: 0.25)
    results.compute_lattice(tiny_family, fewer, 0.5, lattice)
    assert {point["validation"] for point in json.loads(lattice.read_text())["points"]} == {0.25}


def test_table_of_a_tiny_family(lattice, tiny_family, fewer, tmp_path):
    path = results.compute_table(tiny_family, fewer, lattice, tmp_path / "table.json")
    rows = results.table(path)
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


@pytest.mark.parametrize("change", [{"complete": False}, {"sha256": "0"}])
def test_table_needs_the_whole_lattice_of_its_family(change, lattice, tiny_family, fewer, tmp_path):
    lattice.write_text(json.dumps(json.loads(lattice.read_text()) | change))
    with pytest.raises(SimplexNASError, match="not the whole lattice of tiny; run `simplexnas lattice`"):
        results.compute_table(tiny_family, fewer, lattice, tmp_path / "table.json")


# As published


def test_published_table():
    rows = results.table()
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
def test_published_family_is_at_least_as_accurate_within_the_paper_parameters(name):
    (row,) = [row for row in results.table() if row["name"] == name]
    assert row["best"]["accuracy"]["test"] >= row["paper"]["accuracy"]


def test_published_lattice_belongs_to_the_published_family():
    lattice, table = (json.loads(path.read_text()) for path in (results.LATTICE, results.TABLE))
    family = results.Family.load("default-seed0")
    assert lattice["sha256"] == table["sha256"] == family.description["sha256"]
    assert lattice["complete"]
    for point in lattice["points"]:
        assert tuple(point["choice"]) == family.architecture(point["S"]).operations
    best = {row["name"]: row["best"] for row in table["rows"]}
    for name, (_, _, budget, _) in results.PAPER.items():
        found = results.best_within(lattice["points"], budget)
        assert np.allclose(found["S"], best[name]["S"])
        assert found["validation"] == pytest.approx(best[name]["accuracy"]["validation"], abs=2e-3)
