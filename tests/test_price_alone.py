"""Hypernetworks trained on the price alone: like a search without its data, and kept in files."""

import json

import numpy as np
import pytest
import tiny
import torch

from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError
from simplexnas.measure import price_alone
from simplexnas.methods import penalties
from simplexnas.methods.published import PublishedMethod
from simplexnas.training.loop import search

LATTICE = torch.from_numpy(penalties.lattice(3, 0.25)).float()
BY_PRICE = {"space": tiny.FEW_EDGES, "hypernetwork_learning_rate": 0.01, "kappa": 1e6}


def start(config) -> torch.Tensor:
    """Logits of the initial values."""
    torch.manual_seed(config.seed)
    return PublishedMethod(config).hypernetwork(LATTICE)


@pytest.mark.parametrize("settings", [{}, {"hypernetwork_beta1": 0.9, "corner_share": 0.5}, {"ema": 0.9}], ids=str)
def test_it_is_the_hypernetwork_of_a_search_that_price_dominates(settings, few, tmp_path):
    by_price = tiny.config("paper", **BY_PRICE | settings)
    by_both = tiny.config("paper", **BY_PRICE | settings | {"kappa": 0.01})
    alone = price_alone.train_on_price(by_price)(LATTICE)
    searched, with_data = (
        search(config, few.train, tmp_path / f"{config.kappa}", progress_bar=False).hypernetwork(LATTICE)
        for config in (by_price, by_both)
    )
    way = (alone - start(by_price)).norm()
    assert (searched - alone).norm() < 0.01 * way < 0.1 * (with_data - alone).norm()


def test_without_a_price_it_stays_where_it_started():
    config = tiny.config("paper", kappa=0.0)
    assert torch.equal(price_alone.train_on_price(config)(LATTICE), start(config))


def test_it_draws_S_as_a_search_without_augmentation():
    with pytest.raises(SimplexNASError, match="flip = True, shift = 0; allowed: false, 0"):
        price_alone.train_on_price(tiny.config("paper", flip=True))


def test_ours_does_not_learn_from_the_price():
    with pytest.raises(SimplexNASError, match="hypernetwork = 'worth'; allowed: pivot"):
        price_alone.train_on_price(tiny.config(flip=False))


def test_threads_are_given_back():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with pytest.raises(KeyError), price_alone.one_thread():
            assert torch.get_num_threads() == 1
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def lattice(own_results):
    """A lattice whose family is gone: its second seed chose at every S, but for one edge."""
    config = tiny.config("paper", epochs=1, seed=3)
    S = [(1.0, 0.0, 0.0), (0.2, 0.3, 0.5)]
    second = price_alone.train_on_price(tiny.config("paper", epochs=1, seed=4))(torch.tensor(S)).argmax(-1)
    second[0, 0] = (second[0, 0] + 1) % 3
    points = [tiny.point(S=own, choice=choice) for own, choice in zip(S, second.tolist(), strict=True)]
    lattice = tiny.record(points, family="gone", sha256="0f", seed=3, config=config.to_dict())
    return lattice.save(paths.RESULTS / "gone" / records.LATTICE)


def test_choices_are_kept_with_what_they_depend_on(lattice):
    path = price_alone.price_alone("gone", seeds=2)
    assert path == lattice.with_name("price_alone.json")
    content = records.read(path)
    assert content["threads"] == 1 and content["sha256"] == "0f" and content["revision"] != ""
    assert {seed: chosen.shape for seed, chosen in price_alone.choices("gone").items()} == {3: (2, 10), 4: (2, 10)}
    different = price_alone.unlike("gone")
    assert different[4] == 1 < different[3]
    with pytest.raises(SimplexNASError, match="exists; move it away"):
        price_alone.price_alone("gone")


def test_missing_and_foreign_choices_name_the_command(lattice):
    with pytest.raises(SimplexNASError, match=r"is missing; run `simplexnas price-alone --family gone`"):
        price_alone.choices("gone")
    price_alone.price_alone("gone", seeds=1)
    lattice.write_text(json.dumps(json.loads(lattice.read_text()) | {"sha256": "another"}))
    with pytest.raises(SimplexNASError, match=r"is of another lattice; .*simplexnas price-alone --family gone"):
        price_alone.choices("gone")


def test_trainings_without_images_leave_what_is_dear(own_results, monkeypatch):
    with pytest.raises(SimplexNASError, match=r"is missing; run `simplexnas without-images`"):
        price_alone.read_without_images()
    asked = {"B": (0.15, 0.15, 0.7), "C": (0.7, 0.15, 0.15)}
    optimizers, adam = [], torch.optim.Adam
    monkeypatch.setattr(torch.optim, "Adam", lambda *given, **rest: optimizers.append(rest) or adam(*given, **rest))
    price_alone.without_images(asked, trainings=20, steps=200, space=tiny.FEW_EDGES)
    assert optimizers == [{"lr": 1e-3, "betas": (0.5, 0.999), "weight_decay": 1e-3}], "those of the author's code"
    first, second = price_alone.read_without_images()
    assert (first["epochs"], second["epochs"]) == (10, 20)
    assert np.shape(second["choices"]["B"]) == (20, 4) and len(second["least_edge_parameters"]) == 20
    late, early = ((np.array(after["choices"]["B"]) == 2).sum() for after in (second, first))
    assert late < early < (np.array(second["choices"]["C"]) == 2).sum()
    with pytest.raises(SimplexNASError, match="exists; move it away"):
        price_alone.without_images(asked)
