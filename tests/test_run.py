"""A run on disk: one owner, and what may take up its checkpoint."""

import dataclasses
import subprocess
import sys

import pytest
import tiny

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import ROOT
from simplexnas.tasks.task import Split
from simplexnas.training.loop import search
from simplexnas.training.run import OWNER

CONFIG = tiny.config(space=tiny.FEW_EDGES, epochs=1)

HOLDS = """
import sys, time
sys.path.insert(0, sys.argv[1])
from simplexnas.io.files import claim
from pathlib import Path
owner = claim(Path(sys.argv[2]), "it")
print("mine", flush=True)
time.sleep(600)
"""


@pytest.fixture
def other_owner(tmp_path):
    """Another process that owns the run in `tmp_path`."""
    command = [sys.executable, "-c", HOLDS, ROOT / "tests", tmp_path / OWNER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "mine\n"
        yield process
        process.kill()


def test_a_run_has_one_owner_and_a_dead_one_does_not_block(other_owner, few, tmp_path):
    with pytest.raises(SimplexNASError, match="is being made by another process") as error:
        search(CONFIG, few.train, tmp_path, progress_bar=False)
    assert len(str(error.value).splitlines()) == 1
    other_owner.kill()
    other_owner.wait()
    search(CONFIG, few.train, tmp_path, progress_bar=False)


def test_a_refused_run_is_given_back(few, tmp_path):
    search(CONFIG, few.train, tmp_path, progress_bar=False)
    for _ in range(2):  # the first refusal must not own the folder
        with pytest.raises(SimplexNASError, match="exists; go on with --resume"):
            search(CONFIG, few.train, tmp_path, progress_bar=False)


def test_a_checkpoint_of_other_data_is_refused(few, tmp_path):
    search(CONFIG, few.train, tmp_path, progress_bar=False)
    task = dataclasses.replace(few.task, fingerprint="0" * 64)
    other = Split(few.train.images, few.train.labels, task)
    with pytest.raises(SimplexNASError, match=f"data = {few.task.fingerprint}.* asks for data = 0000"):
        search(CONFIG, other, tmp_path, resume=True, progress_bar=False)
