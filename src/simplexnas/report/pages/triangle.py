"""The page `triangle`: what S does to operations, size and accuracy, and how many numbers it takes.

Families are trainings of one recipe, which differ in their seeds; each is measured on the lattice of S.
"""

from collections.abc import Sequence
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from simplexnas.family import Family, describe
from simplexnas.io import records
from simplexnas.io.records import Point
from simplexnas.latency.table import LatencyTable
from simplexnas.measure import baselines
from simplexnas.network.architecture import Architecture
from simplexnas.report import analysis, figures, published, statistics
from simplexnas.report.paper import PAPER
from simplexnas.report.style import FIGURE_WIDTH, LINE_COLORS
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace

FAMILIES, THEIRS = published.DEFAULT, published.PAPER
SPACE = SearchSpace()
OPERATIONS = labels(SPACE.operations)
POOL, IDENTITY, CONVOLUTION = range(SPACE.k)
EDGES = 28
REDUCTION = slice(EDGES // 2, EDGES)
STEP = 0.05  # of the lattice
GROUPS = {"none": (0, 0), "one": (1, 1), "two": (2, 2), "three to five": (3, 5), "six or more": (6, 14)}  # in numbers
DRAWS = 12  # random hypernetworks
MACS, MILLISECONDS = 12e6, 4  # budgets: of an image, and of the time of one image in PyTorch
ALL, DRAWN = "all of them", "drawn from all"
SUBSETS = 200  # random ones, of as many points as a line has
PAPERS = {name: S for name, (S, *_) in PAPER.items()}


def lattices(families: Sequence[str] = FAMILIES) -> list[list[Point]]:
    """The points of each family, in the same order of S."""
    return [list(records.read_lattice(name).points) for name in families]


def members(families: Sequence[str] = FAMILIES) -> list[list[Point]]:
    """The different networks of each family, one point for each."""
    return [list({point.choice: point for point in points}.values()) for points in lattices(families)]


def seed_of(name: str) -> int:
    return records.read_lattice(name).seed


def number_word(number: int) -> str:
    return dict(enumerate(("no", "one", "two", "three", "four", "five", "six"))).get(number, f"{number}")


def in_reduction(point: Point) -> int:
    """Convolutions in the reduction genotype."""
    return point.choice[REDUCTION].count(CONVOLUTION)


# Maps


def maps(families: Sequence[str] = FAMILIES) -> Figure:
    """Edges with each operation and edge parameters over the triangle, means over the families."""
    known = lattices(families)
    panels = {
        f"edges with {operation}": _mean(known, lambda point, name=operation: point.operations[name])
        for operation in OPERATIONS
    }
    panels["edge parameters, thousands"] = _mean(known, lambda point: point.edge_parameters / 1e3)
    return triangles(np.array([point.S for point in known[0]]), panels)


def accuracy_maps(families: Sequence[str] = FAMILIES) -> Figure:
    """Test accuracy and convolutions in the reduction genotype over the triangle, means over the families."""
    known = lattices(families)
    panels = {
        "test accuracy, %": _mean(known, lambda point: 100 * point.accuracy.test),
        "convolutions, reduction cell": _mean(known, in_reduction),
    }
    return triangles(np.array([point.S for point in known[0]]), panels)


def triangles(S: np.ndarray, panels: dict[str, np.ndarray]) -> Figure:
    """Values (n,) on the lattice S (n, 3), a triangle for each label, two in a row, the paper's S marked."""
    rows = -(-len(panels) // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(FIGURE_WIDTH, 3.05 * rows), layout="constrained")
    for ax, (label, values) in zip(axes.flat, panels.items(), strict=True):
        figures.mark(PAPERS, figures.tiles(S, values, label, OPERATIONS, ax), ax)
    return figure


def _mean(known: list[list[Point]], measure) -> np.ndarray:
    return np.mean([[measure(point) for point in points] for points in known], axis=0)


# Accuracy


def fronts(families: Sequence[str] = FAMILIES) -> Figure:
    """Test accuracy against size: all members, the front of each family, pooling everywhere, and the paper's models."""
    black, blue, orange, green = LINE_COLORS[:4]
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 4.4), layout="constrained")
    own = [point for points in members(families) for point in points]
    for label, chosen, style in (
        ("members with a convolution in the reduction cell", True, {"color": blue, "marker": "o"}),
        ("members without", False, {"color": orange, "marker": "^"}),
    ):
        places = figures.places_of(point for point in own if bool(in_reduction(point)) == chosen)
        ax.scatter(*places, s=16, alpha=0.5, linewidth=0, label=label, **style)
    for number, points in enumerate(members(families)):
        label = f"front of each training ({len(families)})" if number == 0 else None
        ax.plot(*figures.places_of(analysis.front(points)), color=black, linewidth=1, alpha=0.8, label=label)
    style = {"marker": "D", "s": 64, "facecolor": "none", "edgecolor": green, "linewidth": 1.8, "zorder": 4}
    ax.scatter(*figures.places_of(pooling_everywhere(families)), label="pooling everywhere", **style)
    fixed = cost.fixed_parameters(SPACE)
    for number, (name, (_, accuracy, edge_parameters, _)) in enumerate(PAPER.items()):
        place = (edge_parameters + fixed) / 1e3, 100 * accuracy
        ax.scatter(*place, marker="*", s=130, color=black, zorder=4, label=None if number else "the paper's A to D")
        ax.annotate(name, place, (9, -4), textcoords="offset points", weight="bold")
    figures.accuracy_by_size(ax).get_legend().remove()
    figure.legend(loc="outside upper left", frameon=False, borderpad=0)
    return figure


