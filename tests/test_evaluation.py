"""BN re-estimation and accuracy, each by a second route; what evaluation leaves alone."""

import copy
import dataclasses

import pytest
import tiny
import torch
from torch import nn

from simplexnas.family import Family
from simplexnas.io.records import Accuracy
from simplexnas.measure import evaluation
from simplexnas.methods.published import PublishedMethod
from simplexnas.tasks.fashion_mnist import TASK
from simplexnas.tasks.task import Split

S = (0.2, 0.5, 0.3)


class Brightness(nn.Module):
    """Reads the class off an image whose pixels are all 20 * class."""

    def forward(self, images):
        levels = TASK.normalize(20 * torch.arange(10, dtype=torch.uint8)[:, None, None, None])
        return -(images.mean(dim=(1, 2, 3))[:, None] - levels.flatten()).abs()


def bright(labels: torch.Tensor) -> Split:
    pixels = (20 * labels).to(torch.uint8)[:, None, None, None].expand(-1, 1, 28, 28)
    return Split(pixels, labels, TASK)


@pytest.mark.parametrize("wrong", [0, 7, 300])
def test_accuracy_is_the_share_of_correct_classes(wrong):
    labels = torch.arange(600) % 10
    split = bright(labels)
    told = labels.clone()
    told[:wrong] = (told[:wrong] + 1) % 10
    assert evaluation.accuracy(Brightness(), Split(split.images, told, TASK)) == 1 - wrong / 600


@pytest.mark.parametrize("images", [600, 250, 400])
def test_batch_norm_statistics_are_averages_over_batches(images, few):
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, momentum=0.3))
    nn.init.constant_(network[1].running_mean, 99.0)  # stale
    reestimated = evaluation.reestimate_batch_norm(network, few.train, images)
    batches = few.train.images[:images].split(250)
    outputs = [network[0](TASK.normalize(batch)).transpose(0, 1).flatten(1) for batch in batches]
    mean = torch.stack([output.mean(dim=1) for output in outputs]).mean(dim=0)
    variance = torch.stack([output.var(dim=1) for output in outputs]).mean(dim=0)
    torch.testing.assert_close(network[1].running_mean, mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network[1].running_var, variance, rtol=1e-4, atol=1e-5)
    assert reestimated is network and not network.training and network[1].momentum == 0.3


def test_reestimation_changes_statistics_and_no_weights(tiny_family, few):
    architecture = tiny_family.architecture(S)
    before = tiny_family.network(architecture)
    after = evaluation.inherited(tiny_family, architecture, few.train)
    assert all(torch.equal(*pair) for pair in zip(before.parameters(), after.parameters(), strict=True))
    assert any(not torch.equal(*pair) for pair in zip(before.buffers(), after.buffers(), strict=True))


@pytest.fixture
def mixing() -> Family:
    """Of the published method, which trains mixtures; untrained."""
    return Family("published", PublishedMethod(tiny.config("paper")).eval(), {})


def test_evaluation_leaves_the_family_alone(mixing, fewer):
    state = copy.deepcopy(mixing.model.state_dict())
    first = evaluation.in_all_ways(mixing, mixing.logits(S), fewer)
    report = evaluation.evaluate(mixing, mixing.architecture(S), fewer)
    assert all(torch.equal(state[name], tensor) for name, tensor in mixing.model.state_dict().items())
    assert not mixing.model.training
    networks = ("relaxed t = 1", "relaxed t = 0.2", "discrete")
    assert list(first) == [f"{network}{way}" for network in networks for way in (", statistics of training", "")]
    assert first == evaluation.in_all_ways(mixing, mixing.logits(S), fewer), "relaxed noise comes from a fixed seed"
    assert report["accuracy"] == first["discrete"].to_dict()


def test_nothing_is_mixed_where_training_mixes_nothing(tiny_family, fewer):
    found = evaluation.in_all_ways(tiny_family, tiny_family.logits(S), fewer)
    assert list(found) == ["discrete, statistics of training", "discrete"]


