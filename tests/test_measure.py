"""Measurements of a tiny family: whole files, and what an interruption leaves."""

import copy
import json

import pytest
import tiny
import torch

from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import claim
from simplexnas.io.records import Accuracy
from simplexnas.measure import baselines, evaluation, lattice, measurement, points, ranking, retraining
from simplexnas.methods import penalties
from simplexnas.methods.published import PublishedMethod
from simplexnas.methods.simplex import SimplexMethod
from simplexnas.report import paper
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace

pytestmark = pytest.mark.usefixtures("own_results")


@pytest.mark.parametrize(
    ("S", "allowed"),
    [((0.7, 0.15, 0.15), {1, 2}), ((0.15, 0.15, 0.7), {0, 1}), ((0.33, 0.33, 0.33), {0, 1, 2}), ((0, 0.5, 0.5), {0})],
)
def test_control_takes_the_least_penalty_and_ties_at_random(S, allowed):
    space = SearchSpace()
    drawn = [baselines.control(S, space, seed) for seed in range(3)]
    assert all(set(architecture.operations) == allowed for architecture in drawn)
    assert len(set(drawn)) == (1 if len(allowed) == 1 else 3)
    assert drawn[0] == baselines.control(S, space, 0)


def test_random_hypernetwork_has_random_worths_and_the_prices_of_the_family():
    config = tiny.config(price="macs", parameter_price=0.3)
    family, S = Family("priced", SimplexMethod(config), {}), torch.from_numpy(penalties.lattice(3, 0.5)).float()
    first, same, other = (baselines.random_hypernetwork(family, seed) for seed in (0, 0, 1))
    assert torch.equal(first.nats, same.nats) and not torch.equal(first.nats, other.nats)
    assert not family.model.hypernetwork.nats.any(), "the family keeps its own"
    prices = cost.price(S, config.space, 0.3, cost.relative_costs("macs", config.space))
    worths = first(S) + prices
    torch.testing.assert_close(worths, worths[:1].expand_as(worths), msg="they do not depend on S")
    assert worths[0].square().mean().sqrt().item() == pytest.approx(config.spread)


def test_baselines_of_the_published_method_are_refused(fewer):
    family = Family("published", PublishedMethod(tiny.config("paper")), {})
    with pytest.raises(SimplexNASError, match=r"^hypernetwork = 'pivot'; allowed here: worth, which can be drawn$"):
        baselines.baselines(family, fewer)


def test_lattice_file(lattice_path, tiny_family, tmp_path):
    assert lattice_path == tmp_path / "results" / "tiny" / records.LATTICE
    content = json.loads(lattice_path.read_text())
    assert content["sha256"] == tiny_family.sha256
    assert not list((tmp_path / "runs").rglob("*.json")), "nothing half-done is left"
    assert [point["S"] for point in content["points"]] == penalties.lattice(3, 0.5).tolist()
    for point in content["points"]:
        architecture = tiny_family.architecture(point["S"])
        assert tuple(point["choice"]) == architecture.operations
        assert point["operations"] == architecture.counts() and point["macs"] == architecture.macs


def fake_accuracy(value: float, calls: list):
    return lambda *_: calls.append(0) or Accuracy(value, value)


def interrupted(after: int, accuracies=lambda *_: Accuracy(0.5, 0.5)):
    """A measurement that stops before number `after`, counted from 0."""
    calls = []

    def measure(*arguments):
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(0)
        return accuracies(*arguments)

    return measure


def test_a_whole_measurement_is_not_made_again(lattice_path, tiny_family, fewer):
    before = lattice_path.read_bytes()
    with pytest.raises(SimplexNASError, match=r"lattice\.json exists; move it away to measure again"):
        lattice.lattice(tiny_family, fewer, 1.0)
    assert lattice_path.read_bytes() == before


def test_interrupted_lattice_goes_on(tiny_family, fewer, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "accuracies", interrupted(after=2))
    with pytest.raises(KeyboardInterrupt):
        lattice.lattice(tiny_family, fewer, 0.5)
    assert not (tmp_path / "results").exists(), "only whole files are results"
    half = tmp_path / "runs" / "tiny" / records.LATTICE
    assert len({tuple(point["choice"]) for point in json.loads(half.read_text())["points"]}) == 2
    half.write_text(json.dumps(json.loads(half.read_text()) | {"seconds": 5000.0}))
    measured = []
    monkeypatch.setattr(evaluation, "accuracies", fake_accuracy(0.25, measured))
    content = json.loads(lattice.lattice(tiny_family, fewer, 0.5).read_text())
    distinct = {tuple(point["choice"]): point["accuracy"]["test"] for point in content["points"]}
    assert len(measured) == len(distinct) - 2 and sorted(distinct.values())[-2:] == [0.5, 0.5]
    assert 5000 <= content["seconds"] < 5100, "seconds add up"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0"}, r"was made with sha256 = 0; this run asks for sha256 = [0-9a-f]{64}; move it away"),
        ({"settings": {"step": 0.25}}, r"was made with step = 0.25; this run asks for step = 0.5; move it away"),
        ({"versions": {}}, r"was made with numpy = None, python = None, .*; this run asks for numpy = \d"),
        ({"version": 1}, r"has version 1; this code reads 2; move it away"),
    ],
)
def test_half_done_lattice_of_something_else_is_refused(change, message, tiny_family, fewer, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "accuracies", interrupted(after=2))
    with pytest.raises(KeyboardInterrupt):
        lattice.lattice(tiny_family, fewer, 0.5)
    half = tmp_path / "runs" / "tiny" / records.LATTICE
    half.write_text(json.dumps(json.loads(half.read_text()) | change))
    before = half.read_bytes()
    with pytest.raises(SimplexNASError, match=rf"lattice\.json {message}"):
        lattice.lattice(tiny_family, fewer, 0.5)
    assert half.read_bytes() == before


