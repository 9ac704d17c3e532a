"""Result files with provenance: the accuracy over the lattice of S, and the paper's table beside ours."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from simplexnas import cost, evaluate, simplex
from simplexnas.architecture import Architecture
from simplexnas.data import Splits
from simplexnas.errors import SimplexNASError
from simplexnas.family import Family, versions
from simplexnas.files import read_json, write_atomically
from simplexnas.paths import RESULTS, relative
from simplexnas.supernet import SearchSpace, genotype_edges

LATTICE, TABLE = "lattice.json", "table.json"
PUBLISHED = "default-seed0"
VERSION = 1

# Firsov 2024: slide 6 (A, B, C); D stands in a later text of the author's. Accuracy in [0, 1].
PAPER = {
    "A": ((0.33, 0.33, 0.33), 0.825, 38_304, {"pool": 12, "identity": 10, "convolution": 6}),
    "B": ((0.15, 0.15, 0.70), 0.792, 5_120, {"pool": 17, "identity": 11, "convolution": 0}),
    "C": ((0.70, 0.15, 0.15), 0.850, 143_488, {"pool": 0, "identity": 15, "convolution": 13}),
    "D": ((0.15, 0.70, 0.15), 0.814, 12_320, {"pool": 18, "identity": 1, "convolution": 9}),
}


def folder(family: Family) -> Path:
    """Where a family's results lie: data/results for the published one, data/results/<name> for others."""
    return RESULTS if family.name == PUBLISHED else RESULTS / family.name


