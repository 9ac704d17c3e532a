"""Our method: what its steps see, what it learns from path losses, where it draws S."""

import numpy as np
import pytest
import tiny
import torch

from simplexnas.family import Family
from simplexnas.io import seeds
from simplexnas.io.errors import SimplexNASError
from simplexnas.methods import penalties
from simplexnas.methods.choose import method_of
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.regression import Worth
from simplexnas.methods.simplex import SimplexMethod
from simplexnas.network.architecture import Architecture
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace
from simplexnas.training import loop


def config(**changes):
    return tiny.config(**({"front_share": 0.0, "warmup": 0.2, "parameter_price": 1.4} | changes))


def taught(settings, seed: int = 0) -> SimplexMethod:
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
    prices = cost.price(torch.zeros(1, 3), space, parameter_price=1.0)
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
    method = method_of(config(warmup=0.5))
    result = method(batch(few.train), Step(3, 32, seeds.generator(0)))
    result["loss"].backward()
    drawn, losses = method.paths.choices[6:8], method.paths.losses[6:8]
    assert not torch.equal(drawn[0], drawn[1])
    assert not method.paths.losses[:6].any() and not method.paths.losses[8:].any()
    assert result["cross_entropy"] == pytest.approx(float(losses.mean())) and (losses > 0).all()
    for (images, labels), choice, loss in zip(
        zip(*(values.split(16) for values in batch(few.train)[0]), strict=True), drawn.tolist(), losses, strict=True
    ):
        again = torch.nn.functional.cross_entropy(method.supernet(images, choice), labels)
        assert loss.item() == pytest.approx(again.item())


def test_random_paths_end_with_the_warm_up_but_for_a_share(few):
    """What the hypernetwork chooses is nearly certain here."""
    settings = config(random_share=0.3, warmup=0.5, epochs=16)  # 128 steps
    method = taught(settings)
    members = {method.architecture(S).operations for S in penalties.lattice(3, 0.02)}

    def drawn_by_S(steps) -> np.ndarray:
        choices = []
        for number in steps:
            random = seeds.generator(0, number)
            step = Step(number, 128, random)
            choices.append(method.choice(method.condition(random), step)[0].tolist())
        return np.array([tuple(row) in members for row in choices])

    assert drawn_by_S(range(64)).mean() < 0.2
    assert 0.5 < drawn_by_S(range(64, 128)).mean() < 0.9
    method.config = config(random_share=0.0, warmup=0.5, epochs=16)
    assert drawn_by_S(range(64, 128)).mean() > 0.9


def test_random_paths_differ_in_how_much_they_compute():
    """Drawn evenly on each edge, nearly all would have about a third of each operation."""
    method = method_of(config(space=SearchSpace()))
    drawn = torch.cat([method.random_choice(seeds.generator(number)) for number in range(400)])
    for cell_type in drawn.split(14, dim=1):
        for m in range(3):
            share = (cell_type == m).float().mean(dim=1)
            assert abs(share.mean() - 1 / 3) < 0.05 and share.std() > 0.2  # evenly: 0.13
    normal, reduction = ((part == 2).float().mean(dim=1).numpy() for part in drawn.split(14, dim=1))
    assert abs(np.corrcoef(normal, reduction)[0, 1]) < 0.2, "cell types have shares of their own"


def test_worth_is_learned_once_from_the_second_half_of_the_warm_up(few, tmp_path, monkeypatch):
    seen = []

    def spied(choices, losses, space):
        seen.append((choices, losses))
        return Worth(np.ones((10, 3)), np.ones((10, 3)))

    monkeypatch.setattr("simplexnas.methods.simplex.worth", spied)
    method = loop.search(config(epochs=8, warmup=0.25), few.train, tmp_path, progress_bar=False)  # 64 steps, 16 random
    ((choices, losses),) = seen
    assert np.array_equal(losses, method.paths.losses[16:].numpy()) and (losses > 0).all()
    assert np.array_equal(choices, method.paths.choices[16:].numpy()) and len(method.paths.losses) == 32
    assert method.hypernetwork.nats.eq(1).all()


@pytest.mark.parametrize("warmup", [0.0, 0.1])
def test_a_warm_up_too_short_to_learn_from_is_refused(warmup):
    with pytest.raises(SimplexNASError, match=r"warmup = 0.\d of 32 steps: [06] paths to learn from; allowed: from 8"):
        method_of(config(warmup=warmup))
    assert method_of(config(warmup=warmup, random_worths=True)).hypernetwork.nats.any()


