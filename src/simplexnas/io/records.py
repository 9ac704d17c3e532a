"""Result files: their names, reading and writing them, and the measured networks (points) in them."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Protocol

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import read_json, write_atomically
from simplexnas.io.paths import relative

LATTICE, PAPER_POINTS, BASELINES = "lattice.json", "paper_points.json", "baselines.json"
RETRAINED, RANKED, TABLE = "retrained.json", "ranked.json", "table.json"
COMPARED, NOISE = "compared.json", "noise.json"
DIVERGED = "diverged.json"  # of a training that gave no family
VERSION = 2


class Owner(Protocol):
    """Whose results are read: a family, or its description. results: the folder that they lie in."""

    name: str
    results: Path
    sha256: str


@dataclass(frozen=True)
class Accuracy:
    """Shares of right answers, 0 … 1; validation is None where only the test images were asked."""

    test: float
    validation: float | None = None

    @classmethod
    def from_dict(cls, content: Mapping, source: str = "accuracy") -> "Accuracy":
        return cls(**_known(cls, content, source))

    def to_dict(self) -> dict[str, float]:
        return _without_none({"validation": self.validation, "test": self.test})


@dataclass(frozen=True)
class Point:
    """One measured network of a result file.

    operations: number of edges by reporting label. edge_parameters, total_parameters: of the chosen operations, and of
    the whole network. macs: per image, of the whole network. accuracy: as the family's weights give it.
    choice: operation of each edge, in the order of the search space. S: the penalties that gave the network; knob: the
    value of another method's knob; None where it has another origin. source: that origin, where a file has several;
    seed: which training of it.
    retrained: accuracy after a training of its own. ways: accuracy by the way it was measured. control: the draws of
    the data-free control at the same S. latency_ms: time of a batch.
    """

    operations: dict[str, int]
    edge_parameters: int
    total_parameters: int
    macs: int
    accuracy: Accuracy
    choice: tuple[int, ...] | None = None
    S: tuple[float, ...] | None = None
    knob: float | None = None
    name: str | None = None
    source: str | None = None
    seed: int | None = None
    retrained: Accuracy | None = None
    ways: dict[str, Accuracy] | None = None
    control: "tuple[Point, ...] | None" = None
    latency_ms: float | None = None

    @classmethod
    def from_dict(cls, content: Mapping, source: str = "point") -> "Point":
        """The inverse of `to_dict`; an unknown or missing key raises `SimplexNASError` that names it and `source`."""
        content = _known(cls, content, source)
        read = {
            "choice": tuple,
            "S": tuple,
            "accuracy": lambda value: Accuracy.from_dict(value, f"{source}, accuracy"),
            "retrained": lambda value: Accuracy.from_dict(value, f"{source}, retrained"),
            "ways": lambda value: {way: Accuracy.from_dict(each, f"{source}, {way}") for way, each in value.items()},
            "control": lambda value: tuple(cls.from_dict(each, f"{source}, control") for each in value),
        }
        try:
            return cls(
                **{
                    key: read[key](value) if key in read and value is not None else value
                    for key, value in content.items()
                }
            )
        except (AttributeError, TypeError) as error:
            raise SimplexNASError(f"{source} is damaged ({error})") from None

    @property
    def origin(self) -> dict:
        """What gave the network: {"S": …} or {"knob": …}; empty where nothing was asked for."""
        S = None if self.S is None else list(self.S)
        return _without_none({"S": S, "knob": self.knob})

    def to_dict(self) -> dict:
        """As in a result file: what is None is left out, except the S of a network whose source is given."""
        first = {key: getattr(self, key) for key in ("seed", "name", "source", "S", "knob", "choice")}
        sizes = {key: getattr(self, key) for key in ("operations", "edge_parameters", "total_parameters", "macs")}
        content = first | sizes | {"accuracy": self.accuracy.to_dict()}
        content["S"] = None if self.S is None else list(self.S)
        content["choice"] = None if self.choice is None else list(self.choice)
        content["retrained"] = None if self.retrained is None else self.retrained.to_dict()
        content["ways"] = None if self.ways is None else {way: each.to_dict() for way, each in self.ways.items()}
        content["control"] = None if self.control is None else [each.to_dict() for each in self.control]
        content["latency_ms"] = self.latency_ms
        return _without_none(content, keep=() if self.source is None else ("S",))


@dataclass(frozen=True)
class Record:
    """A result file: points of one family, and what they depend on.

    settings: of the measurement. config: of the training. seconds: of the measurement; training_seconds: of the
    training. What older files do not say is None.
    """

    family: str
    sha256: str
    seed: int
    training_seconds: float
    config: dict
    versions: dict[str, str]
    created: str
    seconds: float
    points: tuple[Point, ...]
    settings: dict = field(default_factory=dict)
    processor: str | None = None
    threads: int | None = None
    revision: str | None = None

    @classmethod
    def from_dict(cls, content: Mapping, source: str = "record") -> "Record":
        """The inverse of `to_dict`; an unknown or missing key raises `SimplexNASError` that names it and `source`."""
        content = _known(cls, content, source)
        if not isinstance(content["points"], list):
            raise SimplexNASError(f"{source} is damaged (points is no list)")
        points = [Point.from_dict(each, f"{source}, point {n}") for n, each in enumerate(content["points"])]
        return cls(**content | {"points": tuple(points)})

    def to_dict(self) -> dict:
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "points"}
        return own | {"points": [point.to_dict() for point in self.points]}

    def save(self, path: Path) -> Path:
        """Write the result file; returns the path."""
        return save(path, self.to_dict())


def _known(cls: type, content: Mapping, source: str) -> dict:
    """The content, if it has the required fields of a dataclass and no others than its fields; else one line."""
    if not isinstance(content, Mapping):
        raise SimplexNASError(f"{source}: expected an object, not {content!r:.60}")
    known = {each.name: each for each in fields(cls)}
    if unknown := [key for key in content if key not in known]:
        raise SimplexNASError(f"{source}: unknown key {unknown[0]!r}; allowed: {', '.join(known)}")
    required = [name for name, each in known.items() if each.default is MISSING and each.default_factory is MISSING]
    if missing := [name for name in required if name not in content]:
        raise SimplexNASError(f"{source}: the key {missing[0]!r} is missing")
    return dict(content)


def _without_none(content: dict, keep: tuple[str, ...] = ()) -> dict:
    return {key: value for key, value in content.items() if value is not None or key in keep}


def read(path: Path) -> dict:
    """The content of a result file of this version; another one, or a damaged one, raises `SimplexNASError`."""
    content = read_json(path)
    if content.get("version") != VERSION:
        raise SimplexNASError(
            f"{relative(path)} has version {content.get('version')}; this code reads {VERSION}; "
            "move it away and run its command again"
        )
    return content


def read_record(path: Path) -> Record:
    """The points of a result file with what they depend on; a damaged file raises `SimplexNASError` that names it."""
    content = read(path)
    del content["version"]
    return Record.from_dict(content, relative(path))


def named(owner: Owner) -> str:
    """What `--family` takes for this one: a name under data/families, else its folder."""
    return owner.name if owner.results == paths.RESULTS / owner.name else str(owner.results.parent)


def read_own(owner: Owner, name: str) -> Record:
    """A result file of this family; raises `SimplexNASError` with the command that writes it."""
    path = owner.results / name
    command = {
        LATTICE: "lattice",
        PAPER_POINTS: "points",
        BASELINES: "baselines",
        RETRAINED: "retrain",
        COMPARED: "compare",
        NOISE: "noise",
    }[name]
    hint = f"run `simplexnas {command} --family {named(owner)}`"
    if not path.exists():
        raise SimplexNASError(f"{relative(path)} is missing; {hint}")
    record = read_record(path)
    if record.sha256 != owner.sha256:
        raise SimplexNASError(f"{relative(path)} is not of this family {owner.name}; {hint}")
    return record


def read_lattice(name: str) -> Record:
    """The lattice of the published family with that name, which need not be kept itself."""
    return read_record(paths.RESULTS / name / LATTICE)


def read_ranked(name: str) -> Record:
    """The retrained networks with the weights of the published family with that name, which need not be kept itself."""
    return read_record(paths.RESULTS / name / RANKED)


def save(path: Path, content: dict) -> Path:
    """Write a result file, with the version that `read` asks for; returns the path."""
    return write_atomically(path, json.dumps({"version": VERSION} | content, indent=1) + "\n")
