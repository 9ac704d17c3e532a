"""A folder of pictures in torchvision's ImageFolder layout, decoded once and kept under data/images.

    FOLDER/train/<class>/…    FOLDER/val/<class>/…    FOLDER/test/<class>/…

`val` (or `valid`, `validation`) and `test` may be missing: then 15 % and 20 % of each class are cut from train, at
least one picture each. Files lie at any depth below their class, links are followed. Hidden files, and those whose
suffix says that they are no pictures, are left out.

Kept images are uint8 in files that are mapped, not read: 1 million of 32 x 32 in colour need 3.07 GB of disk, and
memory only as far as there is some to spare. Listing a folder takes about half a kB of memory for each picture.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.lib import format as npy
from PIL import Image
from tqdm import tqdm

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_format, check_writable, read_json, write_atomically
from simplexnas.io.paths import relative
from simplexnas.tasks import pictures
from simplexnas.tasks.task import NAMED, SPLIT_SEED, Shape, Splits, Task, as_split, cut, make_splits

FOLDERS = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}
SHARES = {"test": 0.2, "validation": 0.15}  # of each class, where there is no such folder
DEFAULT_SIZES = {1: 28, 3: 32}  # by channels
LONGEST_NAME = 40  # characters
AT_A_TIME = 256  # pictures that threads decode before they are written
FORMAT, VERSION, DESCRIPTION = "simplexnas images", 1, "task.json"


@dataclass(frozen=True)
class Listing:
    """The pictures of a folder, unopened.

    classes: in the order of the labels. paths, labels: of each folder there is, by the name of its split; relative, in
    one order on every machine. key: SHA-256 of names, sizes and times. left_out: files that are no pictures.
    """

    folder: Path
    classes: tuple[str, ...]
    paths: dict[str, list[str]]
    labels: dict[str, np.ndarray]
    key: str
    left_out: list[str]


def load(source: str, image_size: int | None = None) -> Splits:
    """The splits of a folder of pictures; decodes them where that was not done before.

    image_size: height and width in pixels; by default 28 if all pictures for training are grey, else 32. Raises
    `SimplexNASError` for a folder without pictures, a class with too few, a picture that cannot be read, or too little
    room on the disk; nothing is kept then.
    """
    folder = Path(os.path.abspath(os.path.expanduser(source)))
    if image_size is not None:
        Shape(channels=3, size=image_size, classes=2)  # refused before anything is read
    listing = list_pictures(folder)
    place = paths.IMAGES / f"{task_name(folder)}-{listing.key[:12]}"
    kept = _decoded(place, image_size)
    if kept is None:
        check_writable(place)
        paths.IMAGES.mkdir(parents=True, exist_ok=True)
        with _turn(paths.IMAGES / ".lock"):
            kept = _decoded(place, image_size) or _decode(listing, place, image_size)
    return _open(kept, replace(_task(kept), source=str(folder)))


def load_kept(task: Task) -> Splits | None:
    """The kept images of a task, found by its fingerprint, wherever its pictures are now."""
    for kept in paths.IMAGES.glob(f"[!.]*/{DESCRIPTION}"):
        if _task(kept.parent).fingerprint == task.fingerprint:
            return _open(kept.parent, task)
    return None


def task_name(folder: Path) -> str:
    """The folder's name, of letters, digits, "_" and "-" alone, at most 40."""
    name = re.sub(r"[^\w-]+", "-", unicodedata.normalize("NFC", folder.name))[:LONGEST_NAME].strip("-") or "pictures"
    return f"{name}-folder" if name.lower() in NAMED else name


# Listing


def list_pictures(folder: Path) -> Listing:
    """The pictures of a folder; raises `SimplexNASError` for one without train, and for classes that do not fit."""
    if not folder.is_dir():
        raise SimplexNASError(f"{folder} is not a folder; allowed: fashion-mnist, digits, or a folder of pictures")
    found = {split: [name for name in names if (folder / name).is_dir()] for split, names in FOLDERS.items()}
    if not found["train"]:
        raise SimplexNASError(f"{folder} has no folder train; expected: train/<class>/<pictures>")
    if more := next((names for names in found.values() if len(names) > 1), None):
        raise SimplexNASError(f"{folder} has {' and '.join(more)}; allowed: one of them")
    names = {split: names[0] for split, names in found.items() if names}
    digest = hashlib.sha256(f"{pictures.RULE} {SHARES} {SPLIT_SEED}".encode())
    classes, listed, labels, left_out = None, {}, {}, []
    for split, name in names.items():
        by_class = _classes(folder, name, left_out)
        if classes is None:
            classes = tuple(sorted(by_class))
            _check_classes(folder / name, by_class, missing=[split for split in SHARES if split not in names])
        elif different := sorted(set(classes) ^ set(by_class)):
            there, absent = ("train", name) if different[0] in classes else (name, "train")
            raise SimplexNASError(
                f"{folder}: {there} has the class {different[0]!r}, {absent} has not; "
                f"every class needs pictures in each of {', '.join(names.values())}"
            )
        listed[split], counts = [], []
        for each in classes:
            files = sorted(by_class[each])
            if not files:
                raise SimplexNASError(f"{folder / name}: the class {each!r} has no pictures")
            for path, size, time in files:
                digest.update(f"{path}\0{size}\0{time}\n".encode(errors="surrogateescape"))
                listed[split].append(path)
            counts.append(len(files))
        labels[split] = np.repeat(np.arange(len(classes)), counts)
    return Listing(folder, classes, listed, labels, digest.hexdigest(), left_out)