@pytest.mark.parametrize("images", [7, 24, 61])
def test_accuracies_are_those_of_pytorch(images, tiny_family, fewer):
    """Labels are what PyTorch predicts, but for a third of them on validation and none on the test set."""
    network = evaluation.inherited(tiny_family, tiny_family.architecture(S), fewer.train)
    pixels = fewer.train.images[:images]
    with torch.no_grad():
        predicted = network(TASK.normalize(pixels)).argmax(dim=1)
    third = torch.arange(images) % 3 == 0
    wrong, told = int(third.sum()), torch.where(third, (predicted + 1) % 10, predicted)
    splits = dataclasses.replace(fewer, validation=Split(pixels, told, TASK), test=Split(pixels, predicted, TASK))
    assert evaluation.accuracies(network, splits) == Accuracy(validation=(images - wrong) / images, test=1.0)


@pytest.fixture
def asked(monkeypatch):
    """The networks and splits of every accuracy that is asked for; each is 0.5."""
    pairs = []

    def accuracies(network, splits):
        pairs.extend([(network, splits.validation), (network, splits.test)])
        return Accuracy(validation=0.5, test=0.5)

    monkeypatch.setattr(evaluation, "accuracy", lambda *pair: pairs.append(pair) or 0.5)
    monkeypatch.setattr(evaluation, "accuracies", accuracies)
    return pairs


def assert_asked(asked, expected) -> None:
    for (network, split), (other, same) in zip(asked, expected, strict=True):
        assert split is same and not network.training
        tiny.assert_same_tensors(network, other)


def test_accuracy_comes_with_statistics_of_training_images(tiny_family, fewer, asked, monkeypatch):
    moments = iter([10.0, 12.346])
    monkeypatch.setattr(evaluation.time, "perf_counter", lambda: next(moments))
    report = evaluation.evaluate(tiny_family, tiny_family.architecture(S), fewer)
    assert report["seconds"] == 2.35 and report["accuracy"] == {"validation": 0.5, "test": 0.5}
    network = tiny_family.network(tiny_family.architecture(S))
    evaluation.reestimate_batch_norm(network, fewer.train)
    assert_asked(asked, [(network, fewer.validation), (network, fewer.test)])


def test_each_way_has_the_network_and_the_statistics_that_it_names(mixing, fewer, asked):
    logits, architecture = mixing.logits(S), mixing.architecture(S)
    evaluation.in_all_ways(mixing, logits, fewer)
    expected = []
    for t in (1.0, 0.2):
        as_trained, reestimated = (evaluation.RelaxedNetwork(mixing.model.supernet, logits, t) for _ in range(2))
        evaluation.reestimate_batch_norm(reestimated, fewer.train)
        expected += [(as_trained, fewer.test), (reestimated, fewer.test)]
    as_trained, reestimated = (mixing.network(architecture) for _ in range(2))
    evaluation.reestimate_batch_norm(reestimated, fewer.train)
    for network in (as_trained, reestimated):
        expected += [(network, fewer.validation), (network, fewer.test)]
    assert_asked(asked, expected)
    assert [network.temperature for network, _ in asked[:4]] == [1.0, 1.0, 0.2, 0.2]


def test_relaxed_network_tends_to_hard_samples(tiny_family):
    """At a tiny temperature each image runs through one random architecture."""
    network = evaluation.RelaxedNetwork(tiny_family.model.supernet, tiny_family.logits(S), 1e-6).eval()
    x = tiny.images(3)
    noise = evaluation.gumbel.gumbel_noise((3, 10, 3), evaluation.generator(0))
    choices = (tiny_family.logits(S) + noise).argmax(dim=-1).tolist()
    supernet = tiny_family.model.supernet
    alone = torch.cat([supernet(x[i : i + 1], choice) for i, choice in enumerate(choices)])
    torch.testing.assert_close(network(x), alone, rtol=1e-4, atol=1e-4)
