"""The tables made of result files: the paper's beside ours, ablation, hypervolumes, steering."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from simplexnas.family import Description
from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed
from simplexnas.io.records import (
    BASELINES,
    LATTICE,
    PAPER_POINTS,
    TABLE,
    Point,
    Record,
    read,
    read_lattice,
    read_own,
    save,
)
from simplexnas.measure.lattice import lattice_points, sublattice
from simplexnas.methods import penalties
from simplexnas.report import analysis, names, statistics
from simplexnas.report.paper import BUDGETS, PAPER

ABLATION_STEP = 0.2  # of the lattice on which trainings with one change each are compared


def of_source(points: Iterable[Point], source: str) -> list[Point]:
    """The points of a source of the baselines."""
    return [point for point in points if point.source == source]


def hypervolumes(families: list[Description]) -> pd.DataFrame:
    """Hypervolume of the family, the random hypernetwork and the control over the lattice of the baselines, and of
    random architectures.

    Columns: "of" (the source), "mean", and "low" and "high" of its 95 % t interval over the families; "behind" and its
    bounds: the same for what each family is ahead of its own source.
    """
    volumes: dict[str, list[float]] = {"family": []}
    for family in families:
        baselines = read_own(family, BASELINES)
        own = lattice_points(family, baselines.settings["step"])
        volumes["family"].append(analysis.hypervolume(own, family.space))
        for source in ("random hypernetwork", "control", "random architecture"):
            drawn = of_source(baselines.points, source)
            volumes.setdefault(source, []).append(analysis.hypervolume(drawn, family.space))
    lines = []
    for source, values in volumes.items():
        behind = statistics.mean_and_interval(np.subtract(volumes["family"], values))
        named = {"behind": behind["mean"], "behind low": behind["low"], "behind high": behind["high"]}
        lines.append({"of": source} | statistics.mean_and_interval(values) | named)
    return pd.DataFrame(lines)


def summary(runs: list[dict]) -> dict:
    """Several measurements as one: mean counts, and accuracy as mean, standard deviation and number."""
    average = {
        key: round(np.mean([run[key] for run in runs])) for key in ("edge_parameters", "total_parameters", "macs")
    }
    operations = {
        key: round(float(np.mean([run["operations"][key] for run in runs])), 1) for key in runs[0]["operations"]
    }
    tests = statistics.mean_and_sd([run["accuracy"]["test"] for run in runs])
    accuracy = {"test": tests["mean"], "sd": tests["sd"], "n": tests["n"]}
    return {"operations": operations, **average, "accuracy": accuracy, "runs": runs}


def compute_table(families: list[Description]) -> Path:
    """The rows of the book's table, from the lattices and paper points of families of several seeds.

    Each row holds the paper's figures, and as means over the seeds ours at the same S, the data-free control, and the
    member that is best on validation among those with at most the paper's edge parameters.
    """
    settings = [{**family.config.to_dict(), "seed": None} for family in families]
    seeds = [family.config.seed for family in families]
    if len(set(seeds)) < len(seeds) or any(other != settings[0] for other in settings):
        names = ", ".join(family.name for family in families)
        raise SimplexNASError(f"families {names}: allowed are families that differ in their seeds, and in nothing else")
    own = [(family, read_own(family, LATTICE), read_own(family, PAPER_POINTS)) for family in families]
    steps = {family.name: lattice.settings["step"] for family, lattice, _ in own}
    if len(set(steps.values())) > 1:
        raise SimplexNASError(f"lattices of step {steps}; allowed: one step for all")
    rows = []
    for name, (S, accuracy, edge_parameters, operations) in PAPER.items():
        same, best, controls = [], [], []
        for family, lattice, paper_points in own:
            seed, point = family.config.seed, _named(paper_points, name, family)
            draws = summary([draw.to_dict() for draw in point.control])  # they share the weights: one value
            controls.append({"seed": seed} | draws)
            same.append(replace(point, seed=seed, control=None).to_dict())
            best.append(replace(analysis.best_within(lattice.points, edge_parameters), seed=seed).to_dict())
        paper = {"accuracy": accuracy, "edge_parameters": edge_parameters, "operations": operations}
        rows.append(
            {"name": name, "S": list(S), "paper": paper}
            | {"ours": summary(same), "best": summary(best), "control": summary(controls)}
        )
    sources = [
        {"family": family.name} | {key: value for key, value in family.content.items() if key != "tensors"}
        for family in families
    ]
    return save(paths.RESULTS / TABLE, computed() | {"families": sources, "rows": rows})


def _named(record: Record, name: str, family: Description) -> Point:
    """The one point of the record with that name."""
    found = [point for point in record.points if point.name == name]
    if len(found) != 1:
        raise SimplexNASError(
            f"{relative(family.results / PAPER_POINTS)} has {len(found)} points named {name}; allowed: one"
        )
    return found[0]


def table() -> list[dict]:
    """The rows that `compute_table` wrote."""
    return read(paths.RESULTS / TABLE)["rows"]


def ablation(changes: dict[str, str]) -> pd.DataFrame:
    """One line for each training of an ablation: {name without seed: change in words}.

    Columns: "change" in words, "seed", hypervolume (x 100) and accuracy in percent of the best member within each of
    the paper's sizes (nan if none is that small), all on validation images; "steering", the weakest Spearman
    correlation between S and counts. All of the lattice with step `ABLATION_STEP`, also where a finer one was measured;
    a lattice without these points raises `SimplexNASError`.
    """
    lines, first = [], {}
    for name, change in changes.items():
        for family in names.with_seeds([name]):
            record = read_lattice(family)
            own = record.config | {"seed": None, "lattice": record.settings}
            if first.setdefault(name, own) != own:
                raise SimplexNASError(f"families of {name} differ in more than their seeds; train the older ones again")
            space, points = analysis.space_of(record), sublattice(record.points, ABLATION_STEP)
            if len(points) < len(penalties.lattice(space.k, ABLATION_STEP)):
                raise SimplexNASError(f"{family} was not measured on the lattice of step {ABLATION_STEP}")
            line = {"change": change, "seed": record.seed}
            line["hypervolume"] = 100 * analysis.hypervolume(points, space, "validation")
            for budget in BUDGETS:
                line[f"≤ {budget:,}"] = 100 * analysis.accuracy_within(points, budget, split="validation")
            line["steering"] = max(analysis.steering_correlations(points).values())
            lines.append(line)
    return pd.DataFrame(lines)


def ablation_differences(runs: pd.DataFrame) -> pd.DataFrame:
    """How much more hypervolume (x 100) each change of `ablation` has than nothing changed, the most first.

    Columns: "change", "mean", and "low" and "high" of the intervals of `statistics.paired_with`.
    """
    by_seed = runs.pivot(index="seed", columns="change", values="hypervolume")
    found = statistics.paired_with({change: own.tolist() for change, own in by_seed.items()}, names.UNCHANGED)
    lines = pd.DataFrame({"change": change} | told for change, told in found.items())
    return lines.sort_values("mean", ascending=False, ignore_index=True)


def ablation_table(runs: pd.DataFrame) -> pd.DataFrame:
    """`ablation` as text, a line for each change: nothing changed, then the others in the order of their differences.

    The difference in hypervolume (x 100) has its interval; all else is means ± standard deviation over the seeds.
    """
    measures = [column for column in runs if column not in ("change", "seed", "hypervolume")]
    differences = {names.UNCHANGED: "–"}
    for change, *bounds in ablation_differences(runs).itertuples(index=False):
        mean, low, high = (f"{value:+.1f}" for value in bounds)
        differences[change] = f"{mean} ({low} to {high})"
    lines = []
    for change, difference in differences.items():
        own = runs[runs["change"] == change]
        line = {"change": change, "difference": difference} | {key: _spread(own[key]) for key in measures}
        lines.append({key: value if key == "change" else value.replace("-", "−") for key, value in line.items()})
    return pd.DataFrame(lines)


def steering_table(families: Iterable[str], settings: list[str]) -> pd.DataFrame:
    """What S moves in each family, from its lattice; the settings of its configuration that tell the lines apart.

    Spearman correlation between S and the number of edges of each operation ("–" where that number never changes),
    distinct architectures on the lattice, their smallest and largest number of edge parameters, and test accuracy in
    percent, mean over the lattice.
    """
    lines = []
    for record in map(read_lattice, families):
        points = record.points
        counts = pd.DataFrame([point.operations for point in points])
        sizes = [point.edge_parameters for point in points]
        lines.append(
            {name: record.config[name] for name in settings}
            | {
                f"S and {operation}": f"{value:.2f}" if counts[operation].nunique() > 1 else "–"
                for operation, value in analysis.steering_correlations(points).items()
            }
            | {"architectures": len({point.choice for point in points})}
            | {"edge parameters": f"{min(sizes):,} to {max(sizes):,}"}
            | {"test accuracy, %": round(100 * np.mean([point.accuracy.test for point in points]), 1)}
        )
    return pd.DataFrame(lines)


def ways(measured: dict[str, list[dict[str, float]]]) -> pd.DataFrame:
    """Test accuracy in percent by the way that a network was measured: a line for each, a column for each name.

    measured: {name: for each training {way of `evaluation.in_all_ways`: test accuracy from 0 to 1}}; of several
    trainings mean ± standard deviation. Statistics of batch normalisation: "old" ones of training, or "new" ones,
    re-estimated.
    """
    lines = []
    for way in next(iter(measured.values()))[0]:
        network, _, statistics_of = way.partition(", statistics ")
        line = {"network, statistics": f"{network}, {'old' if statistics_of else 'new'}"}
        lines.append(line | {name: percents([own[way] for own in all_]) for name, all_ in measured.items()})
    return pd.DataFrame(lines)


def percent(mean: float, sd: float | None) -> str:
    """An accuracy from 0 to 1 in percent, with its standard deviation over trainings, if there are several."""
    return f"{100 * mean:.1f}" + (f" ± {100 * sd:.1f}" if sd is not None else "")


def percents(accuracies: list[float]) -> str:
    """`percent` of the accuracies of several trainings."""
    found = statistics.mean_and_sd(accuracies)
    return percent(found["mean"], found["sd"])


def _spread(values: pd.Series) -> str:
    """Mean ± sample standard deviation, with two decimals below 2, one below 100, else none; "–" if one is missing."""
    mean = values.mean()
    if values.isna().any():
        return "–"
    digits = 2 if abs(mean) < 2 else 1 if abs(mean) <= 100 else 0
    return f"{mean:.{digits}f}" + (f" ± {values.std():.{digits}f}" if len(values) > 1 else "")


def _vector(S) -> str:
    return "(" + ", ".join(f"{value:.2f}" for value in S) + ")"


def _chosen(best: dict) -> str:
    """The S of the best member; every seed has its own."""
    return _vector(best["runs"][0]["S"]) if len(best["runs"]) == 1 else "one for each seed"


def markdown(rows: list[dict], trained: Mapping[str, dict] | None = None) -> str:
    """The short table of README and the book's first page: test accuracy, and below it edge parameters.

    trained: by the name of S, the summary of the published method as we trained it, for a last column.
    """

    def cell(measured: dict, strong: str = "") -> str:
        shown = percent(measured["accuracy"]["test"], measured["accuracy"].get("sd"))
        return f"{strong}{shown}{strong} <br>at {measured['edge_parameters']:,}"

    def head(words: str, measured: dict) -> str:
        number = len(measured["runs"])
        return f"{words} ({number} training{'s' if number > 1 else ''})"

    first = rows[0]
    heads = ["S", "paper", head("ours, same S", first["ours"])]
    heads.append(head("ours, best within the paper's parameters", first["best"]))
    if trained:
        heads.append(head("published method, trained by us, same S", trained[first["name"]]))
    lines = [heads, ["---"] * len(heads)]
    for row in rows:
        paper, best = row["paper"] | {"accuracy": {"test": row["paper"]["accuracy"]}}, row["best"]
        chosen = f" <br>S = {_chosen(best)}" if len(best["runs"]) == 1 else ""
        cells = [row["name"], cell(paper), cell(row["ours"]), cell(best, "**") + chosen]
        lines.append(cells + ([cell(trained[row["name"]])] if trained else []))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
