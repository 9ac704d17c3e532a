"""The page `own_images`: what becomes of pictures of one's own, what is refused, and what a large folder takes."""

import contextlib
import io
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError
from simplexnas.report.style import FIGURE_WIDTH
from simplexnas.tasks import folder, pictures, shapes
from simplexnas.tasks.task import Shape, Split, Splits

COSTS = "image_folder.json"
MILLION = 1_000_000
ORIENTATION = 0x0112  # of EXIF; 6: to be turned by a quarter


def many_kinds(place: Path) -> dict[str, Path]:
    """A file of each of five kinds, by its name: made in a folder that is there."""
    random = np.random.default_rng(5)
    small = {name: shapes.shape(name, random) for name in shapes.SHAPES}
    wide = Image.new("RGB", (70, 40), "#dddddd")
    wide.paste(small["square"], (15, 0))
    clear = small["ring"].convert("RGBA")
    clear.putalpha(Image.fromarray((np.asarray(small["ring"])[..., 2] > 130).astype(np.uint8) * 255))
    deep = np.asarray(small["cross"].convert("L")).astype(np.uint16) * 257
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    images = {
        "wide": (wide, "wide.jpg", {}),
        "turned": (small["triangle"].rotate(90), "turned.jpg", {"exif": exif}),
        "transparent": (clear, "transparent.png", {}),
        "16 bits": (Image.fromarray(deep), "deep.png", {}),
        "palette": (small["circle"].resize((20, 20)).quantize(8), "palette.gif", {}),
    }
    for image, name, options in images.values():
        image.save(place / name, **options)
    return {kind: place / name for kind, (_, name, _) in images.items()}


def kinds(place: Path) -> Figure:
    """Pictures as their files hold them, and under each what a network of colour pictures of 32 x 32 sees."""
    files = many_kinds(place)
    figure, axes = plt.subplots(2, len(files), figsize=(FIGURE_WIDTH, 2.5), layout="constrained")
    for column, (kind, path) in zip(axes.T, files.items(), strict=True):
        with Image.open(path) as image:
            seen = pictures.prepare(image, Shape(channels=3, size=32, classes=2))
        with Image.open(path) as image:
            stored = np.asarray(image) / 65_535 if image.mode.startswith("I") else np.asarray(image.convert("RGBA"))
        height, width = stored.shape[:2]
        chequered = np.indices((8, 8)).sum(axis=0) % 2  # what shows through
        column[0].imshow(chequered, cmap="gray", vmin=-2, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
        column[0].imshow(stored, cmap="gray", vmin=0, vmax=1)
        column[1].imshow(seen.transpose(1, 2, 0))
        column[0].set_title(kind)
        column[0].set_anchor("N")
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    for ax, name in zip(axes[:, 0], ("in the file", "network sees"), strict=True):
        ax.set_ylabel(name)
    return figure


def read(source: Path, image_size: int | None = None) -> tuple[Splits, str]:
    """The splits of a folder of pictures, and what `simplexnas search --data` says of them, without its progress."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        splits = folder.load(str(source), image_size)
    lines = told.getvalue().replace("\r", "\n").splitlines()
    return splits, "\n".join(line for line in lines if line.strip() and "%|" not in line)


def sheet(split: Split, each: int = 8) -> Figure:
    """Contact sheet: the first images of each class, in a row beside its name, as a network sees them."""
    images, labels = split.images.numpy(), split.labels.numpy()
    names, size, gap = split.task.classes, split.task.shape.size, 2
    whole = np.full(((size + gap) * len(names), (size + gap) * each, 3), 255, np.uint8)
    for label in range(len(names)):
        for number, image in enumerate(images[labels == label][:each]):
            top, left = (size + gap) * label, (size + gap) * number
            whole[top : top + size, left : left + size] = image.transpose(1, 2, 0)
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 5.2 * len(names) / each), layout="constrained")
    ax.imshow(whole)
    ax.set_xticks([])
    ax.set_yticks((size + gap) * np.arange(len(names)) + size / 2, names)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


def refusals(place: Path) -> pd.DataFrame:
    """Folders that are refused, made in a folder that is there, and what is said of each."""
    lines = []
    for number, (what, classes, change) in enumerate(REFUSED):
        pets = place / str(number) / "pets"
        for name in classes:
            _fill(pets / "train" / name, 4)
        change(pets)
        size = 30 if "size" in what else None
        try:
            said = read(pets, size)[1]
        except SimplexNASError as error:
            said = str(error).replace(f"{pets.parent}/", "")
        lines.append({"the folder": what, "what the command says": said})
    return pd.DataFrame(lines)


def _fill(of_class: Path, pictures: int) -> None:
    of_class.mkdir(parents=True)
    for number in range(pictures):
        Image.new("L", (8, 8), 20 * number).save(of_class / f"{number}.png")


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


REFUSED = (
    ("without train", (), lambda pets: _fill(pets / "cat", 4)),
    ("one class", ("cat",), lambda pets: None),
    ("an empty class", ("cat", "dog"), lambda pets: (pets / "train" / "cow").mkdir()),
    ("a class that val lacks", ("cat", "dog"), lambda pets: _fill(pets / "val" / "cat", 1)),
    ("too few pictures", ("cat", "dog"), lambda pets: _fill(pets / "train" / "cow", 2)),
    ("a damaged picture", ("cat", "dog"), lambda pets: _truncate(pets / "train" / "cat" / "3.png")),
    ("a size that no network takes", ("cat", "dog"), lambda pets: None),
)


def called(picture: Image.Image, answer: str) -> Figure:
    """A picture under what a network calls it."""
    figure, ax = plt.subplots(figsize=(1.5, 1.8), layout="constrained")
    ax.imshow(np.asarray(picture), cmap="gray")
    ax.set_title(answer)
    ax.set_axis_off()
    return figure


def grown(stage: dict) -> int:
    """Memory that a stage took and the system cannot take back, MB."""
    return stage["mb_peak"]["anonymous"] - stage["mb_before"]["anonymous"]


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name."""
    found = records.read(paths.RESULTS / COSTS)
    times, stages = MILLION / found["pictures"], found["stages"]
    return {
        "own_images.pictures": f"{found['pictures']:,}",
        "own_images.gb": f"{found['mb_on_disk'] * times / 1000:.2f}",
        "own_images.listed": f"{grown(stages['decode']) * times / 1000:.1f}",
        "own_images.minutes": f"{stages['decode']['processor_seconds'] * times / 60:.0f}",
    }