def test_baselines_by_default(tiny_family, fewer, drawn_accuracy):
    lattice.lattice(tiny_family, fewer, 0.05)
    content = json.loads(baselines.baselines(tiny_family, fewer).read_text())
    assert content["settings"] == {"step": 0.1, "random": 30}
    assert len(content["points"]) == 2 * 66 + 30


def test_baselines_file(lattice_path, tiny_family, fewer, tmp_path, monkeypatch):
    measured = []
    monkeypatch.setattr(evaluation, "accuracies", fake_accuracy(0.75, measured))
    path = baselines.baselines(tiny_family, fewer, step=0.5, random=4)
    points = json.loads(path.read_text())["points"]
    assert len(measured) == len({tuple(point["choice"]) for point in points})
    of = {source: [p for p in points if p["source"] == source] for source in {p["source"] for p in points}}
    assert {source: len(group) for source, group in of.items()} == {
        "control": 6,
        "random hypernetwork": 6,
        "random architecture": 4,
    }
    for point in of["control"]:
        least = min(point["S"])
        assert all(point["S"][m] == least for m in point["choice"])
    path.rename(tmp_path / "before.json")
    assert json.loads(baselines.baselines(tiny_family, fewer, step=0.5, random=4).read_text())["points"] == points
    other = tiny.sister(tiny_family, tmp_path, seed=1)
    lattice.lattice(other, fewer, 0.5)
    others = json.loads(baselines.baselines(other, fewer, step=0.5, random=4).read_text())["points"]
    for source in of:
        assert [p["choice"] for p in others if p["source"] == source] != [p["choice"] for p in of[source]]


def test_interrupted_paper_points_go_on(tiny_family, fewer, tmp_path, monkeypatch):
    ways = evaluation.in_all_ways
    monkeypatch.setattr(evaluation, "in_all_ways", interrupted(2, ways))
    with pytest.raises(KeyboardInterrupt):
        points.named_points(tiny_family, fewer, tiny.NAMED)
    assert not (tmp_path / "results").exists(), "only whole files are results"
    asked = []
    monkeypatch.setattr(evaluation, "in_all_ways", lambda *args: asked.append(args[1]) or ways(*args))
    content = json.loads(points.named_points(tiny_family, fewer, tiny.NAMED).read_text())
    expected = [tiny_family.logits(S) for S, *_ in list(paper.PAPER.values())[2:]]
    assert all(torch.equal(*pair) for pair in zip(asked, expected, strict=True))
    assert [point["name"] for point in content["points"]] == list("ABCD")
    for point, S in zip(content["points"], tiny.NAMED.values(), strict=True):
        assert point["S"] == list(S) and point["ways"]["discrete"] == point["accuracy"]
        drawn = [baselines.control(S, tiny_family.space, seed).counts() for seed in range(points.DRAWS)]
        assert [each["operations"] for each in point["control"]] == drawn
    assert not (tmp_path / "runs" / "tiny" / records.PAPER_POINTS).exists()


def test_inherited_accuracy_comes_with_statistics_of_training_images(tiny_family, fewer, monkeypatch):
    networks, architecture = [], tiny_family.architecture((0.2, 0.5, 0.3))
    monkeypatch.setattr(evaluation, "accuracies", lambda network, splits: networks.append(network) or splits)
    assert measurement.inherited_accuracy(tiny_family, architecture, fewer) is fewer
    (network,) = networks
    tiny.assert_same_tensors(network, evaluation.reestimate_batch_norm(tiny_family.network(architecture), fewer.train))


