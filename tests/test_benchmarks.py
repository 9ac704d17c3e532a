"""The scripts under benchmarks/ that a machine of ours cannot run in full: do they run at all?"""

import re
import subprocess
import sys

import pytest

from simplexnas.io.paths import ROOT


@pytest.mark.slow
def test_gpu_dry_run_on_a_cpu():
    before = sorted((ROOT / "data" / "results").iterdir())
    script = ROOT / "benchmarks" / "gpu.py"
    done = subprocess.run(
        [sys.executable, str(script), "--accelerator", "cpu", "--few"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    first, *arms = done.stdout.splitlines()
    accuracy, low, high = map(float, re.findall(r"([\d.]+)%", first))
    assert 5 < accuracy < low < high < 100, "so few steps are no training"
    assert [arm[:22].strip() for arm in arms] == ["paper", "paper, channels last", "default"]
    assert arms[0].endswith(" 1.00 x")
    assert sorted((ROOT / "data" / "results").iterdir()) == before
