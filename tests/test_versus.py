"""Indicators of search methods, on points made by hand; what holds for all of them, on drawn ones."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from simplexnas import latency
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import Accuracy, Point
from simplexnas.latency.table import LatencyTable
from simplexnas.network.architecture import Architecture
from simplexnas.report import statistics, versus
from simplexnas.report.versus import ALONE, INHERITED, Networks, Scale, Seconds
from simplexnas.space.search_space import SearchSpace

SIZE = "total_parameters"
SCALE = Scale(SIZE, 100, 10_000)  # its middle is 1,000


def made(size: int, validation: float, test: float | None = None, **known) -> Point:
    """Each size is an architecture of its own."""
    accuracy = Accuracy(validation=validation, test=validation if test is None else test)
    about = {"choice": (size,), "edge_parameters": size, "total_parameters": size, "accuracy": accuracy}
    return tiny.point(**about | known)


def of(*pairs: tuple[float, float]) -> Networks:
    """Networks of (size, test accuracy)."""
    return Networks(*np.array(pairs, dtype=float).T)


def volume(*pairs: tuple[float, float]) -> float:
    return versus.hypervolume(of(*pairs), SCALE)


PAIRS = st.tuples(st.floats(100, 10_000), st.floats(0.75, 1))
SETS = st.lists(PAIRS, min_size=1, max_size=6)


# Architectures


def test_a_scan_gives_the_union_of_its_trainings_for_each_seed():
    member, other, random = made(300, 0.9), made(200, 0.8), made(250, 0.7, source="random")
    compared = [replace(each, source="family", retrained=Accuracy(0.95, 0.95)) for each in (member, other)]
    trainings = [
        (tiny.record([member], seed=7), tiny.record([compared[0]], seed=7)),
        (tiny.record([other], seed=7), tiny.record([compared[1], random], seed=7)),
    ]
    run = versus.union(trainings)
    assert run == (7, (member, other), tuple(compared), (random,))
    assert run.points(INHERITED) == [member, other]
    assert [point.accuracy for point in run.points(ALONE)] == 2 * [Accuracy(0.95, 0.95)]
    with pytest.raises(SimplexNASError, match=r"trainings of seeds \[7, 8\]; allowed: trainings of one seed"):
        versus.union([*trainings, (tiny.record([member], seed=8), tiny.record([], seed=8))])


def test_members_are_of_the_front_and_spaced_by_size():
    points = [made(size, 0.5 + size / 10_000) for size in range(100, 1000, 100)]
    beaten = made(450, 0.5, test=1.0)
    assert [each.total_parameters for each in versus.chosen([*points, beaten], 3, SIZE)] == [100, 500, 900]
    assert versus.chosen(points[:2], 3, SIZE) == points[:2], "all, if there are fewer"
    slow = [made(size, 0.9 - size / 10_000, latency_ms=-size) for size in (100, 200)]
    assert versus.chosen(slow, 3, SIZE) == slow[:1] and versus.chosen(slow, 3, "latency_ms") == slow


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1), st.floats(0, 1)), min_size=1), st.integers(1, 5))
def test_test_data_choose_nothing_and_nobody_has_more_members(rows, n):
    points = [made(*row) for row in rows]
    found = versus.chosen(points, n, SIZE)
    others = versus.chosen([made(size, validation, 1 - test) for size, validation, test in rows], n, SIZE)
    assert [each.choice for each in found] == [each.choice for each in others]
    assert 1 <= len(found) <= n


# Indicators


def test_scales_are_those_of_the_smallest_and_the_largest_network():
    space = SearchSpace()
    extremes = [Architecture(space, [m] * 28) for m in range(space.k)]
    for size, smallest in ((SIZE, 20_506), ("macs", 6_763_776)):
        sizes = [getattr(each, size) for each in extremes]
        assert versus.scale(size, space) == (size, smallest, max(sizes))
    assert versus.scale(SIZE, space).largest == 199_258


def test_bounds_of_latency_are_those_of_all_networks():
    space, random = tiny.FEW_EDGES, np.random.default_rng(0)
    fit = [{"sum_of_parts_ms": total, "measured_ms": 1.5 * total + 0.5} for total in (1.0, 2.0, 4.0)]
    for _ in range(5):
        times = {str(part): {"median_ms": random.uniform(0.1, 1)} for part in latency.all_parts(space)}
        table = LatencyTable("invented", space, {"batches": {"1": {"parts": times, "fit": fit}}})
        every = [table.predict(Architecture(space, choice), 1) for choice in itertools.product(range(3), repeat=4)]
        assert versus.scale("latency_ms", space, table) == pytest.approx(("latency_ms", min(every), max(every)))


def test_objectives_by_hand():
    found = versus.objectives(of((100, 0.95), (1000, 0.875), (10_000, 0.8), (99, 0.5), (20_000, 0.99)), SCALE)
    assert found == pytest.approx(np.array([(0, 0), (0.5, 0.5), (1, 1), (0, 1), (1, 0)]))


def test_networks_have_the_size_that_is_asked_for():
    sizes, tests = versus.networks([made(5, 0.9, test=0.7, macs=3), made(6, 0.8)], "macs")
    assert sizes.tolist() == [3, 0] and tests.tolist() == [0.7, 0.8]


def test_hypervolume_by_hand():
    assert volume((1000, 0.875)) == pytest.approx(1 / 4)
    assert volume((1000, 0.875), (100, 0.83)) == pytest.approx(1 / 4 + 1 / 2 * 1 / 5)
    assert volume((100, 0.95)) == pytest.approx(1)
    assert [volume((1000, 0.8)), volume((10_000, 0.95)), volume((1000, 0.7))] == pytest.approx([0, 0, 0])


@given(SETS, st.data())
def test_dominated_points_change_nothing(pairs, data):
    size, test = data.draw(st.sampled_from(pairs))
    worse = (size * data.draw(st.floats(1, 3)), test - data.draw(st.floats(0, 0.2)))
    assert volume(*pairs, worse) == pytest.approx(volume(*pairs))


@given(SETS, PAIRS)
def test_another_network_never_harms(pairs, another):
    assert 0 <= volume(*pairs) <= volume(*pairs, another) + 1e-12 <= 1 + 1e-12
    reference = versus.objectives(of((300, 0.9), (3000, 0.93)), SCALE)
    assert versus.igd_plus(of(*pairs, another), reference, SCALE) <= versus.igd_plus(of(*pairs), reference, SCALE)


def test_igd_plus_by_hand():
    """Only what is worse counts: the first misses (1/2, 1/2) by 3/10 and 4/10, which is 1/2, and (0, 1) by 8/10."""
    reference = np.array([(0.5, 0.5), (0, 1)])
    worse = of((100 * 100**0.8, 0.95 - 0.15 * 0.9))
    assert versus.igd_plus(worse, reference, SCALE) == pytest.approx((0.5 + 0.8) / 2)
    assert versus.igd_plus(of((100, 0.95)), reference, SCALE) == 0


@given(SETS, st.floats(1, 3), st.floats(0, 0.2))
def test_a_front_that_dominates_the_reference_is_at_distance_0(pairs, factor, less):
    reference = versus.objectives(of(*[(factor * size, test - less) for size, test in pairs]), SCALE)
    assert versus.igd_plus(of(*pairs), reference, SCALE) == pytest.approx(0, abs=1e-12)


def test_the_reference_is_what_no_method_beats():
    ours = [made(100, 0.8, test=0.83), made(1000, 0.9, test=0.89)]
    theirs = [made(1000, 0.9, test=0.875), made(5000, 0.85, test=0.95), made(10_000, 0.91, test=0.92)]
    found = versus.reference([ours, theirs], SCALE)
    expected = versus.objectives(of((100, 0.83), (1000, 0.89), (10_000, 0.92)), SCALE)
    assert sorted(found.tolist()) == sorted(expected.tolist()), "that of 5,000 is on no front of validation"


# Intervals


def first(networks: Networks) -> float:
    return networks.tests[0]


def exact(*tests: float) -> list[Networks]:
    """A network for each seed; 0 and 1 are accuracies that no draw of images changes."""
    return [of((1000, test)) for test in tests]


def test_interval_of_one_seed_is_that_of_its_images():
    found = versus.score(exact(0.9), first, resamples=4000)
    assert found["mean"] == 0.9
    assert [found["low"], found["high"]] == pytest.approx([0.9 - 1.96 * 0.003, 0.9 + 1.96 * 0.003], abs=5e-4)


def test_interval_of_seeds_alone_by_hand():
    """Of two seeds the mean is 0, 1/2, 1/2 or 1; of eight a binomial number out of eight."""
    assert versus.score(exact(0, 1), first) == {"mean": 0.5, "low": 0, "high": 1}
    assert versus.score(exact(*4 * [0, 1]), first) == {"mean": 0.5, "low": 1 / 8, "high": 7 / 8}
    assert versus.score(exact(1, 1, 1), first) == {"mean": 1, "low": 1, "high": 1}


def test_a_seed_that_is_drawn_twice_has_the_same_images(monkeypatch):
    """Then half of the resamples of two seeds have the whole variance, the others half of it."""
    kept = []
    monkeypatch.setattr(statistics, "percentile_interval", lambda means: kept.append(means) or (0, 0))
    versus.score(exact(0.9, 0.9), first, resamples=8000)
    assert np.std(kept[0]) == pytest.approx(0.75**0.5 * 0.003, rel=0.03)


@settings(max_examples=30)
@given(st.lists(st.lists(PAIRS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_interval_contains_the_mean_and_repeats(seeds):
    own = [of(*pairs) for pairs in seeds]
    found = versus.score(own, lambda networks: networks.tests.mean(), resamples=200)
    assert found["low"] <= found["mean"] <= found["high"]
    assert found == versus.score(own, lambda networks: networks.tests.mean(), resamples=200)


@settings(max_examples=5)
@given(st.lists(st.floats(0.86, 0.92), min_size=2, max_size=3))
def test_interval_shrinks_with_more_seeds(tests):
    def width(seeds: list[Networks]) -> float:
        found = versus.score(seeds, lambda networks: versus.hypervolume(networks, SCALE), resamples=300)
        return found["high"] - found["low"]

    assert width(exact(*9 * tests)) < width(exact(*tests))


def test_advantage_by_hand():
    """Between 100 and 10,000 the accuracy of random ones rises by a point every tenfold."""
    random = of((100, 0.9), (10_000, 0.92))
    found = versus.advantage(of((100, 0.9), (1000, 0.93), (10_000, 0.9), (99, 0.9), (10_001, 0.9)), random)
    assert found[:3] == pytest.approx([0, 2, -2]) and np.isnan(found[3:]).all()


def test_mean_advantage_is_over_the_front_of_random_ones_and_their_range():
    random = [made(100, 0.9), made(1000, 0.8, test=0.99), made(10_000, 0.92)]
    seeds = [[made(1000, 0.9, test=0.93), made(50, 0.9)], [made(20_000, 0.99)], [made(100, 0.9, test=0.94)]]
    found = versus.mean_advantage(seeds, random, resamples=200)
    assert found["mean"] == pytest.approx((2 + 4) / 2), "not beyond the ends, and no random one that is beaten"
    assert found["low"] < found["mean"] < found["high"]
    assert all(np.isnan(value) for value in versus.mean_advantage(seeds[1:2], random).values())


def test_random_architectures_have_chance_in_them_too():
    """Two seeds see the same draw of it: with more seeds it does not average out."""
    random = [made(100, 0.9), made(10_000, 0.95)]
    for number in (1, 4):
        found = versus.mean_advantage(number * [[made(100, 1.0)]], random, resamples=4000)
        assert [found["low"], found["high"]] == pytest.approx([10 - 1.96 * 0.3, 10 + 1.96 * 0.3], abs=0.05)


# Noise


def trained(tests: dict[int, list[float]]) -> list[Point]:
    """Trainings alone: {architecture: test accuracies}."""
    return [made(size, 0.5, retrained=Accuracy(test)) for size, own in tests.items() for test in own]


def test_noise_is_pooled_over_networks():
    """Squares 1 + 1 and 1 + 1 + 4, of which 1 and 2 are free."""
    points = trained({1: [0.90, 0.92], 2: [0.80, 0.80, 0.83]})
    assert versus.retraining_noise(points) == pytest.approx((8 / 3) ** 0.5)
    assert versus.least_difference(points) == pytest.approx(2 * (8 / 3) ** 0.5)


@given(st.lists(st.floats(0.8, 0.9), min_size=2), st.floats(-0.1, 0.1))
def test_networks_may_differ_in_their_means(tests, shift):
    same = versus.retraining_noise(trained({1: tests, 2: tests}))
    assert same == pytest.approx(100 * np.std(tests, ddof=1), abs=1e-9)
    other = versus.retraining_noise(trained({1: tests, 2: [test + shift for test in tests]}))
    assert other == pytest.approx(same, abs=1e-9)


# Collapse


def test_collapse_by_hand():
    points = [
        made(300, 0.9, operations={"pool": 1, "convolution": 3}),
        made(100, 0.8, operations={"pool": 4, "convolution": 0}),
        made(200, 0.7, operations={"pool": 2, "convolution": 2}),
    ]
    found = versus.collapse([*points, points[0], points[0]])
    assert found == {
        "architectures": 3,
        "front": 2,
        "least": 100,
        "most": 300,
        "operation": "pool",
        "share": pytest.approx(7 / 12),
    }


def test_violations_by_hand():
    sizes = [400, 300, 350, 350, 200]
    scan = [made(size, 0.9) for size in sizes]
    assert versus.violations(scan) == (1, 4)
    knobs = [replace(point, knob=knob) for knob, point in enumerate(scan)]
    assert versus.violations(knobs[::-1]) == (1, 4), "in whatever order the file has them"
    assert versus.violations(knobs, rising=True) == (2, 4)
    assert versus.violations(scan[:1]) == (0, 0)
    assert versus.violations([replace(point, S=(0.5, 0.5)) for point in scan]) == (0, 0)


@given(st.lists(st.integers(1, 9), min_size=2))
def test_a_pair_that_differs_violates_one_of_the_two_orders(sizes):
    points = [made(size, 0.9, knob=knob) for knob, size in enumerate(sizes)]
    wrong, pairs = zip(versus.violations(points), versus.violations(points, rising=True), strict=True)
    assert sum(wrong) == sum(a != b for a, b in itertools.pairwise(sizes)) and set(pairs) == {len(sizes) - 1}


# Cost


def test_hours_by_hand():
    """A training takes an hour, an evaluation a hundredth of it, a training alone a tenth."""
    found = versus.hours(10, Seconds(training=3600, evaluation=36, alone=360))
    assert found == pytest.approx(
        {
            (versus.FAMILY, INHERITED): 1.1,
            (versus.FAMILY, ALONE): 2,
            (versus.SINGLE, INHERITED): 10,
            (versus.SINGLE, ALONE): 11,
            (versus.RANDOM, ALONE): 1,
        }
    )


def test_more_architectures_than_were_measured_are_marked():
    ways = list(versus.hours(1, Seconds(1, 1, 1)))
    measured = dict(zip(ways, (30, 3, 9, 2, 0), strict=True))
    found = versus.costs(Seconds(3600, 36, 360), measured)
    extrapolated = {
        way: [line["n"] for line in found if (line["way"], line["accuracy"]) == way and line["extrapolated"]]
        for way in ways
    }
    assert extrapolated == dict(zip(ways, ([], [10, 30], [10, 30], [3, 10, 30], [1, 3, 10, 30]), strict=True))
    assert [line["hours"] for line in found if line["way"] == versus.RANDOM] == pytest.approx([0.1, 0.3, 1, 3])
