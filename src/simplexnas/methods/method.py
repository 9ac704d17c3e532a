"""What every search method offers: a loss for a step, and an architecture for a knob.

The loop of a search (`training.loop`) knows nothing else of a method. Weights of a network and what chooses its
operations are trained together, from the same loss.
"""

from typing import NamedTuple, Protocol

import torch
from torch import distributed, nn

from simplexnas.methods.settings import SearchConfig
from simplexnas.network.architecture import Architecture


class Step(NamedTuple):
    """Where a training stands, and which part of the step is this process's.

    number: of the step, from 0; steps: of the whole training. random: generator of this step alone, the same in every
    process. The networks of a step, and the images of each, are shared out among `world` processes.
    """

    number: int
    steps: int
    random: torch.Generator
    rank: int = 0
    world: int = 1

    @property
    def progress(self) -> float:
        """Share of the training that is done, from 0 to below 1."""
        return self.number / self.steps

    def own(self, values: torch.Tensor) -> torch.Tensor:
        """This process's part of values (n, …), the same in every process: (n / world, …)."""
        return values.tensor_split(self.world)[self.rank]

    def everyone(self, values: torch.Tensor) -> torch.Tensor:
        """What all processes have, without gradient: (n / world, …) of each -> (n, …)."""
        values = values.detach()
        if self.world == 1:
            return values
        parts = [torch.empty_like(values) for _ in range(self.world)]
        distributed.all_gather(parts, values)
        return torch.cat(parts)


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
        """Scalars of one step: "loss", with gradient, "cross_entropy", and whatever else belongs into the log.

        The batches are those of the whole step. The mean of "loss" over the processes is that of one process alone.
        """

    def architecture(self, knob) -> Architecture:
        """The architecture for a value of the method's knob; without a knob the only one."""
