"""The one exception for bad input."""

import subprocess
import sys

from simplexnas.io.errors import SimplexNASError


def test_notebooks_show_one_line():
    error = SimplexNASError("S = x: no")
    assert error._render_traceback_() == ["SimplexNASError: S = x: no"]
    assert isinstance(error, ValueError)


def test_ipython_prints_one_line():
    """The way of a notebook's cell; everything else IPython prints is its own prompt."""
    code = "from simplexnas.io.errors import SimplexNASError; raise SimplexNASError('S = x: no')"
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "-c", code]
    shown = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in (shown.stdout + shown.stderr).splitlines() if line.strip()]
    assert lines == ["SimplexNASError: S = x: no"]
