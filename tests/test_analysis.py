"""What is read off result points, on points made by hand."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import Accuracy, Point
from simplexnas.measure.lattice import sublattice
from simplexnas.methods import penalties
from simplexnas.report import analysis, statistics
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace

POINTS = [
    tiny.point(edge_parameters=300, accuracy=Accuracy(validation=0.9, test=0.5)),
    tiny.point(edge_parameters=200, accuracy=Accuracy(validation=0.8, test=0.5)),
    tiny.point(edge_parameters=100, accuracy=Accuracy(validation=0.8, test=0.5)),
    tiny.point(edge_parameters=50, accuracy=Accuracy(validation=0.7, test=0.5)),
]


@pytest.mark.parametrize(("budget", "best"), [(1000, 300), (300, 300), (299, 100), (99, 50)])
def test_best_within_a_budget(budget, best):
    assert analysis.best_within(POINTS, budget).edge_parameters == best


def test_nothing_within_the_budget():
    with pytest.raises(SimplexNASError, match="budget = 49"):
        analysis.best_within(POINTS, 49)
    assert np.isnan(analysis.accuracy_within(POINTS, 49, split="validation"))


def test_accuracy_within_a_budget_is_that_of_the_best_there():
    points = [
        tiny.point(macs=1, accuracy=Accuracy(validation=0.8, test=0.9)),
        tiny.point(macs=2, accuracy=Accuracy(validation=0.9, test=0.7)),
        tiny.point(macs=3, accuracy=Accuracy(validation=1.0, test=1.0)),
    ]
    assert [analysis.accuracy_within(points, budget, "macs") for budget in (1, 2, 3)] == [0.9, 0.7, 1.0]


def test_mean_and_sd():
    assert statistics.mean_and_sd([1.0, 2.0, 3.0]) == {"mean": 2.0, "sd": 1.0, "n": 3}
    assert statistics.mean_and_sd([1.0, 3.0])["sd"] == pytest.approx(2**0.5)
    assert statistics.mean_and_sd([0.5]) == {"mean": 0.5, "sd": None, "n": 1}


def test_interval_by_hand():
    """Student's t with one degree of freedom: 12.706."""
    assert statistics.mean_and_interval([1.0, 3.0]) == pytest.approx(
        {"mean": 2, "low": 2 - 12.706, "high": 2 + 12.706}, rel=1e-3
    )
    assert np.isnan(statistics.mean_and_interval([1.0])["low"])


def test_sublattice():
    points = [tiny.point(S=tuple(S.round(6).tolist())) for S in penalties.lattice(3, 0.05)]
    coarse = [list(point.S) for point in sublattice(points, 0.1)]
    assert coarse == penalties.lattice(3, 0.1).round(6).tolist()


def lattice_points(step: float, edges: int = 28) -> list[Point]:
    """A made-up family: edge e takes the operation of least S_m - worth_em."""
    worth = 0.15 * np.random.default_rng(0).normal(size=(edges, 3))
    points = []
    for S in penalties.lattice(3, step):
        choice = (S - worth).argmin(axis=1)
        counts = np.bincount(choice, minlength=3).tolist()
        operations = dict(zip(("pool", "identity", "convolution"), counts, strict=True))
        points.append(tiny.point(S=tuple(S.tolist()), choice=tuple(choice.tolist()), operations=operations))
    return points


def test_correlations_of_a_monotone_family():
    values = analysis.steering_correlations(lattice_points(0.05))
    assert list(values) == ["pool", "identity", "convolution"] and all(value < -0.9 for value in values.values())


def test_correlation_is_0_where_nothing_changes():
    same = {"pool": 10, "identity": 10, "convolution": 8}
    points = [replace(point, operations=same) for point in lattice_points(0.25)]
    assert set(analysis.steering_correlations(points).values()) == {0.0}


def test_changes_per_step():
    step = 0.25
    points = lattice_points(step)
    pairs = [
        sum(a != b for a, b in zip(p.choice, q.choice, strict=True))
        for i, p in enumerate(points)
        for q in points[:i]
        if np.isclose(np.abs(np.subtract(p.S, q.S)).sum(), 2 * step)
        and np.isclose(np.abs(np.subtract(p.S, q.S)).max(), step)
    ]
    assert len(pairs) == 30  # 3 n (n + 1) / 2 for n = 1 / step
    assert analysis.changes_per_step(points, step) == {"mean": pytest.approx(np.mean(pairs)), "max": max(pairs)}


def made(total: int, validation: float, test: float | None = None, **known) -> Point:
    accuracy = Accuracy(validation=validation, test=validation if test is None else test)
    return tiny.point(total_parameters=total, accuracy=accuracy, **known)


def test_front_is_chosen_on_validation():
    points = [made(50_000, 0.9), made(30_000, 0.8), made(40_000, 0.79, test=0.99), made(60_000, 0.9)]
    assert analysis.front(points) == [points[1], points[0]]


def test_front_and_best_by_another_size():
    points = [made(1, v, latency_ms=ms) for v, ms in ((0.8, 1.0), (0.7, 2.0), (0.9, 3.0))]
    assert analysis.front(points, "latency_ms") == [points[0], points[2]]
    assert analysis.best_within(points, 2.5, "latency_ms") == points[0]


