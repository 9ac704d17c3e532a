"""Wall-clock seconds of the README's commands on a fresh clone, in order; writes data/results/command_times.json.

    python benchmarks/command_times.py

The first command includes making the environment. Needs git, make and Python 3.11, and no open changes worth timing:
the clone holds what is committed.
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from simplexnas.io import records
from simplexnas.io.paths import RESULTS, ROOT, relative
from simplexnas.io.provenance import computed

COMMANDS = {
    "make book": ["make", "book"],
    "make test": ["make", "test"],
    "jupyter-book build book": [".venv/bin/jupyter-book", "build", "book"],
    "papermill": [".venv/bin/papermill", "book/experiments.ipynb", "out.ipynb", "-p", "S", "[0.15,0.15,0.7]"],
}


def main() -> None:
    seconds = {}
    # make finds its own interpreter: a virtual environment of ours must not leak into the clone.
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "simplexnas"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, cwd=clone, env=environment, check=True)
            seconds[name] = round(time.perf_counter() - started, 1)
            changed = subprocess.run(["git", "status", "--porcelain"], cwd=clone, check=True, capture_output=True)
            if changed.stdout:
                raise SystemExit(f"{name} changed the clone:\n{changed.stdout.decode()}")
            print(f"{name}: {seconds[name]} s", flush=True)
    content = {"seconds": seconds, "cores": os.cpu_count()} | computed()
    print(relative(records.save(RESULTS / "command_times.json", content)))


if __name__ == "__main__":
    main()
