"""What a number depends on beside its settings: versions and the processor."""

import contextlib
import platform
import re
import subprocess
from pathlib import Path

import numpy as np
import torch

import simplexnas


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
