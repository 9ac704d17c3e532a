"""The page `experiments`: its tables and figures by other routes, and what its prose says of them."""

import json

import matplotlib
import numpy as np
import pytest
from pages import prose, unsaid

from simplexnas.io import paths, records
from simplexnas.io.paths import BOOK
from simplexnas.methods import settings
from simplexnas.report import analysis, paper, published
from simplexnas.report.pages import experiments as page
from simplexnas.report.pages import published_method

TEXT = prose("experiments")


@pytest.fixture(scope="module")
def rows() -> dict[str, dict]:
    """The rows of the file of the table, by name, as they lie there."""
    return {row["name"]: row for row in json.loads((paths.RESULTS / records.TABLE).read_text())["rows"]}


@pytest.fixture(scope="module")
def theirs() -> dict[str, dict]:
    """The networks of the published method at the paper's S, by name, as they lie in its file."""
    content = json.loads((paths.RESULTS / published.PAPER[0] / records.PAPER_POINTS).read_text())
    return {point["name"]: point for point in content["points"]}


def percents(runs: list[dict]) -> list[float]:
    return [100 * run["accuracy"]["test"] for run in runs]


# The table


def test_every_line_is_that_of_its_file(rows, theirs):
    found = page.table().replace("\N{NO-BREAK SPACE}", " ", regex=True).set_index(["S", "network"])
    assert len(found) == 16 and found.index.is_unique
    for name, row in rows.items():
        _, accuracy, size, operations = paper.PAPER[name]
        line = found.loc[(name, "paper")]
        assert [line["test, %"], line["edge parameters"]] == [f"{100 * accuracy:.1f}", f"{size:,}"]
        assert line[page.OPERATIONS] == " / ".join(map(str, operations.values()))
        assert line["M MACs"] == f"{paper.decoded_macs(name) / 1e6:.1f}"
        for source, key in ((page.SAME, "ours"), (page.BEST, "best")):
            runs, line = row[key]["runs"], found.loc[(name, source)]
            tests = percents(runs)
            assert line["test, %"] == f"{np.mean(tests):.1f} ± {np.std(tests, ddof=1):.1f}"
            assert line["edge parameters"] == f"{np.mean([run['edge_parameters'] for run in runs]):,.0f}"
        trained = found.loc[(name, page.PUBLISHED)]
        if len(published_method.FAMILIES) == 1:
            assert trained["test, %"] == f"{100 * theirs[name]['ways']['discrete']['test']:.1f}"
            assert trained["edge parameters"] == f"{theirs[name]['edge_parameters']:,}"
            assert trained[page.OPERATIONS] == " / ".join(map(str, theirs[name]["operations"].values()))


def test_two_trainings_of_the_published_method_are_a_mean(theirs):
    (row, *_) = page.compared(2 * published.PAPER)
    found = row[page.PUBLISHED]
    assert found["accuracy"] == {"test": pytest.approx(theirs["A"]["accuracy"]["test"]), "sd": 0.0, "n": 2}
    assert found["edge_parameters"] == theirs["A"]["edge_parameters"]


def test_figure_has_the_same_S_three_times(rows, theirs):
    axes = page.same_S().axes
    assert [ax.get_title() for ax in axes] == list(rows), "a panel for each"
    for ax, (name, row) in zip(axes, rows.items(), strict=True):
        marks = {drawn.get_label().partition(",")[0]: drawn.lines[0] for drawn in ax.containers}
        shown = {label: line.get_xydata()[0].tolist() for label, line in marks.items()}
        fixed, (_, accuracy, size, _) = page.FIXED, paper.PAPER[name]
        assert shown["the paper's"] == pytest.approx([(size + fixed) / 1e3, 100 * accuracy])
        own = [theirs[name]["total_parameters"] / 1e3, 100 * theirs[name]["accuracy"]["test"]]
        if len(published_method.FAMILIES) == 1:
            assert shown["published method"] == pytest.approx(own)
        runs = row["ours"]["runs"]
        own = [np.mean([run["total_parameters"] for run in runs]) / 1e3, np.mean(percents(runs))]
        assert shown["ours"] == pytest.approx(own, rel=1e-4)
        assert len({line.get_marker() for line in marks.values()}) == 3, "another marker for each"
        (joined,) = [line for line in ax.lines if line.get_linestyle() == ":"]
        assert joined.get_xydata().tolist() == list(shown.values())


