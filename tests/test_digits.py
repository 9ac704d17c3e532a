"""scikit-learn's digits as a task."""

import numpy as np
import torch
from sklearn.datasets import load_digits

from simplexnas.tasks import digits
from simplexnas.tasks.task import Shape

FINGERPRINT = "36b8399c035533dc9d4397b01fc4a8b00e69d9938d5ab9430b12bb44a2776bd4"


def test_the_splits_are_all_digits_once_stratified_and_shuffled():
    splits = digits.load()
    parts = (splits.train, splits.validation, splits.test)
    assert [len(part) for part in parts] == [1169, 269, 359]
    for part in parts:
        assert part.images.shape == (len(part), 1, 8, 8) and part.images.dtype == torch.uint8
        assert part.labels.dtype == torch.int64
        counts = torch.bincount(part.labels, minlength=10) / len(part)
        assert (counts - 0.1).abs().max() < 0.01
        assert part.labels[:50].unique().numel() >= 9, "in random order"
    original = load_digits()
    pixels = np.rint(original.images * 255 / 16).reshape(1797, -1)
    theirs = sorted(zip(pixels.astype(int).tolist(), original.target.tolist(), strict=True))
    ours = [(image.flatten().tolist(), int(label)) for part in parts for image, label in zip(part.images, part.labels)]  # noqa: B905
    assert sorted(ours) == theirs


def test_the_task():
    task = digits.load().task
    assert (task.name, task.source, task.shape) == ("digits", "digits", Shape(channels=1, size=8, classes=10))
    assert task.classes == tuple("0123456789") and "255 / 16" in task.resize
    assert task.fingerprint == FINGERPRINT, "the same splits on every machine"


def test_training_images_are_normalised():
    train = digits.load().train
    normal = train.task.normalize(train.images)
    assert abs(normal.mean()) < 1e-3 and abs(normal.std() - 1) < 1e-3