def provenance(family: Family) -> dict:
    """What a number depends on: family, its hash, seed and config, and the versions that computed it."""
    return {
        "version": VERSION,
        "family": family.name,
        "sha256": family.description["sha256"],
        "seed": family.config.seed,
        "config": family.config.to_dict(),
        "versions": versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def save(path: Path, content: dict) -> Path:
    return write_atomically(path, json.dumps(content, indent=1) + "\n")


def control(S, space, seed: int) -> Architecture:
    """The data-free control: every edge takes an operation of least penalty, ties at random."""
    S = simplex.parse(S, space.operations)
    least = np.flatnonzero(np.isclose(S, S.min()))
    edges = len(genotype_edges(space))
    return Architecture(space, tuple(np.random.default_rng(seed).choice(least, size=edges)))


def compute_lattice(family: Family, splits: Splits, step: float) -> Path:
    """Validation accuracy of every distinct architecture over the lattice of S; goes on with a half-done file.

    Writes {"points": [{"S", "operations", "edge_parameters", "total_parameters", "macs", "validation"}], …}.
    """
    path = folder(family) / LATTICE
    done: dict[tuple, float] = {}
    earlier = 0.0
    if path.exists():
        before = read_json(path)
        if before.get("sha256") == family.description["sha256"]:
            earlier = before["seconds"]
            done = {tuple(point["choice"]): point["validation"] for point in before["points"]}
    started, points = time.perf_counter(), []
    lattice = simplex.lattice(family.space.k, step)
    architectures = [family.architecture(S) for S in lattice]
    for S, architecture in zip(tqdm(lattice, desc="lattice"), architectures, strict=True):
        choice = architecture.operations
        if choice not in done:
            network = evaluate.inherited(family, architecture, splits.train)
            done[choice] = evaluate.accuracy(network, splits.validation)
        points.append({"S": S.round(6).tolist(), "choice": choice, **counts(architecture), "validation": done[choice]})
        if len(points) % 10 == 0 or len(points) == len(lattice):
            rest = [
                {"choice": choice, "validation": value}
                for choice, value in done.items()
                if choice not in {point["choice"] for point in points}
            ]
            complete = len(points) == len(lattice)
            content = provenance(family) | {
                "step": step,
                "complete": complete,
                "seconds": round(earlier + time.perf_counter() - started, 1),
                "points": points + ([] if complete else rest),
            }
            save(path, content)
    return path


def best_within(points: list[dict], budget: int) -> dict:
    """The lattice point of highest validation accuracy with at most `budget` edge parameters."""
    allowed = [point for point in points if point["edge_parameters"] <= budget]
    if not allowed:
        raise SimplexNASError(f"budget = {budget}; the smallest member of the family is larger")
    return max(allowed, key=lambda point: (point["validation"], -point["edge_parameters"]))


def counts(architecture: Architecture) -> dict:
    """The counts of `Architecture.report`, without its edges."""
    report = architecture.report()
    del report["edges"]
    return report


def measure(family: Family, architecture: Architecture, splits: Splits) -> dict:
    """Counts and accuracy (discrete, BN re-estimated) of one architecture with inherited weights."""
    network = evaluate.inherited(family, architecture, splits.train)
    return counts(architecture) | {"accuracy": evaluate.accuracies(network, splits)}


def compute_table(family: Family, splits: Splits) -> Path:
    """The rows of the book's table: the paper's figures and ours for A, B, C, D.

    Each row holds ours at the same S (measured in four ways), the data-free control (three draws), and the member of
    the family that is best on validation among those with at most the paper's edge parameters.
    """
    lattice, path = folder(family) / LATTICE, folder(family) / TABLE
    found = read_json(lattice)
    if not found.get("complete") or found.get("sha256") != family.description["sha256"]:
        raise SimplexNASError(
            f"{relative(lattice)} is not the whole lattice of {family.name}; run `simplexnas lattice`"
        )
    started, rows = time.perf_counter(), []
    for name, (S, accuracy, edge_parameters, operations) in tqdm(PAPER.items(), desc="table"):
        ways = evaluate.four_ways(family, S, splits)
        ours = counts(family.architecture(S)) | {"accuracy": ways["discrete"], "ways": ways}
        best = best_within(found["points"], edge_parameters)
        rows.append(
            {
                "name": name,
                "S": list(S),
                "paper": {
                    "accuracy": accuracy,
                    "edge_parameters": edge_parameters,
                    "operations": operations,
                },
                "ours": ours,
                "best": {"S": best["S"]} | measure(family, family.architecture(best["S"]), splits),
                "control": [measure(family, control(S, family.space, seed), splits) for seed in range(3)],
            }
        )
    seconds = round(time.perf_counter() - started, 1)
    return save(path, provenance(family) | {"seconds": seconds, "rows": rows})


def table(family: Family) -> list[dict]:
    """The rows that `compute_table` wrote for this family; raises `SimplexNASError` if there are none."""
    path = folder(family) / TABLE
    if not path.exists() or (content := read_json(path)).get("sha256") != family.description["sha256"]:
        raise SimplexNASError(
            f"{relative(path)} is not of this family {family.name}; "
            f"run `simplexnas lattice --family {family.name}`, then `simplexnas table --family {family.name}`"
        )
    return content["rows"]


def _vector(S) -> str:
    return "(" + ", ".join(f"{value:.2f}" for value in S) + ")"


def _mean(draws: list[dict]) -> dict:
    """The mean report of several architectures, with the accuracy's standard deviation."""
    tests = [draw["accuracy"]["test"] for draw in draws]
    return {
        key: round(np.mean([draw[key] for draw in draws])) for key in ("edge_parameters", "total_parameters", "macs")
    } | {
        "operations": {key: f"{np.mean([d['operations'][key] for d in draws]):.1f}" for key in draws[0]["operations"]},
        "accuracy": {"test": float(np.mean(tests)), "sd": float(np.std(tests, ddof=1))},
    }


def frame(rows: list[dict], asked: dict | None = None) -> pd.DataFrame:
    """The book's table: for each row the paper's figures, ours at the same S, our best within budget, the control.

    rows: as `table()` returns them. asked: a report of `evaluate.evaluate` with its "S", appended as the last line.
    """

    def line(model: str, source: str, S, measured: dict) -> dict:
        accuracy = measured["accuracy"]
        sd = f" ± {100 * accuracy['sd']:.1f}" if "sd" in accuracy else ""
        return {
            "model": model,
            "source": source,
            "S": _vector(S),
            "test accuracy, %": f"{100 * accuracy['test']:.1f}{sd}",
            "edge parameters": f"{measured['edge_parameters']:,}",
            "total parameters": f"{measured['total_parameters']:,}",
            "M MACs": f"{measured['macs'] / 1e6:.2f}" if "macs" in measured else "–",
            " / ".join(measured["operations"]): " / ".join(str(n) for n in measured["operations"].values()),
        }

    lines = []
    for row in rows:
        name, S, best = row["name"], row["S"], row["best"]
        total = row["paper"]["edge_parameters"] + cost.fixed_parameters(SearchSpace())
        paper = row["paper"] | {"total_parameters": total, "accuracy": {"test": row["paper"]["accuracy"]}}
        lines += [
            line(name, "paper", S, paper),
            line(name, "ours, same S", S, row["ours"]),
            line(name, "ours, best within the paper's parameters", best["S"], best),
            line(name, "control", S, _mean(row["control"])),
        ]
    if asked is not None:
        lines.append(line("asked for", "ours", asked["S"], asked))
    return pd.DataFrame(lines)


def markdown(rows: list[dict]) -> str:
    """The short table of README and the book's first page: test accuracy and edge parameters."""

    def cell(accuracy: float, edge_parameters: int) -> str:
        return f"{100 * accuracy:.1f} %, {edge_parameters:,}"

    lines = [
        "| | S | paper | ours, same S | ours, best within the paper's parameters | control |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        ours, best, control = row["ours"], row["best"], _mean(row["control"])
        cells = [
            row["name"],
            _vector(row["S"]),
            cell(row["paper"]["accuracy"], row["paper"]["edge_parameters"]),
            cell(ours["accuracy"]["test"], ours["edge_parameters"]),
            f"**{cell(best['accuracy']['test'], best['edge_parameters'])}** at S = {_vector(best['S'])}",
            cell(control["accuracy"]["test"], control["edge_parameters"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
