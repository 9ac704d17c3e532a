"""The page `learning`: its tables and figures by other routes, and what its prose says of them.

Families trained anew may turn a sentence over: then a test fails, and the page has to say so.
"""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from pages import prose, unsaid
from scipy import stats

from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.report import analysis, paper, published
from simplexnas.report.pages import latency, triangle
from simplexnas.report.pages import learning as page
from simplexnas.space import cost

TEXT = prose("learning")


@pytest.fixture(scope="module")
def own() -> pd.DataFrame:
    return page.own()


@pytest.fixture(scope="module")
def same() -> pd.DataFrame:
    return page.same().set_index("of")


@pytest.fixture(scope="module")
def chance() -> pd.DataFrame:
    return page.chance()


def test_every_number_stands_on_the_page():
    assert not unsaid(page.numbers(), "learning")


def test_what_the_page_says_of_trainings_and_draws():
    for group in (published.QUICK, published.RANDOM):
        assert [len(records.read_lattice(name).points) for name in group] == 5 * [66]
    assert "Both kinds are of the preset `quick`" in TEXT and "On 66 points S" in TEXT
    assert "Whole lattices of 231 points S" in TEXT and "Fronts over 66 points S" in TEXT
    assert "30 *random architectures*" in TEXT and f"{page.SHUFFLES:,} times" in TEXT
    for name in published.DEFAULT:
        assert len(records.read_lattice(name).points) == 231 and len(page.drawn(name, "family")) == 66
        assert len(page.drawn(name, "control")) == 66 and len(page.drawn(name, "random architecture")) == 30


# Weights of their own


def test_own_by_another_route(own):
    name = published.RANDOM[0]
    record = records.read_lattice(name)
    row = own[own["kind"] == page.RANDOM].iloc[0]
    assert row["hypervolume"] == pytest.approx(analysis.hypervolume(record.points, page.SPACE))
    for budget, column in zip(paper.BUDGETS, page.SIZES, strict=True):
        fits = [point for point in record.points if point.edge_parameters <= budget]
        most = max(point.accuracy.validation for point in fits)
        assert row[column] in [pytest.approx(100 * p.accuracy.test) for p in fits if p.accuracy.validation == most]
    text = page.own_table().set_index("of the family")
    assert list(text.columns) == [f"{page.LEARNED} (5)", f"{page.RANDOM} (5)", "ahead"]
    learned = own.loc[own["kind"] == page.LEARNED, "hypervolume"]
    assert text.iloc[0, 0] == f"{learned.mean():.3f} ± {learned.std():.3f}"


def test_pairs_differ_in_their_worths_alone():
    for ours, random in zip(published.QUICK, published.RANDOM, strict=True):
        config, other = (records.read_lattice(name).config for name in (ours, random))
        assert config | {"random_worths": True} == other


def test_the_difference_is_paired_by_seed(own):
    found = page.ahead().set_index("of")
    values = own.pivot(index="seed", columns="kind", values="hypervolume")
    test = stats.ttest_rel(values[page.LEARNED], values[page.RANDOM])
    low, high = test.confidence_interval()
    line = found.loc["hypervolume"]
    assert (line["pairs"], line["low"], line["high"]) == (5, pytest.approx(low), pytest.approx(high))
    known = page.numbers()
    assert known["learning.ahead.mean"] == f"{line['mean']:.3f}".replace("-", "−")
    assert "Learned worths are ahead" in TEXT and "which just leaves out zero" in TEXT and 0 < line["low"] < 0.01


def test_learned_worths_are_ahead_among_large_networks_and_behind_among_small_ones(own):
    found = page.ahead().set_index("of")
    assert "Ahead among large networks, behind among small ones" in TEXT
    assert (found.loc[page.SIZES[:2], "high"] < 0).all() and (found.loc[page.SIZES[2:], "low"] > 0).all()
    assert "Within D's size random worths have" in TEXT and paper.PAPER["D"][2] == paper.BUDGETS[1]
    assert "They seldom ask for convolutions in the reduction cell" in TEXT
    counts = [
        np.mean([triangle.in_reduction(point) for points in triangle.lattices(group) for point in points])
        for group in (published.QUICK, published.RANDOM)
    ]
    assert counts[1] < 0.7 * counts[0]