def test_the_retrained_sample_is_evenly_spaced_in_size(tiny_family):
    """58 members in order of parameters, then MACs: every third; a member that occurs twice counts once."""
    members = [
        tiny.point(S=(n, 0, 0), choice=choice, edge_parameters=n // 2, macs=n % 2)
        for n, choice in enumerate(tiny.choices(tiny.SPACE, 58))
    ]
    sample = retraining.retraining_sample(tiny_family, members[::-1] + members[:30])
    assert retraining.retraining_sample(tiny_family, members) == sample
    assert [known.get("S") for _, known in sample] == [(n, 0, 0) for n in range(0, 58, 3)] + 10 * [None]
    assert [architecture.operations for architecture, _ in sample[:20]] == [member.choice for member in members[::3]]
    assert [known["source"] for _, known in sample] == 20 * ["family"] + 10 * ["random"]


def test_retraining_is_on_training_images_as_are_its_statistics(lattice_path, tiny_family, fewer, monkeypatch):
    trained, evaluated = [], []

    def fresh(architecture, train, config, folder):
        assert train is fewer.train
        trained.append(tiny.awake(architecture.build()))
        return trained[-1]

    monkeypatch.setattr(retraining, "retrain", fresh)
    monkeypatch.setattr(evaluation, "accuracies", fake_accuracy(0.5, evaluated))
    retraining.retraining(tiny_family, fewer, epochs=1)
    assert 2 * len(trained) == len(evaluated) > 0
    for network in trained:
        tiny.assert_same_tensors(network, evaluation.reestimate_batch_norm(copy.deepcopy(network), fewer.train))


def test_interrupted_retraining_goes_on(lattice_path, tiny_family, fewer, monkeypatch):
    def build(architecture, train, config, folder):
        assert config.epochs == 3 != tiny_family.config.epochs and config.space == tiny_family.space
        assert folder == tiny_family.runs / "retraining"
        return architecture.build()

    monkeypatch.setattr(retraining, "retrain", interrupted(3, build))
    with pytest.raises(KeyboardInterrupt):
        retraining.retraining(tiny_family, fewer, epochs=3)
    trained = []
    monkeypatch.setattr(retraining, "retrain", lambda *arguments: trained.append(0) or build(*arguments))
    points = json.loads(retraining.retraining(tiny_family, fewer, epochs=3).read_text())["points"]
    assert len(trained) == len({tuple(point["choice"]) for point in points}) - 3
    sources = [point["source"] for point in points]
    members = {tuple(point["choice"]) for point in json.loads(lattice_path.read_text())["points"]}
    assert sources.count("random") == 10 and sources.count("family") == min(20, len(members))
    assert all(set(point["retrained"]) == set(point["accuracy"]) == {"validation", "test"} for point in points)


def test_another_family_ranks_the_retrained_networks(lattice_path, tiny_family, fewer, tmp_path, monkeypatch):
    monkeypatch.setattr(retraining, "retrain", lambda architecture, *_: architecture.build())
    retrained = json.loads(retraining.retraining(tiny_family, fewer, epochs=1).read_text())["points"]
    other = tiny.sister(tiny_family, tmp_path)
    for parameter in other.model.supernet.classifier.parameters():
        torch.nn.init.zeros_(parameter)  # then all classes are level, and the first one is answered
    path = ranking.ranking(other, tiny_family, fewer)
    assert path == tmp_path / "sister" / "results" / records.RANKED
    found = {split: (getattr(fewer, split).labels == 0).float().mean().item() for split in ("validation", "test")}
    for point, before in zip(json.loads(path.read_text())["points"], retrained, strict=True):
        assert point.pop("accuracy") == pytest.approx(found)
        del before["accuracy"]
        assert point == before


def test_ranking_goes_on_with_what_the_retraining_says_now(lattice_path, tiny_family, fewer, monkeypatch):
    monkeypatch.setattr(retraining, "retrain", lambda architecture, *_: architecture.build())
    path = retraining.retraining(tiny_family, fewer, epochs=1)
    monkeypatch.setattr(evaluation, "accuracies", interrupted(2))
    with pytest.raises(KeyboardInterrupt):
        ranking.ranking(tiny_family, tiny_family, fewer)
    content = json.loads(path.read_text())
    for point in content["points"]:
        point["retrained"] = {"validation": 0.75, "test": 0.75}
    path.write_text(json.dumps(content))
    monkeypatch.setattr(evaluation, "accuracies", interrupted(1000))
    points = json.loads(ranking.ranking(tiny_family, tiny_family, fewer).read_text())["points"]
    assert all(point["retrained"]["test"] == 0.75 for point in points)


def test_a_family_of_another_space_cannot_rank(tiny_family, fewer):
    other = Family("few", SimplexMethod(tiny.config(space=tiny.FEW_EDGES)))
    with pytest.raises(SimplexNASError, match=r"^tiny has another search space than few; allowed: the same$"):
        ranking.ranking(other, tiny_family, fewer)


def test_a_measurement_has_one_owner(own_results, tiny_family, fewer):
    refused = pytest.raises(SimplexNASError, match=r"lattice\.json is being made by another process")
    with claim(tiny_family.runs / "lattice.lock", "the lattice"), refused:
        lattice.lattice(tiny_family, fewer, 0.5)
    assert lattice.lattice(tiny_family, fewer, 0.5).exists()