SPACES = {
    "default": SearchSpace(),
    "small": tiny.SPACE,
    "no free operation": SearchSpace(("sep_conv_3x3", "sep_conv_5x5"), channels=4),
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_hypervolume_by_hand(space):
    smallest, largest = (
        cost.fixed_parameters(space) + choose(cost.edge_parameters(space), axis=1).sum() for choose in (np.min, np.max)
    )
    middle = (smallest * largest) ** 0.5

    def volume(*points):
        return analysis.hypervolume(points, space)

    assert volume(made(middle, 0.85)) == pytest.approx(0.25)
    assert volume(made(middle, 0.85), made(smallest, 0.76)) == pytest.approx(0.25 + 0.5 * 0.2)
    assert volume(made(middle, 0.9, test=0.85)) == pytest.approx(0.25), "measured on test"
    assert volume(made(middle, 0.6)) == 0
    assert volume(made(smallest, 1.0)) == pytest.approx(1) and volume(made(largest, 1.0)) == pytest.approx(0)


def test_hypervolume_where_all_networks_have_one_size_is_that_of_accuracy():
    space = SearchSpace(("max_pool", "average_pool"))
    assert analysis.hypervolume([made(cost.fixed_parameters(space), 0.85)], space) == pytest.approx(0.5)


def test_level_points_are_chosen_by_their_operations_whatever_their_order():
    points = [made(50_000, 0.9, test=test, choice=choice) for test, choice in ((0.8, (1, 0)), (0.9, (0, 2)))]
    points.append(made(50_000, 0.9, test=0.9, choice=(0, 2), S=(0.2, 0.3, 0.5)))
    for order in permutations(points):
        assert analysis.front(order) == [points[1]]
        assert analysis.best_within(order, 1) == points[1]
        assert analysis.hypervolume(order, SearchSpace()) == analysis.hypervolume(points[1:2], SearchSpace())


VALUES = st.floats(-100, 100)


@given(base=st.lists(VALUES, min_size=2, max_size=6), data=st.data())
def test_paired_with_is_the_paired_t_interval_for_one_comparison(base, data):
    change = data.draw(st.lists(VALUES, min_size=len(base), max_size=len(base)))
    found = statistics.paired_with({"base": base, "change": change}, "base")
    expected = statistics.mean_and_interval(np.subtract(change, base).tolist())
    assert found == {"change": pytest.approx(expected, rel=1e-6, abs=1e-6)}


def test_paired_with_pools_the_noise_and_allows_for_all_comparisons():
    """A table small enough to work out by hand: residuals are ±1/3, ±1/6, ±1/6, with two degrees of freedom."""
    found = statistics.paired_with({"base": [1, 2], "one": [2.0, 4.0], "other": [1.0, 2.0]}, "base")
    half = stats.t.ppf(1 - 0.05 / 2 / 2, 2) * (2 * (2 / 9 + 4 / 36) / 2 / 2) ** 0.5
    assert found["one"] == pytest.approx({"mean": 1.5, "low": 1.5 - half, "high": 1.5 + half})
    assert found["other"] == pytest.approx({"mean": 0, "low": -half, "high": half})


@pytest.mark.parametrize(("groups", "seeds", "least", "most"), [(2, 3, 0.935, 0.965), (9, 3, 0.945, 0.985)])
def test_paired_with_covers_all_differences_at_once(groups, seeds, least, most):
    """In 95 % of simulated experiments, or, as Bonferroni's bound is no equation, in somewhat more; wherever seeds lie.

    With 2,000 experiments the share has a standard error of 0.005.
    """
    random, covered = np.random.default_rng(0), 0
    for _ in range(2000):
        truth = random.normal(scale=3, size=groups)
        table = truth[:, None] + random.normal(scale=10, size=seeds) + random.normal(size=(groups, seeds))
        found = statistics.paired_with({str(group): own.tolist() for group, own in enumerate(table)}, "0")
        covered += all(own["low"] < truth[int(group)] - truth[0] < own["high"] for group, own in found.items())
    assert least < covered / 2000 < most


def test_resampled_taus_keep_the_groups_and_pair_the_predictors():
    random = np.random.default_rng(1)
    strata = ["a"] * 12 + ["b"] * 6
    truth = random.normal(size=18) + 10 * (np.array(strata) == "b")
    noisy = truth + random.normal(size=18)
    values = {"truth": truth, "noisy": noisy, "copy": noisy + 5, "group": np.array(strata) == "b", "against": -truth}
    found = statistics.resampled_taus(values, truth, strata, resamples=200)
    assert all(taus.shape == (200,) for taus in found.values())
    assert np.allclose(found["truth"], 1) and np.allclose(found["against"], -1)
    assert np.array_equal(found["noisy"], found["copy"]), "the same resamples"
    # tau-b against a group: 12 * 6 pairs of both, of those that the group tells apart and those that the truth does
    least = 72 / (72 * 153) ** 0.5
    assert found["group"].min() >= least - 1e-12 and found["group"].max() < 1.3 * least, "as many of each in all"
    low, high = statistics.percentile_interval(found["noisy"])
    assert (found["noisy"] < low).sum() == (found["noisy"] > high).sum() == 5
    repeated = statistics.resampled_taus({"noisy": noisy}, truth, strata, resamples=200)["noisy"]
    assert np.array_equal(repeated, found["noisy"])


def test_agreement():
    inherited, retrained = [0.8, 0.82, 0.85], [0.81, 0.84, 0.86]
    found = statistics.agreement(inherited, retrained)
    assert found["gap"] == pytest.approx(100 * 0.04 / 3) and found["tau"] == 1
    assert statistics.agreement(inherited, retrained[::-1])["tau"] == stats.kendalltau([1, 2, 3], [3, 2, 1])[0] == -1
