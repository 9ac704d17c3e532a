"""The search methods side by side: which trainings data/comparison.json asks for, and how long each is.

Every training has the same time, that of the preset `quick`. How many epochs that is was measured once for each method,
on one machine that did nothing else (`benchmarks/methods.py`), so that trainings on a slower day or machine are no
shorter.
"""

from typing import NamedTuple

from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import read_json
from simplexnas.latency.table import LatencyTable
from simplexnas.methods import settings
from simplexnas.methods.config import Config
from simplexnas.report.published import TIMED_TABLE
from simplexnas.space.search_space import SearchSpace

FILE, COSTS = paths.DATA / "comparison.json", paths.RESULTS / "method_costs.json"
_CONTENT = read_json(FILE)
SEEDS, MEMBERS, RANDOM, EPOCHS_ALONE = (_CONTENT[key] for key in ("seeds", "members", "random", "epochs_alone"))


class Variant(NamedTuple):
    """A method with its settings; a method whose knob is scanned by trainings of their own has several.

    method: its name in tables and figures. start: a preset of the simplex method, or the name of another one.
    assignments: what is set otherwise, as on the command line.
    """

    method: str
    start: str
    assignments: tuple[str, ...]

    @property
    def of(self) -> str:
        """The method's name on the command line."""
        return settings.SIMPLEX if self.start in settings.PRESETS else self.start

    def config(self) -> Config:
        """The settings, with the published times where a price is one."""
        preset = self.start if self.of == settings.SIMPLEX else "default"
        changed = settings.parse_changes(list(self.assignments), self.of)
        entry = settings.find(self.of).presets[preset]
        if changed.get("price", getattr(entry, "price", None)) == "latency":
            changed |= LatencyTable.load(TIMED_TABLE, SearchSpace()).prices(entry)
        return settings.preset(preset, self.of, **changed)

    def family(self, seed: int, epochs: float) -> str:
        """The name of its family; epochs that the preset has anyway are not in it."""
        length = [] if epochs == self.config().epochs else [f"epochs={epochs:g}"]
        changed = settings.parse_changes([*self.assignments, *length], self.of)
        return settings.family_name(self.start, seed, changed, method=self.of)


def variants() -> list[Variant]:
    return [
        Variant(each["name"], each["start"], tuple(assignments))
        for each in _CONTENT["methods"]
        for assignments in each["scan"]
    ]


def epochs() -> dict[str, float]:
    """How many epochs each method has in the time of the preset `quick`, by its name in tables.

    Raises `SimplexNASError` if that was measured when the preset had another length.
    """
    found = {method: cost["epochs"] for method, cost in records.read(COSTS)["methods"].items()}
    for each in variants():
        if each.start == "quick" and found[each.method] != each.config().epochs:
            raise SimplexNASError(
                f"{paths.relative(COSTS)}: {found[each.method]:g} epochs of preset quick; allowed: its "
                f"{each.config().epochs:g}; measure anew with benchmarks/methods.py"
            )
    return found


def diverged(family: str) -> int | None:
    """The step at which its training was found diverged; None if it was not."""
    file = paths.RESULTS / family / records.DIVERGED
    return records.read(file)["step"] if file.exists() else None


def noise_family() -> str:
    """The family whose members show what is chance in training a network alone: the first that is listed."""
    return next(iter(families().values()))[0]


def families() -> dict[Variant, list[str]]:
    """The names of all families, one for each seed."""
    length = epochs()
    return {each: [each.family(seed, length[each.method]) for seed in SEEDS] for each in variants()}