def levels(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """Test accuracy in percent of the different networks of all trainings, by convolutions in the reduction genotype.

    Columns: "reduction" (how many, of `GROUPS`), "networks", "least", "median", "most", "smallest" (edge parameters).
    """
    own, lines = [point for points in members(families) for point in points], []
    for words, (fewest, most) in GROUPS.items():
        group = [point for point in own if fewest <= in_reduction(point) <= most]
        test = [100 * point.accuracy.test for point in group]
        line = {"reduction": words, "networks": len(group)}
        line |= {"least": min(test), "median": np.median(test), "most": max(test)}
        lines.append(line | {"smallest": min(point.edge_parameters for point in group)})
    return pd.DataFrame(lines)


def levels_table(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """`levels` as text."""
    found = levels(families)
    return pd.DataFrame(
        {
            "convolutions in the reduction cell": found["reduction"],
            "networks": found["networks"],
            "median, %": found["median"].map("{:.1f}".format),
            "least to most, %": [f"{least:.1f} to {most:.1f}" for least, most in found[["least", "most"]].to_numpy()],
            "smallest, edge parameters": found["smallest"].map("{:,}".format),
        }
    )


def pooling_everywhere(families: Sequence[str] = FAMILIES) -> list[Point]:
    """Pooling on every edge, without any edge parameter, with the weights of each family: a draw of the control, as not
    every family has it as a member."""
    known = [records.read_own(describe(name), records.BASELINES).points for name in families]
    return [next(point for point in points if not any(point.choice)) for points in known]


def notable(families: Sequence[str] = FAMILIES) -> list[dict[str, Point]]:
    """Of each family: pooling everywhere, the best on validation, and the largest."""
    return [
        {
            "pooling everywhere": pooling,
            "best on validation": analysis.best_within(points, np.inf),
            "largest": max(points, key=lambda point: point.edge_parameters),
        }
        for pooling, points in zip(pooling_everywhere(families), lattices(families), strict=True)
    ]


def notable_table(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """`notable`: test accuracy in percent, and edge parameters."""
    return pd.DataFrame(
        {"seed": seed_of(name)}
        | {what: f"{100 * point.accuracy.test:.1f} at {point.edge_parameters:,}" for what, point in own.items()}
        for name, own in zip(families, notable(families), strict=True)
    )


def covered(families: Sequence[str] = FAMILIES) -> dict[str, float]:
    """Of the distance in accuracy from each of the paper's models to our best within its size: the share (0 to 1) that
    pooling everywhere covers; means over the families."""
    pooling = np.mean([point.accuracy.test for point in pooling_everywhere(families)])
    shares = {}
    for name, (_, theirs, budget, _) in PAPER.items():
        best = np.mean([analysis.accuracy_within(points, budget) for points in lattices(families)])
        shares[name] = float((pooling - theirs) / (best - theirs))
    return shares


# Steering


def steering(families: Sequence[str] = FAMILIES, theirs: Sequence[str] = THEIRS) -> pd.DataFrame:
    """How S moves the edges: of each family, of random hypernetworks (mean over `DRAWS`), of the published method.

    Columns: "kind" ("ours", "random" or "theirs"), "hypernetwork" in words, "ρ, <operation>" (Spearman's, between
    penalty and edges), "changed" and "at most" (edges that change from a point S to its neighbours), "networks".
    """
    drawn = pd.DataFrame(_steering(points) for points in random_lattices(families[0])).mean().to_dict()
    lines = [
        *(("ours", f"ours, seed {seed_of(name)}", _steering(own)) for name, own in _named(families)),
        ("random", f"random, mean of {DRAWS}", drawn),
        *(("theirs", f"published method, seed {seed_of(name)}", _steering(own)) for name, own in _named(theirs)),
    ]
    return pd.DataFrame({"kind": kind, "hypernetwork": words} | found for kind, words, found in lines)


def _named(families: Sequence[str]) -> list[tuple[str, list[Point]]]:
    return list(zip(families, lattices(families), strict=True))


def _steering(points: list[Point]) -> dict[str, float]:
    changes = analysis.changes_per_step(points, STEP)
    return {
        **{f"ρ, {name}": value for name, value in analysis.steering_correlations(points).items()},
        "changed": changes["mean"],
        "at most": changes["max"],
        "networks": len({point.choice for point in points}),
    }


def random_lattices(name: str = FAMILIES[0], draws: int = DRAWS) -> list[list[Point]]:
    """The networks that random hypernetworks of a family's form ask for over its lattice; their accuracies are not
    measured, and those that stand there mean nothing."""
    family, (points,) = Family.load(name), lattices([name])
    S = torch.tensor([point.S for point in points])
    drawn = []
    for seed in range(draws):
        with torch.no_grad():
            choices = baselines.random_hypernetwork(family, seed)(S).argmax(dim=-1).tolist()
        drawn.append(
            [
                replace(point, choice=tuple(choice), operations=Architecture(SPACE, choice).counts())
                for point, choice in zip(points, choices, strict=True)
            ]
        )
    return drawn


def steering_table(families: Sequence[str] = FAMILIES, theirs: Sequence[str] = THEIRS) -> pd.DataFrame:
    """`steering` as text."""
    found = steering(families, theirs)
    text = found[["hypernetwork"]].copy()
    for column in found.filter(like="ρ"):
        text[column] = found[column].map(_signed)
    text["edges changed (most)"] = [f"{mean:.1f} ({most:.0f})" for mean, most in found[["changed", "at most"]].values]
    return text.assign(networks=found["networks"].map("{:.0f}".format))


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def along() -> tuple[np.ndarray, torch.Tensor]:
    """Penalties on convolutions from 0 to 1, (n,), and the S (n, 3) at which the other two penalties are equal."""
    penalty = np.linspace(0, 1, 201)
    line = np.column_stack([(1 - penalty) / 2, (1 - penalty) / 2, penalty])
    return penalty, torch.from_numpy(line).float()


def falls(families: Sequence[str] = FAMILIES[:1], theirs: Sequence[str] = THEIRS[:1]) -> dict[str, np.ndarray]:
    """Edges with a convolution along the line of `along`, (n,): by prices alone, and of trained hypernetworks."""
    _, line = along()
    ours = {f"ours, seed {seed_of(name)}": Family.load(name) for name in families}
    published_ones = {f"published method, seed {seed_of(name)}": Family.load(name) for name in theirs}
    config = next(iter(ours.values())).config
    scores = {
        "linear price": -cost.price(line, SPACE),
        "linear price and parameters": -cost.price(line, SPACE, config.parameter_price),
    }
    with torch.no_grad():
        for name, family in (ours | published_ones).items():
            scores[name] = family.model.hypernetwork(line)
    return {name: (score.argmax(dim=-1) == CONVOLUTION).sum(dim=1).numpy() for name, score in scores.items()}


def switching() -> Figure:
    """`falls`, of one training of each method."""
    return figures.switching(along()[0], falls(), EDGES, "convolution").figure


def span(edges: np.ndarray) -> tuple[float, float]:
    """The penalties between which a number of edges (n,) along the line falls from its first value to 0."""
    penalty = along()[0]
    return float(penalty[edges == edges[0]].max()), float(penalty[edges == 0].min())


# One number


def on_lines(S: np.ndarray) -> dict[str, np.ndarray]:
    """Which of the points S (n, 3) lie on a line through the centre along which one penalty varies: (n,) each."""
    found = {ALL: np.full(len(S), True)}
    for m, operation in enumerate(OPERATIONS):
        one, other = (i for i in range(SPACE.k) if i != m)
        found[operation] = np.isclose(S[:, one], S[:, other])
    return found


def one_number(families: Sequence[str] = FAMILIES) -> pd.DataFrame:
    """What the points of each of `on_lines` can do, one row for each line and training.

    A line has fewer points than the triangle; so there is also `DRAWN`: the mean hypervolume of `SUBSETS` random sets
    of as many points, and nothing else. Columns: "along" (the operation whose penalty varies), "seed", "points";
    "hypervolume" (test) and "validation" (the same on validation); "macs" and "ms": test accuracy in percent of the
    best on validation within `MACS` and within `MILLISECONDS` (predicted), nan where none is; "fast": on 1,001 points
    of the line (nan for all S), networks within `MILLISECONDS` with a convolution in the reduction genotype.
    """
    table = LatencyTable.load(published.TIMED_TABLE, SPACE)
    found = []
    for name, points in _named(families):
        timed = table.with_predictions(points, 1)
        fast = _fast(Family.load(name), table)
        for label, on in on_lines(np.array([point.S for point in points])).items():
            own = [point for point, chosen in zip(timed, on, strict=True) if chosen]
            found.append(
                {
                    "along": label,
                    "seed": seed_of(name),
                    "points": len(own),
                    "hypervolume": analysis.hypervolume(own, SPACE),
                    "validation": analysis.hypervolume(own, SPACE, "validation"),
                    "macs": 100 * analysis.accuracy_within(own, MACS, "macs"),
                    "ms": 100 * analysis.accuracy_within(own, MILLISECONDS, "latency_ms"),
                    "fast": fast.get(label, np.nan),
                }
            )
        found.append({"along": DRAWN, "seed": seed_of(name), "points": len(own)} | _drawn(points, len(own)))
    return pd.DataFrame(found)


def _drawn(points: list[Point], n: int) -> dict[str, float]:
    """Hypervolumes of n of the points, means over `SUBSETS` draws."""
    random = np.random.default_rng(0)
    subsets = [[points[i] for i in random.choice(len(points), n, replace=False)] for _ in range(SUBSETS)]
    splits = {"hypervolume": "test", "validation": "validation"}
    return {
        column: float(np.mean([analysis.hypervolume(own, SPACE, split) for own in subsets]))
        for column, split in splits.items()
    }


def _fast(family: Family, table: LatencyTable) -> dict[str, int]:
    """Of each line: networks on 1,001 points within the time that have a convolution in the reduction genotype."""
    fine, found = np.linspace(0, 1, 1001)[:, None], {}
    for m, operation in enumerate(OPERATIONS):
        S = np.where(np.arange(SPACE.k) == m, fine, (1 - fine) / 2)
        with torch.no_grad():
            choices = family.model.hypernetwork(torch.from_numpy(S).float()).argmax(dim=-1).tolist()
        networks = [choice for choice in {tuple(choice) for choice in choices} if CONVOLUTION in choice[REDUCTION]]
        fits = [table.predict(Architecture(SPACE, choice), 1) <= MILLISECONDS for choice in networks]
        found[operation] = sum(fits)
    return found


def one_number_table(runs: pd.DataFrame) -> pd.DataFrame:
    """`one_number` as text, a line for each: means over the trainings, of the hypervolume with ± standard deviation."""
    found = []
    for label, own in runs.groupby("along", sort=False):
        volume = statistics.mean_and_sd(own["hypervolume"].tolist())
        spread = f" ± {volume['sd']:.3f}" if volume["sd"] is not None else ""
        found.append(
            {
                "penalty that varies": label,
                "points": own["points"].iloc[0],
                "hypervolume": f"{volume['mean']:.3f}{spread}",
                f"≤ {MACS / 1e6:.0f} M MACs": _mean_of_all(own["macs"]),
                f"≤ {MILLISECONDS} ms": _mean_of_all(own["ms"]),
                "fast": "–" if own["fast"].isna().any() else ", ".join(f"{n:.0f}" for n in own["fast"]),
            }
        )
    return pd.DataFrame(found)


def means_over_trainings(runs: pd.DataFrame) -> pd.DataFrame:
    """Of `one_number`, a row for each line; nan where some training has no such member."""
    columns = ["points", "hypervolume", "validation", "macs", "ms"]
    return runs.groupby("along", sort=False)[columns].agg(lambda values: values.mean(skipna=False))


def _mean_of_all(values: pd.Series) -> str:
    return "–" if values.isna().any() else f"{values.mean():.1f}"


# Numbers


def numbers(families: Sequence[str] = FAMILIES, theirs: Sequence[str] = THEIRS) -> dict[str, str]:
    """The numbers in the prose of the page, by name; accuracies in percent."""
    by_level, known = levels(families), {"trainings": number_word(len(families))}
    networks = [len(points) for points in members(families)]
    on_front = [len(analysis.front(points)) for points in members(families)]
    pooling = [100 * point.accuracy.test for point in pooling_everywhere(families)]
    known |= {
        "points": f"{len(lattices(families)[0])}",
        "networks.fewest": f"{min(networks)}",
        "networks.most": f"{max(networks)}",
        "front.fewest": f"{min(on_front)}",
        "front.most": f"{max(on_front)}",
        **{f"level.{number}": f"{value:.0f}" for number, value in enumerate(by_level["median"])},
        "with.smallest": f"{by_level['smallest'].iloc[1:].min():,}",
        "pooling": f"{np.mean(pooling):.0f}",
        **{f"covered.{name}": f"{100 * share:.0f}" for name, share in covered(families).items()},
    }
    known |= _of_steering(families, theirs) | _of_one_number(families)
    least = min(members(families[:1])[0], key=lambda point: point.accuracy.test)
    known |= {"least.size": f"{least.edge_parameters:,}", "least": f"{100 * least.accuracy.test:.1f}"}
    return {f"triangle.{name}": value for name, value in known.items()}


def _of_steering(families: Sequence[str], theirs: Sequence[str]) -> dict[str, str]:
    leaps = steering(families, theirs).groupby("kind")["at most"].max()
    known = {"leap": f"{leaps['theirs']:.0f}"}
    *_, ours, published_one = falls().values()
    for kind, edges in (("ours", ours), ("theirs", published_one)):
        first, last = span(edges)
        known |= {f"fall.{kind}.from": f"{first:.2f}", f"fall.{kind}.to": f"{last:.2f}"}
    return known


def _of_one_number(families: Sequence[str]) -> dict[str, str]:
    runs = one_number(families)
    means = means_over_trainings(runs)
    only = means.drop([ALL, DRAWN])
    return {
        "line.points": f"{only['points'].iloc[0]:.0f}",
        "line": f"{only.loc[only['validation'].idxmax(), 'hypervolume']:.2f}",
        "line.drawn": f"{means.loc[DRAWN, 'hypervolume']:.2f}",
        "line.all": f"{means.loc[ALL, 'hypervolume']:.2f}",
        "line.macs": f"{only['macs'].max():.1f}",
        "line.macs.all": f"{means.loc[ALL, 'macs']:.1f}",
        "line.ms": f"{only['ms'].max():.1f}",
        "line.ms.all": f"{means.loc[ALL, 'ms']:.1f}",
    }
