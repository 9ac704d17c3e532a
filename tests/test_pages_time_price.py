"""The page `time_price`: its tables and figure by other routes, and what its prose says of them.

A family trained anew may change a tendency: then the page has to say so.
"""

import numpy as np
import pandas as pd
import pytest
from pages import prose, unsaid

from simplexnas.io import paths, records
from simplexnas.latency.table import LatencyTable
from simplexnas.network.architecture import Architecture
from simplexnas.report import analysis, published
from simplexnas.report.pages import time_price as page
from simplexnas.space import cost
from simplexnas.space.search_space import genotype_edges

TEXT = prose("time_price")
ALL = [page.BY_TIME, page.UNIT, page.DEFAULT]


@pytest.fixture(scope="module")
def accuracies() -> pd.DataFrame:
    return page.accuracies().set_index(["size", "budget"])


@pytest.fixture(scope="module")
def means(accuracies) -> pd.DataFrame:
    return accuracies.map(np.mean)


def test_relative_costs_have_mean_one_over_edge_instances():
    for r in page.costs().values():
        assert (cost.instances(page.SPACE)[:, None] * r).sum() == pytest.approx(3 * 42, rel=1e-5)
    found = page.relative_costs()
    assert (found["unit"] == "1.00").all() and len(found) == 9
    times = LatencyTable.load(published.LATENCY_TABLE).edge_ms(64)
    ratio = times[0, 2] / (times[18, 2] / 2)  # in one cell, and in two
    assert float(found["time"][2]) / float(found["time"][8]) == pytest.approx(ratio, rel=0.01)


def test_what_the_page_says_of_relative_costs():
    r, edges = page.costs(), genotype_edges(page.SPACE)
    assert "time makes a convolution in the normal cell the dearest choice, where parameters make it cheap" in TEXT
    normal = np.array([edge.cell_type == "normal" for edge in edges])
    assert r["latency"][normal, page.CONVOLUTION].min() > r["latency"][~normal].max()
    assert r["parameters"][normal].max() < r["parameters"][~normal].max() / 5
    assert "From a later node" in TEXT
    later = [row for row, edge in enumerate(edges) if edge.cell_type == "normal" and edge.target == 5]
    assert (np.diff(r["latency"][later, 0][1:]) > 0).all()
    strided = np.array([edge.cell_type != "normal" and edge.source < 2 for edge in edges])
    for kind in ("parameters", "macs"):
        free = r[kind] == 0
        assert free[:, 0].all() and np.array_equal(free[:, 1], ~strided) and not free[:, 2].any()
    assert "in time, nearly so for those identities" in TEXT and r["latency"][~strided, 1].max() < 0.01


def test_a_convolution_in_the_reduction_genotype_takes_a_fifth_to_a_third_more():
    assert "only a fifth to a third more time than one in the normal genotype" in TEXT
    times = LatencyTable.load(published.TIMED_TABLE).edge_ms(64)[:, page.CONVOLUTION]
    ratios = times[14:] / times[:14]  # the same edge of the two genotypes
    assert ratios.min() > 1.15 and ratios.max() < 1.38


def test_accuracies_are_those_of_the_best_on_validation(accuracies):
    for runtime, name, budget in (("onnxruntime", published.UNIT[0], 32), ("torch", published.LATENCY[0], 45)):
        table = LatencyTable.load({"onnxruntime": published.ONNXRUNTIME_TABLE, "torch": published.TIMED_TABLE}[runtime])
        points = [
            point
            for point in records.read_lattice(name).points
            if table.predict(Architecture(page.SPACE, point.choice), 64) <= budget
        ]
        best = max(point.accuracy.validation for point in points)
        tests = {round(100 * point.accuracy.test, 6) for point in points if point.accuracy.validation == best}
        (found,) = accuracies.loc[(runtime, budget), page.UNIT if name == published.UNIT[0] else page.BY_TIME]
        assert round(found, 6) in tests
    assert all(len(values) == 3 for values in accuracies[page.DEFAULT])


def test_within_is_the_same_as_text(means):
    found = page.within()
    assert len(found) == len(means)
    for label in ALL:
        first = found[label].str.split(" ").str[0].astype(float)
        assert np.allclose(first, means[label], atol=0.051, equal_nan=True)
    assert found["within"].iloc[0] == "≤ 40 ms" and found["within"].iloc[-1] == "≤ 143,488 edge parameters"
    assert found[page.DEFAULT].str.contains("±").all() and not found[page.UNIT].str.contains("±").any()


def test_time_pays_where_it_is_scarce(means):
    by_ms = means.loc["torch"]
    for words in (
        "Within 40 and 45 ms (predicted)",
        "From 48 ms on the family with the unit price is ahead",
    ):
        assert words in TEXT
    scarce, plenty = by_ms.loc[list(page.SCARCE)], by_ms.loc[list(page.PLENTY)]
    assert (scarce[page.BY_TIME] > scarce[[page.UNIT, page.DEFAULT]].max(axis=1) + 1).all()
    assert (plenty[page.UNIT] > plenty[[page.BY_TIME, page.DEFAULT]].max(axis=1)).all()
    assert "within 45 ms the family with the unit price has" in TEXT
    assert by_ms.loc[46, page.UNIT] > by_ms.loc[45, page.UNIT] + 2, "sharp"
    assert "Between 45 and 46 ms the order of two families turns" not in TEXT or (
        abs(by_ms.loc[46, page.UNIT] - by_ms.loc[46, page.BY_TIME]) < 0.5
    )


def test_the_same_in_onnx_runtime(means):
    assert "ahead of both others within 28 ms, and that with the unit price from 32 ms on" in TEXT
    found = means.loc["onnxruntime"]
    assert list(found.index) == [28, 32, 40]
    assert found.loc[28].idxmax() == page.BY_TIME and (found.loc[32:].idxmax(axis=1) == page.UNIT).all()


