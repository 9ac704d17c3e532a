"""Which training images a step sees, and how they are augmented."""

import numpy as np
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.methods.settings import SearchConfig
from simplexnas.tasks import fashion_mnist, task


def batch_indices(config: SearchConfig, step: int, rank: int, world: int) -> np.ndarray:
    """Indices of the training images of one step and process; each epoch visits each image at most once."""
    per_epoch = steps_per_epoch(config, world)
    epoch, position = divmod(step, per_epoch)
    order = np.random.default_rng([config.seed, epoch]).permutation(config.train_images)
    start = (position * world + rank) * config.batch_size
    return order[start : start + config.batch_size]


def make_batch(train: task.Split, chosen: np.ndarray, config: SearchConfig, random: torch.Generator):
    """Images (B, 1, 28, 28) float, augmented and normalised, and labels (B,) of the chosen training images."""
    chosen = torch.from_numpy(chosen)
    images = augment(train.images[chosen], random, config.flip, config.shift)
    return fashion_mnist.normalize(images).contiguous(memory_format=config.memory_format), train.labels[chosen]


def steps_per_epoch(config: SearchConfig, world: int = 1) -> int:
    return config.train_images // (config.batch_size * world)


def check_images(config: SearchConfig, train: task.Split, world: int = 1) -> None:
    """Raise `SimplexNASError` if there are fewer images than the configuration uses, or than one batch."""
    if len(train) < config.train_images or steps_per_epoch(config, world) < 1:
        raise SimplexNASError(
            f"train_images = {config.train_images}; allowed: from {config.batch_size * world} (one batch) "
            f"to {len(train)}"
        )


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
