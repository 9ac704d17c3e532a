"""One architecture trained alone: what inherited weights are compared with, and what is worth deploying."""

import torch
from torch import nn

from simplexnas.methods import objective
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.settings import SearchConfig
from simplexnas.network.architecture import Architecture


class Alone(nn.Module):
    """Nothing is searched: the loop of a search with one architecture. See `method.Method`.

    config: optimiser, epochs, batch size, augmentation and seed, as in a search; what concerns several networks (paths,
    sandwich) does not apply.
    """

    batches, chooser = 1, None

    def __init__(self, config: SearchConfig, architecture: Architecture):
        super().__init__()
        self.config, self.chosen = config, architecture
        self.supernet = architecture.build()

    @property
    def identity(self) -> dict:
        return self.config.to_dict() | {"architecture": self.chosen.names}

    def condition(self, random: torch.Generator) -> None:
        return None

    def forward(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor]:
        return self.loss(batches, step)

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor]:
        """The cross-entropy of one batch."""
        ((images, labels),) = batches
        loss = objective.cross_entropy(self.supernet(images), labels)
        return {"loss": loss, "cross_entropy": loss.detach()}

    def architecture(self, knob=None) -> Architecture:
        return self.chosen
