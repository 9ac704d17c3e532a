"""A task: images, their classes, how pixels are normalised, and three splits."""

import hashlib
import json
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.settings import check_keys, check_values, setting


@dataclass(frozen=True)
class Shape:
    """What a network has to know of a task."""

    channels: int = setting(among=(1, 3), about="of an image: 1 grey, 3 colour")
    size: int = setting(least=4, most=96, multiple_of=4, about="height and width in pixels; a network halves it twice")
    classes: int = setting(least=2, about="how many classes")

    def __post_init__(self):
        check_values(self)


NAME_OF_FASHION_MNIST = "fashion-mnist"
NAMED = (NAME_OF_FASHION_MNIST, "digits")  # all other data are folders of pictures
FASHION_MNIST = Shape(channels=1, size=28, classes=10)  # the paper's; that of files that name none
SPLIT_SEED = 20240


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


def cut(labels: np.ndarray, shares: Mapping[str, float], seed: int) -> dict[str, np.ndarray]:
    """Indices of the splits that are cut from labelled images, each in random order: those of `shares`, and "train".

    labels: (N,) whole numbers from 0. Of each class each of them gets its share, rounded, but at least one image;
    "train" gets the rest, at least one image of a class that has more images than there are shares. The same on every
    machine.
    """
    random = np.random.RandomState(seed)
    order = random.permutation(len(labels))
    by_class = np.split(order[np.argsort(labels[order], kind="stable")], np.cumsum(np.bincount(labels))[:-1])
    chosen = {name: [] for name in (*shares, "train")}
    for members in by_class:
        sizes = [max(1, round(share * len(members))) for share in shares.values()]
        for part, name in zip(np.split(members, np.cumsum(sizes)), chosen, strict=True):
            chosen[name].append(part)
    return {name: random.permutation(np.concatenate(parts)) for name, parts in chosen.items()}


def mean_and_std(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Of the pixels of each channel, scaled to [0, 1]; images: (N, C, H, W) uint8. A channel of one value has std 1."""
    counts = np.zeros((images.shape[1], 256), np.int64)
    for start in range(0, len(images), 1000):
        for channel, pixels in enumerate(images[start : start + 1000].swapaxes(0, 1)):
            counts[channel] += np.bincount(pixels.ravel(), minlength=256)
    shares, values = counts / counts.sum(axis=1, keepdims=True), np.arange(256) / 255
    mean = shares @ values
    variance = (shares * (values - mean[:, None]) ** 2).sum(axis=1)
    return tuple(round(float(m), 6) for m in mean), tuple(round(math.sqrt(v), 6) or 1.0 for v in variance)


def fingerprint(classes: Iterable[str], arrays: Iterable[np.ndarray]) -> str:
    """SHA-256 of the names of classes, and of images and labels."""
    digest = hashlib.sha256(json.dumps(list(classes)).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def make_splits(arrays: Mapping[str, tuple[np.ndarray, np.ndarray]], **about) -> Splits:
    """The splits of images and labels, and their task.

    arrays: of "train", "validation" and "test", images (N, C, H, W) uint8 and labels (N,) int64; may be mapped from
    disk. about: the fields of `Task` that these do not decide.
    """
    mean, std = mean_and_std(arrays["train"][0])
    ordered = [array for name in ("train", "validation", "test") for array in arrays[name]]
    task = Task(**about, mean=mean, std=std, fingerprint=fingerprint(about["classes"], ordered))
    return Splits(**{name: as_split(*arrays[name], task) for name in ("train", "validation", "test")})


def as_split(images: np.ndarray, labels: np.ndarray, task: Task) -> Split:
    """A split that shares the arrays' memory; they may be mapped from disk and read-only, as nothing writes to them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return Split(torch.from_numpy(images), torch.from_numpy(labels), task)
