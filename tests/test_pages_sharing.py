"""The page `sharing`: its tables and figures by other routes, and what its prose says of them.

Networks trained anew may turn a sentence over: then a test fails, and the page has to say so.
"""

import numpy as np
import pandas as pd
import pytest
import tiny
from pages import prose, unsaid
from scipy import stats

from simplexnas.family import describe
from simplexnas.io import records
from simplexnas.io.records import Accuracy
from simplexnas.measure import gradients
from simplexnas.report import analysis, published
from simplexnas.report.pages import sharing as page

TEXT = prose("sharing")
ALL_RANDOM = list(published.SHARES)[-1]  # of whose steps after the warm-up every one is random


@pytest.fixture(scope="module")
def groups() -> pd.DataFrame:
    return page.groups().set_index("of")


@pytest.fixture(scope="module")
def ranking() -> pd.DataFrame:
    return page.ranking()


def hand_made(first: float = 0.84) -> list:
    """Three members and two random architectures. Of the two small members the worse inherited one is better alone.

    first: accuracy of the first one, trained alone.
    """
    reduction, none = (0,) * 27 + (2,), (0,) * 28
    rows = [
        ("family", none, 0, 0.83, first),
        ("family", none, 10, 0.82, 0.85),
        ("family", reduction, 20, 0.90, 0.91),
        ("random", none, 12, 0.70, 0.845),
        ("random", reduction, 30, 0.60, 0.90),
    ]
    return [
        tiny.point(
            source=source,
            choice=choice,
            edge_parameters=size,
            total_parameters=size + 20,
            accuracy=Accuracy(inherited),
            retrained=Accuracy(alone, alone),
        )
        for source, choice, size, inherited, alone in rows
    ]


def test_every_number_stands_on_the_page():
    assert not unsaid(page.numbers(), "sharing")


# Inherited, or trained alone


def test_groups_of_hand_made_networks(monkeypatch):
    """The second family ranks all its members alike, the first one pair of three otherwise."""
    known = {"a": hand_made(), "b": hand_made(0.86)}
    monkeypatch.setattr(page, "points", lambda families: [known[name] for name in families])
    found = page.groups(["a", "b"]).set_index("of")
    assert found.loc["members", ["networks", "gap", "largest", "tau"]].tolist() == pytest.approx([6, 2, 3, 2 / 3])
    assert found.loc["random architectures", ["tau", "gap"]].tolist() == pytest.approx([-1, 22.25])
    assert (
        found.loc[f"members, {page.WITHOUT}", "networks"] == 4 and found.loc[f"members, {page.WITH}", "inherited"] == 90
    )
    rivals = page.opponents(["a"])
    assert rivals["lead"].tolist() == pytest.approx([-0.5, -1])
    assert rivals["beaten"].tolist() == [True, True] and rivals["other"].tolist() == [False, False]
    assert rivals["among"].tolist() == [2, 3] and rivals["larger"].tolist() == [False, True]


def test_groups_are_those_of_the_file(groups):
    own = records.read_own(describe(page.FAMILIES[0]), records.RETRAINED)
    assert own.settings == {"epochs": 3} and "3 epochs to itself" in TEXT
    config = records.read_lattice(page.FAMILIES[0]).config
    assert "Alone each had a quarter of the family's epochs, so these gaps are presumably lower bounds" in TEXT
    assert config["epochs"] == 4 * 3 and config["preset"] == "default"
    members = [point for point in own.points if point.source == "family"]
    gaps = [100 * (point.retrained.test - point.accuracy.test) for point in members]
    assert groups.loc["members", "gap"] == pytest.approx(np.mean(gaps))
    assert groups.loc["members", "sd"] == pytest.approx(np.std(gaps, ddof=1))
    pairs = [(point.accuracy.test, point.retrained.test) for point in members]
    assert groups.loc["members", "tau"] == pytest.approx(stats.kendalltau(*zip(*pairs, strict=True))[0])
    row = page.groups_table().set_index("networks").loc[f"members ({len(members)})"]
    assert row["gap (largest)"] == f"{np.mean(gaps):.1f} ± {np.std(gaps, ddof=1):.1f} ({max(gaps):.1f})"


