"""What every search method offers: a loss for a step, and an architecture for a knob.

The loop of a search (`training.loop`) knows nothing else of a method. Weights of a network and what chooses its
operations are trained together, from the same loss.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import distributed, nn

from simplexnas.io.errors import SimplexNASError
from simplexnas.methods import penalties
from simplexnas.methods.config import Config
from simplexnas.network.architecture import Architecture
from simplexnas.tasks.task import Splits


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


class Method(nn.Module, ABC):
    """A search method, made from its configuration. What it says of its knob often comes from a class below.

    supernet: the network whose weights are trained. chooser: the module that says which operations; None if nothing of
    the kind is trained by gradient. bilevel: whether it is trained by `teach`, in steps of its own before those of the
    weights, or else together with the weights, as `config.chooser_group` says.
    """

    supernet: nn.Module
    chooser: nn.Module | None
    bilevel = False

    def __init__(self, config: Config):
        super().__init__()
        self.config = config

    @property
    def identity(self) -> dict:
        """What tells one training from another, as JSON; a checkpoint is taken up only by the same."""
        return self.config.to_dict()

    def forward(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """`loss`: Fabric distributes what `forward` computes."""
        return self.loss(batches, step)

    @abstractmethod
    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """Scalars of one step: "loss", with gradient, "cross_entropy", and whatever else belongs into the log.

        Every step gives the same keys: they are the columns of the log.
        The batches are those of the whole step, one for each of `config.parts`. The mean of "loss" over the processes
        is that of one process alone.
        """

    def finish(self, splits: Splits) -> None:
        """What remains to be chosen, with images for validation, when the weights are trained: here nothing."""

    def seconds_to_finish(self, splits: Splits) -> float:
        """About how long `finish` takes on this machine now."""
        return 0.0

    @abstractmethod
    def knob(self, value):
        """A value of the method's knob from the outside world; one that it does not have raises `SimplexNASError`."""

    @abstractmethod
    def knobs(self, step: float) -> list:
        """Values all over the knob's range, `step` of it apart; without a knob a list of None."""

    @abstractmethod
    def said(self, knob) -> dict:
        """The knob as a measured point says it (`io.records.Point`)."""

    @abstractmethod
    def architecture(self, knob) -> Architecture:
        """The architecture for a value of the method's knob; without a knob the only one."""


class Entry(NamedTuple):
    """How a method is found: the `METHOD` of its module.

    name: a word of its own. line: what it is, in a line. knob: its `KNOB`. config: its
    settings, a subclass of `Config` that no other method has: a configuration tells its method by it. make: the
    untrained method of them. presets: settings by name, which each repeats as its `preset`; "default" is one of them.
    """

    name: str
    line: str
    knob: str
    config: type[Config]
    make: Callable[[Config], Method]
    presets: dict[str, Config]


class NoKnob:
    """Of a method that gives one architecture a training."""

    KNOB = "none"

    def knob(self, value) -> None:
        if value is not None:
            raise SimplexNASError(f"knob = {value}; this family has none: its training gives one architecture")

    def knobs(self, step: float) -> list[None]:
        return [None]

    def said(self, knob: None) -> dict:
        return {}


class KnobOfS:
    """Of a method whose knob is S, penalties on the operations."""

    KNOB = "S"

    def knob(self, value) -> np.ndarray:
        """S, (k,); see `penalties.parse`."""
        if value is None:
            raise SimplexNASError("this family's knob is S, penalties on the operations: give --S")
        return penalties.parse(value, self.config.space.operations)

    def knobs(self, step: float) -> list[np.ndarray]:
        return list(penalties.lattice(self.config.space.k, step))

    def said(self, knob: np.ndarray) -> dict:
        return {"S": tuple(knob.round(6).tolist())}


class KnobOfNumber:
    """Of a method whose knob is a number from 0 to 1. KNOB: "0 to 1, " and what it is, in words."""

    KNOB: str

    def knob(self, value) -> float:
        if value is None:
            raise SimplexNASError(f"this family's knob is a number, {self.KNOB}: give --knob")
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not 0 <= number <= 1:
            raise SimplexNASError(f"knob = {value}; allowed with this family: {self.KNOB}")
        return number

    def knobs(self, step: float) -> list[float]:
        return penalties.lattice(2, step)[:, 0].round(6).tolist()

    def said(self, knob: float) -> dict:
        return {"knob": knob}
