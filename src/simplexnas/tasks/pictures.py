"""From a picture of any kind to the pixels that a network sees. One rule, that a family's description has in words."""

import functools

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from simplexnas.tasks.task import Shape

GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
RULE = 1  # of `prepare`; another one makes other images of the same pictures


@functools.cache
def suffixes() -> frozenset[str]:
    """Of the files that Pillow reads, in small letters: ".png", ".jpg", …"""
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN)


def is_grey(image: Image.Image) -> bool:
    """By its mode alone: an RGB file with nothing but grey pixels, and one with a palette, are colour."""
    return image.mode in GREY_MODES


def prepare(image: Image.Image, shape: Shape) -> np.ndarray:
    """The pixels of an open picture, as `resize_in_words` says: (C, H, W) uint8.

    A picture that cannot be read raises whatever Pillow raises; one of whole numbers beyond 16 bits, or of fractions
    beyond 0 … 1, raises ValueError.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bits(image)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if shape.channels == 1 else "RGB")
    image = ImageOps.fit(image, (shape.size, shape.size), Image.Resampling.BICUBIC)
    return np.asarray(image).reshape(shape.size, shape.size, shape.channels).transpose(2, 0, 1)


def resize_in_words(shape: Shape) -> str:
    """What `prepare` does, for whoever deploys a network."""
    mode = "L (grey)" if shape.channels == 1 else "RGB"
    return (
        "first frame; turned as EXIF says; 16-bit values divided by 257; transparent pixels on white; "
        f"Pillow's mode {mode}, without colour profiles; the largest centred square, resized to "
        f"{shape.size} x {shape.size} by Pillow's antialiased bicubic filter (ImageOps.fit)"
    )


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Whole numbers of 16 bits, or fractions from 0 to 1, as mode L. Pillow's own conversion clips at 255."""
    values = np.asarray(image)
    most = 1 if image.mode == "F" else 2**16 - 1
    if not (values.min() >= 0 and values.max() <= most):  # also where one is not a number
        raise ValueError(f"its values go from {values.min():g} to {values.max():g}; allowed: 0 to {most}")
    return Image.fromarray(np.rint(values * (255 / most)).astype(np.uint8))


def why_unreadable(error: Exception) -> str:
    """In a few words, without the file's name."""
    if isinstance(error, UnidentifiedImageError):
        return "no picture that Pillow knows, or an empty file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())[:150] or type(error).__name__
