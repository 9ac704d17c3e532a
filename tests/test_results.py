"""The lattice and the table: on a tiny family, and as published."""

import dataclasses
import json

import numpy as np
import pytest

from simplexnas import analysis, published, results, simplex
from simplexnas.errors import SimplexNASError
from simplexnas.family import Family
from simplexnas.paths import RESULTS
from simplexnas.search import SearchModel
from simplexnas.supernet import SearchSpace


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


@pytest.fixture(autouse=True)
def folders(request, tmp_path, monkeypatch):
    """Tests that ask for `trained` or `rows` read data/; the others write elsewhere."""
    if not {"trained", "rows"} & set(request.fixturenames):
        monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
        monkeypatch.setattr(results, "RUNS", tmp_path / "runs")


@pytest.fixture
def lattice(tiny_family, fewer):
    return results.compute_lattice(tiny_family, fewer, 0.5)


def test_lattice_file(lattice, tiny_family, tmp_path):
    assert lattice == tmp_path / "results" / "tiny" / results.LATTICE
    content = json.loads(lattice.read_text())
    assert content["sha256"] == tiny_family.description["sha256"]
    assert not list((tmp_path / "runs").rglob("*.json")), "nothing half-done is left"
    assert [point["S"] for point in content["points"]] == simplex.lattice(3, 0.5).tolist()
    for point in content["points"]:
        architecture = tiny_family.architecture(point["S"])
        assert tuple(point["choice"]) == architecture.operations
        assert point["operations"] == architecture.counts() and point["macs"] == architecture.macs
        assert all(0 <= point["accuracy"][split] <= 1 for split in ("validation", "test"))


def fake_accuracy(value: float, calls: list):
    return lambda *_: calls.append(0) or {"validation": value, "test": value}


def interrupted(after: int, accuracies=lambda *_: {"validation": 0.5, "test": 0.5}):
    """A measurement that stops before number `after`, counted from 0."""
    calls = []

    def measure(*arguments):
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(0)
        return accuracies(*arguments)

    return measure


def test_interrupted_lattice_goes_on(tiny_family, fewer, tmp_path, monkeypatch):
    monkeypatch.setattr(results.evaluate, "accuracies", interrupted(after=2))
    with pytest.raises(KeyboardInterrupt):
        results.compute_lattice(tiny_family, fewer, 0.5)
    assert not (tmp_path / "results").exists(), "only whole files are results"
    half = tmp_path / "runs" / "tiny" / results.LATTICE
    assert len({tuple(point["choice"]) for point in json.loads(half.read_text())["points"]}) == 2
    half.write_text(json.dumps(json.loads(half.read_text()) | {"seconds": 5000.0}))
    measured = []
    monkeypatch.setattr(results.evaluate, "accuracies", fake_accuracy(0.25, measured))
    content = json.loads(results.compute_lattice(tiny_family, fewer, 0.5).read_text())
    distinct = {tuple(point["choice"]): point["accuracy"]["test"] for point in content["points"]}
    assert len(measured) == len(distinct) - 2 and sorted(distinct.values())[-2:] == [0.5, 0.5]
    assert 5000 <= content["seconds"] < 5100, "seconds add up"


@pytest.mark.parametrize("change", [{"sha256": "0"}, {"settings": {"step": 0.25}}])
def test_half_done_lattice_of_something_else_is_passed_over(change, tiny_family, fewer, tmp_path, monkeypatch):
    monkeypatch.setattr(results.evaluate, "accuracies", interrupted(after=2))
    with pytest.raises(KeyboardInterrupt):
        results.compute_lattice(tiny_family, fewer, 0.5)
    half = tmp_path / "runs" / "tiny" / results.LATTICE
    half.write_text(json.dumps(json.loads(half.read_text()) | change))
    monkeypatch.setattr(results.evaluate, "accuracies", fake_accuracy(0.25, []))
    content = json.loads(results.compute_lattice(tiny_family, fewer, 0.5).read_text())
    assert {point["accuracy"]["test"] for point in content["points"]} == {0.25}


def test_result_file_of_another_version_is_refused_by_name(lattice, tiny_family, fewer):
    lattice.write_text(json.dumps(json.loads(lattice.read_text()) | {"version": 1}))
    with pytest.raises(SimplexNASError, match=r"lattice\.json has version 1; this code reads 2"):
        results.read_own(tiny_family, results.LATTICE)


