"""The commands as a user types them, in their own processes: output, errors, exit codes."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import tiny

from simplexnas.io.paths import ROOT
from simplexnas.io.seeds import generator
from simplexnas.methods.config import Config
from simplexnas.methods.method import Batch, Entry, Step
from simplexnas.report import tables

pytestmark = pytest.mark.slow

B = "0.15,0.15,0.7"
KEYS = {"S", "operations", "edges", "edge_parameters", "total_parameters", "macs"}


def run(name: str, *arguments, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    command = [Path(sys.executable).with_name(name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=600)


def answer(*arguments, cwd: Path = ROOT) -> dict:
    """The one JSON object on standard output."""
    done = run("simplexnas", *arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    return json.loads(done.stdout)


def check(report: dict) -> None:
    assert sum(report["operations"].values()) == len(report["edges"]) == 28
    assert list(report["operations"]) == ["pool", "identity", "convolution"]
    assert all(set(edge) == {"cell_type", "target", "source", "operation"} for edge in report["edges"])
    named = [edge["operation"] for edge in report["edges"]]
    assert report["operations"] == {name: named.count(name) for name in report["operations"]}
    assert report["total_parameters"] - report["edge_parameters"] == 20_506
    assert report["S"] == pytest.approx([0.15, 0.15, 0.7])


def test_sample_from_any_folder(tmp_path):
    here, there = (answer("sample", "--S", B, cwd=folder) for folder in (ROOT, tmp_path))
    assert here == there and set(here) == KEYS
    check(here)
    assert here["operations"]["convolution"] <= 2, "dear, and rare"


def test_sample_as_a_table():
    done = run("simplexnas", "sample", "--S", B)
    assert done.returncode == 0 and done.stdout.count("->") == 28
    assert "edge parameters" in done.stdout and done.stderr == ""


def test_evaluate_gives_the_accuracy_of_the_table(tmp_path):
    report = answer("evaluate", "--S", B, cwd=tmp_path)
    assert set(report) == KEYS | {"accuracy", "seconds"} and set(report["accuracy"]) == {"validation", "test"}
    check(report)
    assert all(0 <= value <= 1 for value in report["accuracy"].values())
    (row,) = [row for row in tables.table() if row["name"] == "B"]
    published = row["ours"]["runs"][0]  # seed 0, the command's default family
    assert report["edge_parameters"] == published["edge_parameters"]
    assert report["accuracy"]["test"] == pytest.approx(published["accuracy"]["test"], abs=0.005)


@pytest.mark.parametrize(
    "arguments",
    [
        ("sample", "--S", "0.5,0.5"),
        ("evaluate", "--S", "nan,0.5,0.5", "--json"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, tmp_path):
    done = run("simplexnas", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("simplexnas: ")


def python_of_readme() -> list[str]:
    """The method to start from, the example without the library, and how to classify a picture of one's own."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_method_of_the_readme_is_one(few):
    """It is trained as all others are, and gives the architecture that its seed drew."""
    known = {"__name__": "random_choice"}
    exec(python_of_readme()[0], known)
    entry = known["METHOD"]
    assert isinstance(entry, Entry) and 20 < len(entry.line) < 110 and entry.config is not Config
    config = dataclasses.replace(
        entry.presets["default"], space=tiny.SPACE, epochs=1, batch_size=16, train_images=64, seed=3
    )
    method = entry.make(config)
    images, labels = few.train.images[:16].float(), few.train.labels[:16]
    found = method([Batch(images, labels)], Step(0, 4, generator(0)))
    found["loss"].backward()
    assert found["cross_entropy"] == found["loss"] and any(p.grad is not None for p in method.parameters())
    first, second = (entry.make(dataclasses.replace(config, seed=seed)).architecture() for seed in (3, 4))
    assert method.architecture(method.knob(None)) == first != second and first.space == tiny.SPACE


def test_example_of_the_readme_runs_without_the_library():
    """The Python lines as written, in a process of their own; the first test image is an ankle boot, class 9."""
    _, code, _ = python_of_readme()
    assert len([line for line in code.splitlines() if line]) == 5 and "simplexnas" not in code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=100)
    assert done.returncode == 0 and done.stdout == "9\n", done.stderr


# The chapter with parameters


def papermill(out: Path, S: str, name: str = "S") -> subprocess.CompletedProcess:
    return run("papermill", "book/experiments.ipynb", out, "-p", name, S)


def test_papermill_answers_another_S(tmp_path):
    out = tmp_path / "out.ipynb"
    done = papermill(out, "[0.1,0.2,0.7]")
    assert done.returncode == 0, done.stderr[-2000:]
    cells = nbformat.read(out, as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.output_type == "stream"]
    asked = [
        html for output in outputs if "0.10 / 0.20 / 0.70" in (html := output.get("data", {}).get("text/html", ""))
    ]
    assert len(asked) == 1 and "penalty on pool / identity / convolution" in asked[0]
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("S", ["[0.15,0.15]", "many"])
def test_papermill_shows_a_bad_S_in_one_line(S, tmp_path):
    out = tmp_path / "out.ipynb"
    done = papermill(out, S)
    assert done.returncode != 0
    cells = nbformat.read(out, as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    (error,) = [output for output in outputs if output.output_type == "error"]
    assert error.ename == "SimplexNASError" and error.evalue.startswith("S = ")
    assert error.traceback == [f"SimplexNASError: {error.evalue}"]
    last = [line for line in done.stderr.splitlines() if line.strip()][-1]
    assert last == f"SimplexNASError: {error.evalue}"
    assert "simplexnas/simplex.py" not in done.stderr


def test_papermill_refuses_a_misspelt_parameter(tmp_path):
    done = papermill(tmp_path / "out.ipynb", "[0.1,0.2,0.7]", name="s")
    assert done.returncode != 0
    last = [line for line in done.stderr.splitlines() if line.strip()][-1]
    assert last == "SimplexNASError: unknown parameter 's'; allowed: S, family"
