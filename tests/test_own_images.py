"""From one's own pictures to a deployed classifier, by the commands that a user types."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from simplexnas import cli
from simplexnas.family import Family
from simplexnas.io import paths, records
from simplexnas.io.paths import ROOT
from simplexnas.latency import timing
from simplexnas.latency.table import FIT_ARCHITECTURES
from simplexnas.network.architecture import Architecture
from simplexnas.tasks import pictures, shapes

pytestmark = pytest.mark.slow

SMALL = ("--preset", "quick", "--set", "nodes=2", "--set", "channels=4")
PIXELS = "import hashlib; print(hashlib.sha256(numpy.ascontiguousarray(pixels)).hexdigest())\n"
B = "0.15,0.15,0.7"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """Everything is read and written in a folder of the test; whether the machine is busy does not matter."""
    for name in ("families", "images", "latency", "results", "runs"):
        monkeypatch.setattr(paths, name.upper(), tmp_path / name)
    monkeypatch.setattr(timing, "NOISE_LIMIT", float("inf"))
    monkeypatch.setattr(timing, "SECONDS_PER_ROUND", 1e-4)
    monkeypatch.setattr(timing, "ROUNDS", 2)
    monkeypatch.setitem(FIT_ARCHITECTURES, timing.ONNXRUNTIME, 4)
    return tmp_path


def invoke(*arguments) -> str:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments], catch_exceptions=False).stdout


def process(folder: Path, *arguments) -> str:
    """The command in its own process, which keeps everything in `folder`."""
    command = [Path(sys.executable).with_name("simplexnas"), *map(str, arguments)]
    environment = os.environ | {"SIMPLEXNAS_DATA": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def use(family: str, here: Path) -> dict:
    """Lattice, latency table, choice within a budget, export; returns what model.json says."""
    invoke("lattice", "--family", family, "--step", 0.5)
    points = json.loads((here / "results" / family / records.LATTICE).read_text())["points"]
    assert len(points) == 6
    invoke("latency", "measure", "--family", family, "--batch", 1, "--name", "here")
    budget = ("--max-latency-ms", 1e6, "--max-macs", 1e9, "--table", "here")
    report = json.loads(invoke("select", "--family", family, *budget, "--json", "--output", here / "chosen.json"))
    best = max(point["accuracy"]["validation"] for point in points)
    assert report["accuracy"]["validation"] == best and report["latency"]["median_ms"] > 0
    assert list(Architecture.load(here / "chosen.json").operations) == report["choice"]
    invoke("export", "--architecture", here / "chosen.json", "--output", here / "model")
    description = json.loads((here / "model" / "model.json").read_text())
    assert description["sha256"] == report["sha256"]
    assert description["test_accuracy"] == pytest.approx(report["accuracy"]["test"], abs=0.01)
    return description


def test_digits_from_search_to_export(here):
    invoke("search", "--data", "digits", *SMALL, "--set", "epochs=8")
    family = "digits-quick-channels=4-epochs=8-nodes=2-seed0"
    assert Family.load(family).task.name == "digits"
    assert "->" in invoke("sample", "--family", family, "--S", B)
    report = json.loads(invoke("evaluate", "--family", family, "--S", B, "--json"))
    assert report["accuracy"]["test"] > 0.4
    description = use(family, here)
    assert description["input"]["shape"] == ["batch", 1, 8, 8] and description["classes"] == list("0123456789")
    assert description["test_images"] == 359 and description["test_accuracy"] > 0.5


def test_a_folder_in_colour_from_search_to_a_picture(here):
    """The folder moves after the search; the README's lines then classify a picture that nobody has seen."""
    folder = here / "my shapes"
    shapes.make(folder / "train", 60)
    shapes.make(folder / "test", 20, seed=1)
    process(here, "search", "--data", folder, *SMALL, "--set", "epochs=12")
    family = "my-shapes-quick-channels=4-epochs=12-nodes=2-seed0"
    folder.rename(here / "elsewhere")
    report = json.loads(process(here, "evaluate", "--family", family, "--S", B, "--json"))
    assert report["accuracy"]["test"] > 0.7
    description = use(family, here)
    assert description["input"]["shape"] == ["batch", 3, 32, 32] and description["test_images"] == 100
    assert description["classes"] == sorted(shapes.SHAPES) and "32 x 32" in description["image"]["resize"]

    *_, code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert "simplexnas" not in code
    random = np.random.default_rng(2)
    picture = Image.new("RGB", (90, 64), "black")
    picture.paste(shapes.shape("square", random, 64), (13, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.rotate(90, expand=True).save(here / "picture.jpg", exif=exif)
    shown = subprocess.run([sys.executable, "-c", code + PIXELS], capture_output=True, text=True, cwd=here, timeout=100)
    assert shown.returncode == 0, shown.stderr
    answer, digest = shown.stdout.split()
    assert answer == "square"
    with Image.open(here / "picture.jpg") as image:
        pixels = pictures.prepare(image, Family.load(family).task.shape)
    assert digest == hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest(), "the same pixels as in training"