def test_ours_are_ahead_of_the_published_method():
    found = page.ahead(page.LONG).set_index("of")
    text = page.own_table(page.LONG)
    assert list(text.columns[1:]) == [f"{page.OURS} (5)", f"{page.THEIRS} (3)", "ahead"]
    assert (
        "Ours are ahead by" in TEXT and found.loc["hypervolume", "pairs"] == 3 and found.loc["hypervolume", "low"] > 0
    )
    within_A, within_C = found.loc[page.SIZES[2]], found.loc[page.SIZES[3]]
    assert "and the interval holds zero" in TEXT and within_A["low"] < 0 < within_A["mean"]
    assert "Within C's size ours have" in TEXT and 0 < within_C["low"] < within_C["mean"] < within_A["mean"]
    assert found.loc[[page.SIZES[0], page.SIZES[1]], "pairs"].tolist() == [0, 0], "no network within B's and D's"
    assert "What the published method lacks are small networks" in TEXT
    known = page.numbers()
    assert int(known["learning.theirs.pool"]) < triangle.EDGES
    held = latency.one_sided().set_index("of 100 trainings").filter(like="a network within", axis=0)
    assert "many have networks within D's size and fewer within B's" in TEXT
    in_B, in_D = held.to_numpy()
    assert (in_B < in_D).all() and in_D.min() > 50


def test_without_their_price_of_parameters_ours_have_no_small_networks():
    assert "Without their price of parameters ours lack them too" in TEXT and "The three short trainings" in TEXT
    found = page.own({"with": published.QUICK[:3], "without": published.UNIT}).groupby("kind")
    assert found["smallest"].max()["with"] == 0 and found["smallest"].min()["without"] > paper.PAPER["B"][2]
    assert found["hypervolume"].max()["without"] < found["hypervolume"].min()["with"] - 0.1
    known = page.numbers()
    assert known["learning.unit.smallest"] == f"{found['smallest'].min()['without']:,}"
    assert known["learning.unit.hypervolume"] == f"{found['hypervolume'].mean()['without']:.2f}"


def test_a_style_for_each_kind_and_a_line_for_each_training():
    (ax,) = page.own_fronts().axes
    assert len(ax.lines) == sum(map(len, page.SHORT.values()))
    assert len({line.get_marker() for line in ax.lines}) == len({line.get_linestyle() for line in ax.lines}) == 2
    labels = [line.get_label() for line in ax.lines if not line.get_label().startswith("_")]
    assert labels == [f"{page.LEARNED}: five trainings", f"{page.RANDOM}: five trainings"]


# The same weights


def test_same_weights_by_another_route(same):
    """`tables.hypervolumes` has tests of its own."""
    accuracies = [page.within(page.drawn(name, "random hypernetwork")) for name in published.DEFAULT]
    assert same.loc["random hypernetwork", page.SIZES].tolist() == pytest.approx(np.mean(accuracies, axis=0))
    counts = [len({p.choice for p in page.drawn(name, "family")}) for name in published.DEFAULT]
    assert same.loc["family", ["fewest", "most"]].tolist() == [min(counts), max(counts)]
    text = page.same_table().set_index("of")
    line = same.loc["control"]
    assert text.loc["behind the family", "control"] == (
        f"{line['behind']:.3f} ({line['behind low']:.3f} to {line['behind high']:.3f})"
    )


def test_the_family_is_ahead_with_its_own_weights(same):
    assert (
        "The family is ahead of all three** ({numref}`fig-learning-same`); its interval overlaps none of theirs" in TEXT
    )
    others = same.drop("family")
    assert (others["high"] < same.loc["family", "low"]).all() and (others["behind low"] > 0).all()
    assert "None of the random architectures is small" in TEXT
    assert same.loc["random architecture", page.SIZES[:2]].isna().all()
    assert "Up to A's size the control's best is pooling everywhere" in TEXT
    for name in published.DEFAULT:
        assert not any(analysis.best_within(page.drawn(name, "control"), paper.PAPER["A"][2]).choice)


def test_three_fronts_and_every_random_architecture_are_drawn():
    (ax,) = page.same_fronts().axes
    assert len(ax.lines) == 3 and len({line.get_marker() for line in ax.lines}) == 3
    (dots,) = ax.collections
    points = page.drawn(published.DEFAULT[0], "random architecture")
    expected = sorted(max(100 * point.accuracy.test, 74) for point in points)
    assert "below 74 % stand at the lower edge" in TEXT
    assert sorted(dots.get_offsets()[:, 1].tolist()) == pytest.approx(expected)


# Agreement


def test_worths_are_those_of_the_hypernetwork():
    found = page.worths(published.DEFAULT[:1])
    assert found.shape == (1, 2, 14, 3)
    nats = Family.load(published.DEFAULT[0]).model.hypernetwork.nats
    assert np.allclose(found.reshape(28, 3), nats.numpy())
    gained = page.convolutions(published.DEFAULT[:1]).iloc[0]
    assert gained["reduction cell"] == pytest.approx(1000 * nats[14:, 2].mean().item(), rel=1e-5)