def test_members_are_close_to_training_alone(groups):
    for words in (
        "percentage points more on average than with the weights they inherit, and nearly the same ranks",
        "The gap is largest where inherited accuracy is lowest",
    ):
        assert words in TEXT
    members = groups.loc["members"]
    assert 0 < members["gap"] < 2 and members["tau"] > 0.7
    assert groups.loc[[f"members, {page.WITH}", f"members, {page.WITHOUT}"], "tau"].min() > 0.5
    assert groups.loc[f"members, {page.WITH}", "gap"] < groups.loc[f"members, {page.WITHOUT}", "gap"]
    found = page.networks()
    own = found[found["kind"] == "members"]
    assert own.loc[own["inherited"].idxmin(), "gap"] == own["gap"].max()


def test_the_largest_member_is_the_best_alone_only():
    assert "which is not the best of the family" in TEXT and "which is the best of the" in TEXT
    found = page.networks()
    own = found[found["kind"] == "members"]
    largest = own.loc[own["edge_parameters"].idxmax()]
    assert largest["alone"] == own["alone"].max() and largest["inherited"] < own["inherited"].max()
    assert "So size is worth more alone than in the family" in TEXT
    ranks = own[["edge_parameters", "alone", "inherited"]].corr("spearman")["edge_parameters"]
    assert ranks["alone"] > ranks["inherited"]


def test_random_architectures_gain_most_and_are_then_about_as_good(groups):
    random, rivals = groups.loc["random architectures"], page.opponents()
    assert "we see no relation between their accuracies inherited and alone" in TEXT and abs(random["tau"]) < 0.35
    assert random["gap"] > groups.loc["members", "gap"] + 4
    assert random["inherited"] < groups.loc["members", "inherited"] - 3
    assert "percentage points below on average" in TEXT and -0.6 < rivals["lead"].mean() < 0
    assert rivals["lead"].min() == pytest.approx(-float(page.numbers()["sharing.lead.least"]), abs=0.05)
    assert "is ahead of a random architecture in" in TEXT and rivals["beaten"].mean() > 0.5
    found = page.networks()
    smallest = found[(found["kind"] == "members") & found["reduction"]]["edge_parameters"].min()
    others = found[(found["kind"] != "members") & ~found["reduction"]]["edge_parameters"]
    assert "is smaller than some random architectures without" in TEXT and (others > smallest).any()


def test_figures_draw_every_network_twice():
    (ax,) = page.inherited_and_alone().axes
    dots = [cloud for cloud in ax.collections if hasattr(cloud, "get_sizes")]
    found = page.networks()
    assert sum(len(cloud.get_offsets()) for cloud in dots) == 2 * len(found)
    (below,) = page.scatter().axes
    places = np.concatenate([cloud.get_offsets() for cloud in below.collections])
    assert sorted(places[:, 1]) == pytest.approx(sorted(found["alone"]))


# Ranking


def test_ranked_networks_are_those_that_were_trained_alone():
    (own,) = page.points()
    for name in published.RANKING:
        ranked = records.read_ranked(name).points
        assert [point.choice for point in ranked] == [point.choice for point in own]
        assert [point.retrained for point in ranked] == [point.retrained for point in own]


def test_ranking_by_another_route(ranking):
    (own,) = page.points()
    alone = [point.retrained.test for point in own]
    found = ranking.set_index("by")
    assert found.loc["MACs", "tau"] == pytest.approx(stats.kendalltau([point.macs for point in own], alone)[0])
    name = ALL_RANDOM
    inherited = [point.accuracy.test for point in records.read_ranked(name).points]
    row = found.loc[published.RANKING[name]]
    assert row["gap"] == pytest.approx(100 * np.mean(np.subtract(alone, inherited)))
    members = np.array([point.source == "family" for point in own])
    tau = stats.kendalltau(np.array(inherited)[members], np.array(alone)[members])[0]
    assert row["tau, members"] == pytest.approx(tau)
    assert (found["low"] < found["tau"]).all() and (found["tau"] < found["high"]).all()
    assert found.loc["MACs", ["behind low", "behind high"]].tolist() == [0, 0]
    assert page.ranking_table(ranking).iloc[-1].tolist()[1:3] == ["–", "–"]


