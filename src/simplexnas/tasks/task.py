"""A task: images, their classes, how pixels are normalised, and three splits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.settings import check_keys, check_values, setting


@dataclass(frozen=True)
class Shape:
    """What a network has to know of a task.

    channels: of an image, 1 grey or 3 colour. size: height and width in pixels, a multiple of 4: a network halves it
    twice. classes: how many, at least 2.
    """

    channels: int = setting(among=(1, 3))
    size: int = setting(least=4, most=96, multiple_of=4)
    classes: int = setting(least=2)

    def __post_init__(self):
        check_values(self)


NAME_OF_FASHION_MNIST = "fashion-mnist"
FASHION_MNIST = Shape(channels=1, size=28, classes=10)  # the paper's; that of files that name none


@dataclass(frozen=True)
class Task:
    """What was learned, without the images: a family records it.

    name: "fashion-mnist", "digits", or that of a folder of pictures; part of a family's name.
    source: what `tasks.load` takes: "fashion-mnist", "digits", or the folder's path.
    classes: names, in the order of the labels 0 … n - 1.
    shape: of the images, as a network sees them.
    resize: how a picture becomes such an image, in words for whoever deploys a network.
    mean, std: one number for each channel, of the training images, pixels in [0, 1].
    split_seed: of the splits that were cut from the training images.
    fingerprint: SHA-256 of the images and labels of all splits; other data have another one.
    """

    name: str
    source: str
    classes: tuple[str, ...]
    shape: Shape
    resize: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    split_seed: int
    fingerprint: str

    def __post_init__(self):
        for name in ("classes", "mean", "std"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.classes) != self.shape.classes:
            raise SimplexNASError(f"{len(self.classes)} names of classes for a shape with {self.shape.classes}")
        if not len(self.mean) == len(self.std) == self.shape.channels or not all(std > 0 for std in self.std):
            raise SimplexNASError(
                f"mean = {self.mean}, std = {self.std}; allowed: {self.shape.channels} numbers each, std above 0"
            )

    def normalize(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 (N, C, H, W) -> float32, per channel mean 0 and standard deviation 1 over the training images."""
        mean, std = (torch.tensor(values, device=images.device).view(-1, 1, 1) for values in (self.mean, self.std))
        return (images.float() / 255 - mean) / std

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping) -> "Task":
        """The inverse of `to_dict`; an unknown or missing key raises `SimplexNASError`."""
        check_keys(cls, values)
        check_keys(Shape, values["shape"])
        return cls(**values | {"shape": Shape(**values["shape"])})


@dataclass(frozen=True)
class Split:
    """images: (N, C, H, W) uint8, in random order; labels: (N,) int64 in 0 … classes - 1; task: what they are of."""

    images: torch.Tensor
    labels: torch.Tensor
    task: Task

    def __len__(self) -> int:
        return len(self.labels)

    def head(self, n: int) -> "Split":
        """The first n images."""
        return Split(self.images[:n], self.labels[:n], self.task)


@dataclass(frozen=True)
class Splits:
    train: Split
    validation: Split
    test: Split

    @property
    def task(self) -> Task:
        return self.train.task
