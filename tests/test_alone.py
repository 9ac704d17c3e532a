"""One architecture trained alone: what is written, what is refused, and that it can be read again."""

import dataclasses

import pytest
import tiny
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.measure import evaluation
from simplexnas.measure.alone import train_alone
from simplexnas.network import trained
from simplexnas.network.architecture import Architecture
from simplexnas.network.trained import TrainedNetwork
from simplexnas.tasks.task import Shape, Split, Splits
from simplexnas.training import batches, loop

CONFIG = tiny.config(epochs=4, learning_rate=0.01, flip=False)
ARCHITECTURE = Architecture(tiny.SPACE, tiny.choices(tiny.SPACE, 1)[0])


@pytest.fixture(scope="module")
def folder(few, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone") / "network"
    train_alone(ARCHITECTURE, CONFIG, few, folder, progress_bar=False)
    return folder


def test_it_is_read_as_it_was_written(folder, few):
    loaded = TrainedNetwork.load(folder)
    assert loaded.architecture == ARCHITECTURE and loaded.task == few.task
    assert evaluation.accuracies(loaded.network, few).to_dict() == loaded.about["accuracy"]
    assert loaded.about["accuracy"]["validation"] > 0.3, "ten classes, 2,400 images seen"
    assert loaded.about["config"]["train_images"] == len(few.train), "all training images"
    assert {"versions", "revision", "created", "training_seconds"} <= loaded.about.keys()
    assert not list(folder.glob("*.pt"))
    tiny.assert_same_tensors(loaded.network, evaluation.reestimate_batch_norm(loaded.network, few.train))


def test_another_training_does_not_overwrite(folder, few):
    before = (folder / trained.DESCRIPTION).read_bytes()
    with pytest.raises(SimplexNASError, match="holds a trained network; move it away"):
        train_alone(ARCHITECTURE, CONFIG, few, folder, progress_bar=False)
    assert (folder / trained.DESCRIPTION).read_bytes() == before


def test_data_of_another_shape_are_refused(few, tmp_path):
    task = dataclasses.replace(few.task, shape=Shape(1, 28, 2), classes=("a", "b"))
    other = Splits(*(Split(split.images, split.labels, task) for split in (few.train, few.validation, few.test)))
    with pytest.raises(SimplexNASError, match=r"the architecture is for Shape.*classes=10.*classes=2"):
        train_alone(ARCHITECTURE, CONFIG, other, tmp_path, progress_bar=False)


@pytest.mark.parametrize("damage", ["weights", "description"])
def test_a_damaged_one_is_named(damage, folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if damage == "weights":
        (tmp_path / "weights.safetensors").write_bytes(b"nonsense")
    else:
        (tmp_path / trained.DESCRIPTION).write_text('{"format": "another"}')
    name = "weights.safetensors" if damage == "weights" else trained.DESCRIPTION
    with pytest.raises(SimplexNASError, match=name):
        TrainedNetwork.load(tmp_path)


def test_an_interrupted_training_goes_on(folder, few, tmp_path, monkeypatch):
    indices = batches.batch_indices

    def interrupted(config, step, *rest):
        if step == 20:
            raise KeyboardInterrupt
        return indices(config, step, *rest)

    monkeypatch.setattr(loop.search, "__kwdefaults__", loop.search.__kwdefaults__ | {"checkpoint_every": 8})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(batches, "batch_indices", interrupted)
        train_alone(ARCHITECTURE, CONFIG, few, tmp_path, progress_bar=False)
    train_alone(ARCHITECTURE, CONFIG, few, tmp_path, progress_bar=False)
    whole, again = (TrainedNetwork.load(each).network.state_dict() for each in (folder, tmp_path))
    assert all(torch.equal(whole[name], again[name]) for name in whole)