def test_unit_price_has_the_best_large_members_and_the_worst_small_ones(means):
    by_size = means.loc["edge_parameters"]
    assert by_size.loc[5120].idxmin() == page.UNIT
    assert (by_size.iloc[-2:].idxmax(axis=1) == page.UNIT).all()
    assert by_size.loc[5120, page.UNIT] + 2 < by_size.loc[5120, [page.BY_TIME, page.DEFAULT]].min()


def test_the_family_priced_by_time_is_the_shorter_and_coarser_dial():
    reach = page.reach().set_index("of the lattice")
    members = reach.loc["architectures"].astype(int)
    spans = reach.loc["ms"].str.split(" to ", expand=True).astype(float)
    assert members.idxmin() == page.BY_TIME and (spans[1] - spans[0]).idxmin() == page.BY_TIME
    correlations = reach.loc[[line for line in reach.index if line.startswith("S and")]].astype(float)
    assert (correlations < -0.7).all(axis=None)
    points = records.read_lattice(published.UNIT[0]).points
    counts = [point.choice[14:].count(page.CONVOLUTION) for point in points]
    assert reach.loc["convolutions, reduction", page.UNIT] == f"{np.mean(counts):.1f} ({max(counts)})"
    most = max(point.operations["convolution"] for point in records.read_lattice(published.LATENCY[0]).points)
    assert page.numbers()["time_price.convolutions"] == str(most)


def test_timed_networks_are_of_the_published_families():
    content = records.read(paths.RESULTS / page.TIMED)
    assert content["table"] == published.TIMED_TABLE and content["batch"] == page.BATCH
    assert {point["family"]: point["sha256"] for point in content["points"]} == {
        name: records.read_lattice(name).sha256
        for name in (published.LATENCY[0], published.UNIT[0], published.QUICK[0])
    }, "measure again: benchmarks/fronts.py"
    table = LatencyTable.load(published.TIMED_TABLE)
    for point in content["points"]:
        assert point["predicted_ms"] == pytest.approx(table.predict(Architecture(page.SPACE, point["choice"]), 64))
    first = content["points"][0]
    cell = f"{first['median_ms']:.1f} ms ({first['iqr_ms']:.1f}), {100 * first['accuracy']['test']:.1f} %"
    assert page.timed_table().loc[first["budget_ms"], page.BY_TIME] == cell


def test_what_the_page_says_of_timed_networks():
    found = page.timed().set_index(["budget", "family"])
    at_45, at_40 = found.loc[45], found.loc[40]
    assert "Held at one limit of five" in TEXT and "the lead held at one of five limits" in TEXT
    by_test = found["test"].unstack()
    ahead = by_test.idxmax(axis=1) == page.BY_TIME
    assert list(by_test.index[ahead]) == [40, 45] and len(by_test) == 5, "and at 40 it ran slowest, below"
    assert "predicted within 45 ms, the member priced by time" in TEXT
    assert at_45["test"].idxmax() == page.BY_TIME and at_45["median"].max() < 1.1 * at_45["median"].min()
    assert "it is the most accurate as well, but it ran slowest and with the largest range" in TEXT
    assert {at_40[column].idxmax() for column in ("test", "median", "iqr")} == {page.BY_TIME}
    assert "ms faster and" in TEXT
    time, unit = (found.loc[(50, label)] for label in (page.BY_TIME, page.UNIT))
    assert time["median"] < unit["median"] and time["test"] < unit["test"]


def test_numbers_by_hand(means):
    found = page.numbers()
    assert not unsaid(found, "time_price")
    within_46 = means.loc[("torch", 46)]
    assert "Perhaps, where time is scarce" in TEXT and "the family with the unit price has caught up" in TEXT
    assert "a millisecond from where the lead ends" in TEXT
    assert 0 < within_46[page.BY_TIME] - within_46[page.UNIT] < 0.5 and within_46[page.UNIT] > within_46[page.DEFAULT]
    within_45 = means.loc[("torch", 45)]
    leads = [
        means.loc[("torch", ms), page.BY_TIME] - means.loc[("torch", ms), other] for ms in (40, 45) for other in ALL[1:]
    ]
    assert [found["time_price.lead.least"], found["time_price.lead.most"]] == [f"{min(leads):.0f}", f"{max(leads):.0f}"]
    assert found["time_price.unit.45"] == f"{within_45[page.UNIT]:.1f}"
    points = records.read(paths.RESULTS / page.TIMED)["points"]
    slower = [100 * (point["median_ms"] / point["predicted_ms"] - 1) for point in points]
    assert found["time_price.slower.mean"] == f"{np.mean(slower):.0f}" and np.mean(slower) > 0
    assert found["time_price.slower.most"] == f"{max(slower):.0f}"
    large = means.loc["edge_parameters"].iloc[-2:]
    behind = [large.iloc[row][page.UNIT] - large.iloc[row][label] for row in range(2) for label in (ALL[0], ALL[2])]
    assert found["time_price.large.least"] == f"{min(behind):.1f}" and min(behind) > 0
    assert found["time_price.large.most"] == f"{max(behind):.1f}"


def test_three_lines_in_two_panels():
    figure = page.fronts()
    above, below = figure.axes
    for ax in (above, below):
        assert [line.get_label() for line in ax.lines] == ALL
        assert len({line.get_marker() for line in ax.lines}) == 3, "a second cue beside the colour"
    front = analysis.front(page.families()[page.UNIT][0], "latency_ms")
    assert above.lines[1].get_xdata().tolist() == [point.latency_ms for point in front]