def test_the_families_own_weights_rank_their_own_members_best(ranking):
    found = ranking.set_index("by")
    ours = [page.OWN, *(words for name, words in published.RANKING.items() if name in published.DEFAULT)]
    assert "The family's own weights rank their own members" in TEXT
    assert found.loc[ours, "tau, members"].idxmax() == page.OWN
    assert "Counting edge parameters is slightly worse" in TEXT
    assert found.loc["edge parameters", "tau"] < found.loc["MACs", "tau"]


def test_random_steps_rank_and_make_poor_members(ranking):
    found = page.shares(ranking)
    assert "two aims" in TEXT and "four short trainings" in TEXT and len(found) == 4
    configs = [records.read_lattice(name).config for name in page.SHORT]
    assert [config["random_share"] for config in configs] == [0, 0.25, 0.5, 1]
    assert {config["preset"] for config in configs} == {"quick"}
    assert found["tau"].iloc[-1] > found["tau"].iloc[0]
    assert found["within"].iloc[-1] < found["within"].iloc[0]
    assert found["hypervolume"].iloc[-1] < found["hypervolume"].iloc[0]
    points = records.read_lattice(ALL_RANDOM).points
    assert len(points) == 66 and "on 66 points S" in TEXT
    assert found["hypervolume"].iloc[-1] == pytest.approx(analysis.hypervolume(points, page.SPACE))
    assert page.shares_table(found)["τ, all"].iloc[0] == f"{found['tau'].iloc[0]:.2f}".replace("-", "−")
    above, below = page.trade(found).axes
    assert [line.get_label() for line in above.lines] == list(page.KINDS)
    columns = [*(f"gap, {kind}" for kind in page.KINDS), "hypervolume"]
    for line, column in zip((*above.lines, *below.lines), columns, strict=True):
        assert line.get_xdata().tolist() == [0, 25, 50, 100]
        assert line.get_ydata().tolist() == pytest.approx(found[column].tolist())


def test_taus_are_drawn_with_their_intervals(ranking):
    (ax,) = page.taus(ranking).axes
    intervals, everything, members, random = ax.collections
    assert [segment[0][0] for segment in intervals.get_segments()] == pytest.approx(ranking["low"].tolist())
    for cloud, column in ((everything, "tau"), (members, "tau, members"), (random, "tau, random architectures")):
        assert cloud.get_offsets()[:, 0].tolist() == pytest.approx(ranking[column].tolist())
    assert [label.get_text() for label in ax.get_yticklabels()] == ranking["by"].tolist()


# Gradients


def test_cosines_are_means_over_families(monkeypatch):
    members = [{"edge_parameters": size} for size in (0, 800, 12_000)]
    first = np.array([[1, np.nan, np.nan], [np.nan, 1, 0.5], [np.nan, 0.5, 1]])
    second = np.array([[1, np.nan, 0.2], [np.nan, 1, -0.1], [0.2, -0.1, 1]])
    known = {"a": first, "b": second}
    monkeypatch.setattr(page, "describe", lambda name: name)
    monkeypatch.setattr(
        page.gradients, "read_gradients", lambda name: (members, {"fixed": np.eye(3), "edges": known[name]})
    )
    sizes, found = page.cosines(["a", "b"])
    assert sizes == [0, 800, 12_000] and set(found) == set(gradients.PARTS)
    expected = [[1, np.nan, 0.2], [np.nan, 1, 0.2], [0.2, 0.2, 1]]
    assert np.allclose(found["edges"], expected, equal_nan=True)
    assert page.opposed(["a", "b"])["edges"] == (0, pytest.approx(0.2)), "of two pairs; the others share nothing"
    figure = page.pulls(["a", "b"])
    left, right, bar = figure.axes
    assert np.array_equal(left.images[0].get_array(), np.eye(3))
    assert right.images[0].get_clim() == (-1, 1), "0 in the middle of the colours"
    assert [label.get_text() for label in right.get_xticklabels()] == ["0", "1", "12"]
    assert bar.get_xlabel() == "cosine of two members' gradients"


def test_the_ends_pull_against_the_middle():
    assert "the largest members pull against those of middle size, and so does the smallest" in TEXT
    fixed = page.cosines()[1]["fixed"]
    middle = slice(7, 16)  # 30,000 to 65,000 edge parameters, of 178,000
    assert fixed[-3:, middle].mean() < -0.1 and fixed[0, middle].mean() < -0.1
    assert fixed[middle, middle].mean() > 0.3
