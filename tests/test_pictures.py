"""From a picture of any kind to pixels, as the words beside it say."""

import io

import numpy as np
import pytest
from PIL import Image

from simplexnas.tasks import pictures
from simplexnas.tasks.task import Shape

GREY, COLOUR = (Shape(channels=channels, size=8, classes=2) for channels in (1, 3))
RAMP = np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8)


def stored(image: Image.Image, kind: str, **options) -> Image.Image:
    """The picture as it is read back from a file of this kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(file)


@pytest.mark.parametrize("shape", [GREY, COLOUR])
def test_a_picture_of_the_right_size_keeps_its_pixels(shape):
    pixels = pictures.prepare(stored(Image.fromarray(RAMP), "png"), shape)
    assert pixels.shape == (shape.channels, 8, 8) and pixels.dtype == np.uint8
    assert all((channel == RAMP).all() for channel in pixels)


def test_channels_come_first():
    image = Image.new("RGB", (8, 8), (10, 20, 30))
    assert pictures.prepare(image, COLOUR)[:, 3, 5].tolist() == [10, 20, 30]
    assert pictures.prepare(image, GREY)[0, 0, 0] == round(0.299 * 10 + 0.587 * 20 + 0.114 * 30)


@pytest.mark.parametrize("size", [(40, 8), (8, 40)])
def test_the_largest_centred_square_is_taken(size):
    image = Image.new("L", size, 0)
    image.paste(200, ((size[0] - 8) // 2, (size[1] - 8) // 2, (size[0] + 8) // 2, (size[1] + 8) // 2))
    assert (pictures.prepare(image, GREY) == 200).all()


def test_shrinking_is_antialiased():
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (64, 32)))
    assert np.abs(pictures.prepare(stripes, GREY).astype(int) - 128).max() < 12


def test_16_bits_are_scaled_not_clipped():
    deep = RAMP.astype(np.uint16) * 257
    for kind in ("png", "tiff"):
        image = stored(Image.fromarray(deep), kind)
        assert image.mode == "I;16" and pictures.is_grey(image)
        assert (pictures.prepare(image, GREY)[0] == RAMP).all()
    graymap = io.BytesIO(b"P5 8 8 65535\n" + deep.astype(">u2").tobytes())
    assert (pictures.prepare(Image.open(graymap), COLOUR)[2] == RAMP).all()


def test_fractions_go_from_0_to_1():
    image = stored(Image.fromarray(RAMP.astype(np.float32) / 255), "tiff")
    assert image.mode == "F" and pictures.is_grey(image)
    assert (pictures.prepare(image, GREY)[0] == RAMP).all()


@pytest.mark.parametrize("values", [np.full((8, 8), 65536, np.int32), np.full((8, 8), -1, np.int32)])
def test_whole_numbers_beyond_16_bits_are_refused(values):
    with pytest.raises(ValueError, match=r"from -?\d+ to -?\d+; allowed: 0 to 65535"):
        pictures.prepare(Image.fromarray(values), GREY)


@pytest.mark.parametrize("value", [1.5, float("nan")])
def test_fractions_beyond_1_are_refused(value):
    with pytest.raises(ValueError, match=r"allowed: 0 to 1$"):
        pictures.prepare(Image.fromarray(np.full((8, 8), value, np.float32)), GREY)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
@pytest.mark.parametrize("shape", [GREY, COLOUR])
def test_transparent_pixels_lie_on_white(mode, shape):
    """The left half is transparent black, the right half opaque black."""
    options = {}
    if mode == "P":
        image = Image.new("P", (8, 8), 0)
        image.putpalette([0, 0, 0, 0, 0, 0])
        image.paste(1, (4, 0, 8, 8))
        options["transparency"] = 0
    elif mode == "RGB":
        image = Image.new("RGB", (8, 8), (0, 0, 1))
        image.paste((0, 0, 0), (4, 0, 8, 8))
        options["transparency"] = (0, 0, 1)
    else:
        image = Image.new(mode, (8, 8))
        image.putalpha(Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 4, axis=1).repeat(8, axis=0)))
    pixels = pictures.prepare(stored(image, "png", **options), shape)
    assert (pixels[:, :, :3] >= 230).all() and (pixels[:, :, 5:] <= 25).all()


def test_exif_rotation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees clockwise to be seen
    seen = pictures.prepare(stored(Image.fromarray(RAMP), "png", exif=exif), GREY)
    assert (seen[0] == np.rot90(RAMP, -1)).all()


def test_other_modes_become_colour():
    cmyk = stored(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "jpeg")
    red, green, blue = pictures.prepare(cmyk, COLOUR)[:, 4, 4]
    assert red > 230 and max(green, blue) < 30
    palette = stored(Image.new("RGB", (8, 8), (200, 10, 10)).quantize(2), "png")
    assert palette.mode == "P" and not pictures.is_grey(palette)
    assert pictures.prepare(palette, COLOUR)[:, 0, 0].tolist() == [200, 10, 10]
    bits = stored(Image.fromarray(RAMP).convert("1"), "png")
    assert bits.mode == "1" and pictures.is_grey(bits)
    assert set(np.unique(pictures.prepare(bits, GREY))) == {0, 255}


def test_of_an_animation_the_first_frame_counts():
    frames = [Image.new("L", (8, 8), value) for value in (50, 150, 250)]
    image = stored(frames[0], "gif", save_all=True, append_images=frames[1:])
    assert image.n_frames == 3 and (pictures.prepare(image, GREY) == 50).all()


def test_grey_is_decided_by_the_mode_alone():
    modes = {mode: pictures.is_grey(Image.new(mode, (1, 1))) for mode in ("1", "L", "LA", "I", "F", "RGB", "P", "CMYK")}
    assert [mode for mode, grey in modes.items() if not grey] == ["RGB", "P", "CMYK"]


def test_suffixes_are_of_what_can_be_read():
    assert {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".gif", ".ppm"} <= pictures.suffixes()
    assert not pictures.suffixes() & {".pdf", ".txt", ".json", ".npy", ""}, "Pillow writes PDF, and reads none"


def test_the_words_name_mode_and_size():
    assert "mode L (grey)" in pictures.resize_in_words(GREY) and "8 x 8" in pictures.resize_in_words(GREY)
    assert "mode RGB" in pictures.resize_in_words(COLOUR)


def test_why_a_picture_cannot_be_read():
    with pytest.raises(OSError) as error:
        Image.open(io.BytesIO(b"no picture"))
    assert pictures.why_unreadable(error.value) == "no picture that Pillow knows, or an empty file"
    assert pictures.why_unreadable(PermissionError(13, "Permission denied", "x")) == "Permission denied"
    assert pictures.why_unreadable(SyntaxError("broken\nchunk")) == "broken chunk"
    assert pictures.why_unreadable(EOFError()) == "EOFError"
