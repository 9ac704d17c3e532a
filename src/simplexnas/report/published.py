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


DEFAULT, WORTH, UNIT, LATENCY, RANDOM, PAPER = (
    tuple(_names(group)) for group in ("default", "worth", "unit", "latency", "random", "paper")
)
TABLES = LATENCY_TABLE, TIMED_TABLE, ONNXRUNTIME_TABLE = tuple(
    _names(group) for group in ("latency_table", "timed_table", "onnxruntime_table")
)
WHOLE = (*DEFAULT, *WORTH, *UNIT, *LATENCY, *RANDOM, *PAPER)  # measured on the lattice with step 0.05
KAPPA, QUICK, SOFTER, FORMS = (tuple(_names(group)) for group in ("kappa", "quick", "softer", "forms"))
RANKING, ABLATED, ESTIMATORS = (_names(group) for group in ("ranking", "ablated", "estimators"))
ABLATION = with_seeds(dict.fromkeys([*ABLATED, *ESTIMATORS, *FORMS]))
EVERY = (*WHOLE, *KAPPA, *QUICK, *SOFTER, *ABLATION)
