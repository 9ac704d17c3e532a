"""One architecture trained alone: what inherited weights are compared with, and what is worth deploying."""

import torch

from simplexnas.methods import objective
from simplexnas.methods.config import Config
from simplexnas.methods.method import Batch, Method, NoKnob, Step
from simplexnas.network.architecture import Architecture


class Alone(NoKnob, Method):
    """Nothing is searched: the loop of a search with one architecture. See `method.Method`.

    config: optimiser, epochs, batch size, augmentation and seed, as in a search; what concerns several networks (paths)
    does not apply.
    """

    chooser = None

    def __init__(self, config: Config, architecture: Architecture):
        super().__init__(config)
        self.chosen = architecture
        self.supernet = architecture.build()

    @property
    def identity(self) -> dict:
        return super().identity | {"architecture": self.chosen.names}

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor]:
        """The cross-entropy of one batch."""
        ((images, labels),) = batches
        loss = objective.cross_entropy(self.supernet(images), labels)
        return {"loss": loss, "cross_entropy": loss.detach()}

    def architecture(self, knob=None) -> Architecture:
        return self.chosen