def test_baselines_file(lattice, tiny_family, fewer, tmp_path, monkeypatch):
    measured = []
    monkeypatch.setattr(results.evaluate, "accuracies", fake_accuracy(0.75, measured))
    path = results.compute_baselines(tiny_family, fewer, step=0.5, draws=2, random=4)
    points = json.loads(path.read_text())["points"]
    assert len(measured) == len({tuple(point["choice"]) for point in points})
    of = {source: [p for p in points if p["source"] == source] for source in {p["source"] for p in points}}
    assert {source: len(group) for source, group in of.items()} == {
        "control": 12,
        "random hypernetwork": 12,
        "random architecture": 4,
    }
    for point in of["control"]:
        least = min(point["S"])
        assert all(point["S"][m] == least for m in point["choice"])
    other = sister(tiny_family, tmp_path, seed=1)
    results.compute_lattice(other, fewer, 0.5)
    others = json.loads(results.compute_baselines(other, fewer, step=0.5, draws=2, random=4).read_text())["points"]
    for source in of:
        assert [p["choice"] for p in others if p["source"] == source] != [p["choice"] for p in of[source]]

    volumes = results.hypervolumes([tiny_family, other]).set_index("of")
    assert list(volumes.index) == ["family", "random hypernetwork", "control"]
    sublattices = [
        json.loads((tmp_path / "results" / name / results.LATTICE).read_text()) for name in ("tiny", "sister")
    ]
    family = [analysis.hypervolume(lattice["points"]) for lattice in sublattices]
    for source in ("random hypernetwork", "control"):
        values = []
        for of_family in (points, others):
            draws = [results.drawn(of_family, source, draw) for draw in range(2)]
            assert [len(draw) for draw in draws] == [6, 6]
            assert [p["choice"] for p in draws[0]] != [p["choice"] for p in draws[1]]
            values.append(np.mean([analysis.hypervolume(draw) for draw in draws]))
        line = volumes.loc[source]
        assert line["mean"] == pytest.approx(np.mean(values)) and line["low"] <= line["mean"] <= line["high"]
        assert line["behind"] == pytest.approx(np.mean(np.subtract(family, values)))
        assert line["behind low"] <= line["behind"] <= line["behind high"]
    assert volumes.loc["family", "mean"] == pytest.approx(np.mean(family)) and volumes.loc["family", "behind"] == 0


def test_interrupted_paper_points_go_on(tiny_family, fewer, tmp_path, monkeypatch):
    ways = results.evaluate.in_all_ways
    monkeypatch.setattr(results.evaluate, "in_all_ways", interrupted(2, ways))
    with pytest.raises(KeyboardInterrupt):
        results.compute_paper_points(tiny_family, fewer)
    assert not (tmp_path / "results").exists(), "only whole files are results"
    asked = []
    monkeypatch.setattr(results.evaluate, "in_all_ways", lambda *args: asked.append(args[1]) or ways(*args))
    content = json.loads(results.compute_paper_points(tiny_family, fewer).read_text())
    assert asked == [S for S, *_ in list(results.PAPER.values())[2:]]
    assert [point["name"] for point in content["points"]] == list("ABCD")
    assert not (tmp_path / "runs" / "tiny" / results.PAPER_POINTS).exists()


def test_interrupted_retraining_goes_on(lattice, tiny_family, fewer, monkeypatch):
    def build(architecture, train, config):
        assert config.epochs == 1 and config.space == tiny_family.space
        return architecture.build()

    monkeypatch.setattr(results, "retrain", interrupted(3, build))
    with pytest.raises(KeyboardInterrupt):
        results.compute_retrained(tiny_family, fewer, epochs=1)
    trained = []
    monkeypatch.setattr(results, "retrain", lambda *arguments: trained.append(0) or build(*arguments))
    points = json.loads(results.compute_retrained(tiny_family, fewer, epochs=1).read_text())["points"]
    assert len(trained) == len({tuple(point["choice"]) for point in points}) - 3
    sources = [point["source"] for point in points]
    members = {tuple(point["choice"]) for point in json.loads(lattice.read_text())["points"]}
    assert sources.count("random") == 10 and sources.count("family") == min(20, len(members))
    assert all(set(point["retrained"]) == set(point["accuracy"]) == {"validation", "test"} for point in points)


@pytest.fixture
def table(lattice, tiny_family, fewer):
    results.compute_paper_points(tiny_family, fewer)
    return results.compute_table([tiny_family])


