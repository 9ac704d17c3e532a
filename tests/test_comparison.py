"""Networks of methods beside each other: which are trained, by which recipe, and what is kept of it."""

import dataclasses
import json
from contextlib import contextmanager

import numpy as np
import pytest
import tiny
import torch

from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import Accuracy
from simplexnas.measure import comparison, evaluation, retraining
from simplexnas.methods.choose import method_of
from simplexnas.methods.settings import preset
from simplexnas.report import analysis
from simplexnas.space.search_space import SearchSpace


@pytest.fixture
def front(lattice_path, tiny_family):
    """Members of the tiny family."""
    return analysis.front(records.read_own(tiny_family, records.LATTICE).points)


@pytest.fixture
def trained(monkeypatch):
    """Trainings that were asked for, as (operations, config, folder); none runs. Accuracy alone is 0.9."""
    asked = []

    def retrain(architecture, train, config, folder):
        asked.append((architecture.operations, config, folder))
        return tiny.awake(architecture.build())

    monkeypatch.setattr(retraining, "retrain", retrain)
    monkeypatch.setattr(evaluation, "accuracies", lambda *_: Accuracy(0.9, 0.9))
    return asked


@contextmanager
def stopped_after(trainings: int, trained: list, monkeypatch):
    """The block ends when one more training would begin."""
    retrain = retraining.retrain

    def stops(*arguments):
        if len(trained) == trainings:
            raise KeyboardInterrupt
        return retrain(*arguments)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(retraining, "retrain", stops)
        yield


def content(path):
    return json.loads(path.read_text())


def test_random_architectures_are_one_of_each_part_of_the_sizes():
    space = SearchSpace()
    sizes = [each.total_parameters for each in comparison.stratified(space, 6, seed=0)]
    borders = np.geomspace(20_506, 199_258, 7)
    for size, low, high in zip(sizes, borders, borders[1:], strict=False):
        assert 0.999 * low <= size <= 1.001 * high
    assert comparison.stratified(space, 6, seed=0) == comparison.stratified(space, 6, seed=0)
    assert comparison.stratified(space, 6, seed=0) != comparison.stratified(space, 6, seed=1)
    assert comparison.stratified(space, 0, seed=0) == []
    with pytest.raises(SimplexNASError, match="500 bins of size; allowed: fewer in this search space"):
        comparison.stratified(tiny.FEW_EDGES, 500, seed=0)


def test_members_keep_their_inherited_accuracy_and_random_ones_get_theirs(front, tiny_family, fewer, trained):
    path = comparison.compare(tiny_family, fewer, front, members=2, random=3, epochs=2)
    assert path == tiny_family.results / records.COMPARED
    found = content(path)
    assert found["settings"] == {"epochs": 2, "members": 2, "random": 3}
    points = records.read_own(tiny_family, records.COMPARED).points
    expected = front if len(front) <= 2 else [front[0], front[-1]]
    assert [point.source for point in points] == len(expected) * ["family"] + 3 * ["random"]
    for point, member in zip(points, expected, strict=False):
        assert (point.choice, point.S, point.accuracy) == (member.choice, member.S, member.accuracy)
    assert all(point.accuracy.test == 0.9 and point.S is None for point in points[len(expected) :])
    assert all(point.retrained.test == 0.9 for point in points)
    assert [operations for operations, *_ in trained] == [point.choice for point in points]


@pytest.mark.parametrize(
    ("name", "method", "changes"),
    [("paper", "simplex", {}), ("quick", "simplex", {"warmup": 0.6}), ("default", "darts", {})],
)
def test_the_recipe_is_the_same_for_every_method(name, method, changes, front, tiny_family, fewer, trained, tmp_path):
    """Also for ours, whose own settings `retrain` would take."""
    other = preset(name, method, space=tiny.SPACE, train_images=256, seed=3, **changes)
    family = Family.load(Family("other", method_of(other)).export(tmp_path / "other", tiny.SPENT))
    comparison.compare(family, fewer, front[:1], members=1, random=0, epochs=2)
    ((_, config, _),) = trained
    ours = preset("default", space=tiny.SPACE, train_images=256)
    assert config == dataclasses.replace(ours, seed=3, epochs=2)


def test_statistics_of_a_network_alone_are_those_of_clean_images(front, tiny_family, fewer, trained, monkeypatch):
    seen = []
    monkeypatch.setattr(evaluation, "accuracies", lambda network, _: seen.append(network) or Accuracy(0.5, 0.5))
    torch.manual_seed(0)
    comparison.compare(tiny_family, fewer, front[:1], members=1, random=0, epochs=1)
    (network,) = seen
    before = [norm.running_mean.clone() for norm in network.modules() if isinstance(norm, torch.nn.BatchNorm2d)]
    evaluation.reestimate_batch_norm(network, fewer.train)
    after = [norm.running_mean for norm in network.modules() if isinstance(norm, torch.nn.BatchNorm2d)]
    assert before and all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert any(mean.any() for mean in after)


def test_an_interrupted_comparison_goes_on(front, tiny_family, fewer, trained, monkeypatch):
    with stopped_after(2, trained, monkeypatch):
        comparison.compare(tiny_family, fewer, front, members=1, random=3, epochs=1)
    comparison.compare(tiny_family, fewer, front, members=1, random=3, epochs=1)
    assert len(trained) == 4, "none is trained twice"
    assert {folder for *_, folder in trained} == {tiny_family.runs / "alone"}


def test_noise_trains_each_network_with_every_seed(front, tiny_family, fewer, trained, monkeypatch):
    with stopped_after(2, trained, monkeypatch):
        comparison.noise(tiny_family, fewer, front, members=1, seeds=3, epochs=2)
    path = comparison.noise(tiny_family, fewer, front, members=1, seeds=3, epochs=2)
    assert path == tiny_family.results / records.NOISE
    assert [(choice, config.seed, config.epochs) for choice, config, _ in trained] == [
        (front[0].choice, seed, 2) for seed in range(3)
    ]
    points = records.read_own(tiny_family, records.NOISE).points
    assert [(point.choice, point.seed, point.accuracy) for point in points] == [
        (front[0].choice, seed, front[0].accuracy) for seed in range(3)
    ]
    assert all(point.retrained.test == 0.9 for point in points)
    with pytest.raises(SimplexNASError, match="exists; move it away"):
        comparison.noise(tiny_family, fewer, front, members=1, seeds=3, epochs=2)
