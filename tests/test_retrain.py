"""Training one architecture from scratch."""

import dataclasses

import pytest
import tiny
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.measure.evaluation import accuracy, reestimate_batch_norm
from simplexnas.network.architecture import Architecture
from simplexnas.training.retrain import retrain

CONFIG = tiny.config(epochs=6, learning_rate=0.01, flip=False)
ARCHITECTURE = Architecture(tiny.SPACE, tiny.choices(tiny.SPACE, 1)[0])


def test_it_learns_with_every_weight_and_repeats(few):
    torch.manual_seed(CONFIG.seed)
    before = ARCHITECTURE.build().state_dict()
    network = retrain(ARCHITECTURE, few.train, CONFIG, progress_bar=False)
    assert all(not torch.equal(parameter, before[name]) for name, parameter in network.named_parameters())
    again = retrain(ARCHITECTURE, few.train, CONFIG, progress_bar=False)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert accuracy(reestimate_batch_norm(network, few.train), few.validation) > 0.4


def test_images_are_augmented_as_in_a_search(few):
    """Flips show in the weights where images are not symmetric; shifts too."""
    changes = ({}, {"flip": True}, {"shift": 1})
    first, flipped, shifted = (
        retrain(ARCHITECTURE, few.train, dataclasses.replace(CONFIG, epochs=1, **change), progress_bar=False)
        for change in changes
    )
    weights = first.stem[0].weight
    assert not torch.equal(weights, flipped.stem[0].weight) and not torch.equal(weights, shifted.stem[0].weight)


def test_too_few_images_are_one_line(few):
    with pytest.raises(SimplexNASError, match=r"train_images = 256; allowed: from 32 .* to 100"):
        retrain(ARCHITECTURE, few.train.head(100), CONFIG, progress_bar=False)
