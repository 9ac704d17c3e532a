"""Names of the families that the book shows, read from data/published.json, which says what each is.

The Snakefile trains them; chapters and tests read them. Without that file this module cannot be imported.
"""

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import read_json
from simplexnas.io.paths import DATA, relative
from simplexnas.report.names import with_seeds

FILE = DATA / "published.json"
_CONTENT = read_json(FILE)


def _names(group: str):
    """A name, a list of names, or {name: what it is in words}."""
    try:
        return _CONTENT[group]["names"]
    except (KeyError, TypeError):
        raise SimplexNASError(f"{relative(FILE)}: the key {group!r} with its 'names' is missing") from None


DEFAULT, PAPER, QUICK, RANDOM, UNIT, LATENCY, KAPPA = (
    tuple(_names(group)) for group in ("default", "paper", "quick", "random", "unit", "latency", "kappa")
)
TABLES = LATENCY_TABLE, TIMED_TABLE, ONNXRUNTIME_TABLE = tuple(
    _names(group) for group in ("latency_table", "timed_table", "onnxruntime_table")
)
SHARES, RANKING, ABLATED = (_names(group) for group in ("shares", "ranking", "ablated"))
ABLATION = with_seeds(ABLATED)
WHOLE = (*DEFAULT, *PAPER)  # measured on the lattice with step 0.05
COMPARED = (*QUICK, *RANDOM, *UNIT, *LATENCY, *SHARES)  # with step 0.1
EVERY = tuple(dict.fromkeys((*WHOLE, *COMPARED, *KAPPA, *ABLATION)))