def test_agreement_is_a_mean_correlation():
    random = np.random.default_rng(1)
    first, second = random.normal(size=(2, 2, 14, 3))
    expected = np.mean(
        [np.corrcoef(first[cell, :, m], second[cell, :, m])[0, 1] for cell in range(2) for m in range(3)]
    )
    assert page.agreement(np.stack([first, second])) == pytest.approx([expected])
    assert page.agreement(np.stack([first, 3 * first + 1, -first])) == pytest.approx([1, -1, -1])


def test_shuffles_stay_within_their_groups():
    masks = [np.arange(14) < 5, np.arange(14) >= 5]
    level = np.where(masks[0], 0.0, 1.0)[None, :, None] * np.ones((2, 14, 3))  # all that differs are the groups
    same = np.stack([level, level])
    assert page.shuffled(same, masks, n=3) == pytest.approx([1, 1, 1])
    assert page.shuffled(same, [np.full(14, True)], n=50).mean() == pytest.approx(0, abs=0.2)


def test_edges_of_equal_price():
    """As the price of parameters tells them apart."""
    prices = cost.edge_parameters(page.SPACE).reshape(2, 14, 3)
    for mask in page.kinds_of_edge()["shuffled among edges of equal price"]:
        assert all(len(np.unique(cell[mask], axis=0)) == 1 for cell in prices)


def test_trainings_agree_between_cells_and_weakly_within(chance):
    assert "Between cells they agree, within a cell weakly" in TEXT
    gained = page.convolutions()
    assert "in the normal cell less than a third of that" in TEXT
    assert (gained["normal cell"] < gained["reduction cell"] / 3).all() and (gained["normal cell"] > 0).all()
    learned, within, equal = chance.to_dict("records")
    assert 0.1 < learned["agreement"] < 0.3
    assert "hardly one that agrees as well" in TEXT and max(within["as high"], equal["as high"]) < 0.005
    text = page.chance_table(chance)
    pairs = page.agreement(page.worths())
    assert text.iloc[0, 1] == f"{pairs.mean():.2f}" and text.iloc[2, 2] == f"{100 * equal['as high']:.1f}"
    assert "its standard errors are larger than the differences between edges of a cell" in TEXT
    for name in published.DEFAULT:
        hypernetwork = Family.load(name).model.hypernetwork
        cells = hypernetwork.nats.reshape(2, 14, 3)
        assert cells.std(dim=1).max() < hypernetwork.error.mean() + 1e-3


# Where S leaves room


def test_differing_is_a_mean_over_pairs():
    choices = np.array([[[0, 0, 0]], [[0, 1, 0]], [[2, 1, 0]]])  # 1, 2 and 1 edges differ
    assert page.differing(choices) == pytest.approx([4 / 3])


def test_room_by_another_route():
    found = page.room().set_index("close")
    S = np.array([point.S for point in triangle.lattices()[0]])
    first, second, _ = np.sort(np.rint(S / 0.05).astype(int), axis=1).T
    close = second - first <= 4
    assert found["points"].to_dict() == {True: close.sum(), False: (~close).sum()}
    choices = [[point.choice for point in points] for points in triangle.lattices()]
    edges = [
        sum(m != n for m, n in zip(a[place], b[place], strict=True))
        for a, b in combinations(choices, 2)
        for place in np.flatnonzero(close)
    ]
    assert found.loc[True, "trainings"] == pytest.approx(np.mean(edges))
    tests = [[100 * point.accuracy.test for point in points] for points in triangle.lattices()]
    assert found.loc[True, "sd"] == pytest.approx(np.std(tests, axis=0, ddof=1)[close].mean())
    assert page.room_table(page.room()).iloc[0, 0] == "at most 0.2 apart"


def test_penalties_decide_most_and_the_data_some_of_the_rest():
    found = page.room().set_index("close")
    assert "Penalties decide most, and the data some of the rest" in TEXT
    assert found.loc[True, "trainings"] > found.loc[False, "trainings"] + 1
    assert (found["trainings"] < found["random"] - 2).all()
    S, edges, spread = page.over_trainings()
    assert page.numbers()["learning.sd.half"] == f"{spread[edges >= 14].mean():.1f}"
    assert len(S) == len(edges) == len(spread)
    figure = page.room_maps()
    assert figure.axes[1].collections[0].get_array().max() == pytest.approx(spread.max())


def test_trainings_agree_on_the_reduction_cell():
    alike = [
        len({triangle.in_reduction(point) > 0 for point in points}) == 1
        for points in zip(*triangle.lattices(), strict=True)
    ]
    assert "all trainings agree at" in TEXT and page.reduction_agrees() == pytest.approx(np.mean(alike))
