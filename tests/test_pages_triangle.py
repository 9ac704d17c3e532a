"""The page `triangle`: its tables and figures by other routes, and what its prose says of them.

A family trained anew may turn a sentence over: then a test fails, and the page has to say so.
"""

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from pages import prose, unsaid
from scipy import stats

from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.io.records import Accuracy
from simplexnas.latency.table import LatencyTable
from simplexnas.methods import penalties
from simplexnas.network.architecture import Architecture
from simplexnas.report import analysis, published, statistics, tables
from simplexnas.report.pages import triangle as page
from simplexnas.report.paper import PAPER
from simplexnas.space import cost

TEXT = prose("triangle")


@pytest.fixture(scope="module")
def steering() -> pd.DataFrame:
    return page.steering()


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return page.one_number()


@pytest.fixture(scope="module")
def numbers() -> dict[str, str]:
    return page.numbers()


def test_every_number_stands_on_the_page(numbers):
    assert not unsaid(numbers, "triangle")


# Maps


def test_all_families_are_measured_at_the_same_points():
    S = penalties.lattice(3, page.STEP)
    for points in page.lattices():
        assert np.allclose([point.S for point in points], S)


def test_maps_are_means_over_the_families():
    figure = page.maps()
    tiles = [ax.collections[0] for ax in figure.axes[:4]]
    counted = np.mean(
        [
            [point.choice.count(m) for point in records.read_lattice(name).points]
            for name in published.DEFAULT
            for m in range(3)
        ],
        axis=1,
    ).reshape(-1, 3)
    assert [tile.get_array().mean() for tile in tiles[:3]] == pytest.approx(counted.mean(axis=0))
    parameters = cost.edge_parameters(page.SPACE)
    first = [parameters[range(28), points[0].choice].sum() / 1e3 for points in page.lattices()]
    assert tiles[3].get_array()[0] == pytest.approx(np.mean(first))
    for ax in figure.axes[:4]:
        assert {text.get_text() for text in ax.texts} == {*page.OPERATIONS, *PAPER}, "corners, and A to D"


def test_convolutions_of_the_reduction_genotype_are_those_of_its_edges():
    choice = 14 * (page.CONVOLUTION,) + 13 * (page.POOL,) + (page.CONVOLUTION,)
    assert page.in_reduction(tiny.point(choice=choice)) == 1
    assert Architecture(page.SPACE, choice).edge_parameters == 14 * 800 + 11_968


# Steering


def test_steering_by_other_routes(steering):
    name = published.DEFAULT[-1]
    points = records.read_lattice(name).points
    found = steering[steering["hypernetwork"] == f"ours, seed {records.read_lattice(name).seed}"].iloc[0]
    for m, operation in enumerate(page.OPERATIONS):
        counts = [point.choice.count(m) for point in points]
        ranks = [stats.rankdata(values) for values in ([point.S[m] for point in points], counts)]
        assert found[f"ρ, {operation}"] == pytest.approx(np.corrcoef(ranks)[0, 1])
    assert found["networks"] == len({point.choice for point in points})
    assert list(steering["kind"]) == [
        *(["ours"] * len(published.DEFAULT)),
        "random",
        *(["theirs"] * len(published.PAPER)),
    ]
    text = page.steering_table()
    assert text.iloc[0, 1] == f"{steering.iloc[0]['ρ, pool']:.2f}".replace("-", "−") and len(text) == len(steering)
    assert text["edges changed (most)"].iloc[0].endswith(f"({steering.iloc[0]['at most']:.0f})")


def test_random_hypernetworks_have_the_form_of_the_family_and_other_worths():
    (points,), drawn = page.lattices(page.FAMILIES[:1]), page.random_lattices(draws=2)
    for own in drawn:
        assert [point.S for point in own] == [point.S for point in points]
        assert own[0].choice == Architecture(page.SPACE, own[0].choice).operations
        assert sum(own[0].operations.values()) == page.EDGES
    assert drawn[0] != drawn[1] and [point.choice for point in drawn[0]] != [point.choice for point in points]


