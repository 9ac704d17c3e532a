"""Every folder of the project, found from this file and never from the working folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
DATA = ROOT / "data"
FAMILIES = DATA / "families"
LATENCY = DATA / "latency"
RESULTS = DATA / "results"
RUNS = DATA / "runs"


def relative(path: Path) -> str:
    """The path as a reader of the repository would write it: relative to the root where it lies inside."""
    path = Path(path).resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
