"""Which training images a step sees, and how they are augmented."""

from functools import lru_cache

import numpy as np
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.methods.config import Config
from simplexnas.methods.method import Batch
from simplexnas.tasks.task import Split


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, stream: int, images: int) -> np.ndarray:
    """The order of the images in one epoch; remembered, as a million take longer to shuffle than a step takes."""
    return np.random.default_rng([seed, epoch, stream]).permutation(images)


def batch_indices(config: Config, step: int, part: int = 0) -> np.ndarray:
    """Indices of the training images of one step; each pass visits each image of a part at most once.

    part: of several parts of the images, each in an order of its own.
    """
    images = config.parts[part]
    passed, position = divmod(step, len(images) // config.batch_size)
    order = _order(config.seed, passed, part, len(images))[position * config.batch_size :][: config.batch_size]
    return order if isinstance(images, range) else images[order]


def make_batch(train: Split, chosen: np.ndarray, config: Config, random: torch.Generator) -> Batch:
    """The chosen training images, augmented and normalised, and their labels."""
    chosen = torch.from_numpy(chosen)
    images = augment(train.images[chosen], random, config.flip, config.shift)
    return Batch(train.task.normalize(images).contiguous(memory_format=config.memory_format), train.labels[chosen])


def draw_batches(train: Split, config: Config, step: int, random: torch.Generator) -> list[Batch]:
    """The batches of one step, one of each part of the images."""
    return [make_batch(train, batch_indices(config, step, part), config, random) for part in range(len(config.parts))]


def check_images(config: Config, train: Split) -> None:
    """Raise `SimplexNASError` for fewer images than the configuration uses, or a part with less than a batch."""
    if len(train) < config.train_images:
        raise SimplexNASError(
            f"train_images = {config.train_images}; allowed: up to {len(train)}, as many as there are"
        )
    fewest = min(map(len, config.parts))
    if fewest < config.batch_size:
        of = f"the smaller part of train_images = {config.train_images}" if len(config.parts) > 1 else "train_images"
        raise SimplexNASError(f"batch_size = {config.batch_size}; allowed: up to {fewest}, {of}")


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
