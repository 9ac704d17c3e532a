"""Shapes, tasks, and what makes a task of arrays."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simplexnas.io.errors import SimplexNASError
from simplexnas.tasks import task
from simplexnas.tasks.task import Shape, Task

TASK = Task(
    name="two",
    source="/two",
    classes=("a", "b"),
    shape=Shape(channels=3, size=4, classes=2),
    resize="none",
    mean=(0.5, 0.5, 0.0),
    std=(0.25, 0.25, 1.0),
    split_seed=1,
    fingerprint="f",
)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"channels": 2}, "channels = 2"),
        ({"size": 30}, "size = 30; allowed: .*4"),
        ({"size": 0}, "size = 0"),
        ({"size": 100}, "size = 100; allowed: .*96"),
        ({"size": 28.0}, r"size = 28\.0"),
        ({"classes": 1}, "classes = 1"),
    ],
)
def test_shapes_have_bounds(values, message):
    with pytest.raises(SimplexNASError, match=message):
        Shape(**{"channels": 1, "size": 28, "classes": 10} | values)


def test_a_task_outlives_json():
    assert Task.from_dict(TASK.to_dict()) == TASK
    with pytest.raises(SimplexNASError, match="'resize' is missing"):
        Task.from_dict({key: value for key, value in TASK.to_dict().items() if key != "resize"})
    with pytest.raises(SimplexNASError, match="unknown setting 'colour'"):
        Task.from_dict(TASK.to_dict() | {"colour": True})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"classes": ("a",)}, "1 names of classes for a shape with 2"),
        ({"mean": (0.5,)}, "3 numbers each"),
        ({"std": (1.0, 1.0, 0.0)}, "std above 0"),
    ],
)
def test_a_task_fits_its_shape(values, message):
    with pytest.raises(SimplexNASError, match=message):
        dataclasses.replace(TASK, **values)


def test_normalize_is_per_channel():
    images = torch.full((2, 3, 4, 4), 255, dtype=torch.uint8)
    normal = TASK.normalize(images)
    assert normal.dtype == torch.float32 and normal[1, :, 2, 3].tolist() == [2, 2, 1]


@given(st.lists(st.integers(3, 40), min_size=2, max_size=6), st.integers(0, 3))
def test_a_cut_takes_its_share_of_each_class_and_all_images_once(counts, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    shares = {"test": 0.2, "validation": 0.15}
    chosen = task.cut(labels, shares, seed)
    assert sorted(np.concatenate(list(chosen.values()))) == list(range(len(labels)))
    for name, share in shares.items():
        own = np.bincount(labels[chosen[name]], minlength=len(counts))
        assert own.tolist() == [max(1, round(share * count)) for count in counts]
    assert np.bincount(labels[chosen["train"]], minlength=len(counts)).min() >= 1


def test_a_cut_is_random_and_fixed():
    labels = np.repeat([0, 1], 50)
    first, again, other = (task.cut(labels, {"test": 0.2}, seed) for seed in (0, 0, 1))
    assert all((first[name] == again[name]).all() for name in first)
    assert not all((first[name] == other[name]).all() for name in first)
    for own in first.values():
        assert (np.diff(own) < 0).any() and (np.diff(labels[own]) < 0).any(), "not sorted by class or index"
    assert first["test"][:5].tolist() == [55, 54, 7, 2, 22], "the same on every machine"


def test_mean_and_std_are_those_of_all_pixels():
    images = np.random.default_rng(0).integers(0, 256, (1500, 3, 4, 4), np.uint8)
    images[:, 1] //= 4
    mean, std = task.mean_and_std(images)
    assert mean == pytest.approx((images / 255).mean(axis=(0, 2, 3)), abs=1e-6)
    assert std == pytest.approx((images / 255).std(axis=(0, 2, 3)), abs=1e-6)


def test_a_channel_of_one_value_has_std_1():
    assert task.mean_and_std(np.full((5, 1, 4, 4), 51, np.uint8)) == ((0.2,), (1.0,))


def test_another_image_label_order_or_name_has_another_fingerprint():
    images, labels = np.arange(32, dtype=np.uint8).reshape(2, 1, 4, 4), np.array([0, 1])
    own = task.fingerprint(["a", "b"], [images, labels])
    assert own == task.fingerprint(("a", "b"), (images.copy(), labels.copy())) and len(own) == 64
    changed = images.copy()
    changed[1, 0, 3, 3] += 1
    others = [
        (["a", "c"], [images, labels]),
        (["a", "b"], [changed, labels]),
        (["a", "b"], [images, labels[::-1]]),
        (["a", "b"], [images[::-1], labels]),
        (["a", "b"], [images.reshape(1, 2, 4, 4), labels]),
    ]
    assert len({own, *(task.fingerprint(*other) for other in others)}) == 6


def test_arrays_that_cannot_be_written_make_splits():
    images, labels = np.zeros((4, 3, 4, 4), np.uint8), np.array([0, 1, 0, 1])
    images.flags.writeable = labels.flags.writeable = False
    about = {key: value for key, value in vars(TASK).items() if key not in ("mean", "std", "fingerprint")}
    splits = task.make_splits(dict.fromkeys(("train", "validation", "test"), (images, labels)), **about)
    assert splits.test.images.data_ptr() == images.ctypes.data, "nothing is copied"
    assert splits.task.std == (1.0, 1.0, 1.0) and len(splits.train.head(3)) == 3
