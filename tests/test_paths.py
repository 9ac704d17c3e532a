"""Where data lie: with the code in a clone, installed elsewhere, and where the user says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import simplexnas
from simplexnas.io import paths
from simplexnas.io.paths import ROOT

SHOW = "from simplexnas.io import paths; print(paths.ROOT, paths.DATA)"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder with the package as an installation has it."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(
        Path(simplexnas.__file__).parent, folder / "simplexnas", ignore=shutil.ignore_patterns("__pycache__")
    )
    return folder


@pytest.fixture
def installed(site):
    """Runs the installed package in a working folder: options of Python, then variables."""

    def run(cwd: Path, *arguments, **variables) -> subprocess.CompletedProcess:
        environment = {k: v for k, v in os.environ.items() if k != paths.VARIABLE} | {"PYTHONPATH": str(site)}
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, cwd=cwd, env=environment | variables, capture_output=True, text=True)

    return run


@pytest.fixture
def clone(tmp_path) -> Path:
    folder = tmp_path / "a clone"
    (folder / "src" / "simplexnas" / "io").mkdir(parents=True)
    (folder / "book").mkdir()
    (folder / "_toc.yml").touch()
    return folder


def test_one_rule(installed, clone, tmp_path):
    def data(cwd, **variables):
        return installed(cwd, "-c", SHOW, **variables).stdout.strip()

    assert data(clone / "book") == f"{clone} {clone / 'data'}"
    assert data(tmp_path) == f"{tmp_path} {tmp_path / 'data'}"
    assert data(tmp_path, SIMPLEXNAS_DATA="elsewhere") == f"{tmp_path} {tmp_path / 'elsewhere'}"
    assert data(clone, SIMPLEXNAS_DATA=str(tmp_path)) == f"{clone} {tmp_path}"
    assert data(tmp_path, PYTHONPATH=str(ROOT / "src")) == f"{ROOT} {ROOT / 'data'}", "the code's own clone goes first"


def test_nothing_is_written_beneath_an_installed_package(installed, site, tmp_path):
    folders = "from simplexnas.io import paths as p; print(p.FAMILIES, p.IMAGES, p.LATENCY, p.RESULTS, p.RUNS)"
    for cwd in (tmp_path, site.parent):
        written = installed(cwd, "-c", folders).stdout.split()
        assert len(written) == 5 and all(Path(folder).is_relative_to(cwd / "data") for folder in written)


def test_another_folder_is_named_only_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    assert paths.another_folder() == ""
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    assert paths.another_folder().endswith(f"SIMPLEXNAS_DATA names another folder than {tmp_path / 'data'}")


def test_commands_do_not_look_for_data_before_they_know_where(installed, tmp_path):
    code = "import sys, simplexnas.cli; sys.exit('simplexnas.io.paths' in sys.modules)"
    assert installed(tmp_path, "-c", code).returncode == 0


@pytest.mark.slow
def test_installed_commands_read_the_clone_or_the_folder_that_is_named(installed, clone, tmp_path):
    shutil.copytree(ROOT / "data" / "families" / "default-seed0", clone / "data" / "families" / "default-seed0")
    command = ["-m", "simplexnas", "sample", "--S", "0.2,0.5,0.3"]
    done = installed(clone / "book", *command)
    assert done.returncode == 0 and "edges" in done.stdout, done.stderr
    done = installed(tmp_path, *command)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"--data-folder DIR` or SIMPLEXNAS_DATA names another folder than {tmp_path / 'data'}" in done.stderr
    command[2:2] = ["--data-folder", clone / "data"]
    assert installed(tmp_path, *command).returncode == 0
