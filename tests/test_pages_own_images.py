"""The page `own_images`: its figures show what a network gets, its tables what the library says and the file holds."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from pages import prose, source, unsaid
from PIL import Image

from simplexnas import tasks
from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import read_json
from simplexnas.methods import penalties, settings
from simplexnas.methods.choose import method_of
from simplexnas.report.pages import as_html
from simplexnas.report.pages import own_images as page
from simplexnas.tasks import folder, pictures, shapes
from simplexnas.tasks.task import Shape

SOURCE, TEXT = source("own_images"), prose("own_images")


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "IMAGES", tmp_path / "images")
    return tmp_path


@pytest.fixture
def shown(kept):
    """The folder of the page, and what was said of it."""
    shapes.make(kept / "shapes" / "train", 60)
    return page.read(kept / "shapes")


def opened(path: Path) -> Image.Image:
    """The picture, its file closed again."""
    with Image.open(path) as image:
        image.load()
    return image


def seen(path: Path, channels: int = 3, size: int = 32) -> np.ndarray:
    """By the library's rule (C, H, W)."""
    return pictures.prepare(opened(path), Shape(channels=channels, size=size, classes=2))


def test_each_kind_is_what_it_is_called(tmp_path):
    files = page.many_kinds(tmp_path)
    images = {kind: opened(path) for kind, path in files.items()}
    assert images["wide"].size[0] > 1.5 * images["wide"].size[1]
    assert images["turned"].getexif()[0x0112] == 6
    assert images["transparent"].getchannel("A").getextrema() == (0, 255)
    assert images["16 bits"].mode.startswith("I") and images["16 bits"].getextrema()[1] > 255
    assert images["palette"].mode == "P"
    assert {path.suffix for path in files.values()} <= pictures.suffixes()


def test_what_the_network_sees_is_drawn_below_its_file(tmp_path):
    axes = page.kinds(tmp_path).axes
    files = page.many_kinds(tmp_path)
    assert [ax.get_title() for ax in axes[:5]] == list(files)
    for path, ax in zip(files.values(), axes[5:], strict=True):
        assert np.array_equal(ax.get_images()[0].get_array(), seen(path).transpose(1, 2, 0))
    upper = [ax.get_images()[-1].get_array() for ax in axes[:5]]
    assert [image.shape[:2] for image in upper] == [opened(path).size[::-1] for path in files.values()]
    corner = axes[5 + list(files).index("transparent")].get_images()[0].get_array()[0, 0]
    assert corner.tolist() == [255, 255, 255], "transparent pixels on white"
    deep = upper[list(files).index("16 bits")]
    assert 0.3 < deep.max() <= 1, "not clipped"


def test_a_picture_on_its_side_stands_up(tmp_path):
    """The triangle's tip, narrow, is above: few of its pixels lie in the upper half."""
    red, _, blue = seen(page.many_kinds(tmp_path)["turned"])
    violet = (red > 130) & (blue > 130)
    rows = np.flatnonzero(violet.sum(axis=1) > 1)
    middle = (rows[0] + rows[-1]) / 2
    below = violet[int(middle) + 1 :].sum()
    assert below > 0.6 * violet.sum()


def test_reading_says_what_the_command_says_and_no_progress(shown):
    splits, said = shown
    assert said == "shapes: 5 classes, 32 x 32 colour; 195 for weights, 45 for validation, 60 for the test"
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [195, 45, 60]


def test_the_contact_sheet_has_a_row_for_each_class(shown):
    splits, _ = shown
    (ax,) = page.sheet(splits.train).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == sorted(shapes.SHAPES)
    whole = ax.get_images()[0].get_array()
    for label in range(5):
        own = splits.train.images[splits.train.labels == label].numpy()
        for number in (0, 7):
            part = whole[34 * label : 34 * label + 32, 34 * number : 34 * number + 32]
            assert np.array_equal(part, own[number].transpose(1, 2, 0))


