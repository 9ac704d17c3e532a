"""Fashion-MNIST as tensors: 55,000 images for weights, 5,000 for selection, 10,000 for the final test.

The four official files lie under data/FashionMNIST/raw. They are read as they are: a copy unpacked beside them could be
half-written, and nobody would notice.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torchvision.datasets import FashionMNIST
from torchvision.datasets.utils import check_integrity, download_url

from simplexnas.errors import SimplexNASError
from simplexnas.paths import DATA, relative

VALIDATION_SIZE = 5000
SPLIT_SEED = 20240
MEAN, STD = 0.2860, 0.3530  # of the 60,000 official training images, pixels in [0, 1]


@dataclass(frozen=True)
class Split:
    """images: (N, 1, 28, 28) uint8; labels: (N,) int64 in 0 … 9."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def head(self, n: int) -> "Split":
        """The first n images."""
        return Split(self.images[:n], self.labels[:n])


@dataclass(frozen=True)
class Splits:
    train: Split
    validation: Split
    test: Split


def check_files(root: Path = DATA) -> None:
    """Raise `SimplexNASError` for the first of the four files that is missing or whose md5 sum is wrong."""
    raw = Path(root) / "FashionMNIST" / "raw"
    for name, md5 in FashionMNIST.resources:
        path = raw / name
        if not check_integrity(str(path), md5):
            state = "is damaged (wrong md5 sum)" if path.exists() else "is missing"
            raise SimplexNASError(
                f"{relative(path)} {state}; `simplexnas data --download` fetches it through torchvision"
            )


def load(root: Path = DATA, download: bool = False) -> Splits:
    """The three splits. Without `download` nothing is fetched: a missing or damaged file is an error of one line."""
    raw = Path(root) / "FashionMNIST" / "raw"
    if download:
        try:
            for name, md5 in FashionMNIST.resources:
                download_url(FashionMNIST.mirrors[0] + name, raw, name, md5)
        except (OSError, RuntimeError) as error:
            reason = " ".join(f"{type(error).__name__} {error}".split())
            raise SimplexNASError(f"{relative(raw)} cannot be fetched ({reason})") from None
    check_files(root)
    names = [name for name, _ in FashionMNIST.resources]
    train_images, train_labels, test_images, test_labels = (_read(raw / name) for name in names)
    whole = Split(train_images, train_labels)
    held_out = validation_indices(whole.labels.numpy())
    kept = np.setdiff1d(np.arange(len(whole)), held_out)
    return Splits(
        train=Split(whole.images[kept], whole.labels[kept]),
        validation=Split(whole.images[held_out], whole.labels[held_out]),
        test=Split(test_images, test_labels),
    )


def _read(path: Path) -> torch.Tensor:
    """Images (N, 1, 28, 28) uint8 or labels (N,) int64 of a gzipped IDX file, by its name."""
    content = gzip.decompress(path.read_bytes())
    if "labels" in path.name:
        return torch.from_numpy(np.frombuffer(content, np.uint8, offset=8).astype(np.int64))
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=16).reshape(-1, 1, 28, 28).copy())


def validation_indices(labels: np.ndarray, size: int = VALIDATION_SIZE) -> np.ndarray:
    """Fixed, stratified validation split: size / 10 indices of each class, the same on every machine."""
    random = np.random.RandomState(SPLIT_SEED)
    classes = np.unique(labels)
    chosen = [random.permutation(np.flatnonzero(labels == c))[: size // len(classes)] for c in classes]
    return np.sort(np.concatenate(chosen))


def normalize(images: torch.Tensor) -> torch.Tensor:
    """uint8 (N, 1, 28, 28) -> float32, mean 0 and standard deviation 1 over the training images."""
    return (images.float() / 255 - MEAN) / STD


def augment(images: torch.Tensor, generator: torch.Generator, flip: bool = True, shift: int = 0) -> torch.Tensor:
    """Random augmentation per image: uint8 (N, 1, 28, 28) -> same.

    flip: horizontal flip of half of the images. shift: moves by up to `shift` pixels in each direction, zero padding.
    """
    n, _, height, width = images.shape
    if flip:
        chosen = torch.rand(n, generator=generator) < 0.5
        images = torch.where(chosen[:, None, None, None], images.flip(-1), images)
    if shift:
        offsets = torch.randint(0, 2 * shift + 1, (2, n), generator=generator)
        windows = torch.nn.functional.pad(images, [shift] * 4).unfold(2, height, 1).unfold(3, width, 1)
        images = windows[torch.arange(n), :, offsets[0], offsets[1]]  # windows: (N, 1, 2 shift + 1, …, 28, 28)
    return images
