"""The page `problem`: its pictures, its pair of members, its numbers."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tiny
from pages import source, unsaid

from simplexnas.family import Family
from simplexnas.io import paths, records
from simplexnas.io.records import Accuracy
from simplexnas.report import published
from simplexnas.report.pages import problem
from simplexnas.report.paper import PAPER
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks import fashion_mnist


def member(parameters: float, macs: float, validation: float):
    return tiny.point(total_parameters=parameters, macs=macs, accuracy=Accuracy(0.5, validation))


def test_the_pair_is_the_one_that_is_farthest_apart_in_both():
    small, quick, dear = member(100, 40, 0.900), member(130, 30, 0.901), member(120, 39, 0.900)
    elsewhere = member(400, 1, 0.910)  # saves most, but is more accurate
    better = member(90, 29, 0.950)  # smaller and quicker: no trade
    points = [dear, quick, elsewhere, small, better]
    assert problem.trade(points, near=0.002) == (small, quick)
    assert problem.savings((small, quick)) == pytest.approx((1 - 100 / 130, 1 - 30 / 40))
    assert problem.trade(points, near=0.01) == (small, elsewhere)


@pytest.mark.parametrize("family", published.DEFAULT)
def test_no_pair_of_a_published_family_is_farther_apart(family):
    """By another route: all pairs, one after the other."""
    points = records.read_lattice(family).points
    pair = problem.trade(points)
    assert abs(pair[0].accuracy.validation - pair[1].accuracy.validation) <= problem.NEAR + 1e-9
    saved = min(b / a for a, b in ((pair[0].total_parameters, pair[1].total_parameters), (pair[1].macs, pair[0].macs)))
    assert saved > 1
    for a in points:
        for b in points:
            if abs(a.accuracy.validation - b.accuracy.validation) <= problem.NEAR:
                assert min(b.total_parameters / a.total_parameters, a.macs / b.macs) <= saved + 1e-9


def test_the_first_picture_shows_published_networks():
    figure = problem.idea()
    corners, networks, members = figure.axes
    family = Family.load(published.DEFAULT[0])
    drawn = {"A": set(), "B": set(), "C": set(), "D": set()}
    for m, dots in enumerate(networks.collections):
        row, operation = divmod(m, 3)
        for x, y in dots.get_offsets():
            drawn["ABCD"[row]].add((round(x + 14 * (-y - 2.6 * row)), operation))
    for name, (S, *_) in PAPER.items():
        assert drawn[name] == set(enumerate(family.architecture(S).operations))
    lattice, *named = members.collections
    points = records.read_lattice(published.DEFAULT[0]).points
    assert np.allclose(lattice.get_offsets()[:, 1], [100 * point.accuracy.test for point in points])
    measured = records.read_record(paths.RESULTS / published.DEFAULT[0] / records.PAPER_POINTS).points
    for dot, point in zip(named, measured, strict=True):
        assert np.allclose(dot.get_offsets(), [[point.total_parameters / 1e3, 100 * point.accuracy.test]])
    assert [label.get_text() for label in corners.texts] == [*labels(SearchSpace().operations), *PAPER]
    plt.close(figure)


def test_the_second_picture_marks_the_pair():
    (ax,) = problem.two_devices().axes
    saved = [min(problem.savings(problem.trade(records.read_lattice(name).points))) for name in published.DEFAULT]
    points = records.read_lattice(published.DEFAULT[np.argmax(saved)]).points
    everyone, first, second = (dots.get_offsets() for dots in ax.collections)
    assert len(everyone) == len(points)
    for dot, point in zip((first, second), problem.trade(points), strict=True):
        assert np.allclose(dot, [[point.total_parameters / 1e3, point.macs / 1e6]])


def test_what_the_page_says_of_space_and_data(splits):
    space = SearchSpace()
    assert space.k ** len(genotype_edges(space)) == 22_876_792_454_961
    assert labels(space.operations) == ("pool", "identity", "convolution")
    lengths = [len(split) for split in vars(splits).values()]
    assert lengths == [55_000, 5_000, 10_000]
    for split in vars(splits).values():
        assert split.labels.bincount().tolist() == [len(split) // 10] * 10


def test_images_are_one_of_each_class(splits):
    figure = problem.images(splits)
    assert [ax.get_title() for ax in figure.axes] == list(fashion_mnist.CLASSES)
    for label, ax in enumerate(figure.axes):
        shown = ax.get_images()[0].get_array()
        same = (splits.validation.images[:, 0].numpy() == shown.data).all(axis=(1, 2))
        assert splits.validation.labels[int(np.flatnonzero(same)[0])] == label


def test_the_pair_is_one_of_many_that_are_as_close_in_accuracy():
    def close(name: str) -> int:
        networks = {point.choice: point.accuracy.validation for point in records.read_lattice(name).points}
        return sum(abs(a - b) < problem.NEAR + 1e-9 for a, b in itertools.combinations(networks.values(), 2))

    assert "in five trainings with hundreds of pairs each that are as close in accuracy" in source("problem")
    assert min(map(close, published.DEFAULT)) > 200


def test_numbers_span_the_published_families():
    numbers = problem.numbers()
    savings = [problem.savings(problem.trade(records.read_lattice(name).points)) for name in published.DEFAULT]
    savings.sort(key=min)
    *others, drawn = savings
    for column, name in enumerate(("parameters", "macs")):
        shares = sorted(100 * saved[column] for saved in others)
        assert float(numbers[f"problem.{name}"]) == pytest.approx(100 * drawn[column], abs=0.5)
        assert float(numbers[f"problem.{name}.least"]) == pytest.approx(shares[0], abs=0.5)
        assert float(numbers[f"problem.{name}.most"]) == pytest.approx(shares[-1], abs=0.5)
    assert len(published.DEFAULT) == 5 and "In the other four trainings the best such pair is closer" in source(
        "problem"
    )
    points = records.read_lattice(published.DEFAULT[0]).points
    assert int(numbers["problem.networks"]) == len({point.choice for point in points}) < int(numbers["problem.points"])


def test_every_number_stands_on_the_page():
    assert unsaid(problem.numbers(), "problem") == set()
    assert f"at most {100 * problem.NEAR:g} percentage points" in source("problem")