def test_s_steers_whatever_was_learned(steering):
    by_kind = steering.set_index("kind").filter(like="ρ")
    assert "As its penalty rises, an operation becomes rarer" in TEXT
    assert (by_kind.loc["ours"] < -0.85).all(axis=None)
    assert (steering.loc[steering["kind"] == "ours", "changed"] < 4).all()
    assert "Random worths steer nearly as well" in TEXT
    assert by_kind.loc["random"].max(axis=None) < by_kind.loc["ours"].max(axis=None) + 0.06
    assert "The published method steers nearly as well,** but in leaps" in TEXT
    assert "five of ours, three of the published method" in TEXT
    assert (len(page.FAMILIES), len(page.THEIRS)) == (5, 3)
    assert by_kind.loc["theirs"].max(axis=None) < -0.8
    leaps = steering.groupby("kind")["at most"].max()
    assert leaps["theirs"] > leaps["ours"]


def test_the_published_method_switches_nearly_at_once(numbers):
    linear, priced, ours, theirs = page.falls().values()
    assert set(linear) == {page.EDGES, 0}, "a switch"
    assert page.span(linear)[0] == pytest.approx(1 / 3, abs=0.006)
    assert set(priced) == {page.EDGES // 2, 0} and page.span(priced)[0] == pytest.approx(0.24, abs=0.01)
    assert len(set(ours)) > 8 and (np.diff(ours) <= 0).all()
    assert "spread the switches" in TEXT and "within a short stretch" in TEXT
    widths = [last - first for first, last in map(page.span, (ours, theirs))]
    assert widths[0] > 2 * widths[1]
    family = Family.load(published.DEFAULT[0])
    at_half = family.architecture([0.25, 0.25, 0.5]).operations.count(page.CONVOLUTION)
    assert ours[100] == at_half
    figure = page.switching()
    assert [line.get_linestyle() for line in figure.axes[0].lines] == [":", "--", "-", "-."]


def test_a_span_is_from_the_first_change_to_the_last():
    penalty = page.along()[0]
    edges = np.where(penalty < 0.2, 9, np.where(penalty < 0.4, 5, 0))
    assert page.span(edges) == (pytest.approx(0.195), pytest.approx(0.4))


@pytest.mark.parametrize("name", published.DEFAULT)
def test_choices_follow_from_worths_and_prices_without_the_hypernetworks_code(name):
    """Each edge takes the operation of least S_m - v_m."""
    family, points = Family.load(name), records.read_lattice(name).points
    with torch.no_grad():
        v = family.model.hypernetwork(torch.zeros(1, 3))[0].numpy()
    S = np.array([point.S for point in points])
    assert np.array_equal((S[:, None, :] - v).argmin(axis=-1), [point.choice for point in points])


# Accuracy


def test_levels_by_counting(numbers):
    own = [
        point
        for name in published.DEFAULT
        for point in {point.choice: point for point in records.read_lattice(name).points}.values()
    ]
    found = page.levels()
    assert found["networks"].sum() == len(own)
    for row, group in zip(found.itertuples(), ({0}, {1}, {2}, {3, 4, 5}, {*range(6, 15)}), strict=True):
        tests = [100 * point.accuracy.test for point in own if point.choice[14:].count(2) in group]
        assert (row.networks, row.least, row.most) == (len(tests), min(tests), max(tests))
        assert row.median == pytest.approx(np.median(tests))
        assert numbers[f"triangle.level.{row.Index}"] == f"{np.median(tests):.0f}"
    text = page.levels_table()
    assert text.loc[0, "least to most, %"].startswith(f"{found.loc[0, 'least']:.1f} to")
    assert text["networks"].tolist() == found["networks"].tolist()


def test_accuracy_follows_convolutions_in_the_reduction_cell():
    found = page.levels()
    steps = np.diff(found["median"])
    assert "The first convolution in the reduction cell counts most" in TEXT
    assert (steps > 0).all() and steps[0] > 2 * max(steps[1:])
    smallest = found["smallest"].iloc[1:].min()
    assert "one would fit into that, but S gives none" in TEXT and smallest > PAPER["D"][2] > 11_968


def test_most_networks_are_not_on_the_front(numbers):
    assert "Most of them are not on the front" in TEXT
    counts = []
    for name in published.DEFAULT:
        points = {point.choice: point for point in records.read_lattice(name).points}.values()
        places = {(point.total_parameters, -point.accuracy.validation) for point in points}
        counts.append(sum(not any(a <= c and b <= d for a, b in places - {(c, d)}) for c, d in places))
        assert counts[-1] / len(points) < 0.2
    shown = [int(numbers[f"triangle.front.{end}"]) for end in ("fewest", "most")]
    assert shown == [min(counts), max(counts)]
    assert {Family.load(name).config.preset for name in published.DEFAULT} == {"default"}
    assert "Our families are trainings of the preset `default`" in TEXT


def test_pooling_everywhere_is_ahead_of_the_paper(numbers):
    assert "more accurate than each of the paper's four models" in TEXT
    found = page.pooling_everywhere()
    assert len(found) == len(published.DEFAULT) and all(set(point.choice) == {page.POOL} for point in found)
    assert min(point.accuracy.test for point in found) > max(accuracy for _, accuracy, *_ in PAPER.values())
    mean = np.mean([point.accuracy.test for point in found])
    for row in tables.table():  # another file
        theirs, best = row["paper"]["accuracy"], row["best"]["accuracy"]["test"]
        assert numbers[f"triangle.covered.{row['name']}"] == f"{100 * (mean - theirs) / (best - theirs):.0f}"


def test_the_largest_member_is_never_the_best():
    assert "The largest member is never the best" in TEXT
    for own, name in zip(page.notable(), published.DEFAULT, strict=True):
        largest, best = own["largest"], own["best on validation"]
        assert 0.85 < own["pooling everywhere"].accuracy.test < largest.accuracy.test < best.accuracy.test
        points = records.read_lattice(name).points
        assert largest.edge_parameters == max(point.edge_parameters for point in points)
        assert best.accuracy.validation == max(point.accuracy.validation for point in points)
    assert page.notable_table().shape == (len(published.DEFAULT), 4)


def test_fronts_hold_every_member_and_the_paper():
    (ax,) = page.fronts().axes
    with_one, without, pooling, *papers = ax.collections
    assert len(with_one.get_offsets()) + len(without.get_offsets()) == sum(map(len, page.members()))
    assert len(pooling.get_offsets()) == len(ax.lines) == len(published.DEFAULT) and len(papers) == len(PAPER)
    assert papers[1].get_offsets()[0].tolist() == pytest.approx([(5120 + 20_506) / 1e3, 79.2])


def test_the_least_accurate_member_is_nearly_all_identity():
    assert "a member with identity on nearly every edge has" in TEXT and "the least of all" in TEXT
    least = min(page.lattices()[0], key=lambda point: point.accuracy.test)
    assert least.choice.count(page.IDENTITY) >= 26


# One number


def test_lines_through_the_centre():
    S = penalties.lattice(3, 0.25)
    found = page.on_lines(S)
    assert found[page.ALL].all() and len(found) == 4
    on = {tuple(point) for point in S[found["identity"]].round(2).tolist()}
    assert on == {(0.5, 0, 0.5), (0.25, 0.5, 0.25), (0, 1, 0)}


def test_one_number_by_another_route(runs):
    name = published.DEFAULT[1]
    points = [point for point in records.read_lattice(name).points if np.isclose(point.S[0], point.S[1])]
    seed = records.read_lattice(name).seed
    found = runs[(runs["along"] == "convolution") & (runs["seed"] == seed)].iloc[0]
    assert found["points"] == len(points) == 11
    for split, column in (("test", "hypervolume"), ("validation", "validation")):
        assert found[column] == pytest.approx(analysis.hypervolume(points, page.SPACE, split))
    table = LatencyTable.load(published.TIMED_TABLE)
    fits = [point for point in points if table.predict(Architecture(page.SPACE, point.choice), 1) <= 4]
    best = max(fits, key=lambda point: (point.accuracy.validation, -point.edge_parameters))
    assert found["ms"] == pytest.approx(100 * best.accuracy.test)
    text = page.one_number_table(runs)
    volume = statistics.mean_and_sd(runs.loc[runs["along"] == page.ALL, "hypervolume"].tolist())
    assert text.iloc[0]["hypervolume"] == f"{volume['mean']:.3f} ± {volume['sd']:.3f}"


def test_one_number_does_as_well_with_as_many_points(runs):
    means = page.means_over_trainings(runs)
    only = means.drop([page.ALL, page.DRAWN])
    best = only["validation"].idxmax()
    assert "With as many points one number does as well, if it is the right one" in TEXT
    assert "two of three single numbers that we tried do as well" in TEXT
    near = only["hypervolume"] > means.loc[page.DRAWN, "hypervolume"] - 0.02
    assert near.sum() == 2 and only["hypervolume"].min() < means.loc[page.DRAWN, "hypervolume"] - 0.1
    assert abs(only.loc[best, "hypervolume"] - means.loc[page.DRAWN, "hypervolume"]) < 0.02
    assert means.loc[page.ALL, "hypervolume"] > only["hypervolume"].max()
    assert "Where only the penalty on identity varies, the hypervolume is by far the smallest" in TEXT
    assert only["hypervolume"].idxmin() == only["validation"].idxmin() == "identity"
    assert "in the four trainings in which it has one" in TEXT and page.MACS == 12e6
    within = runs.pivot(index="seed", columns="along", values="macs").dropna(subset="identity")
    assert len(within) == 4 and (within["identity"] >= within[["pool", "convolution"]].max(axis=1)).all()
    assert "no line is as good as all S" in TEXT and only["macs"].max() < means.loc[page.ALL, "macs"] - 0.5
    assert only["ms"].max() < means.loc[page.ALL, "ms"] - 1 and page.MILLISECONDS == 4
    assert set(runs.loc[runs["along"] != page.ALL, "points"]) == {11}


def test_drawn_sets_are_of_the_points_of_all(runs, monkeypatch):
    points = records.read_lattice(published.DEFAULT[0]).points
    drawn = runs[(runs["along"] == page.DRAWN) & (runs["seed"] == records.read_lattice(published.DEFAULT[0]).seed)]
    random = np.random.default_rng(5)
    volumes = [
        analysis.hypervolume([points[i] for i in random.permutation(len(points))[:11]], page.SPACE) for _ in range(300)
    ]
    error = np.std(volumes) * (1 / 300 + 1 / page.SUBSETS) ** 0.5
    assert drawn["hypervolume"].item() == pytest.approx(np.mean(volumes), abs=4 * error)
    monkeypatch.setattr(page, "SUBSETS", 1)
    assert page._drawn(list(points), len(points))["hypervolume"] == pytest.approx(
        analysis.hypervolume(points, page.SPACE)
    )


def test_a_line_of_one_training_has_no_spread():
    runs = pd.DataFrame(
        {"along": ["x"], "points": [3], "hypervolume": [0.5], "macs": [90.0], "ms": [80.0], "fast": [2]}
    )
    assert page.one_number_table(runs).iloc[0].tolist() == ["x", 3, "0.500", "90.0", "80.0", "2"]


def test_numbers_of_hand_made_families(monkeypatch):
    points = [
        tiny.point(choice=(0,) * 28, accuracy=Accuracy(0.8, 0.8)),
        tiny.point(choice=(0,) * 27 + (2,), edge_parameters=11_968, accuracy=Accuracy(0.9, 0.9)),
        tiny.point(choice=(0,) * 27 + (2,), edge_parameters=11_968, accuracy=Accuracy(0.9, 0.9)),
    ]
    monkeypatch.setattr(page.records, "read_lattice", lambda name: tiny.record(points, seed=int(name[-1])))
    monkeypatch.setattr(page, "GROUPS", {"none": (0, 0), "some": (1, 14)})
    found = page.levels(["a0", "a1"])
    assert found["networks"].tolist() == [2, 2] and found["smallest"].tolist() == [0, 11_968]
    assert found["median"].tolist() == pytest.approx([80, 90])
    pooling = [point for point in points if not any(point.choice)]
    monkeypatch.setattr(page, "pooling_everywhere", lambda families: pooling)
    monkeypatch.setattr(page, "PAPER", {"X": (None, 0.7, 12_000, None)})
    assert page.covered(["a0"]) == {"X": pytest.approx(0.5)}