def test_a_contact_sheet_of_few_grey_pictures(kept):
    for name in ("a", "b"):
        (kept / "grey" / "train" / name).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (8, 8), 40 * number).save(kept / "grey" / "train" / name / f"{number}.png")
    splits, said = page.read(kept / "grey")
    assert "28 x 28 grey" in said
    whole = page.sheet(splits.train).axes[0].get_images()[0].get_array()
    assert whole.shape == (60, 240, 3) and (whole[:, 120:] == 255).all()


def test_every_refusal_is_one_line_of_the_library(kept):
    found = page.refusals(kept / "refused")
    assert len(found) == len(page.REFUSED) == found["what the command says"].nunique()
    assert found["the folder"].tolist() == [what for what, *_ in page.REFUSED]
    for said in found["what the command says"]:
        assert "\n" not in said and str(kept) not in said and not re.search(r"\d+ for weights", said), said
    damaged = found.set_index("the folder").loc["a damaged picture", "what the command says"]
    assert damaged.startswith("1 of 8 pictures cannot be read; the first: 'train/cat/3.png'")
    assert not [path for path in paths.IMAGES.iterdir() if path.is_dir()], "nothing is kept of them"
    assert "nothing is kept of it" in TEXT


def test_a_folder_that_is_whole_is_not_called_refused(kept, monkeypatch):
    monkeypatch.setattr(page, "REFUSED", (("whole", ("cat", "dog"), lambda pets: None),))
    (said,) = page.refusals(kept)["what the command says"]
    assert said.startswith("pets: 2 classes, 28 x 28 grey")


def test_a_million_is_ten_times_as_many():
    numbers, stages = page.numbers(), read_json(paths.RESULTS / "image_folder.json")["stages"]
    assert numbers["own_images.pictures"] == "100,000" and "Ten times as many, which we did not try" in TEXT
    decode = stages["decode"]
    added = decode["mb_peak"]["anonymous"] - decode["mb_before"]["anonymous"]
    assert float(numbers["own_images.listed"]) == pytest.approx(added / 100, abs=0.05)
    assert float(numbers["own_images.minutes"]) == pytest.approx(decode["processor_seconds"] / 6, abs=0.5)
    pixels = 1_000_000 * (3 * 32 * 32 + 8) / 1e9  # and a label of 8 bytes
    assert float(numbers["own_images.gb"]) == pytest.approx(pixels, abs=0.01)


def test_every_number_stands_on_the_page():
    assert unsaid(page.numbers(), "own_images") == set()


def test_what_the_page_says_of_the_rules():
    assert folder.SHARES == {"test": 0.2, "validation": 0.15}
    assert "Without it 15 % of each class are cut from `train`, without `test` 20 %" in TEXT
    assert folder.FOLDERS["validation"] == ("val", "valid", "validation")
    assert "`val` may be called `valid` or `validation`" in TEXT
    assert folder.DEFAULT_SIZES == {1: 28, 3: 32}
    assert "28 pixels wide if all files in `train` are grey, else 32 and in colour" in TEXT
    assert "multiple of 4, up to 96" in TEXT
    Shape(channels=3, size=96, classes=2)
    with pytest.raises(SimplexNASError):
        Shape(channels=3, size=100, classes=2)


def test_what_the_page_says_of_digits():
    splits = tasks.load("digits")
    assert sum(len(part) for part in (splits.train, splits.validation, splits.test)) == 1797
    assert "scikit-learn's 1,797 handwritten digits of 8 × 8 pixels" in TEXT
    known = {"shape": splits.task.shape, "train_images": len(splits.train)}
    (epochs,) = re.findall(r"search --data digits --set epochs=(\d+) --set flip=false", TEXT)
    assert settings.preset("default", epochs=int(epochs), **known).steps >= 1000
    assert settings.preset("default", epochs=int(epochs) - 1, **known).steps < 1000
    assert "when there are fewer than 1,000 steps" in TEXT


