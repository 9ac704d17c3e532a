"""From one's own pictures to a deployed classifier, by the commands that a user types."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapes
from PIL import Image
from typer.testing import CliRunner

from simplexnas import cli
from simplexnas.family import Family
from simplexnas.io import paths, records
from simplexnas.io.paths import ROOT
from simplexnas.latency import timing
from simplexnas.network.architecture import Architecture
from simplexnas.tasks import pictures

pytestmark = pytest.mark.slow

SMALL = ("--preset", "quick", "--set", "nodes=2", "--set", "channels=4", "--set", "batch_size=32")
B = "0.15,0.15,0.7"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """Everything is read and written in a folder of the test; whether the machine is busy does not matter."""
    for name in ("families", "images", "latency", "results", "runs"):
        monkeypatch.setattr(paths, name.upper(), tmp_path / name)
    monkeypatch.setattr(timing, "NOISE_LIMIT", float("inf"))
    monkeypatch.setattr(timing, "SECONDS_PER_ROUND", 1e-4)
    monkeypatch.setattr(timing, "ROUNDS", 2)
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
    invoke("search", "--data", "digits", *SMALL, "--set", "epochs=5")
    family = "digits-quick-batch_size=32-channels=4-epochs=5-nodes=2-seed0"
    assert Family.load(family).task.name == "digits"
    assert "->" in invoke("sample", "--family", family, "--S", B)
    report = json.loads(invoke("evaluate", "--family", family, "--S", "0.4,0.3,0.3", "--json"))
    print(report["accuracy"])
    description = use(family, here)
    assert description["input"]["shape"] == ["batch", 1, 8, 8] and description["classes"] == list("0123456789")
    print(description["test_accuracy"])


def test_a_folder_in_colour_from_search_to_a_picture(here):
    folder = here / "my shapes"
    shapes.make(folder / "train", 60)
    process(here, "search", "--data", folder, *SMALL, "--set", "epochs=20")
    family = "my-shapes-quick-batch_size=32-channels=4-epochs=20-nodes=2-seed0"
    folder.rename(here / "elsewhere")
    report = json.loads(process(here, "evaluate", "--family", family, "--S", "0.4,0.3,0.3", "--json"))
    print(report["accuracy"])
    description = use(family, here)
    print(description)