def test_table_of_one_family(table, tiny_family, tmp_path):
    assert table == tmp_path / "results" / results.TABLE
    rows = results.table()
    assert [row["name"] for row in rows] == ["A", "B", "C", "D"]
    for row in rows:
        assert row["ours"]["operations"] == tiny_family.architecture(row["S"]).counts()
        assert row["ours"]["accuracy"]["n"] == 1 and row["ours"]["accuracy"]["sd"] is None
        assert row["best"]["edge_parameters"] <= row["paper"]["edge_parameters"]
        assert row["control"]["accuracy"]["n"] == 3
        (run,) = row["ours"]["runs"]
        assert len(run["ways"]) == 6 and run["ways"]["discrete"] == run["accuracy"]
    frame = results.frame(rows)
    assert len(frame) == 16 and frame["model"].tolist() == [name for name in "ABCD" for _ in range(4)]
    asked = {"S": [0.2, 0.5, 0.3]} | rows[0]["ours"]
    assert results.frame(rows, asked)["S"].iloc[-1] == "(0.20, 0.50, 0.30)"
    lines = results.markdown(rows).splitlines()
    assert len(lines) == 6 and len({line.count("|") for line in lines}) == 1


@pytest.mark.parametrize(("name", "command"), [(results.LATTICE, "lattice"), (results.PAPER_POINTS, "points")])
@pytest.mark.parametrize("change", [{"sha256": "0"}, None])
def test_table_needs_the_files_of_its_families(name, command, change, table, tiny_family):
    path = table.parent / "tiny" / name
    if change is None:
        path.unlink()
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SimplexNASError, match=f"{name} is .*; run `simplexnas {command} --family tiny`") as error:
        results.compute_table([tiny_family])
    assert len(str(error.value).splitlines()) == 1


def sister(family: Family, folder, **changes) -> Family:
    """The same weights under another name, with another config."""
    config = dataclasses.replace(family.config, **changes)
    model = SearchModel(config)
    model.load_state_dict(family.model.state_dict())
    return Family.load(Family("sister", model, {}).export(folder / "sister", seconds=1.0))


def test_table_of_two_seeds(table, tiny_family, fewer, tmp_path):
    other = sister(tiny_family, tmp_path, seed=1)
    results.compute_lattice(other, fewer, 0.5)
    results.compute_paper_points(other, fewer)
    results.compute_table([tiny_family, other])
    row = results.table()[0]
    assert [run["seed"] for run in row["ours"]["runs"]] == [0, 1]
    assert row["ours"]["accuracy"]["n"] == 2 and row["control"]["accuracy"]["n"] == 6
    assert "one for each seed" in results.frame([row])["S"].tolist()


@pytest.mark.parametrize("changes", [{}, {"seed": 1, "kappa": 0.5}], ids=["same seed", "another setting"])
def test_table_refuses_families_that_do_not_belong_together(changes, table, tiny_family, tmp_path):
    with pytest.raises(SimplexNASError, match="families tiny, sister: allowed are families that differ in their seeds"):
        results.compute_table([tiny_family, sister(tiny_family, tmp_path, **changes)])


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
    "ours": results.summary([measured(10_240, 0.8123, 20)]),
    "best": results.summary([{"S": [0, 0.5, 0.5]} | measured(*m) for m in ((5_120, 0.8, 18), (3_200, 0.82, 16))]),
    "control": results.summary([measured(0, 0.70, 13), measured(5_120, 0.72, 14), measured(10_240, 0.74, 14)]),
}


def test_frame_shows_sizes_and_spreads():
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
            *("one for each seed", "81.0 ± 1.4 (2)", "4,160"),
            *("24,666", "7.17", "17 / 11 / 0"),
        ),
        "control": (S, "72.0 ± 2.0 (3)", "5,120", "25,626", "7.17", "13.7 / 14.3 / 0"),
    }


def test_markdown_shows_accuracy_and_edge_parameters():
    cells = [cell.strip() for cell in results.markdown([ROW]).splitlines()[-1].strip("|").split("|")]
    assert cells == [
        *("B", "(0.15, 0.15, 0.70)", "79.2 at 5,120", "81.2 at 10,240"),
        *("**81.0 ± 1.4 (2) at 4,160**", "72.0 ± 2.0 (3) at 5,120"),
    ]


# Ablation