def test_a_warm_up_that_leaves_no_step_is_refused():
    with pytest.raises(SimplexNASError, match=r"warmup = 0.99 of 32 steps: none is left for what was learned; allowed"):
        method_of(config(warmup=0.99))
    assert method_of(config(warmup=0.95)).warmup_steps == 30


def test_worth_is_learned_in_a_training(few, tmp_path):
    method = loop.search(config(), few.train, tmp_path, progress_bar=False)
    nats, error = method.hypernetwork.nats, method.hypernetwork.error
    assert nats.abs().max() > 0 and (error > 0).all() and nats.sum(dim=1).abs().max() < 1e-6
    family = Family.load(Family("ours", method).export(tmp_path / "ours", tiny.SPENT))
    assert torch.equal(family.model.hypernetwork.nats, nats)


def test_random_worths_stay(few, tmp_path):
    changes = {"random_worths": True, "epochs": 1}
    method = loop.search(config(**changes), few.train, tmp_path, progress_bar=False)
    expected = method_of(config(**changes)).hypernetwork.nats
    assert torch.equal(method.hypernetwork.nats, expected) and expected.abs().max() > 0
    assert not torch.equal(expected, method_of(config(**changes, seed=1)).hypernetwork.nats)


def places(method, n: int, share: float) -> np.ndarray:
    """Edge parameters and predicted gain, in nats, of the members of n draws: (n, 2)."""
    method.config = config(space=SearchSpace(), front_share=share)
    S = torch.cat([method.condition(seeds.generator(share > 0, number)) for number in range(n)])
    assert S.shape == (n, 3) and torch.allclose(S.sum(dim=1), torch.ones(n)) and (S >= 0).all()
    members = [Architecture(method.config.space, row) for row in method.hypernetwork(S).argmax(dim=-1).tolist()]
    nats = method.hypernetwork.nats.numpy()
    return np.array([[a.edge_parameters, nats[np.arange(28), a.operations].sum()] for a in members])


def test_a_share_of_S_lies_on_the_predicted_front():
    method = taught(config(space=SearchSpace()))
    uniform, front = places(method, 300, 0.0), places(method, 100, 1.0)

    def beaten(points: np.ndarray) -> float:
        """Share of the uniform draws that beat a point, on average over the points."""
        return np.mean([((uniform[:, 0] < size) & (uniform[:, 1] > nats)).mean() for size, nats in points])

    assert beaten(front) < 0.1 * beaten(uniform)


def test_the_front_is_drawn_evenly_in_the_logarithm_of_size():
    method = taught(config(space=SearchSpace()))
    front = method.front()
    assert (np.diff(front.place) >= 0).all() and len(np.unique(front.place)) > 5
    drawn = np.log(places(method, 500, 1.0)[:, 0] + 178_752 / 40)  # 28 convolutions: 14 of 800, 14 of 11,968
    assert np.isin(drawn.round(6), front.place.round(6)).all()
    middle = front.place[[0, -1]].mean()
    sizes = np.unique(front.place)
    nearest = sizes[np.abs(np.linspace(sizes[0], sizes[-1], 10_001)[:, None] - sizes).argmin(axis=1)]
    assert abs((drawn < middle).mean() - (nearest < middle).mean()) < 0.07
    few, many = np.unique(front.place, return_counts=True)[1][[0, -1]]
    assert few != many, "else the next line says nothing"
    assert abs((drawn == sizes[-1]).mean() - (nearest == sizes[-1]).mean()) < 0.05


def test_the_front_follows_what_is_learned_and_a_resumed_training_finds_the_same(few):
    method = taught(config(space=SearchSpace(), warmup=0.5, paths=1, batch_size=32))
    before = method.front()
    other = method_of(method.config)
    other.load_state_dict(method.state_dict())
    assert torch.equal(other.front().S, before.S)
    losses = torch.rand(16, generator=torch.Generator().manual_seed(1))
    method.paths.record(0, torch.cat([method.random_choice(seeds.generator(n)) for n in range(16)]), losses)
    method.loss(batch(few.train), Step(16, 32, seeds.generator(0)))
    assert len(method.front().S) != len(before.S) or not torch.equal(method.front().S, before.S)
