"""Tables of measurements of a tiny family, and of invented ones."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import tiny

from simplexnas.family import describe
from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import Accuracy
from simplexnas.io.weights import WEIGHTS
from simplexnas.measure import baselines, lattice
from simplexnas.methods import penalties
from simplexnas.methods.settings import preset
from simplexnas.report import analysis, paper, published, statistics, tables
from simplexnas.report.names import UNCHANGED
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace

LACKS = (
    r"\S+/lattice\.json does not hold the lattice of step 0\.5; move it away and run `simplexnas lattice --family tiny`"
)
pytestmark = pytest.mark.usefixtures("own_results")


def test_paper_rows_sum_to_28_edges():
    for S, accuracy, _, operations in paper.PAPER.values():
        assert sum(operations.values()) == 28 and 0 < accuracy < 1
        penalties.parse(S, SearchSpace().operations)


@pytest.mark.parametrize("name", [records.LATTICE, records.PAPER_POINTS, records.BASELINES, records.RETRAINED])
def test_result_file_of_another_version_is_refused_by_name(name, lattice_path, tiny_family):
    path = lattice_path.with_name(name)
    path.write_text(json.dumps(json.loads(lattice_path.read_text()) | {"version": 1}))
    with pytest.raises(SimplexNASError, match=rf"{re.escape(name)} has version 1; this code reads 2; move it away"):
        records.read_own(tiny_family, name)


def test_table_of_another_version_is_refused_by_name(table):
    path = paths.RESULTS / records.TABLE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 1}))
    with pytest.raises(SimplexNASError, match=r"table\.json has version 1; this code reads 2; move it away"):
        tables.table()


def test_hypervolumes_need_the_lattice_of_the_baselines(tiny_family, fewer):
    lattice.lattice(tiny_family, fewer, 1.0)
    with pytest.raises(SimplexNASError, match=rf"^{LACKS}$"):
        baselines.baselines(tiny_family, fewer, step=0.5, random=1)


def test_hypervolumes_of_two_families(own_results, tiny_family, fewer, drawn_accuracy, tmp_path):
    families = [tiny_family, tiny.sister(tiny_family, tmp_path, seed=1)]
    for each in families:
        lattice.lattice(each, fewer, 0.5)
        baselines.baselines(each, fewer, step=0.5, random=1)
    volumes = tables.hypervolumes([each.description for each in families]).set_index("of")
    assert list(volumes.index) == ["family", "random hypernetwork", "control", "random architecture"]
    own = [analysis.hypervolume(records.read_own(each, records.LATTICE).points, each.space) for each in families]
    for source in ("random hypernetwork", "control"):
        values = []
        for each in families:
            drawn = tables.of_source(records.read_own(each, records.BASELINES).points, source)
            assert len(drawn) == 6
            values.append(analysis.hypervolume(drawn, each.space))
        line = volumes.loc[source]
        assert line["mean"] == pytest.approx(np.mean(values))
        assert line["high"] - line["mean"] == pytest.approx(12.706 * np.ptp(values) / 2, rel=1e-3)
        ahead = np.subtract(own, values)
        assert line["behind"] == pytest.approx(np.mean(ahead))
        assert line["behind high"] - line["behind"] == pytest.approx(12.706 * np.ptp(ahead) / 2, rel=1e-3)
        assert line["behind low"] + line["behind high"] == pytest.approx(2 * line["behind"])
    assert volumes.loc["family", "mean"] == pytest.approx(np.mean(own))


@pytest.fixture
def table(lattice_path, measured, tiny_family):
    shutil.copy(measured / records.PAPER_POINTS, tiny_family.results)
    return tables.compute_table([tiny_family.description])


def test_table_of_one_family(table, tiny_family, tmp_path):
    assert table == tmp_path / "results" / records.TABLE
    rows = tables.table()
    assert [row["name"] for row in rows] == ["A", "B", "C", "D"]
    for row in rows:
        assert row["ours"]["operations"] == tiny_family.architecture(row["S"]).counts()
        assert row["ours"]["accuracy"]["n"] == 1 and row["ours"]["accuracy"]["sd"] is None
        assert row["best"]["edge_parameters"] <= row["paper"]["edge_parameters"]
        assert row["control"]["accuracy"]["n"] == 1, "draws share the weights"
        (drawn,) = row["control"]["runs"]
        tests = [run["accuracy"]["test"] for run in drawn["runs"]]
        assert len(tests) == 3 and row["control"]["accuracy"]["test"] == pytest.approx(np.mean(tests))
        (run,) = row["ours"]["runs"]
        assert len(run["ways"]) == 2 and run["ways"]["discrete"] == run["accuracy"]
    lines = tables.markdown(rows).splitlines()
    assert len(lines) == 6 and len({line.count("|") for line in lines}) == 1


def test_table_says_what_it_was_made_of(table, tiny_family):
    (source,) = records.read(table)["families"]
    own = tiny_family.description.content
    assert source == {"family": "tiny"} | {key: own[key] for key in own.keys() - {"tensors"}}
    for row in tables.table():
        for kind in ("ours", "best", "control"):
            assert [run["seed"] for run in row[kind]["runs"]] == [tiny_family.config.seed]
        assert all("control" not in run for run in row["ours"]["runs"]), "it stands in a column of its own"


def test_table_of_lattices_of_two_steps_is_refused(table, tiny_family, fewer, tmp_path):
    sister = tiny.sister(tiny_family, tmp_path, seed=1)
    lattice.lattice(sister, fewer, 1.0)
    shutil.copy(tiny_family.results / records.PAPER_POINTS, sister.results)
    path = sister.results / records.PAPER_POINTS
    path.write_text(json.dumps(json.loads(path.read_text()) | {"family": sister.name, "sha256": sister.sha256}))
    steps = {tiny_family.name: 0.5, sister.name: 1.0}
    with pytest.raises(SimplexNASError, match=re.escape(f"lattices of step {steps}; allowed: one step for all")):
        tables.compute_table([tiny_family.description, sister.description])


def test_table_needs_no_weights(table, tiny_family):
    rows = tables.table()
    (tiny_family.description.folder / WEIGHTS).unlink()
    tables.compute_table([describe("tiny")])
    assert tables.table() == rows


def test_rows_are_joined_by_name(table, tiny_family):
    rows, path = tables.table(), tiny_family.results / records.PAPER_POINTS
    content = json.loads(path.read_text())
    content["points"].reverse()
    path.write_text(json.dumps(content))
    tables.compute_table([tiny_family.description])
    assert tables.table() == rows
    content["points"][0]["name"] = "A"
    path.write_text(json.dumps(content))
    with pytest.raises(SimplexNASError, match=r"tiny/paper_points\.json has 2 points named A; allowed: one"):
        tables.compute_table([tiny_family.description])


@pytest.mark.parametrize(("name", "command"), [(records.LATTICE, "lattice"), (records.PAPER_POINTS, "points")])
@pytest.mark.parametrize("change", [{"sha256": "0"}, None])
def test_table_needs_the_files_of_its_families(name, command, change, table, tiny_family):
    path = tiny_family.results / name
    if change is None:
        path.unlink()
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SimplexNASError, match=f"{name} is .*; run `simplexnas {command} --family tiny`") as error:
        tables.compute_table([tiny_family.description])
    assert len(str(error.value).splitlines()) == 1


def test_table_of_two_seeds(table, tiny_family, tmp_path):
    other = tiny.sister(tiny_family, tmp_path, seed=1)
    shutil.copytree(tiny_family.results, other.results)  # the same weights
    tables.compute_table([tiny_family.description, other.description])
    row = tables.table()[0]
    assert [run["seed"] for run in row["ours"]["runs"]] == [0, 1]
    assert row["ours"]["accuracy"]["n"] == 2 and row["control"]["accuracy"]["n"] == 2


@pytest.mark.parametrize("changes", [{}, {"seed": 1, "spread": 0.1}], ids=["same seed", "another setting"])
def test_table_refuses_families_that_do_not_belong_together(changes, table, tiny_family, tmp_path):
    with pytest.raises(SimplexNASError, match="families tiny, sister: allowed are families that differ in their seeds"):
        tables.compute_table(
            [each.description for each in (tiny_family, tiny.sister(tiny_family, tmp_path, **changes))]
        )


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
    "ours": tables.summary([measured(10_240, 0.8123, 20)]),
    "best": tables.summary([{"S": [0, 0.5, 0.5]} | measured(*m) for m in ((5_120, 0.8, 18), (3_200, 0.82, 16))]),
    "control": tables.summary([measured(0, 0.70, 13), measured(5_120, 0.72, 14), measured(10_240, 0.74, 14)]),
}


def test_markdown_shows_accuracy_and_edge_parameters():
    trained = {"B": tables.summary([measured(25_600, 0.8633, 13)])}
    lines = tables.markdown([ROW], trained).splitlines()
    head, rule, line = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert head == [
        *("S", "paper", "ours, same S (1 training)", "ours, best within the paper's parameters (2 trainings)"),
        "published method, trained by us, same S (1 training)",
    ]
    assert rule == ["---"] * 5
    assert line == [
        *("B", "79.2 <br>at 5,120", "81.2 <br>at 10,240", "**81.0 ± 1.4** <br>at 4,160", "86.3 <br>at 25,600"),
    ]
    without = tables.markdown([ROW]).splitlines()
    assert [line.rpartition(" | ")[0] + " |" for line in lines] == without, "nothing else changes"


def test_the_best_of_one_family_comes_with_its_S():
    row = ROW | {"best": tables.summary([{"S": [0, 0.5, 0.5]} | measured(5_120, 0.8, 18)])}
    line = tables.markdown([row]).splitlines()[-1]
    assert "| **80.0** <br>at 5,120 <br>S = (0.00, 0.50, 0.50) |" in line


# Ablation


def write_lattice(family: str, seed: int, accuracy: float, edge_parameters: int, step=0.2, **config) -> None:
    """Two networks, the better one where S has half or more on pooling; and better still off the coarse lattice."""
    points = [
        tiny.point(
            S=tuple(S.tolist()),
            choice=(pool,) * 28,
            operations={"pool": 28 * pool, "identity": 28 * (1 - pool), "convolution": 0},
            edge_parameters=edge_parameters + 100 * pool,
            total_parameters=edge_parameters + 100 * pool + 20_506,
            accuracy=Accuracy(validation=accuracy - 0.01 * pool + finer, test=accuracy - 0.1 - 0.02 * pool),
        )
        for S in penalties.lattice(3, step)
        for pool, finer in [(int(S[0] < 0.5), 0 if np.allclose(5 * S, np.rint(5 * S)) else 0.05)]
    ]
    settings = preset("quick").to_dict() | {"seed": seed} | config
    spent = {"training_seconds": 100.0 + 10 * seed}
    record = tiny.record(points, family=family, seed=seed, config=settings, settings={"step": step}, **spent)
    record.save(paths.RESULTS / family / records.LATTICE)


CHANGES = {"quick": UNCHANGED, "quick-flip=false": "no flips", "quick-shift=2": "shifts"}


@pytest.fixture
def runs(own_results) -> pd.DataFrame:
    """Of invented lattices: those of nothing changed are finer, and two trainings have no network within B's size."""
    own = ({}, (0.85, 0.87, 0.86)), ({"flip": False}, (0.80, 0.83, 0.81)), ({"shift": 2}, (0.90, 0.91, 0.92))
    for name, (config, accuracies) in zip(CHANGES, own, strict=True):
        for seed, accuracy in enumerate(accuracies):
            parameters = 6000 if name == "quick-shift=2" and seed else 5000
            write_lattice(f"{name}-seed{seed}", seed, accuracy, parameters, 0.2 if config else 0.1, **config)
    write_lattice("quick-kappa=3-seed0", 0, 0.99, 5000)
    return tables.ablation(CHANGES)


