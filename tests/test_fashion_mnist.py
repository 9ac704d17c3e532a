"""The splits of the real data, what happens without it, and augmentation."""

import functools
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from torchvision.datasets import FashionMNIST

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import DATA
from simplexnas.tasks import fashion_mnist
from simplexnas.training import batches

FIRST_VALIDATION = [3, 6, 45, 61, 76]
FILES = list(fashion_mnist.FILES)


def test_sizes(splits):
    assert [len(split) for split in (splits.train, splits.validation, splits.test)] == [55_000, 5_000, 10_000]
    for split in (splits.train, splits.validation, splits.test):
        assert split.images.shape == (len(split), 1, 28, 28) and split.images.dtype == torch.uint8
        assert split.labels.shape == (len(split),) and split.labels.dtype == torch.int64


def test_every_split_is_stratified(splits):
    for split in (splits.train, splits.validation, splits.test):
        assert torch.bincount(split.labels).tolist() == [len(split) // 10] * 10


def test_validation_split_is_fixed_and_disjoint(splits, tmp_path):
    shutil.copytree(DATA / "FashionMNIST" / "raw", tmp_path / "FashionMNIST" / "raw")  # torchvision unpacks there
    official = FashionMNIST(tmp_path, download=True)
    chosen = fashion_mnist.validation_indices(official.targets.numpy())
    assert np.array_equal(chosen, fashion_mnist.validation_indices(official.targets.numpy()))
    assert len(np.unique(chosen)) == 5_000 and (np.diff(chosen) > 0).all()
    assert chosen[:5].tolist() == FIRST_VALIDATION, "every published number depends on this split"
    assert torch.equal(splits.validation.images[:, 0], official.data[chosen])
    rest = np.setdiff1d(np.arange(60_000), chosen)
    assert torch.equal(splits.train.images[:, 0], official.data[rest])
    assert torch.equal(splits.train.labels, official.targets[rest])


def test_classes_and_sums_are_those_of_torchvision():
    assert list(fashion_mnist.CLASSES) == FashionMNIST.classes
    assert list(fashion_mnist.FILES.items()) == FashionMNIST.resources


def test_head(splits):
    assert len(splits.train.head(7)) == 7
    assert torch.equal(splits.train.head(7).images, splits.train.images[:7])


@pytest.mark.parametrize("state", ["missing", "damaged"])
@pytest.mark.parametrize("name", FILES)
def test_missing_or_damaged_file_is_one_line_with_the_way_out(name, state, tmp_path):
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for other in FILES:
        if other != name:
            (raw / other).symlink_to(DATA / "FashionMNIST" / "raw" / other)
    if state == "damaged":
        (raw / name).write_bytes((DATA / "FashionMNIST" / "raw" / name).read_bytes()[:1000])
    with pytest.raises(SimplexNASError) as error:
        fashion_mnist.load(tmp_path)
    message = str(error.value)
    assert len(message.splitlines()) == 1
    assert name in message and state in message and "`simplexnas data --download`" in message
    assert "--data-folder" not in message, "there is a data folder"


@pytest.fixture
def mirror(monkeypatch):
    """The original files, served from this machine."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=DATA / "FashionMNIST" / "raw")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(FashionMNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        yield
        server.shutdown()


@pytest.mark.parametrize("damage", [None, b"half of it"])
def test_download_fetches_what_is_missing_or_damaged(damage, tmp_path, mirror, splits):
    original = DATA / "FashionMNIST" / "raw"
    raw = tmp_path / "FashionMNIST" / "raw"
    shutil.copytree(original, raw)
    (raw / FILES[0]).unlink()
    if damage is not None:
        (raw / FILES[0]).write_bytes(damage)
    assert len(fashion_mnist.load(tmp_path, download=True).train) == 55_000
    fashion_mnist.check_files(tmp_path)


def test_failed_download_loses_nothing(tmp_path, monkeypatch, splits):
    raw = tmp_path / "FashionMNIST" / "raw"
    shutil.copytree(DATA / "FashionMNIST" / "raw", raw)
    (raw / FILES[0]).unlink()
    before = sorted(raw.iterdir())
    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://127.0.0.1:1/"])
    with pytest.raises(SimplexNASError, match=r"cannot be fetched .*refused") as error:
        fashion_mnist.load(tmp_path, download=True)
    assert len(str(error.value).splitlines()) == 1 and sorted(raw.iterdir()) == before


def test_normalize(splits):
    normal = fashion_mnist.TASK.normalize(splits.train.images[:10_000])
    assert normal.dtype == torch.float32 and normal.is_contiguous(memory_format=torch.channels_last)
    assert abs(normal.mean()) < 0.02 and abs(normal.std() - 1) < 0.02
    pixels = splits.train.images.float() / 255
    assert pixels.mean().item() == pytest.approx(*fashion_mnist.TASK.mean, abs=1e-3)
    assert pixels.std().item() == pytest.approx(*fashion_mnist.TASK.std, abs=1e-3)


def test_augment_flips_and_shifts(splits):
    images = splits.train.images[:200]
    changed = batches.augment(images, torch.Generator().manual_seed(0), shift=2)
    assert changed.shape == images.shape and changed.dtype == torch.uint8
    assert torch.equal(changed, batches.augment(images, torch.Generator().manual_seed(0), shift=2))
    assert torch.equal(images, batches.augment(images, torch.Generator().manual_seed(0), flip=False))
    padded = torch.nn.functional.pad(images, [2] * 4)
    shifts = [(dy, dx) for dy in range(5) for dx in range(5)]
    flips = 0
    for before, mirrored, after in zip(padded, padded.flip(-1), changed, strict=True):
        plain, flipped = (
            any(torch.equal(image[:, dy : dy + 28, dx : dx + 28], after) for dy, dx in shifts)
            for image in (before, mirrored)
        )
        assert plain or flipped
        flips += flipped
    assert 70 < flips < 130
