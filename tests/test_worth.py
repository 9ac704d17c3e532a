"""Our method: what its steps see, what it learns from path losses, where it draws S."""

import numpy as np
import pytest
import tiny
import torch

from simplexnas.family import Family
from simplexnas.io import seeds
from simplexnas.methods import penalties
from simplexnas.methods.choose import method_of
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.regression import Worth
from simplexnas.methods.settings import preset
from simplexnas.methods.worth import WorthMethod
from simplexnas.network.architecture import Architecture
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace
from simplexnas.training import loop

OURS = {"hypernetwork": "worth", "kappa": 0.008, "tau": 4e-5, "parameter_price": 1.4}


def config(**changes):
    return tiny.config(**(OURS | changes))


def taught(settings, seed: int = 0) -> WorthMethod:
    """With invented worths."""
    method = method_of(settings)
    nats = 1e-3 * np.random.default_rng(seed).normal(size=method.hypernetwork.nats.shape)
    method.hypernetwork.learn(Worth(nats, np.abs(nats)))
    return method


def batch(split) -> list[Batch]:
    return [Batch(split.task.normalize(split.images[:32]), split.labels[:32])]


def test_one_edge_moves_lat_by_what_it_adds():
    """Lat counts parameters in one unit everywhere: those of the whole network, whichever edge they stand on."""
    space = SearchSpace()
    prices = cost.price_of_instance(torch.zeros(1, 3), space, parameter_price=1.0)
    base = [0] * 28

    def lat(operations: list[int]) -> float:
        return float(cost.price_term(torch.nn.functional.one_hot(torch.tensor([operations]), 3).float(), prices, space))

    units = []
    for edge in range(28):
        for m in (1, 2):
            moved = [*base[:edge], m, *base[edge + 1 :]]
            added = Architecture(space, moved).build(), Architecture(space, base).build()
            parameters = np.subtract(*(sum(p.numel() for p in network.parameters()) for network in added))
            if parameters:
                units.append((lat(moved) - lat(base)) / parameters)
            else:
                assert lat(moved) == pytest.approx(lat(base))
    assert np.allclose(units, 1 / 5984) and len(units) == 36


def test_logits_are_worth_minus_price():
    method = taught(config())
    S = np.array([0.2, 0.3, 0.5])
    space, instances = method.config.space, cost.instances(method.config.space)[:, None]
    nats = method.hypernetwork.nats.numpy()
    price = cost.price_of_instance(torch.tensor(S)[None].float(), space, 1.4)[0].numpy()
    assert np.allclose(method.logits(S).numpy(), (nats / instances - 0.008 * price) / 4e-5, rtol=1e-4, atol=1e-3)


def test_dearer_operations_stand_on_fewer_edges():
    method = taught(config(), seed=1)
    for m in range(3):
        others = np.delete(np.eye(3), m, axis=0).sum(axis=0) / 2
        counts = [
            list(method.architecture(share * np.eye(3)[m] + (1 - share) * others).counts().values())[m]
            for share in np.linspace(0, 1, 11)
        ]
        assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]


def test_a_step_keeps_its_paths_and_trains_only_what_they_drew(few):
    method = method_of(config())
    result = method(batch(few.train), Step(3, 100_000, seeds.generator(0)))  # at random, as the warm-up has just begun
    result["loss"].backward()
    drawn, losses = method.paths.choices[6:8], method.paths.losses[6:8]
    assert (
        not torch.equal(drawn[0], drawn[1]) and not method.paths.losses[:6].any() and not method.paths.losses[8:].any()
    )
    assert result["cross_entropy"] == pytest.approx(float(losses.mean())) and (losses > 0).all()
    for (images, labels), choice, loss in zip(
        zip(*(values.split(16) for values in batch(few.train)[0]), strict=True), drawn.tolist(), losses, strict=True
    ):
        again = torch.nn.functional.cross_entropy(method.supernet(images, choice), labels)
        assert loss.item() == pytest.approx(again.item())


