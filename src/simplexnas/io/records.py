"""Result files: their names, reading and writing them, and what stands beside every number."""

import json
from pathlib import Path

from simplexnas.family import Family
from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import read_json, write_atomically
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed

LATTICE, PAPER_POINTS, BASELINES = "lattice.json", "paper_points.json", "baselines.json"
RETRAINED, RANKED, TABLE = "retrained.json", "ranked.json", "table.json"
VERSION = 2


def folder(family: Family) -> Path:
    """Where a family's results lie: data/results/<name>."""
    return paths.RESULTS / family.name


def read(path: Path) -> dict:
    """A result file of this version; another one, or a damaged one, raises `SimplexNASError` that names it."""
    content = read_json(path)
    if content.get("version") != VERSION:
        raise SimplexNASError(
            f"{relative(path)} has version {content.get('version')}; this code reads {VERSION}; "
            "move it away and run its command again"
        )
    return content


def read_own(family: Family, name: str) -> dict:
    """A result file of this family; raises `SimplexNASError` with the command that writes it."""
    path = folder(family) / name
    command = {LATTICE: "lattice", PAPER_POINTS: "points", BASELINES: "baselines", RETRAINED: "retrain"}[name]
    hint = f"run `simplexnas {command} --family {family.name}`"
    if not path.exists():
        raise SimplexNASError(f"{relative(path)} is missing; {hint}")
    content = read(path)
    if content.get("sha256") != family.description["sha256"]:
        raise SimplexNASError(f"{relative(path)} is not of this family {family.name}; {hint}")
    return content


def read_lattice(name: str) -> dict:
    """The lattice of the family with that name, which need not be kept itself: "points", "config" and provenance."""
    return read(paths.RESULTS / name / LATTICE)


def read_ranked(name: str) -> dict:
    """The retrained networks with the weights of the family with that name: "points", "config" and provenance."""
    return read(paths.RESULTS / name / RANKED)


def provenance(family: Family) -> dict:
    """What a number depends on: family, its hash, seed and config, and what computed it."""
    return {
        "family": family.name,
        "sha256": family.description["sha256"],
        "seed": family.config.seed,
        "training_seconds": family.description["training_seconds"],
        "config": family.config.to_dict(),
    } | computed()


def save(path: Path, content: dict) -> Path:
    """Write a result file, with the version that `read` asks for; returns the path."""
    return write_atomically(path, json.dumps({"version": VERSION} | content, indent=1) + "\n")
