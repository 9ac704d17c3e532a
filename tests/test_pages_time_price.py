"""The page `time_price`: its tables and figure by other routes, and what its prose says of them.

A family trained anew may change a tendency: then the page has to say so.
"""

import numpy as np
import pandas as pd
import pytest
from pages import prose, unsaid
from scipy import stats

from simplexnas.io import paths, records
from simplexnas.latency.table import LatencyTable
from simplexnas.network.architecture import Architecture
from simplexnas.report import analysis, published
from simplexnas.report.pages import time_price as page
from simplexnas.space import cost
from simplexnas.space.search_space import genotype_edges

TEXT = prose("time_price")


@pytest.fixture(scope="module")
def accuracies() -> pd.DataFrame:
    return page.accuracies().set_index(["size", "budget"])


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
    for runtime, name, budget in (("onnxruntime", published.UNIT[1], 40), ("torch", published.LATENCY[1], 45)):
        table = LatencyTable.load({"onnxruntime": published.ONNXRUNTIME_TABLE, "torch": published.TIMED_TABLE}[runtime])
        points = [
            point
            for point in records.read_lattice(name).points
            if table.predict(Architecture(page.SPACE, point.choice), 64) <= budget
        ]
        best = max(point.accuracy.validation for point in points)
        tests = {round(100 * point.accuracy.test, 6) for point in points if point.accuracy.validation == best}
        found = accuracies.loc[(runtime, budget), page.UNIT if name == published.UNIT[1] else page.BY_TIME]
        assert len(found) == 3 and round(found[1], 6) in tests
    for names in (published.LATENCY, published.UNIT, published.QUICK[:3]):
        assert [records.read_lattice(name).seed for name in names] == [0, 1, 2], "the same seeds, side by side"


def test_within_is_the_same_as_text(accuracies):
    found = page.within()
    assert len(found) == len(accuracies)
    assert found["within"].iloc[0] == "≤ 40 ms" and found["within"].iloc[-1] == "≤ 143,488 edge parameters"
    for label in page.KINDS:
        for text, values in zip(found[label], accuracies[label], strict=True):
            if np.isnan(values).any():
                assert text == "–"
            else:
                assert text == f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}"
    at = accuracies.loc[("torch", 60)]
    difference = np.subtract(at[page.BY_TIME], at[page.DEFAULT])
    low, high = stats.t.interval(0.95, 2, difference.mean(), stats.sem(difference))
    (line,) = found[found["within"] == "≤ 60 ms"].to_dict("records")
    assert line["time − default"] == f"{difference.mean():+.1f} ({low:+.1f} to {high:+.1f})".replace("-", "−")


@pytest.fixture(scope="module")
def leads(accuracies) -> dict[str, pd.DataFrame]:
    """What the families priced by time are ahead of the others, by budget."""
    found = accuracies.reset_index()
    return {other: page.ahead(other, found).set_index(accuracies.index) for other in (page.UNIT, page.DEFAULT)}


def test_no_price_wins_everywhere(accuracies, leads):
    assert "No price wins everywhere" in TEXT and "the unit price has the most accurate members" in TEXT
    means = accuracies.map(np.mean)
    assert (means.loc["torch"].loc[[60, 75]].idxmax(axis=1) == page.UNIT).all()
    assert leads[page.UNIT].loc[("torch", 60), "high"] < 0
    assert "Where it is scarce, some training with the unit price has none" in TEXT
    missing = accuracies.map(lambda values: bool(np.isnan(values).any()))
    assert missing.loc["torch"].loc[[40, 45], page.UNIT].all() and not missing[page.DEFAULT].any()
    assert "within the shortest limit not every training has a member" in TEXT
    assert missing.loc[("torch", 40), page.BY_TIME] and not missing.loc[("torch", 45), page.BY_TIME]
    assert "Without it, some training has no member within D's size, nor within B's" in TEXT
    assert missing.loc["edge_parameters"].loc[[5120, 12320], [page.BY_TIME, page.UNIT]].all(axis=None)


def test_time_is_ahead_of_the_default_price_at_one_limit(leads):
    own = leads[page.DEFAULT]
    ahead = own.index[own["low"] > 0].tolist()
    assert ahead == [("torch", 60)] and "the one interval in favour of time may be chance" in TEXT
    assert not (leads[page.UNIT]["low"] > 0).any()
    assert "but the interval holds zero" in TEXT and own.loc[("torch", 45), "low"] < 0 < own.loc[("torch", 45), "mean"]
    assert "no difference is resolved" in TEXT
    for lead in leads.values():
        there = lead.loc["onnxruntime"].dropna()
        assert (there["low"] < 0).all() and (there["high"] > 0).all()


def test_where_convolutions_stand():
    reach = page.reach().set_index("of the lattice")
    mean = reach.loc[["convolutions, normal", "convolutions, reduction"]].map(lambda text: float(text.split(" ")[0]))
    assert "puts convolutions into the reduction cell, that of parameters into the normal one" in TEXT
    assert mean[page.BY_TIME].idxmax() == "convolutions, reduction"
    assert mean[page.DEFAULT].idxmax() == "convolutions, normal"
    correlations = reach.loc[[line for line in reach.index if line.startswith("S and")]].astype(float)
    assert "also the coarser dial" in TEXT and correlations[page.BY_TIME].max() > correlations[page.DEFAULT].max() + 0.1
    points = records.read_lattice(published.UNIT[0]).points
    counts = [point.choice[14:].count(page.CONVOLUTION) for point in points]
    assert reach.loc["convolutions, reduction", page.UNIT] == f"{np.mean(counts):.1f} ({max(counts)})"


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


def test_numbers_by_hand(leads):
    found = page.numbers()
    assert not unsaid(found, "time_price")
    default, unit = (leads[other].loc[("torch", 60)] for other in (page.DEFAULT, page.UNIT))
    assert found["time_price.middle.default"] == f"{default['mean']:.1f}"
    assert found["time_price.middle.unit.high"] == f"{-unit['low']:.1f}"
    assert found["time_price.scarce.default"] == f"{leads[page.DEFAULT].loc[('torch', 45), 'mean']:.1f}"
    points = records.read(paths.RESULTS / page.TIMED)["points"]
    slower = [100 * (point["median_ms"] / point["predicted_ms"] - 1) for point in points]
    assert found["time_price.slower.mean"] == f"{np.mean(slower):.0f}" and np.mean(slower) > 0
    assert found["time_price.slower.most"] == f"{max(slower):.0f}"


def test_nine_lines_in_two_panels():
    figure = page.fronts()
    above, below = figure.axes
    for ax in (above, below):
        assert len(ax.lines) == 9
        assert [line.get_label() for line in ax.lines if not line.get_label().startswith("_")] == list(page.KINDS)
        assert len({line.get_marker() for line in ax.lines}) == 3, "a second cue beside the colour"
    front = analysis.front(page.families()[page.UNIT][0], "latency_ms")
    assert above.lines[3].get_xdata().tolist() == [point.latency_ms for point in front]
