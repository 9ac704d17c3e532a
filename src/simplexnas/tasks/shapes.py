"""A small folder of pictures for tries and tests: five shapes, each mostly in a colour of its own, on noise."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SHAPES = {
    "circle": ((220, 60, 60), lambda draw, box, colour: draw.ellipse(box, fill=colour)),
    "cross": ((60, 200, 80), lambda draw, box, colour: _cross(draw, box, colour)),
    "ring": ((70, 90, 230), lambda draw, box, colour: draw.ellipse(box, outline=colour, width=4)),
    "square": ((220, 200, 60), lambda draw, box, colour: draw.rectangle(box, fill=colour)),
    "triangle": ((200, 70, 210), lambda draw, box, colour: draw.regular_polygon(_circle(box), 3, fill=colour)),
}


def _circle(box) -> tuple[float, float, float]:
    left, top, right, bottom = box
    return (left + right) / 2, (top + bottom) / 2, (right - left) / 2


def _cross(draw, box, colour) -> None:
    left, top, right, bottom = box
    draw.line((left, top, right, bottom), fill=colour, width=5)
    draw.line((left, bottom, right, top), fill=colour, width=5)


def shape(name: str, random: np.random.Generator, size: int = 40) -> Image.Image:
    """One picture in RGB: the shape somewhere, in a colour near its own."""
    colour, draw = SHAPES[name]
    image = Image.fromarray(random.integers(0, 120, (size, size, 3), np.uint8))
    width, (left, top) = random.integers(size // 2, size - 4), random.integers(0, 4, 2)
    box = tuple(int(value) for value in (left, top, left + width, top + width))
    draw(ImageDraw.Draw(image), box, tuple(int(value) for value in np.clip(colour + random.normal(0, 25, 3), 0, 255)))
    return image


def make(folder: Path, n: int, seed: int = 0) -> Path:
    """n JPEG files of each shape, in folder/<shape>; returns the folder."""
    random = np.random.default_rng(seed)
    for name in SHAPES:
        (folder / name).mkdir(parents=True)
        for number in range(n):
            shape(name, random).save(folder / name / f"{number}.jpg", quality=90)
    return folder
