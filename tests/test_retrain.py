"""Training one architecture from scratch."""

import dataclasses

import pytest
import tiny
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.measure.evaluation import accuracy, reestimate_batch_norm
from simplexnas.network.architecture import Architecture
from simplexnas.training import batches, loop, run
from simplexnas.training.retrain import retrain

CONFIG = tiny.config(epochs=6, learning_rate=0.01, flip=False)
ARCHITECTURE = Architecture(tiny.SPACE, tiny.choices(tiny.SPACE, 1)[0])


def test_it_learns_with_every_weight(few, tmp_path):
    torch.manual_seed(CONFIG.seed)
    before = ARCHITECTURE.build().state_dict()
    network = retrain(ARCHITECTURE, few.train, CONFIG, tmp_path, progress_bar=False)
    assert all(not torch.equal(parameter, before[name]) for name, parameter in network.named_parameters())
    assert accuracy(reestimate_batch_norm(network, few.train), few.validation) > 0.4


def test_images_are_augmented_as_in_a_search(few, tmp_path):
    """Flips show in the weights where images are not symmetric; shifts too."""
    changes = ({}, {"flip": True}, {"shift": 1})
    first, flipped, shifted = (
        retrain(ARCHITECTURE, few.train, dataclasses.replace(CONFIG, epochs=1, **change), tmp_path, progress_bar=False)
        for change in changes
    )
    weights = first.stem[0].weight
    assert not torch.equal(weights, flipped.stem[0].weight) and not torch.equal(weights, shifted.stem[0].weight)


def test_too_few_images_are_one_line(few, tmp_path):
    with pytest.raises(SimplexNASError, match="train_images = 256; allowed: up to 100"):
        retrain(ARCHITECTURE, few.train.head(100), CONFIG, tmp_path, progress_bar=False)


def test_an_interrupted_training_goes_on(few, tmp_path, monkeypatch):
    config = dataclasses.replace(CONFIG, epochs=2)
    whole = retrain(ARCHITECTURE, few.train, config, tmp_path / "whole", progress_bar=False)
    assert not list((tmp_path / "whole").glob("*.pt")), "a whole one leaves no checkpoint"
    indices = batches.batch_indices

    def interrupted(config, step, *rest):
        if step == 12:
            raise KeyboardInterrupt
        return indices(config, step, *rest)

    monkeypatch.setattr(run, "LOG_EVERY", 1)
    monkeypatch.setattr(loop.search, "__kwdefaults__", loop.search.__kwdefaults__ | {"checkpoint_every": 8})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(batches, "batch_indices", interrupted)
        retrain(ARCHITECTURE, few.train, config, tmp_path / "halves", progress_bar=False)
    other = Architecture(tiny.SPACE, tiny.choices(tiny.SPACE, 1, seed=1)[0])
    with pytest.raises(SimplexNASError, match="was made with architecture"):
        retrain(other, few.train, config, tmp_path / "halves", progress_bar=False)
    again = retrain(ARCHITECTURE, few.train, config, tmp_path / "halves", progress_bar=False)
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))
