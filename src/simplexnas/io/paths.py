"""Where files lie. One rule for data, so that an installed copy finds those of a clone and never writes beside itself:

1. the folder that the variable SIMPLEXNAS_DATA names (`simplexnas --data-folder` sets it);
2. else data/ of the clone that this code lies in;
3. else data/ of the clone around the working folder;
4. else data/ in the working folder.
"""

import os
from pathlib import Path

VARIABLE = "SIMPLEXNAS_DATA"


def clone_around(place: Path) -> Path | None:
    """The clone of this project that a file or folder lies in, if any."""
    holds = (folder for folder in (place, *place.parents) if (folder / "src" / "simplexnas" / "io").is_dir())
    return next((folder for folder in holds if (folder / "_toc.yml").exists()), None)


CLONE = clone_around(Path(__file__).resolve())  # that of the running code
ROOT = CLONE or clone_around(Path.cwd()) or Path.cwd()
BOOK = ROOT / "book"
DATA = Path(os.environ[VARIABLE]).absolute() if os.environ.get(VARIABLE) else ROOT / "data"
FAMILIES = DATA / "families"
IMAGES = DATA / "images"
LATENCY = DATA / "latency"
RESULTS = DATA / "results"
RUNS = DATA / "runs"


def another_folder() -> str:
    """End of a message about what is missing: how to name another data folder, where there is not even this one."""
    return "" if DATA.exists() else f"; `simplexnas --data-folder DIR` or {VARIABLE} names another folder than {DATA}"


def relative(path: Path) -> str:
    """The path as a reader of the repository would write it: relative to the root where it lies inside."""
    path = Path(path).resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def is_path(value: str | Path) -> bool:
    """Whether a value is a path and not a name: a `Path`, or text with a separator, or with "." or "~" first."""
    return isinstance(value, Path) or value.startswith((".", "~")) or bool({os.sep, os.altsep} & set(value))
