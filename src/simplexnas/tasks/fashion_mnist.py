"""Fashion-MNIST: 55,000 images for weights, 5,000 for selection, 10,000 for the final test.

The four official files lie under data/FashionMNIST/raw. They are read as they are: a copy unpacked beside them could be
half-written, and nobody would notice.
"""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import torch

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import relative
from simplexnas.tasks import task
from simplexnas.tasks.task import Split, Splits, Task

NAME = task.NAME_OF_FASHION_MNIST
VALIDATION_SIZE = 5000
SPLIT_SEED = 20240
FILES = {  # and their MD5 sums, as torchvision knows them
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

TASK = Task(
    name=NAME,
    source=NAME,
    classes=CLASSES,
    shape=task.FASHION_MNIST,
    resize="none: 28 x 28 grey, the thing white on black",
    mean=(0.2860,),  # of the 60,000 official training images
    std=(0.3530,),
    split_seed=SPLIT_SEED,
    fingerprint=hashlib.sha256(f"{FILES} {VALIDATION_SIZE} {SPLIT_SEED}".encode()).hexdigest(),
)


def check_files(root: Path | None = None) -> None:
    """Raise `SimplexNASError` for the first of the four files that is missing or whose md5 sum is wrong."""
    raw = _raw(root)
    for name, md5 in FILES.items():
        path = raw / name
        state = None if path.exists() else "is missing"
        if not state and hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != md5:
            state = "is damaged (wrong md5 sum)"
        if state:
            raise SimplexNASError(
                f"{relative(path)} {state}; `simplexnas data --download` fetches it through torchvision"
                f"{paths.another_folder()}"
            )


def _raw(root: Path | None) -> Path:
    return Path(root or paths.DATA) / "FashionMNIST" / "raw"


def load(root: Path | None = None, download: bool = False) -> Splits:
    """The three splits. Without `download` nothing is fetched: a missing or damaged file is an error of one line.

    root: the folder that holds FashionMNIST/raw; data/ by default.
    """
    raw = _raw(root)
    if download:
        from torchvision.datasets import FashionMNIST  # takes a second to import
        from torchvision.datasets.utils import download_url

        try:
            for name, md5 in FILES.items():
                download_url(FashionMNIST.mirrors[0] + name, raw, name, md5)
        except (OSError, RuntimeError) as error:
            reason = " ".join(f"{type(error).__name__} {error}".split())
            raise SimplexNASError(f"{relative(raw)} cannot be fetched ({reason})") from None
    check_files(root)
    images, labels, test_images, test_labels = (_read(raw / name) for name in FILES)
    held_out = validation_indices(labels.numpy())
    kept = np.setdiff1d(np.arange(len(labels)), held_out)
    return Splits(
        train=Split(images[kept], labels[kept], TASK),
        validation=Split(images[held_out], labels[held_out], TASK),
        test=Split(test_images, test_labels, TASK),
    )


def _read(path: Path) -> torch.Tensor:
    """Images (N, 1, 28, 28) uint8 or labels (N,) int64 of a gzipped IDX file, by its name."""
    content = gzip.decompress(path.read_bytes())
    if "labels" in path.name:
        return torch.from_numpy(np.frombuffer(content, np.uint8, offset=8).astype(np.int64))
    shape = (-1, TASK.shape.channels, TASK.shape.size, TASK.shape.size)
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=16).reshape(shape).copy())


def validation_indices(labels: np.ndarray, size: int = VALIDATION_SIZE) -> np.ndarray:
    """Fixed, stratified validation split: size / 10 indices of each class, the same on every machine."""
    random = np.random.RandomState(SPLIT_SEED)
    classes = np.unique(labels)
    chosen = [random.permutation(np.flatnonzero(labels == c))[: size // len(classes)] for c in classes]
    return np.sort(np.concatenate(chosen))
