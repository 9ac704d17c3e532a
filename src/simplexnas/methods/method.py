"""What every search method offers: a loss for a step, and an architecture for a knob.

The loop of a search (`training.loop`) knows nothing else of a method. Weights of a network and what chooses its
operations are trained together, from the same loss.
"""

from typing import NamedTuple, Protocol

import torch
from torch import nn

from simplexnas.methods.settings import SearchConfig
from simplexnas.network.architecture import Architecture


class Step(NamedTuple):
    """Where a training stands. progress: share of it that is done, 0 … 1. random: generator of this step alone."""

    progress: float
    random: torch.Generator


class Batch(NamedTuple):
    """images (B, C, H, W) float, normalised; labels (B,) int64."""

    images: torch.Tensor
    labels: torch.Tensor


class Method(Protocol):
    """A search method, itself an `nn.Module` whose `forward` is `loss`. It is made from its configuration.

    supernet: the network whose weights are trained. chooser: the module that says which operations, trained with its
    own learning rate; None if nothing of the kind is trained. batches: how many batches a step takes. identity: what
    tells one training from another, as JSON; a checkpoint is taken up only by the same.
    """

    config: SearchConfig
    supernet: nn.Module
    chooser: nn.Module | None
    batches: int
    identity: dict

    def condition(self, random: torch.Generator) -> torch.Tensor | None:
        """What a step is trained for, drawn at random, (1, k) or (1,); None for a method without such a thing."""

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """Scalars of one step: "loss", with gradient, "cross_entropy", and whatever else belongs into the log."""

    def architecture(self, knob) -> Architecture:
        """The architecture for a value of the method's knob; without a knob the only one."""
