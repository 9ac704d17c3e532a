"""Which training images a step sees, and how they are augmented."""

from functools import lru_cache

import numpy as np
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.methods.method import Batch
from simplexnas.methods.settings import SearchConfig
from simplexnas.tasks.task import Split


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, stream: int, images: int) -> np.ndarray:
    """The order of the images in one epoch; remembered, as a million take longer to shuffle than a step takes."""
    return np.random.default_rng([seed, epoch, stream]).permutation(images)


def batch_indices(config: SearchConfig, step: int, stream: int = 0) -> np.ndarray:
    """Indices of the training images of one step; each epoch visits each image at most once.

    stream: of several batches a step, each in an order of its own.
    """
    epoch, position = divmod(step, config.steps_per_epoch)
    order = _order(config.seed, epoch, stream, config.train_images)
    return order[position * config.batch_size : (position + 1) * config.batch_size]


def make_batch(train: Split, chosen: np.ndarray, config: SearchConfig, random: torch.Generator) -> Batch:
    """The chosen training images, augmented and normalised, and their labels."""
    chosen = torch.from_numpy(chosen)
    images = augment(train.images[chosen], random, config.flip, config.shift)
    return Batch(train.task.normalize(images).contiguous(memory_format=config.memory_format), train.labels[chosen])


def draw_batches(train: Split, number: int, config: SearchConfig, step: int, random: torch.Generator) -> list[Batch]:
    """The `number` batches of one step, drawn independently of each other."""
    return [make_batch(train, batch_indices(config, step, stream), config, random) for stream in range(number)]


def check_images(config: SearchConfig, train: Split) -> None:
    """Raise `SimplexNASError` if there are fewer images than the configuration uses, or than one batch."""
    if len(train) < config.train_images or config.steps_per_epoch < 1:
        raise SimplexNASError(
            f"train_images = {config.train_images}; allowed: from {config.batch_size} (one batch) to {len(train)}"
        )


def augment(images: torch.Tensor, generator: torch.Generator, flip: bool = True, shift: int = 0) -> torch.Tensor:
    """Random augmentation per image: uint8 (N, C, H, W) -> same.

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
