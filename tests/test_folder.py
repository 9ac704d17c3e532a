"""Folders of pictures: what is found, cut, decoded and kept, and what is refused."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.tasks import folder, pictures


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch) -> Path:
    """Where images are kept: not in data/."""
    monkeypatch.setattr(paths, "IMAGES", tmp_path / "data" / "images")
    return paths.IMAGES


def picture(path: Path, value: int | tuple = 100, mode: str = "L", **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (4, 4), value).save(path, **options)
    return path


def fill(part: Path, classes=("cat", "dog"), n: int = 5, mode: str = "L") -> None:
    """n pictures of each class; every picture of a data set has a value of its own."""
    start = {"train": 0, "val": 100, "test": 160}[part.name]
    for label, name in enumerate(classes):
        for number in range(n):
            value = start + label * n + number
            picture(part / name / f"{number}.png", value if mode == "L" else (value, value, 255 - value), mode)


@pytest.fixture
def pets(tmp_path) -> Path:
    """train with two classes of ten pictures."""
    fill(tmp_path / "pets" / "train", n=10)
    return tmp_path / "pets"


def load(source, image_size: int | None = 4):
    return folder.load(str(source), image_size)


def parts(splits) -> dict:
    return {name: getattr(splits, name) for name in ("train", "validation", "test")}


def values(split) -> list[int]:
    """The one value of each image, in order."""
    return split.images[:, 0, 0, 0].tolist()


def refused(source, message: str, kept: Path, image_size: int | None = 4) -> str:
    """One line that matches, and nothing is kept."""
    with pytest.raises(SimplexNASError, match=message) as error:
        load(source, image_size)
    assert len(str(error.value).splitlines()) == 1
    assert [path.name for path in kept.glob("*") if path.name != ".lock"] == []
    return str(error.value)


# What is found and cut


def test_what_is_missing_is_cut_from_train(pets):
    splits = load(pets)
    assert {name: len(split) for name, split in parts(splits).items()} == {"train": 12, "validation": 4, "test": 4}
    for split in parts(splits).values():
        assert torch.bincount(split.labels).tolist() == [len(split) // 2] * 2
        assert split.images.dtype == torch.uint8 and split.images.shape[1:] == (1, 4, 4)
        assert [value // 10 for value in values(split)] == split.labels.tolist()
    assert sorted(value for split in parts(splits).values() for value in values(split)) == list(range(20))
    assert splits.train.labels.tolist() != sorted(splits.train.labels), "in random order"


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_what_is_there_is_taken_as_it_is(name, pets):
    fill(pets / "val", n=3)
    fill(pets / "test", n=2)
    (pets / "val").rename(pets / name)
    splits = load(pets)
    assert sorted(values(splits.train)) == list(range(20))
    assert sorted(values(splits.validation)) == list(range(100, 106))
    assert sorted(values(splits.test)) == list(range(160, 164))
    assert values(splits.train) != sorted(values(splits.train))


def test_only_one_is_cut(pets):
    fill(pets / "test", n=2)
    splits = load(pets)
    assert {name: len(split) for name, split in parts(splits).items()} == {"train": 16, "validation": 4, "test": 4}


def test_the_task(pets):
    task = load(pets, 8).task
    assert (task.name, task.source, task.classes) == ("pets", str(pets), ("cat", "dog"))
    assert dataclasses.astuple(task.shape) == (1, 8, 2)
    assert task.resize == pictures.resize_in_words(task.shape)
    train = load(pets, 8).train.images.numpy() / 255
    assert task.mean == pytest.approx([train.mean()], abs=1e-6) and task.std == pytest.approx([train.std()], abs=1e-6)


@pytest.mark.parametrize(("mode", "channels", "size"), [("L", 1, 28), ("RGB", 3, 32)])
def test_size_and_channels_by_default(mode, channels, size, tmp_path, kept):
    fill(tmp_path / "some" / "train", mode=mode)
    splits = load(tmp_path / "some", None)
    assert splits.train.images.shape[1:] == (channels, size, size)
    (made,) = kept.glob("some-*")
    before = made.stat().st_mtime_ns
    load(tmp_path / "some", size)
    load(tmp_path / "some", None)
    assert list(kept.glob("some-*")) == [made] and made.stat().st_mtime_ns == before, "decoded once"


def test_a_default_is_not_taken_from_images_of_other_channels(tmp_path):
    fill(tmp_path / "some" / "train", mode="RGB")
    assert load(tmp_path / "some", 28).task.shape.size == 28
    assert load(tmp_path / "some", None).task.shape.size == 32


def test_one_picture_in_colour_makes_all_colour(pets):
    picture(pets / "train" / "dog" / "colour.png", (200, 200, 200), "RGB")
    splits = load(pets)
    assert splits.task.shape.channels == 3
    assert all((split.images[:, :1] == split.images).all() for split in parts(splits).values())


def test_train_alone_decides_the_channels(pets):
    fill(pets / "test", mode="RGB")
    splits = load(pets)
    assert splits.task.shape.channels == 1 and splits.test.images.shape[1] == 1


def test_pictures_are_prepared(pets):
    """A wide picture, turned, of 16 bits: as `prepare` makes it."""
    wide = Image.fromarray(np.random.default_rng(0).integers(0, 65536, (30, 70), np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 3
    wide.save(pets / "train" / "dog" / "wide.png", exif=exif)
    splits = load(pets, 12)
    with Image.open(pets / "train" / "dog" / "wide.png") as image:
        expected = torch.from_numpy(pictures.prepare(image, splits.task.shape).copy())
    assert sum((image == expected).all().item() for split in parts(splits).values() for image in split.images) == 1


def test_names_of_any_script_depth_links_and_hidden_files(pets, capsys):
    train = pets / "train"
    picture(train / "größe 2" / "a b" / "кот.JPG")
    picture(train / "größe 2" / "b.png")
    picture(pets.parent / "elsewhere" / "linked.png")
    (train / "größe 2" / "folder").symlink_to(pets.parent / "elsewhere")
    (train / "größe 2" / "again").symlink_to(pets.parent / "elsewhere")
    (train / "größe 2" / "loop").symlink_to(train / "größe 2")
    (train / "größe 2" / "file.png").symlink_to(pets.parent / "elsewhere" / "linked.png")
    (train / "cat" / ".DS_Store").write_text("hidden")
    (train / "cat" / "._0.png").write_text("hidden")
    (train / ".git").mkdir()
    (train / "cat" / "Thumbs.db").write_text("no picture")
    (train / "loose.png").write_text("of no class")
    listing = folder.list_pictures(pets)
    assert listing.classes == ("cat", "dog", "größe 2")
    assert np.bincount(listing.labels["train"]).tolist() == [10, 10, 4], "what links lead to counts once a folder"
    assert sorted(listing.left_out) == ["train/cat/Thumbs.db", "train/loose.png"]
    splits = load(pets)
    assert splits.task.classes == listing.classes
    told = capsys.readouterr().err
    assert "pets: 3 classes, 4 x 4 grey; 14 for weights, 5 for validation, 5 for the test\n" in told
    assert "2 files are no pictures; the first: 'train/cat/Thumbs.db'\n" in told


def test_classes_are_sorted_by_code_points_and_composed(tmp_path):
    train = tmp_path / "letters" / "train"
    for name in ("b", "a", "B", "10", "9", "cafz", "cafe\u0301"):
        picture(train / name / "0.png")
    fill(tmp_path / "letters" / "val", ("b", "a", "B", "10", "9", "cafz", "caf\u00e9"), n=1)
    (tmp_path / "letters" / "test").symlink_to(tmp_path / "letters" / "val")
    assert folder.list_pictures(tmp_path / "letters").classes == ("10", "9", "B", "a", "b", "cafz", "caf\u00e9")


def test_many_classes(tmp_path, monkeypatch):
    """10,000 classes of three pictures, none of which lies on the disk."""
    names = [f"{number:05}" for number in range(10_000)]

    def listed(_, part, left_out):
        return {name: [(f"{part}/{name}/{number}.png", 1, 1) for number in range(3)] for name in names}

    monkeypatch.setattr(folder, "_classes", listed)
    (tmp_path / "many" / "train").mkdir(parents=True)
    listing = folder.list_pictures(tmp_path / "many")
    assert listing.classes == tuple(names)
    for files, labels in folder._splits(listing).values():
        assert sorted(labels) == list(range(10_000)), "one of each class everywhere"
        assert all(file.split("/")[1] == names[label] for file, label in zip(files, labels, strict=True))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("pets", "pets"),
        ("My pets, 2024!", "My-pets-2024"),
        ("größe_1", "größe_1"),
        ("猫", "猫"),
        ("...", "pictures"),
        ("-v", "v"),
        ("digits", "digits-folder"),
        ("Fashion-MNIST", "Fashion-MNIST-folder"),
        ("x" * 60, "x" * 40),
    ],
)
def test_names_of_tasks(given, name):
    assert folder.task_name(Path("/data") / given) == name
    assert folder.task_name(Path("/")) == "pictures"


def test_relative_and_home(pets, monkeypatch):
    monkeypatch.chdir(pets)
    monkeypatch.setenv("HOME", str(pets.parent))
    for source in (".", "../pets/", "~/pets"):
        task = load(source).task
        assert (task.name, task.source) == ("pets", str(pets))


# What is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda pets: shutil.rmtree(pets), "pets is not a folder; allowed: fashion-mnist, digits, or a folder"),
        (lambda pets: shutil.rmtree(pets / "train"), "pets has no folder train; expected: train/<class>/<pictures>"),
        (lambda pets: shutil.rmtree(pets / "train" / "cat"), "train has 1 folders of classes; allowed: from 2"),
        (lambda pets: [shutil.rmtree(pets / "train" / name) for name in ("cat", "dog")], "train has 0 folders"),
        (lambda pets: (pets / "train" / "cow").mkdir(), "train: the class 'cow' has no pictures"),
        (lambda pets: fill(pets / "test", ("cat", "cow")), "test has the class 'cow', train has not"),
        (lambda pets: fill(pets / "val", ("cat",)), "train has the class 'dog', val has not"),
        (lambda pets: (fill(pets / "val"), (pets / "valid").mkdir()), "has val and valid; allowed: one of them"),
        (
            lambda pets: [(pets / "train" / "cat" / f"{number}.png").unlink() for number in range(8)],
            "the class 'cat' has too few pictures, 2; allowed: from 3, as test and validation are cut from them",
        ),
        (
            lambda pets: (fill(pets / "test"), picture(pets / "train" / "cow" / "0.png")),
            r"train has the class 'cow', test has not|'cow' has too few pictures, 1; allowed: from 2, as validation",
        ),
        (lambda pets: (pets / "train" / "cat" / "gone.png").symlink_to("nowhere"), r"gone\.png cannot be read \(No su"),
        (lambda pets: (pets / "train" / "cat" / "a.png").symlink_to("a.png"), r"a\.png cannot be read \(Too many"),
        (lambda pets: os.mkdir(os.fsencode(pets / "train") + b"/\xff"), "the name of the class .* is not UTF-8"),
    ],
)
def test_folders_that_do_not_fit_are_one_line(change, message, pets, kept):
    change(pets)
    refused(pets, message, kept)


def test_a_file_is_no_folder(pets, kept):
    refused(pets / "train" / "cat" / "0.png", "is not a folder", kept)


@pytest.mark.parametrize("size", [30, 0, 100, -4])
def test_sizes_that_no_network_takes(size, pets, kept):
    refused(pets, f"size = {size}; allowed: ", kept, size)


def test_a_folder_that_may_not_be_read(pets, kept, monkeypatch):
    scandir = os.scandir

    def denied(path):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    refused(pets, r"train/dog cannot be read \(Permission denied\)", kept)


def test_all_pictures_that_cannot_be_read_are_counted(pets, kept):
    whole = (pets / "train" / "cat" / "3.png").read_bytes()
    (pets / "train" / "cat" / "3.png").write_bytes(whole[: len(whole) // 2])
    (pets / "train" / "dog" / "5.png").write_bytes(b"")
    (pets / "train" / "dog" / "text.png").write_text("no picture")
    message = refused(
        pets, r"^3 of 21 pictures cannot be read; the first: 'train/(cat/3|dog/5|dog/text)\.png' \(", kept
    )
    (pets / "train" / "dog" / "5.png").unlink()
    (pets / "train" / "dog" / "text.png").unlink()
    message = refused(pets, r"^1 of 19 pictures cannot be read; the first: 'train/cat/3\.png' \(", kept)
    (pets / "train" / "cat" / "3.png").write_bytes(b"")
    message = refused(pets, r"no picture that Pillow knows, or an empty file\)$", kept)
    assert "train/cat/3.png" in message


def test_a_picture_of_too_many_pixels_is_not_decoded(pets, kept, monkeypatch):
    Image.new("L", (40, 40)).save(pets / "train" / "cat" / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    refused(pets, r"large\.png' \(.*1600 pixels.* exceeds limit of 1000 pixels", kept)


def test_too_little_room_on_the_disk(pets, kept, monkeypatch):
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))
    refused(pets, r"20 images of 96 x 96 need 0\.00 GB in .*images, where 0\.00 GB are free", kept, 96)


def test_a_disk_that_fills_up_meanwhile(pets, kept, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder.npy, "write_array_header_1_0", full)
    refused(pets, r"images/pets-\w+ cannot be written \(No space left on device\)", kept)


def test_images_of_one_colour_do_not_crash(tmp_path):
    for name in "ab":
        for number in range(3):
            picture(tmp_path / "flat" / "train" / name / f"{number}.png", (10, 20, 30), "RGB")
    task = load(tmp_path / "flat").task
    assert task.std == (1.0, 1.0, 1.0) and task.mean == pytest.approx([10 / 255, 20 / 255, 30 / 255], abs=1e-6)


def test_pillow_warnings_are_not_shown(pets):
    """Of EXIF data that end too early Pillow warns; pytest would make an error of it."""
    half = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"
    picture(pets / "train" / "cat" / "warns.jpg", exif=half)
    with pytest.warns(UserWarning, match="Corrupt EXIF"), Image.open(pets / "train" / "cat" / "warns.jpg") as image:
        image.getexif()
    assert sum(len(split) for split in parts(load(pets)).values()) == 21


# What is kept


def test_kept_images_are_not_decoded_again(pets, monkeypatch):
    first = load(pets)
    monkeypatch.setattr(pictures, "prepare", None)
    monkeypatch.setattr(Image, "open", None)
    again = load(pets)
    assert again.task == first.task
    for name, split in parts(again).items():
        assert torch.equal(split.images, parts(first)[name].images)
        assert torch.equal(split.labels, parts(first)[name].labels)


@pytest.mark.parametrize(
    "change",
    [
        lambda pets: picture(pets / "train" / "cat" / "0.png", 250),
        lambda pets: picture(pets / "train" / "cat" / "new.png", 250),
        lambda pets: (pets / "train" / "cat" / "0.png").unlink(),
        lambda pets: (pets / "train" / "cat" / "9.png").rename(pets / "train" / "dog" / "+.png"),
        lambda pets: fill(pets / "test"),
    ],
)
def test_a_changed_folder_is_decoded_anew_and_is_another_task(change, pets):
    before = load(pets).task
    change(pets)
    assert load(pets).task.fingerprint != before.fingerprint


def test_another_size_is_another_task(pets):
    assert load(pets, 4).task.fingerprint != load(pets, 8).task.fingerprint
    assert load(pets, 4).task.shape.size == 4


def test_the_same_pictures_are_the_same_task_wherever_they_lie(pets, tmp_path):
    before = load(pets).task
    shutil.copytree(pets, tmp_path / "copy")
    for path in (tmp_path / "copy").rglob("*.png"):
        os.utime(path)
    after = load(tmp_path / "copy").task
    assert (after.fingerprint, after.mean, after.name) == (before.fingerprint, before.mean, "copy")
    pets.rename(tmp_path / "moved")
    assert folder.load_kept(before).task == before


def test_a_folder_that_moved_is_not_decoded_again(pets, kept):
    load(pets)
    (pets.parent / "elsewhere").mkdir()
    moved = pets.rename(pets.parent / "elsewhere" / "pets")
    assert load(moved).task.source == str(moved) and len(list(kept.glob("pets-*"))) == 1


def test_no_images_are_kept_of_an_unknown_task(pets):
    task = load(pets).task
    assert folder.load_kept(dataclasses.replace(task, fingerprint="another")) is None


def test_kept_images_are_mapped_not_read(pets, kept):
    images = load(pets).train.images
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("only Linux lists what is mapped")
    (made,) = kept.glob("pets-*")
    assert f"{made / 'train-images.npy'}" in maps.read_text() and len(images) == 12


def test_damaged_images_are_one_line_with_the_way_out(pets, kept):
    load(pets)
    (made,) = kept.glob("pets-*")
    content = (made / "train-images.npy").read_bytes()
    (made / "train-images.npy").write_bytes(content[:-5])
    with pytest.raises(SimplexNASError, match=r"pets-\w+-4 is damaged \(.*\); move it away to decode again"):
        load(pets)
    (made / "train-images.npy").unlink()
    with pytest.raises(SimplexNASError, match="is damaged"):
        load(pets)
    description = made / folder.DESCRIPTION
    description.write_text(json.dumps(json.loads(description.read_text()) | {"version": 0}))
    with pytest.raises(SimplexNASError, match=r"task\.json: expected format 'simplexnas images' version 1"):
        load(pets)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError("none left")])
def test_what_is_interrupted_leaves_nothing(error, pets, kept, monkeypatch):
    def stopped(*_, **__):
        raise error

    monkeypatch.setattr(folder, "make_splits", stopped)
    with pytest.raises(error if isinstance(error, type) else type(error)):
        load(pets)
    assert [path.name for path in kept.iterdir()] == [".lock"]
    monkeypatch.undo()
    monkeypatch.setattr(paths, "IMAGES", kept)
    assert len(load(pets).train) == 12


def test_the_halves_of_a_killed_process_are_removed(pets, kept):
    (kept / ".other-0123.tmp").mkdir(parents=True)
    (kept / ".other-0123.tmp" / "train-images.npy").write_bytes(b"half")
    load(pets)
    assert not (kept / ".other-0123.tmp").exists()


def test_of_two_processes_the_second_waits_and_takes_what_the_first_made(pets, kept, monkeypatch, capsys):
    load(pets)
    (made,) = kept.glob("pets-*")
    made.rename(kept.parent / made.name)
    monkeypatch.setattr(folder, "_decode", None)  # the second must not
    lock, result = FileLock(kept / ".lock"), []
    lock.acquire()
    second = threading.Thread(target=lambda: result.append(load(pets)))
    second.start()
    try:
        second.join(0.3)
        assert second.is_alive() and not result, "it waits"
        (kept.parent / made.name).rename(made)
    finally:
        lock.release()
    second.join(10)
    assert len(result[0].train) == 12
    assert "another process decodes pictures; waiting for it" in capsys.readouterr().err


@pytest.mark.slow
def test_a_process_that_is_interrupted_leaves_nothing_half(pets, kept):
    """Ctrl-C while threads decode, as a user types it."""
    fill(pets / "train", n=40)
    code = f"""
import os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
from simplexnas.cli import main
from simplexnas.tasks import pictures
prepare = pictures.prepare
pictures.prepare = lambda *a: (time.sleep(0.2), os.write(1, b"decoding\\n")) and prepare(*a)
import sys
sys.argv = ["simplexnas", "search", "--preset", "quick", "--data", {str(pets)!r}]
main()
"""
    environment = os.environ | {"SIMPLEXNAS_DATA": str(kept.parent)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout.readline() == "decoding\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in told
    assert [path.name for path in kept.iterdir()] == [".lock"]
