"""One architecture trained alone: what inherited weights are compared with, and what is worth deploying."""

import torch
from torch import nn

from simplexnas.methods import objective
from simplexnas.methods.config import Config
from simplexnas.methods.method import Batch, NoKnob, Step
from simplexnas.network.architecture import Architecture


class Alone(NoKnob, nn.Module):
    """Nothing is searched: the loop of a search with one architecture. See `method.Method`.

    config: optimiser, epochs, batch size, augmentation and seed, as in a search; what concerns several networks (paths)
    does not apply.
    """

    chooser, bilevel = None, False

    def __init__(self, config: Config, architecture: Architecture):
        super().__init__()
        self.config, self.chosen = config, architecture
        self.supernet = architecture.build()

    @property
    def identity(self) -> dict:
        return self.config.to_dict() | {"architecture": self.chosen.names}

    def forward(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor]:
        return self.loss(batches, step)

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor]:
        """The cross-entropy of one batch."""
        ((images, labels),) = batches
        loss = objective.cross_entropy(self.supernet(images), labels)
        return {"loss": loss, "cross_entropy": loss.detach()}

    def architecture(self, knob=None) -> Architecture:
        return self.chosen
