"""What a number depends on beside its settings: code, versions, processor."""

import contextlib
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

import simplexnas
from simplexnas.io.paths import CLONE


class Spent(NamedTuple):
    """Time of a training, before a resume included. seconds: by the clock, pauses and other work on the machine
    included. cpu_seconds: that the first process's threads were busy on all cores together."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


def computed(device: str = "cpu", threads: int | None = None) -> dict:
    """What computes a result, and when. threads: by default PyTorch's."""
    return {
        "processor": processor(device),
        "threads": torch.get_num_threads() if threads is None else threads,
        "versions": versions(),
        "revision": REVISION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _revision() -> str | None:
    """The commit of the code, with "-dirty" if tracked files were changed.

    None outside a clone, and where the clone's folder is no repository's top: a copy that was unpacked inside another
    repository has nothing to do with its commits.
    """
    if CLONE is None or not (CLONE / ".git").exists():  # a folder, or a file in a worktree
        return None
    command = ["git", "-C", str(CLONE), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


REVISION = _revision()  # at import: that of the running code, if another one is checked out meanwhile


def versions() -> dict[str, str]:
    """Versions that a result depends on."""
    return {
        "simplexnas": simplexnas.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def processor(device: str = "cpu") -> str:
    """The processor's name as its maker gives it, on Linux with its numbers: names alone are shared."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    if platform.system() == "Darwin":
        return subprocess.check_output(["sysctl", "-n", "machdep.cpu.brand_string"], text=True).strip()
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        lines = []
    known = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in lines if ":" in line)
    for form in (
        "{model name} (family {cpu family}, model {model}, stepping {stepping})",
        "ARM (implementer {CPU implementer}, part {CPU part}, variant {CPU variant}, revision {CPU revision})",
    ):
        with contextlib.suppress(KeyError):
            return form.format(**known)
    return platform.processor() or platform.machine()