def write_lattice(family: str, seed: int, accuracy: float, edge_parameters: int, step=1.0, **config) -> None:
    """Two points, of which the first beats the second."""
    points = [
        {
            "S": [1 - pool, pool, 0],
            "choice": [0] * 28,
            "operations": {"pool": pool, "identity": 28 - pool, "convolution": 0},
            "edge_parameters": edge_parameters + 100 * pool,
            "total_parameters": edge_parameters + 100 * pool + 20_506,
            "accuracy": {"validation": accuracy - 0.01 * pool, "test": accuracy - 0.02 * pool},
        }
        for pool in (0, 1)
    ]
    content = {"version": results.VERSION, "family": family, "seed": seed, "training_seconds": 100.0, "points": points}
    content["config"] = {"preset": "quick", "seed": seed, "epochs": 2} | config
    content["settings"] = {"step": step}
    results.save(results.RESULTS / family / results.LATTICE, content)


def test_ablation_has_one_line_for_each_change_with_the_best_first():
    write_lattice("quick-seed0", 0, 0.85, 5000)
    write_lattice("quick-seed1", 1, 0.87, 5000)
    write_lattice("quick-kappa=0.04-tau=0.001-seed0", 0, 0.90, 5000)
    write_lattice("quick-hypernetwork=pivot-kappa=0.1-seed0", 0, 0.80, 30_000)
    write_lattice("quick-hypernetwork=pivot-kappa=0.1-seed1", 1, 0.80, 5000)
    write_lattice("quick-kappa=3-seed0", 0, 0.99, 5000)
    write_lattice("quick-epochs=1-seed0", 0, 0.7, 5000, epochs=1)
    write_lattice("quick-epochs=1-estimator=reinmax-seed0", 0, 0.8, 5000, epochs=1)
    found = results.ablation().set_index("change")
    assert list(found.index) == ["kappa=0.04-tau=0.001", "(nothing)", "hypernetwork=pivot-kappa=0.1"], "not other runs"
    assert list(found["seeds"]) == [1, 2, 2]
    assert list(found["≤ 5,120"]) == ["90.0", "86.0 ± 1.4", "–"], "chosen on validation, at most that size"
    assert list(found["≤ 38,304"]) == ["90.0", "86.0 ± 1.4", "80.0 ± 0.0"]
    assert found["control"].iloc[0] == "0.00"
    shorter = results.ablation(epochs=1).set_index("change")
    assert list(shorter.index) == ["estimator=reinmax", "(nothing)"], "other numbers of epochs do not compare"


@pytest.mark.parametrize("change", [{"kappa": 1.0}, {"step": 0.5}])
def test_ablation_refuses_seeds_of_different_settings(change):
    write_lattice("quick-seed0", 0, 0.85, 5000)
    write_lattice("quick-seed1", 1, 0.87, 5000, **change)
    with pytest.raises(SimplexNASError, match="differ in more than their seeds"):
        results.ablation()


def test_kappa_sweep_reads_the_families_of_the_papers_method_by_kappa():
    for name, kappa in zip(published.KAPPA, (0, 0.1, 1, 5, 50), strict=True):
        write_lattice(name, 0, 0.8 + kappa / 1000, 5000, kappa=kappa)
    write_lattice("paper-kappa=3-seed0", 0, 0.7, 5000, kappa=3.0)
    found = results.kappa_sweep()
    assert found["kappa"].tolist() == [0, 0.1, 1, 5, 50] and found["architectures"].tolist() == 5 * [1]
    assert found["S and pool"].tolist() == found["S and identity"].tolist() == 5 * [-1]
    assert found["S and convolution"].tolist() == 5 * [0], "its number never changes"
    assert found["test accuracy, %"].tolist() == [79, 79, 79.1, 79.5, 84]


# As published


@pytest.fixture(scope="module")
def trained() -> Family:
    return Family.load("default-seed0")


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return results.table()


def test_published_table_is_of_the_published_family(trained, rows):
    families = results.read(RESULTS / results.TABLE)["families"]
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
                assert sum(run["operations"].values()) == 28
                assert all(0 <= value <= 1 for value in run["accuracy"].values())
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


def test_published_lattice_is_whole_and_of_the_published_family(trained):
    points = results.read_own(trained, results.LATTICE)["points"]
    assert np.allclose([point["S"] for point in points], simplex.lattice(3, 0.05))
    for point in points:
        architecture = trained.architecture(point["S"])
        assert tuple(point["choice"]) == architecture.operations
        assert point["edge_parameters"] == architecture.edge_parameters


def test_best_of_published_table_is_the_best_of_the_lattice(trained, rows):
    points = results.read_own(trained, results.LATTICE)["points"]
    for row in rows:
        found = analysis.best_within(points, row["paper"]["edge_parameters"])
        (run,) = [run for run in row["best"]["runs"] if run["seed"] == trained.config.seed]
        assert run == {"seed": trained.config.seed} | found
