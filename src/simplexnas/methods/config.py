"""The settings that every search has, whatever its method. A method adds its own in its module."""

import dataclasses
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.settings import check_keys, check_values, setting
from simplexnas.space.search_space import SearchSpace


@cache
def shuffled(images: int) -> np.ndarray:
    """All images in an order of its own, the same for every seed."""
    return np.random.default_rng(0).permutation(images)


@dataclass(frozen=True)
class Config:
    """Everything that decides the outcome of a search, beside the data and the number of processes."""

    preset: str
    seed: int = setting(0, least=0, below=2**63, about="of everything random")
    space: SearchSpace = field(default_factory=SearchSpace)
    epochs: float = setting(24, above=0, about="passes over the images that the weights learn from; need not be whole")
    budget_minutes: float = setting(0.0, least=0, about="time that the epochs were chosen for; 0: chosen by hand")
    batch_size: int = setting(
        64, least=1, about="images per step; as many more where the choices have images of their own"
    )
    train_images: int = setting(
        55_000, least=1, about="a search takes all there are; fewer, the first ones, only to try things"
    )
    learning_rate: float = setting(3e-3, above=0, about="of AdamW, peak of the one-cycle schedule")
    matrix_learning_rate: float = setting(
        2e-2, least=0, about="the same of Muon, for ungrouped 1x1 convolutions; 0: AdamW for these too"
    )
    weight_decay: float = setting(1e-4, least=0, about="of the weights")
    flip: bool = setting(
        True, about="augmentation: mirror half of the images, left to right; false for letters, digits"
    )
    shift: int = setting(0, least=0, about="augmentation: random shifts by up to so many pixels in each direction")
    channels_last: bool = setting(True, about="memory format; changes times, and results by rounding")
    ema: float = setting(0.0, least=0, below=1, about="decay per step of a moving average of all weights; 0: none")

    def __post_init__(self):
        check_values(self)
        self._check_together()

    def _check_together(self) -> None:
        """Raise `SimplexNASError` for what no field can say alone."""
        self.allow("shift", f"whole numbers from 0 to {self.space.shape.size - 1}", self.shift < self.space.shape.size)

    def allow(self, name: str, allowed: str, ok: bool) -> None:
        """Raise `SimplexNASError` with the setting's name and value, and what is allowed, unless `ok`."""
        if not ok:
            raise SimplexNASError(f"{name} = {getattr(self, name)!r}; allowed: {allowed}")

    @property
    def parts(self) -> tuple[np.ndarray | range, ...]:
        """Training images by what learns from them: those of each batch of a step; the weights' come first."""
        return (range(self.train_images),)

    @property
    def most_processes(self) -> int:
        """What processes can share out in a step."""
        return 1

    @property
    def timed(self) -> "Config":
        """Settings with which a step of an untrained network takes as long as one of the whole training."""
        return self

    @property
    def chooser_group(self) -> dict:
        """What AdamW takes for a chooser that is trained together with the weights: "lr" and, if others, "betas"."""
        return {"lr": self.learning_rate}

    @property
    def limits_chooser(self) -> bool:
        """Whether such a chooser's gradient counts in the norm that is limited, and is limited with it."""
        return True

    @property
    def steps_per_epoch(self) -> int:
        return len(self.parts[0]) // self.batch_size

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return round(self.epochs * self.steps_per_epoch)

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Config":
        """The inverse of `to_dict`; an unknown or missing key raises `SimplexNASError`."""
        check_keys(cls, values)
        return cls(**values | {"space": SearchSpace.from_dict(values["space"])})
