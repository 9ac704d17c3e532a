"""Fashion-MNIST as tensors: 55,000 images for weights, 5,000 for selection, 10,000 for the final test.

The four official files lie under data/FashionMNIST/raw. They are read as they are: a copy unpacked beside them could be
half-written, and nobody would notice.
"""

import gzip
from pathlib import Path

import numpy as np
import torch
from torchvision.datasets import FashionMNIST
from torchvision.datasets.utils import check_integrity, download_url

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import relative
from simplexnas.tasks.task import Split, Splits

VALIDATION_SIZE = 5000
SPLIT_SEED = 20240
MEAN, STD = 0.2860, 0.3530  # of the 60,000 official training images, pixels in [0, 1]


def check_files(root: Path = paths.DATA) -> None:
    """Raise `SimplexNASError` for the first of the four files that is missing or whose md5 sum is wrong."""
    raw = Path(root) / "FashionMNIST" / "raw"
    for name, md5 in FashionMNIST.resources:
        path = raw / name
        if not check_integrity(str(path), md5):
            state = "is damaged (wrong md5 sum)" if path.exists() else "is missing"
            raise SimplexNASError(
                f"{relative(path)} {state}; `simplexnas data --download` fetches it through torchvision"
            )


def load(root: Path = paths.DATA, download: bool = False) -> Splits:
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
