"""Data by name or by folder, and those of a trained family."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from simplexnas import tasks
from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.tasks import digits, fashion_mnist, loading


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with two classes of three pictures."""
    monkeypatch.setattr(paths, "IMAGES", tmp_path / "images")
    for name, value in (("dark", 20), ("light", 200)):
        (tmp_path / "shades" / "train" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (4, 4), value + number).save(tmp_path / "shades" / "train" / name / f"{number}.png")
    return tmp_path / "shades"


def test_named_data(splits):
    assert tasks.load("digits").task.name == digits.NAME
    assert tasks.load().task is fashion_mnist.TASK


def test_names_are_those_of_the_modules():
    assert loading.NAMED == (fashion_mnist.NAME, digits.NAME)


@pytest.mark.parametrize("name", loading.NAMED)
def test_named_data_have_their_own_size(name):
    with pytest.raises(SimplexNASError, match=f"image_size = 32; {name} has its own"):
        tasks.load(name, 32)


def test_a_folder(own):
    loaded = tasks.load(str(own), 8)
    assert loaded.task.name == "shades" and loaded.train.images.shape == (2, 1, 8, 8)


def test_what_is_neither_is_one_line():
    with pytest.raises(SimplexNASError, match="/cats is not a folder; allowed: fashion-mnist, digits, or a folder"):
        tasks.load("cats")


def test_data_of_a_family_by_their_name():
    task = digits.load().task
    assert tasks.load_of(task).task == task == tasks.load_of(task, "digits").task


def test_data_of_a_family_where_the_folder_is_gone(own):
    before = tasks.load(str(own), 8)
    own.rename(own.with_name("moved"))
    after = tasks.load_of(before.task)
    assert after.task == before.task and np.array_equal(after.test.images, before.test.images)
    assert tasks.load_of(before.task, str(own.with_name("moved"))).task.fingerprint == before.task.fingerprint


def test_data_of_a_family_without_kept_images_are_decoded_again(own, tmp_path):
    before = tasks.load(str(own), 8)
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    assert tasks.load_of(before.task).task == before.task


@pytest.mark.parametrize("given", ["digits", "changed folder"])
def test_other_data_are_one_line(given, own, tmp_path):
    task = tasks.load(str(own), 8).task
    Image.new("L", (4, 4), 99).save(own / "train" / "dark" / "0.png")
    source = "digits" if given == "digits" else str(own)
    with pytest.raises(SimplexNASError, match=r"holds other data \(fingerprint \w{12}\) than .*shades") as error:
        tasks.load_of(task, source)
    assert task.fingerprint[:12] in str(error.value)
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(SimplexNASError, match="holds other data"):
        tasks.load_of(dataclasses.replace(task, source=source))
