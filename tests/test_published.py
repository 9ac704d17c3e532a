"""Published families: their names, and what the committed results hold."""

import numpy as np
import pytest

from simplexnas import analysis, config, published, results, simplex
from simplexnas.family import Family


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("default-seed12", ("default", [], 12)),
        (
            "quick-kappa=0.1-hypernetwork_learning_rate=1e-05-seed0",
            ("quick", ["kappa=0.1", "hypernetwork_learning_rate=1e-05"], 0),
        ),
    ],
)
def test_a_name_is_read(name, expected):
    assert published.read_name(name) == expected


def test_the_ablation_changes_one_thing_at_a_time():
    """Or two where one makes no sense without the other."""
    together = [{"policy_until", "random_utilities"}, {"kappa", "tau"}, {"hypernetwork", "kappa"}]
    for name in published.ABLATION:
        preset, changes, _ = published.read_name(name)
        changed = set(config.parse_changes(changes)) - {"epochs"}
        assert preset == "quick" and (len(changed) < 2 or changed in together)


@pytest.fixture(scope="module")
def trained() -> Family:
    return Family.load(published.DEFAULT[0])


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return results.table()


def test_published_table_is_of_the_published_family(trained, rows):
    families = results.read(results.RESULTS / results.TABLE)["families"]
    assert trained.description["sha256"] in [family["sha256"] for family in families]
    points = results.read_own(trained, results.PAPER_POINTS)["points"]
    for row, point in zip(rows, points, strict=True):
        ours = [run for run in row["ours"]["runs"] if run["seed"] == trained.config.seed]
        assert ours == [{"seed": trained.config.seed} | {k: v for k, v in point.items() if k != "control"}]


def test_published_table(rows):
    assert [row["name"] for row in rows] == list(results.PAPER)
    for row in rows:
        S, accuracy, edge_parameters, operations = results.PAPER[row["name"]]
        paper = {"accuracy": accuracy, "edge_parameters": edge_parameters, "operations": operations}
        assert row["S"] == list(S) and row["paper"] == paper
        for group in (row["ours"], row["best"], row["control"]):
            assert group["accuracy"]["n"] == len(group["runs"])
            for run in group["runs"]:
                assert sum(run["operations"].values()) == pytest.approx(28, abs=0.2)  # means are rounded
                assert 0.1 < run["accuracy"]["test"] < 1
        assert all(run["edge_parameters"] <= edge_parameters for run in row["best"]["runs"])


@pytest.mark.parametrize("name", ["A", "B", "C"])
def test_published_family_is_at_least_as_accurate_within_the_paper_parameters(name, rows):
    (row,) = [row for row in rows if row["name"] == name]
    assert all(run["accuracy"]["test"] >= row["paper"]["accuracy"] for run in row["best"]["runs"])


@pytest.mark.parametrize(("edge_parameters", "least"), [(5120, 86), (12_320, 88), (38_304, 90), (143_488, 91.5)])
def test_best_members_within_the_papers_parameters_are_as_accurate_as_aimed_at(edge_parameters, least, rows):
    (row,) = [row for row in rows if row["paper"]["edge_parameters"] == edge_parameters]
    found = row["best"]["accuracy"]
    assert 100 * found["test"] >= least and 100 * found["sd"] <= 0.4 and found["n"] >= 3
    for described in results.read(results.RESULTS / results.TABLE)["families"]:
        assert described["training_seconds"] <= 75 * 60


@pytest.mark.parametrize("name", published.WHOLE)
def test_published_lattice_is_whole_and_of_the_published_family(name):
    family = Family.load(name)
    points = results.read_own(family, results.LATTICE)["points"]
    assert np.allclose([point["S"] for point in points], simplex.lattice(3, 0.05))
    for point in points:
        architecture = family.architecture(point["S"])
        assert tuple(point["choice"]) == architecture.operations
        assert point["edge_parameters"] == architecture.edge_parameters


@pytest.mark.parametrize("name", published.DEFAULT)
def test_share_of_an_operation_falls_as_its_penalty_rises(name):
    points = results.read_own(Family.load(name), results.LATTICE)["points"]
    assert max(analysis.control_correlations(points).values()) <= -0.9


def test_results_of_no_family_have_a_version_too():
    for path in results.RESULTS.glob("*.json"):
        if path.name != "selected.json":  # what `simplexnas select --json` printed
            assert results.read(path)["created"]


def test_best_of_published_table_is_the_best_of_the_lattice(trained, rows):
    points = results.read_own(trained, results.LATTICE)["points"]
    for row in rows:
        found = analysis.best_within(points, row["paper"]["edge_parameters"])
        (run,) = [run for run in row["best"]["runs"] if run["seed"] == trained.config.seed]
        assert run == {"seed": trained.config.seed} | found
