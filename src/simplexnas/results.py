"""Result files with provenance: the accuracy over the lattice of S, and the paper's table beside ours."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from simplexnas import evaluate, simplex
from simplexnas.architecture import Architecture
from simplexnas.data import Splits
from simplexnas.errors import SimplexNASError
from simplexnas.family import Family, versions
from simplexnas.files import read_json, write_atomically
from simplexnas.paths import RESULTS, relative
from simplexnas.supernet import genotype_edges

LATTICE = RESULTS / "lattice.json"
TABLE = RESULTS / "table.json"
VERSION = 1

# Firsov 2024: slide 6 (A, B, C); D stands in a later text of the author's. Accuracy in [0, 1].
PAPER = {
    "A": ((0.33, 0.33, 0.33), 0.825, 38_304, {"pool": 12, "identity": 10, "convolution": 6}),
    "B": ((0.15, 0.15, 0.70), 0.792, 5_120, {"pool": 17, "identity": 11, "convolution": 0}),
    "C": ((0.70, 0.15, 0.15), 0.850, 143_488, {"pool": 0, "identity": 15, "convolution": 13}),
    "D": ((0.15, 0.70, 0.15), 0.814, 12_320, {"pool": 18, "identity": 1, "convolution": 9}),
}


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


def compute_lattice(family: Family, splits: Splits, step: float, path: Path = LATTICE) -> Path:
    """Validation accuracy of every distinct architecture over the lattice of S; goes on with a half-done file.

    Writes {"points": [{"S", "operations", "edge_parameters", "total_parameters", "macs", "validation"}], …}.
    """
    done: dict[tuple, float] = {}
    if path.exists():
        before = read_json(path)
        if before.get("sha256") == family.description["sha256"]:
            done = {tuple(point["choice"]): point["validation"] for point in before["points"]}
    started, points = time.perf_counter(), []
    lattice = simplex.lattice(family.space.k, step)
    architectures = [family.architecture(S) for S in lattice]
    for S, architecture in zip(tqdm(lattice, desc="lattice"), architectures, strict=True):
        choice = architecture.operations
        if choice not in done:
            network = evaluate.inherited(family, architecture, splits.train)
            done[choice] = evaluate.accuracy(network, splits.validation)
        report = architecture.report()
        del report["edges"]
        points.append({"S": S.round(6).tolist(), "choice": choice, **report, "validation": done[choice]})
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
                "seconds": round(time.perf_counter() - started, 1),
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


def measure(family: Family, architecture: Architecture, splits: Splits) -> dict:
    """Counts and accuracy (discrete, BN re-estimated) of one architecture with inherited weights."""
    report = architecture.report()
    del report["edges"]
    return report | {"accuracy": evaluate.accuracies(evaluate.inherited(family, architecture, splits.train), splits)}


def compute_table(family: Family, splits: Splits, lattice: Path = LATTICE, path: Path = TABLE) -> Path:
    """The rows of the book's table: the paper's figures and ours for A, B, C, D.

    Each row holds ours at the same S (measured in four ways), the data-free control (three draws), and the member of
    the family that is best on validation among those with at most the paper's edge parameters.
    """
    found = read_json(lattice)
    if not found.get("complete") or found.get("sha256") != family.description["sha256"]:
        raise SimplexNASError(
            f"{relative(lattice)} is not the whole lattice of {family.name}; run `simplexnas lattice`"
        )
    started, rows = time.perf_counter(), []
    for name, (S, accuracy, edge_parameters, operations) in tqdm(PAPER.items(), desc="table"):
        ours = measure(family, family.architecture(S), splits)
        ours["ways"] = evaluate.four_ways(family, S, splits)
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


def table(path: Path = TABLE) -> list[dict]:
    """The rows that `compute_table` wrote."""
    return read_json(path)["rows"]


def frame(rows: list[dict], asked: dict | None = None) -> pd.DataFrame:
    """The book's table: for each row the paper's figures, ours at the same S, the control, and our best within budget.

    rows: as `table()` returns them. asked: a report of `evaluate.evaluate` with its "S", appended as the last line.
    """

    def line(model: str, source: str, S, measured: dict, accuracy: float) -> dict:
        return {
            "model": model,
            "source": source,
            "S": _vector(S),
            "test accuracy, %": f"{100 * accuracy:.1f}",
            "edge parameters": f"{measured['edge_parameters']:,}",
            "total parameters": f"{measured['total_parameters']:,}" if "total_parameters" in measured else "–",
            " / ".join(measured["operations"]): " / ".join(str(n) for n in measured["operations"].values()),
        }

    lines = []
    for row in rows:
        name, S = row["name"], row["S"]
        draws = row["control"]
        control = draws[0] | {"edge_parameters": round(np.mean([draw["edge_parameters"] for draw in draws]))}
        control["total_parameters"] = round(np.mean([draw["total_parameters"] for draw in draws]))
        control["operations"] = {
            key: round(np.mean([draw["operations"][key] for draw in draws])) for key in control["operations"]
        }
        best = row["best"]
        lines += [
            line(name, "paper", S, row["paper"], row["paper"]["accuracy"]),
            line(name, "ours, same S", S, row["ours"], row["ours"]["accuracy"]["test"]),
            line(name, "ours, best within the paper's parameters", best["S"], best, best["accuracy"]["test"]),
            line(
                name,
                f"control: argmin S, mean of {len(draws)}",
                S,
                control,
                np.mean([draw["accuracy"]["test"] for draw in draws]),
            ),
        ]
    if asked is not None:
        lines.append(line("asked for", "ours", asked["S"], asked, asked["accuracy"]["test"]))
    return pd.DataFrame(lines)


def markdown(rows: list[dict]) -> str:
    """The short table of README and the book's first page."""
    lines = [
        "| | S | paper: accuracy | edge parameters | ours, same S | edge parameters | ours, best of the family "
        "within the paper's parameters | edge parameters | at S |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row["name"], _vector(row["S"])]
        for measured in (row["paper"], row["ours"], row["best"]):
            accuracy = measured["accuracy"]
            value = accuracy if isinstance(accuracy, float) else accuracy["test"]
            cells += [f"{100 * value:.1f} %", f"{measured['edge_parameters']:,}"]
        lines.append("| " + " | ".join([*cells, _vector(row["best"]["S"])]) + " |")
    return "\n".join(lines)


def _vector(S) -> str:
    return "(" + ", ".join(f"{value:.2f}" for value in S) + ")"