def _classes(folder: Path, name: str, left_out: list[str]) -> dict[str, list[tuple[str, int, int]]]:
    """Path, size and time of the pictures of each class of FOLDER/<name>."""
    by_class, known = {}, pictures.suffixes()
    for entry, status in _entries(folder / name):
        if not stat.S_ISDIR(status.st_mode):
            left_out.append(f"{name}/{entry.name}")
            continue
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            raise SimplexNASError(f"{folder / name}: the name of the class {entry.name!a} is not UTF-8") from None
        own = by_class.setdefault(unicodedata.normalize("NFC", entry.name), [])
        for path, status in _files(entry.path):
            path = os.path.relpath(path, folder).replace(os.sep, "/")
            if stat.S_ISREG(status.st_mode) and os.path.splitext(path)[1].lower() in known:
                own.append((path, status.st_size, status.st_mtime_ns))
            else:
                left_out.append(path)
    return by_class


def _check_classes(train: Path, by_class: dict[str, list], missing: list[str]) -> None:
    if len(by_class) < 2:
        raise SimplexNASError(f"{train} has {len(by_class)} folders of classes; allowed: from 2")
    for name, files in sorted(by_class.items()):
        if 0 < len(files) <= len(missing):
            raise SimplexNASError(
                f"{train}: the class {name!r} has too few pictures, {len(files)}; allowed: from {1 + len(missing)}, as "
                f"{' and '.join(sorted(missing))} are cut from them"
            )