def test_bars_are_of_28_edges_each():
    asked = {"pool": 20, "identity": 5, "convolution": 3}
    (ax,) = page.operations(asked).axes
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == [f"{S}  {source}" for S in "ABCD" for source in ("paper", "published", "ours")] + ["asked for"]
    widths = np.array([[bar.get_width() for bar in group] for group in ax.containers])
    assert np.allclose(widths.sum(axis=0), 28, atol=0.11), "means are rounded"
    assert widths[:, 0].tolist() == list(paper.PAPER["A"][3].values()) and widths[:, -1].tolist() == [20, 5, 3]


def test_the_answer_has_its_sizes():
    operations = {"pool": 22, "identity": 1, "convolution": 5}
    sizes = {"edge_parameters": 4000, "total_parameters": 24506, "macs": 9_876_543}
    report = {"operations": operations, **sizes, "accuracy": {"validation": 0.9, "test": 0.88649}}
    found = page.asked(report, [0.2, 0.5, 0.3], "default-seed0").set_index("family")["default-seed0"]
    assert found["S: penalty on pool / identity / convolution"] == "0.20 / 0.50 / 0.30"
    assert found["edges: pool / identity / convolution"] == "22 / 1 / 5"
    assert found[["edge parameters", "total parameters", "MACs of an image"]].tolist() == [
        "4,000",
        "24,506",
        "9,876,543",
    ]
    assert found["test accuracy, %"] == "88.6"


def test_the_stored_answer_is_that_of_the_lattice():
    cells = json.loads((BOOK / "experiments.ipynb").read_text(encoding="utf-8"))["cells"]
    (cell,) = [cell for cell in cells if "tab-asked" in json.dumps(cell["metadata"])]
    html = "".join(cell["outputs"][0]["data"]["text/html"])
    point = next(p for p in records.read_lattice("default-seed0").points if np.allclose(p.S, (0.2, 0.5, 0.3)))
    for value in (point.edge_parameters, point.total_parameters, point.macs):
        assert f"<td>{value:,}</td>" in html
    assert f"<td>{100 * point.accuracy.test:.1f}</td>" in html


# What the page says


def test_every_number_stands_on_the_page():
    assert unsaid(page.numbers(), "experiments") == set()


def test_numbers_are_the_least_and_the_most(rows):
    known = page.numbers()
    best = [np.mean(percents(row["best"]["runs"])) for row in rows.values()]
    assert [known["experiments.best.least"], known["experiments.best.most"]] == [f"{min(best):.1f}", f"{max(best):.1f}"]
    assert (known["experiments.paper.least"], known["experiments.paper.most"]) == ("79.2", "85.0")
    assert float(known["experiments.best.least"]) > float(known["experiments.paper.most"])
    assert float(known["experiments.published.least"]) > float(known["experiments.paper.most"])


def test_the_standard_error_of_an_accuracy():
    assert "at 92 % the binomial standard error of one accuracy is 0.27 percentage points" in TEXT
    assert pytest.approx(0.27, abs=0.005) == 100 * (0.92 * 0.08 / 10_000) ** 0.5


def test_the_same_S_is_not_the_same_size(rows, theirs):
    assert "ours are larger than the paper's at D alone" in TEXT
    assert {name for name, row in rows.items() if row["ours"]["edge_parameters"] > paper.PAPER[name][2]} == {"D"}
    assert "our best at A, B and C have more MACs than the paper's models" in TEXT
    assert {name for name, row in rows.items() if row["best"]["macs"] > paper.decoded_macs(name)} == {*"ABC"}
    assert all(theirs[name]["edge_parameters"] > 2 * paper.PAPER[name][2] for name in "ABD")


def test_how_far_trainings_are_apart_at_the_same_S(rows):
    """What the explorer says of jumps in accuracy."""
    tests = [[100 * run["accuracy"]["test"] for run in row["ours"]["runs"]] for row in rows.values()]
    assert f"up to {max(max(own) - min(own) for own in tests):.1f} percentage points apart" in prose("explorer")