def test_how_many_steps_and_pictures_there_should_be():
    default = settings.preset("default")
    pictures = default.steps * default.batch_size
    assert f"set the epochs to {pictures / 1e6:.2f} million / pictures" in TEXT
    assert f"of 5,000 `--set epochs={pictures / 5000:.0f}`" in TEXT
    assert settings.preset("default", epochs=pictures / 5000, train_images=5000).steps > 0.95 * default.steps
    assert f"a batch of {default.batch_size} pictures for training" in TEXT
    assert "and 50 steps in all, so that the warm-up has something to learn from" in TEXT
    assert f"with the preset's {default.epochs} epochs it takes five batches" in TEXT
    for epochs, batches in ((50, 1), (default.epochs, 5)):
        method_of(settings.preset("default", epochs=epochs, train_images=batches * default.batch_size))
    for epochs, batches in ((49, 1), (default.epochs, 4)):
        with pytest.raises(SimplexNASError, match="paths to learn from"):
            method_of(settings.preset("default", epochs=epochs, train_images=batches * default.batch_size))
    assert settings.preset("default", **settings.parse_changes(["batch_size=16"])).batch_size == 16


def test_the_family_of_a_budget_has_the_name_that_the_page_gives():
    name = settings.family_name("default", 0, {"budget_minutes": 20.0}, "flowers")
    assert f"FAMILY={name} " in TEXT and "search --data flowers --budget-minutes 20 " in TEXT
    assert len(penalties.lattice(3, 0.25)) == 15 and "`lattice` measures the networks of 15 S" in TEXT
    assert "--family $FAMILY --S S_OF_THE_MENU --output" in TEXT
    (S,) = re.findall(r"`S_OF_THE_MENU` stands for one of its lines, such as ([\d.,]+)\.", TEXT)
    assert [float(x) for x in S.split(",")] in penalties.lattice(3, 0.25).tolist()


def test_half_of_the_pictures_are_mirrored_unless_one_says_no():
    assert settings.preset("default").flip and not settings.preset("default", flip=False).flip
    assert "say `--set flip=false`" in TEXT and settings.parse_changes(["flip=false"]) == {"flip": False}


def classify(model, file) -> dict:
    """What the page's lines for a picture find, run as they stand there."""
    (code,) = re.findall(r"# %%\n(import json\n.*?)\n# %%", SOURCE, re.DOTALL)
    assert "simplexnas" not in code and len(code.strip().splitlines()) <= 15
    names = {"model": model, "file": file}
    exec(code, names)
    return names


@pytest.mark.parametrize("channels", [1, 3])
def test_the_lines_of_the_page_make_the_pixels_of_training(channels, tmp_path, monkeypatch):
    """Of a photograph that is wide and on its side, for a network of grey and one of colour pictures."""
    asked = {}

    class Session:
        def __init__(self, path):
            asked["model"] = path

        def run(self, names, given):
            asked["images"] = given["images"]
            return [torch.eye(3)[[1]].numpy()]

    monkeypatch.setattr("onnxruntime.InferenceSession", Session)
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = Image.new("RGB", (90, 64), "navy")
    wide.paste(shapes.shape("triangle", np.random.default_rng(1), 60), (20, 0))
    wide.save(tmp_path / "photo.jpg", exif=exif)
    about = {"image": {"size": 24, "channels": channels}, "classes": ["a", "b", "c"]}
    (tmp_path / "model.json").write_text(json.dumps(about))
    assert classify(tmp_path, tmp_path / "photo.jpg")["answer"] == "b"
    assert asked["model"] == tmp_path / "model.onnx" and asked["images"].shape == (1, channels, 24, 24)
    assert np.array_equal(asked["images"][0], seen(tmp_path / "photo.jpg", channels, 24))


def test_a_picture_stands_under_its_name():
    (ax,) = page.called(Image.new("RGB", (4, 4), "red"), "square").axes
    assert ax.get_title() == "square" and ax.get_images()[0].get_array()[0, 0].tolist() == [255, 0, 0]


def test_long_cells_stay_whole_and_code_is_code():
    long = "x" * 80
    html = as_html(page.pd.DataFrame({"file": ["`a<b>`"], "said": [long]}))
    assert long in html and "<code>a&lt;b&gt;</code>" in html and "`" not in html