def test_paths_are_drawn_at_random_ever_less(few):
    """Each at an S of its own; what the hypernetwork chooses is nearly certain here."""
    method = taught(config(random_share=0.2, paths=2))
    assert method.random_share(0.0) == 1 and method.random_share(0.1) == pytest.approx(0.6)
    assert method.random_share(0.2) == method.random_share(0.9) == pytest.approx(0.2)
    assert taught(config(warmup=0.0)).random_share(0.0) == 0
    for number in range(30):
        method.loss(batch(few.train), Step(number, 32, seeds.generator(0, number)))
    at_random = method.paths.random[:60]
    assert at_random[:6].all() and 0.1 < at_random[14:].float().mean() < 0.35
    chosen = method.paths.choices[:60][~at_random]
    every = {method.architecture(S).operations for S in penalties.lattice(3, 0.05)}
    assert np.mean([tuple(row) in every for row in chosen.tolist()]) > 0.9, "members of the family"
    assert np.mean([tuple(row) in every for row in method.paths.choices[:60][at_random].tolist()]) < 0.1
    steps = method.paths.choices[:60].view(30, 2, -1)[~at_random.view(30, 2).any(dim=1)]
    assert (steps[:, 0] != steps[:, 1]).any(dim=1).float().mean() > 0.3, "two paths of a step have two S"


def test_worth_is_learned_from_the_latest_random_losses_until_it_is_not(few, tmp_path, monkeypatch):
    seen = []

    def spied(numbers, choices, losses, space):
        seen.append(numbers)
        return Worth(np.ones((10, 3)), np.ones((10, 3)))

    monkeypatch.setattr("simplexnas.methods.worth.worth", spied)
    settings = config(epochs=8, random_share=0.5)  # 64 steps of two paths
    method = loop.search(settings, few.train, tmp_path, progress_bar=False)
    at_random = torch.nonzero(method.paths.random)[:, 0].numpy()
    last = 38  # the last step within 60 %, each of which is a lesson
    expected = at_random[(at_random >= 2 * int(0.4 * last)) & (at_random < 2 * last)]
    assert np.array_equal(seen[-1], expected) and 10 < len(expected) < 46
    assert method.hypernetwork.nats.eq(1).all() and (method.paths.losses > 0).all()


def test_worth_is_learned_in_a_training(few, tmp_path):
    method = loop.search(config(), few.train, tmp_path, progress_bar=False)
    nats, error = method.hypernetwork.nats, method.hypernetwork.error
    assert nats.abs().max() > 0 and (error > 0).all() and nats.sum(dim=1).abs().max() < 1e-6
    family = Family.load(Family("ours", method).export(tmp_path / "ours", seconds=1.0))
    assert torch.equal(family.model.hypernetwork.nats, nats)


def test_random_utilities_stay(few, tmp_path):
    changes = {"random_utilities": True, "policy_until": 0.0, "epochs": 1}
    method = loop.search(config(**changes), few.train, tmp_path, progress_bar=False)
    expected = method_of(config(**changes)).hypernetwork.nats
    assert torch.equal(method.hypernetwork.nats, expected) and expected.abs().max() > 0
    assert not torch.equal(expected, method_of(config(**changes, seed=1)).hypernetwork.nats)


def test_a_share_of_S_lies_on_the_predicted_front():
    method = taught(config(space=SearchSpace()))
    method.config = config(space=SearchSpace(), front_share=1.0)

    def places(n: int, share: float) -> np.ndarray:
        method.config = config(space=SearchSpace(), front_share=share)
        S = torch.cat([method.condition(seeds.generator(share > 0, number)) for number in range(n)])
        assert torch.allclose(S.sum(dim=1), torch.ones(n)) and (S >= 0).all()
        members = [Architecture(method.config.space, row) for row in method.hypernetwork(S).argmax(dim=-1).tolist()]
        nats = method.hypernetwork.nats.numpy()
        return np.array([[a.edge_parameters, nats[np.arange(28), a.operations].sum()] for a in members])

    uniform, front = places(300, 0.0), places(100, 1.0)

    def beaten(points: np.ndarray) -> float:
        """Share of the uniform draws that beat a point, on average over the points."""
        return np.mean([((uniform[:, 0] < size) & (uniform[:, 1] > nats)).mean() for size, nats in points])

    assert beaten(front) < 0.25 * beaten(uniform)


def test_presets_are_of_their_methods():
    assert isinstance(method_of(config()), WorthMethod)
    assert not isinstance(method_of(tiny.config("paper")), WorthMethod)
    assert preset("default").front_share == 0