def test_why_the_same_S_is_better_than_the_best_at_D(rows):
    convolution, best, D, with_one = 2, rows["D"]["best"]["runs"], paper.PAPER["D"][0], 0
    for name, run in zip(published.DEFAULT, rows["D"]["ours"]["runs"], strict=True):
        same = next(point for point in records.read_lattice(name).points if np.allclose(point.S, D))
        assert same.edge_parameters == run["edge_parameters"]
        with_one += convolution in same.choice[14:]
    assert with_one == 4 and "in four of five trainings has a convolution in the reduction cell" in TEXT
    smallest = min(
        point.edge_parameters
        for name in published.DEFAULT
        for point in records.read_lattice(name).points
        if any(m == convolution for m in point.choice[14:])
    )
    assert page.numbers()["experiments.reduction"] == f"{smallest:,}" and smallest > paper.PAPER["D"][2] == 12_320
    assert not any(convolution in run["choice"][14:] for run in best)


def test_shared_weights_and_networks_trained_alone(rows):
    found = page.shared_or_alone().replace("\N{NO-BREAK SPACE}", " ", regex=True)
    sizes = found["total parameters"].str.replace(",", "").astype(int)
    assert sizes.is_monotonic_increasing and len(found) == 9
    pooling = [
        100 * point.accuracy.test
        for name in published.DEFAULT
        for point in records.read_lattice(name).points
        if point.operations["pool"] == 28
    ]
    first = found.iloc[0]
    assert first["shared, %"] == f"{min(pooling):.1f} to {max(pooling):.1f}" and sizes[0] == page.FIXED
    assert min(pooling) > 85.0, "ahead of each of the paper's models"
    best = found[found["network"].str.contains("best")]
    assert best["network"].str[-2].tolist() == list("BAC")
    tests = [np.mean(percents(rows[name]["best"]["runs"])) for name in "BAC"]
    assert best["shared, %"].tolist() == [f"{test:.1f}" for test in tests]
    assert tests[1] - max(pooling) > 4 and 0 < tests[2] - tests[1] < 1, "gain much, and beyond little"
    alone = json.loads((paths.RESULTS / published.DEFAULT[0] / records.RETRAINED).read_text())
    assert alone["settings"]["epochs"] == settings.preset("default").epochs / 4 == 3
    large = sorted(
        (point for point in alone["points"] if point["source"] == "family"), key=lambda point: point["total_parameters"]
    )[-2:]
    gained = [100 * (point["retrained"]["test"] - point["accuracy"]["test"]) for point in large]
    assert [round(gain) for gain in gained] == [1, 2] and "large members are 1 to 2 percentage points better" in TEXT
    shown = found[found["network"] == "ours, large"]
    assert shown["alone, %"].tolist() == [f"{100 * point['retrained']['test']:.1f}" for point in large]


def test_ways_to_measure(rows):
    found = page.ways().set_index("network, statistics")

    def tests(way: str) -> np.ndarray:
        return 100 * np.array([[run["ways"][way]["test"] for run in row["ours"]["runs"]] for row in rows.values()])

    discrete, of_training = tests("discrete"), tests("discrete, statistics of training")
    assert discrete == pytest.approx(np.array([percents(row["ours"]["runs"]) for row in rows.values()]))
    assert found.loc["discrete, new", "A"] == f"{discrete[0].mean():.1f} ± {discrete[0].std(ddof=1):.1f}"
    assert "can lose more than half of its accuracy" in TEXT and (of_training / discrete).min() < 0.5


def test_best_members_are_chosen_on_validation(rows):
    points = records.read_lattice(published.DEFAULT[0]).points
    assert "one of the 231 points" in TEXT and len(points) == 231
    for name, row in rows.items():
        chosen = analysis.best_within(points, paper.PAPER[name][2])
        assert row["best"]["runs"][0]["choice"] == list(chosen.choice)


def test_figures_need_no_display():
    assert matplotlib.get_backend().lower() == "agg"
