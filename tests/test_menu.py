"""The members worth having: which, in which order, with which times."""

import dataclasses

import pytest
import tiny

from simplexnas.family import describe
from simplexnas.io import records
from simplexnas.io.records import Accuracy
from simplexnas.network.architecture import Architecture
from simplexnas.use.menu import menu


class Table:
    """Predicts a millisecond for each MAC."""

    def with_predictions(self, points, batch):
        return [dataclasses.replace(point, latency_ms=batch * float(point.macs)) for point in points]


@pytest.fixture
def described(own_results, tiny_folder):
    """The tiny family with a lattice of three points: the second is larger than the third, and worse."""
    family = describe(tiny_folder)
    chosen = [Architecture(tiny.SPACE, [m] * 10) for m in (0, 2, 1)]
    points = [
        tiny.point(**architecture.sizes(), S=S, choice=architecture.operations, accuracy=Accuracy(test, validation))
        for architecture, S, validation, test in zip(
            chosen, ((0, 0, 1), (1, 0, 0), (0, 1, 0)), (0.5, 0.6, 0.7), (0.4, 0.9, 0.6), strict=True
        )
    ]
    tiny.record(points, sha256=family.sha256).save(family.results / records.LATTICE)
    return family


def test_only_members_that_no_other_beats_by_size(described):
    members = menu(described)
    assert [member["S"] for member in members] == [[0, 0, 1], [0, 1, 0]]
    assert [member["accuracy"] for member in members] == [
        {"validation": 0.5, "test": 0.4},
        {"validation": 0.7, "test": 0.6},
    ]
    assert all("predicted_ms" not in member for member in members)


def test_times_are_of_the_batch(described):
    members = menu(described, Table(), batch=3)
    assert [member["predicted_ms"] for member in members] == [3 * member["macs"] for member in members]