def test_ablation_has_one_line_for_each_training(runs):
    assert runs["change"].tolist() == [change for change in CHANGES.values() for _ in range(3)], "not other runs"
    assert runs["seed"].tolist() == 3 * [0, 1, 2]
    unchanged = runs[runs["change"] == UNCHANGED]
    assert unchanged["≤ 5,120"].tolist() == pytest.approx([85, 87, 86]), "on validation images and the coarse lattice"
    smallest = cost.fixed_parameters(SearchSpace())
    largest = smallest + cost.edge_parameters(SearchSpace()).max(axis=1).sum()
    width = 1 - np.log(25_506 / smallest) / np.log(largest / smallest)
    assert unchanged["hypervolume"].tolist() == pytest.approx([100 * width * h / 0.3 for h in (0.15, 0.17, 0.16)])


def test_ablation_compares_in_pairs_and_tells_the_best_first(runs):
    differences = tables.ablation_differences(runs)
    assert differences["change"].tolist() == ["shifts", "no flips"]
    volumes = {change: own["hypervolume"].tolist() for change, own in runs.groupby("change")}
    expected = statistics.paired_with(volumes, UNCHANGED)
    for line in differences.set_index("change").itertuples():
        assert expected[line.Index] == pytest.approx({"mean": line.mean, "low": line.low, "high": line.high})
    turned = runs.sample(frac=1, random_state=0)
    assert tables.ablation_differences(turned).equals(differences), "by seeds, not by places"


