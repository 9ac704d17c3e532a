"""The results pipeline: what is published is up to date, and the quick variant is planned from the raw data."""

import os
import subprocess
import sys

import pytest

from simplexnas.paths import ROOT


def plan(*arguments: str) -> str:
    """Output of a dry run of Snakemake in the repository."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--printshellcmds", "--nolock", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=dict(os.environ))
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


@pytest.mark.slow
def test_published_results_are_up_to_date():
    assert "Nothing to be done" in plan()


@pytest.mark.slow
def test_quick_variant_starts_from_the_raw_data():
    shown = plan("--cores", "2", "--forceall", "quick")
    assert "simplexnas search --preset quick --seed 0" in shown
    for rule in ("search", "lattice", "measure", "quick"):
        assert f"rule {rule}:" in shown