def _files(top: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every file below a folder; a folder that links lead to more than once is visited once."""
    waiting, seen = [top], set()
    while waiting:
        folder = waiting.pop()
        own = os.stat(folder)
        if (own.st_dev, own.st_ino) in seen:
            continue
        seen.add((own.st_dev, own.st_ino))
        for entry, status in _entries(folder):
            if stat.S_ISDIR(status.st_mode):
                waiting.append(entry.path)
            else:
                yield entry.path, status


def _entries(folder: Path | str) -> list[tuple[os.DirEntry, os.stat_result]]:
    """What lies in a folder, hidden things left out, links followed, by name."""
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
        return [(entry, entry.stat()) for entry in sorted(shown, key=lambda entry: entry.name)]
    except OSError as error:
        raise SimplexNASError(f"{error.filename} cannot be read ({error.strerror})") from None


# Keeping


@contextmanager
def _turn(lock: Path) -> Iterator[None]:
    """One process decodes, others wait: they may want the same images."""
    owner = FileLock(lock)
    try:
        owner.acquire(timeout=0)
    except Timeout:
        print("another process decodes pictures; waiting for it", file=sys.stderr)
        owner.acquire()
    try:
        yield
    finally:
        owner.release()


def _decoded(place: Path, image_size: int | None) -> Path | None:
    """The folder of images that were made of a listing in this size, if they were."""
    for channels, default in DEFAULT_SIZES.items():
        kept = place.with_name(f"{place.name}-{image_size or default}")
        if kept.is_dir() and (image_size is not None or _task(kept).shape.channels == channels):
            return kept
    return None


def _decode(listing: Listing, place: Path, image_size: int | None) -> Path:
    """Decode all pictures into a new folder under data/images; returns it."""
    for left in paths.IMAGES.glob(".*.tmp"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    temporary = place.with_name(f".{place.name}.tmp")
    name = task_name(listing.folder)
    try:
        with warnings.catch_warnings():  # Pillow's of what it reads all the same
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            files = [str(listing.folder / path) for path in listing.paths["train"]]
            with closing(_in_order(_is_grey, files, f"{name}: grey or colour")) as results:
                grey = all(results)
            channels = 1 if grey else 3
            shape = Shape(channels, image_size or DEFAULT_SIZES[channels], len(listing.classes))
            chosen = _splits(listing)
            _check_room(shape, sum(len(labels) for _, labels in chosen.values()))
            temporary.mkdir()
            bad = _write(listing.folder, chosen, shape, temporary, f"{name}: pictures")
        if bad:
            total = sum(len(labels) for _, labels in chosen.values())
            raise SimplexNASError(f"{len(bad)} of {total:,} pictures cannot be read; the first: {bad[0]}")
        splits = make_splits(
            _map(temporary),
            name=name,
            source=str(listing.folder),
            classes=listing.classes,
            shape=shape,
            resize=pictures.resize_in_words(shape),
            split_seed=SPLIT_SEED,
        )
        content = {"format": FORMAT, "version": VERSION, "task": splits.task.to_dict()}
        write_atomically(temporary / DESCRIPTION, json.dumps(content, indent=1) + "\n")
        kept = place.with_name(f"{place.name}-{shape.size}")
        os.replace(temporary, kept)
    except OSError as error:
        raise SimplexNASError(f"{relative(place)} cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _report(splits, listing)
    return kept


def _splits(listing: Listing) -> dict[str, tuple[list[str], np.ndarray]]:
    """Paths and labels of each split, in random order."""
    shares = {split: share for split, share in SHARES.items() if split not in listing.paths}
    chosen = {}
    for split, labels in listing.labels.items():
        files = listing.paths[split]
        for name, indices in cut(labels, shares if split == "train" else {}, SPLIT_SEED).items():
            own = split if name == "train" else name
            chosen[own] = ([files[index] for index in indices], labels[indices])
    return chosen


def _check_room(shape: Shape, images: int) -> None:
    needed, free = images * (shape.channels * shape.size**2 + 8), shutil.disk_usage(paths.IMAGES).free
    if needed > free:
        raise SimplexNASError(
            f"{images:,} images of {shape.size} x {shape.size} need {needed / 1e9:.2f} GB in "
            f"{relative(paths.IMAGES)}, where {free / 1e9:.2f} GB are free"
        )


def _write(folder: Path, chosen: dict, shape: Shape, target: Path, title: str) -> list[str]:
    """Images and labels of each split as .npy files; returns the pictures that could not be read, and why."""
    bad = []

    def decode(path: str) -> np.ndarray | str:
        try:
            with Image.open(folder / path) as image:
                return pictures.prepare(image, shape)
        except Exception as error:  # Pillow's readers raise whatever a damaged file leads them to
            return f"{path!r} ({pictures.why_unreadable(error)})"

    for split, (files, labels) in chosen.items():
        np.save(target / f"{split}-labels.npy", labels.astype(np.int64))
        with open(target / f"{split}-images.npy", "wb") as file:
            size = (len(files), shape.channels, shape.size, shape.size)
            npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": size})
            with closing(_in_order(decode, files, f"{title} for {split}")) as results:
                for result in results:
                    if isinstance(result, str):
                        bad.append(result)
                    else:
                        file.write(result.tobytes())
    return bad


def _is_grey(path: str) -> bool:
    """What cannot be opened counts as grey: decoding it says what is wrong."""
    try:
        with Image.open(path) as image:
            return pictures.is_grey(image)
    except Exception:
        return True


def _in_order(function: Callable, items: list, title: str) -> Iterator:
    """function(item) of every item, by threads (Pillow decodes without Python's lock); few results wait in memory."""
    with ThreadPoolExecutor() as pool, tqdm(total=len(items), desc=title, leave=False) as bar:
        try:
            for start in range(0, len(items), AT_A_TIME):
                for result in pool.map(function, items[start : start + AT_A_TIME]):
                    bar.update()
                    yield result
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _report(splits: Splits, listing: Listing) -> None:
    """On standard error: what was found, and what was left out."""
    shape = splits.task.shape
    sizes = {"weights": splits.train, "validation": splits.validation, "the test": splits.test}
    listed = ", ".join(f"{len(split):,} for {use}" for use, split in sizes.items())
    colour = "grey" if shape.channels == 1 else "colour"
    print(
        f"{splits.task.name}: {shape.classes:,} classes, {shape.size} x {shape.size} {colour}; {listed}",
        file=sys.stderr,
    )
    if listing.left_out:
        print(f"{len(listing.left_out):,} files are no pictures; the first: {listing.left_out[0]!r}", file=sys.stderr)


def _map(kept: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images and labels of the splits. Read-only: Linux refuses a private writable map larger than memory."""
    return {
        split: tuple(np.load(kept / f"{split}-{what}.npy", mmap_mode="r") for what in ("images", "labels"))
        for split in FOLDERS
    }


def _task(kept: Path) -> Task:
    content = read_json(kept / DESCRIPTION)
    check_format(content, FORMAT, VERSION, relative(kept / DESCRIPTION))
    return Task.from_dict(content["task"])


def _open(kept: Path, task: Task) -> Splits:
    try:
        return Splits(**{split: as_split(*arrays, task) for split, arrays in _map(kept).items()})
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise SimplexNASError(f"{relative(kept)} is damaged ({reason}); move it away to decode again") from None