def test_ablation_table(runs):
    found = tables.ablation_table(runs)
    sizes = [f"≤ {size:,}" for size in (5_120, 12_320, 38_304, 143_488)]
    assert found.columns.tolist() == ["change", "difference", *sizes, "steering"]
    assert found["change"].tolist() == [UNCHANGED, "shifts", "no flips"]
    mean, low, high = tables.ablation_differences(runs).loc[1, ["mean", "low", "high"]]
    shown = [f"{value:+.1f}".replace("-", "−") for value in (mean, low, high)]
    assert found["difference"].tolist()[::2] == ["–", f"{shown[0]} ({shown[1]} to {shown[2]})"] and shown[0][0] == "−"
    assert found["≤ 5,120"].tolist() == ["86.0 ± 1.0", "–", "81.3 ± 1.5"], "some have none that small"
    assert found["≤ 12,320"].iloc[1] == "91.0 ± 1.0"
    assert found["steering"].iloc[0] == "0.00 ± 0.00"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1.994], "1.99"),
        ([2.0], "2.0"),
        ([-2.5], "-2.5"),
        ([100.0], "100.0"),
        ([100.6], "101"),
        ([1.0, 2.0], "1.50 ± 0.71"),
        ([100.0, 202.0], "151 ± 72"),
        ([1.0, np.nan], "–"),
    ],
)
def test_a_spread_has_the_digits_of_its_mean(values, shown):
    assert tables._spread(pd.Series(values)) == shown


