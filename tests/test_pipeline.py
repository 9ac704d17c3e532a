"""The results pipeline: what is published is up to date, and the quick variant is planned from the raw data."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from simplexnas.family import DESCRIPTION, describe
from simplexnas.io import paths, records
from simplexnas.io.files import read_json
from simplexnas.io.paths import FAMILIES, ROOT
from simplexnas.measure import price_alone
from simplexnas.methods import settings
from simplexnas.report import names, published


def plan(*arguments: str, python: str | Path = sys.executable) -> str:
    """Output of a dry run of Snakemake in the repository."""
    command = [python, "-m", "snakemake", "--dry-run", "--printshellcmds", "--nolock", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=dict(os.environ))
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


@pytest.mark.slow
def test_published_results_are_up_to_date():
    assert "Nothing to be done" in plan()
    for described in records.read(paths.RESULTS / records.TABLE)["families"]:
        family = describe(described["family"])
        assert described["sha256"] == family.sha256
        for name in (records.LATTICE, records.PAPER_POINTS, records.BASELINES):
            assert records.read_own(family, name).points


def test_published_choices_of_the_price_alone_are_of_the_published_lattices():
    for name in (*published.PAPER, *published.KAPPA):
        seed = names.read_name(name)[2]
        assert list(price_alone.unlike(name)) == [seed, seed + 1]
    assert [after["epochs"] for after in price_alone.read_without_images()] == [10, 20]


def test_published_ranks_are_of_the_published_retraining():
    retrained = records.read_own(describe(published.DEFAULT[0]), records.RETRAINED).points
    assert [point.source for point in retrained] == ["family"] * 20 + ["random"] * 10
    for name in published.RANKING:
        points = records.read_ranked(name).points
        for point, before in zip(points, retrained, strict=True):
            assert point.choice == before.choice and point.retrained == before.retrained


@pytest.mark.parametrize("name", published.EVERY)
def test_published_results_are_of_what_their_names_say(name):
    preset, changes, seed = names.read_name(name)
    asked = settings.parse_changes(changes)
    assert settings.family_name(preset, seed, asked) == name
    described = FAMILIES / name / DESCRIPTION
    sha256 = read_json(described)["sha256"] if described.exists() else None
    files = list((paths.RESULTS / name).glob("*.json"))
    assert paths.RESULTS / name / records.LATTICE in files
    for path in files:
        record = records.read(path)
        found = settings.SearchConfig.from_dict(record["config"])
        times = {"latency_table": found.latency_table, "milliseconds": found.milliseconds}
        assert found == settings.preset(preset, seed=seed, **asked | times)
        assert sha256 in (None, record["sha256"]) and record["family"] == name


@pytest.mark.slow
def test_searches_write_what_the_pipeline_waits_for():
    shown = plan("--cores", "2", "--forceall")
    assert "--table" in shown, "a family priced by latency is among them"
    job = r"output: data/families/([^/]+)/weights.*?simplexnas search --preset (\w+) --seed (\d+) ([^\n]*)--resume"
    jobs = re.findall(job, shown, re.DOTALL)
    assert len(jobs) == len(published.EVERY)
    for family, preset, seed, options in jobs:
        changes = settings.parse_changes(re.findall(r"--set (\S+)", options))
        assert settings.preset(preset, seed=int(seed), **changes | {"price": "unit"})  # times come from a table
        assert settings.family_name(preset, int(seed), changes) == family


@pytest.mark.slow
def test_commands_run_in_a_path_with_a_blank(tmp_path):
    (tmp_path / "a b").symlink_to(Path(sys.executable).parent.parent)
    python = tmp_path / "a b" / "bin" / Path(sys.executable).name
    shown = plan("--cores", "2", "--forceall", "quick", python=python)
    commands = [shlex.split(line) for line in re.findall("Shell command: (.* -m simplexnas .*)", shown)]
    assert commands and all(command[:3] == [str(python), "-m", "simplexnas"] for command in commands)


@pytest.mark.slow
def test_quick_variant_starts_from_the_raw_data():
    shown = plan("--cores", "2", "--forceall", "quick")
    assert "simplexnas search --preset quick --seed 0" in shown
    for rule in ("search", "lattice", "quick"):
        assert f"rule {rule}:" in shown