def test_ablation_without_one_of_its_runs_names_it():
    write_lattice("quick-seed0", 0, 0.85, 5000)
    with pytest.raises(SimplexNASError, match=r"quick-seed1/lattice\.json does not exist"):
        tables.ablation(CHANGES)


def test_ablation_needs_the_points_that_all_have():
    write_lattice("quick-seed0", 0, 0.85, 5000, step=0.5)
    with pytest.raises(SimplexNASError, match=r"^quick-seed0 was not measured on the lattice of step 0\.2$"):
        tables.ablation(CHANGES)


@pytest.mark.parametrize("change", [{"gain": 1.0}, {"step": 0.1}])
def test_ablation_refuses_seeds_of_different_settings(change):
    write_lattice("quick-seed0", 0, 0.85, 5000)
    write_lattice("quick-seed1", 1, 0.87, 5000, **change)
    with pytest.raises(SimplexNASError, match="differ in more than their seeds"):
        tables.ablation(CHANGES)


def test_ways_stand_one_below_another_with_means_over_trainings():
    both = {"relaxed t = 1, statistics of training": 0.5, "relaxed t = 1": 0.61, "discrete": 0.722}
    found = tables.ways({"A": [both, dict.fromkeys(both, 0.9)], "B": [dict.fromkeys(both, 0.1234)]})
    assert found.columns.tolist() == ["network, statistics", "A", "B"]
    assert found["network, statistics"].tolist() == ["relaxed t = 1, old", "relaxed t = 1, new", "discrete, new"]
    assert found["A"].tolist() == ["70.0 ± 28.3", "75.5 ± 20.5", "81.1 ± 12.6"]
    assert found["B"].tolist() == 3 * ["12.3"]


def test_steering_table_has_a_line_for_each_family_with_the_settings_asked_for():
    for name, kappa in zip(published.KAPPA, (0, 0.1, 1, 5, 50), strict=True):
        write_lattice(name, 0, 0.8 + kappa / 1000, 5000, step=1.0, kappa=kappa)
    found = tables.steering_table(published.KAPPA, ["kappa", "seed"])
    assert found["seed"].tolist() == 5 * [0]
    assert found["kappa"].tolist() == [0, 0.1, 1, 5, 50] and found["architectures"].tolist() == 5 * [2]
    assert found["S and pool"].tolist() == 5 * ["-1.00"] and found["S and identity"].tolist() == 5 * ["-0.50"]
    assert found["S and convolution"].tolist() == 5 * ["–"], "its number never changes"
    assert found["edge parameters"].tolist() == 5 * ["5,000 to 5,100"]
    assert found["test accuracy, %"].tolist() == [68.7, 68.7, 68.8, 69.2, 73.7]
