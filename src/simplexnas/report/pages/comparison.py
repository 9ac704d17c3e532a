"""The page `comparison`: the search methods side by side, as data/comparison.json lists them.

Every function takes what `read` gives; without it, it reads the result files. Times of networks are those of one image
in PyTorch, predicted from the table of the book's machine, which is also the price where a method's price is time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from simplexnas.io import paths, records
from simplexnas.io.records import Point, Record
from simplexnas.latency.table import LatencyTable
from simplexnas.methods import random_search, settings
from simplexnas.methods.method import NoKnob
from simplexnas.report import analysis, comparison, figures, published, statistics, versus
from simplexnas.report.comparison import Variant
from simplexnas.report.pages.triangle import SPACE
from simplexnas.report.style import FIGURE_WIDTH, LINE_COLORS, MARKERS
from simplexnas.report.versus import ACCURACIES, ALONE, FAMILY, INHERITED, RANDOM, SINGLE, Run, Scale, Seconds

N = 3  # members that count of each run
FLOOR = 100 * (1 - versus.MOST_ERROR)  # percent; figures show what lies below at this height
SIZES = {  # a cost of networks: divisor and label
    "total_parameters": (1e3, "total parameters, thousands"),
    "macs": (1e6, "MACs per image, millions"),
    "latency_ms": (1, "predicted latency of one image, ms"),
}
WORDS = {INHERITED: "inherited weights", ALONE: "trained alone"}
MANY = 10  # architectures whose cost stands in the prose
OURS = "ours"
SAID = {  # methods whose hypervolume stands in the prose
    "ours": OURS,
    "random_worths": "ours, random worths",
    "darts_cc": "DARTS-CC, first order",
    "fbnet": "FBNet",
    "gates": "ProxylessNAS, gates",
    "random_search": "random search, shared weights",
}
SHAPES = MARKERS + "Xp*<>hd8"  # of the marks, one for each method
COLORS = (*LINE_COLORS[:-1], "#7A4A1E")  # of the marks; grey is for random architectures
CLOUD = {"color": "#999999", "marker": "o", "markersize": 9, "linestyle": "none", "alpha": 0.6, "markeredgewidth": 0}


class Method(NamedTuple):
    """What is known of a method.

    family: whether a training gives many architectures, or one. rising: whether a larger knob asks for larger networks.
    trainings: of all seeds. cost: its entry in data/results/method_costs.json. runs: of each seed what its trainings
    gave, but for seeds of which all diverged. diverged: at which steps trainings did.
    """

    family: bool
    rising: bool
    trainings: int
    cost: dict
    runs: tuple[Run, ...]
    diverged: tuple[int, ...] = ()

    def seeds(self, accuracy: str) -> list[list[Point]]:
        """The points of each seed with that accuracy (of `ACCURACIES`)."""
        return [run.points(accuracy) for run in self.runs]


Methods = Mapping[str, Method]


def _with_runs(methods: Methods) -> dict[str, Method]:
    """Those of which not every training diverged."""
    return {name: method for name, method in methods.items() if method.runs}


# Result files


def read() -> dict[str, Method]:
    """All methods by their names, in the order of data/comparison.json; a missing file raises `SimplexNASError`."""
    listed, cost = comparison.families(), records.read(comparison.COSTS)["methods"]
    table = latency_table()
    found = {}
    for name, variants in groupby(listed, key=lambda variant: variant.method):
        found[name] = _method({variant: listed[variant] for variant in variants}, cost[name], table)
    return found


def _method(families: dict[Variant, list[str]], cost: dict, table: LatencyTable) -> Method:
    """families: for each variant the name of its family of each seed."""
    of = next(iter(families)).of
    steps = {name: comparison.diverged(name) for own in families.values() for name in own}
    diverged = {name: step for name, step in steps.items() if step is not None}
    ended = [[name for name in own if name not in diverged] for own in zip(*families.values(), strict=True)]
    runs = tuple(
        versus.union(
            [tuple(_record(name, file, table) for file in (records.LATTICE, records.COMPARED)) for name in own]
        )
        for own in ended
        if own
    )
    return Method(
        family=settings.find(of).knob != NoKnob.KNOB,
        rising=of == random_search.METHOD.name,
        trainings=len(families) * len(ended),
        cost=cost,
        runs=runs,
        diverged=tuple(diverged.values()),
    )


def _record(family: str, file: str, table: LatencyTable) -> Record:
    """A result file, with predicted times."""
    record = records.read_record(paths.RESULTS / family / file)
    return replace(record, points=tuple(table.with_predictions(record.points, batch=1)))


def latency_table() -> LatencyTable:
    """What predicts times, here and where they are a price."""
    return LatencyTable.load(published.TIMED_TABLE, SPACE)


def noise() -> Sequence[Point]:
    """The networks that were trained alone with several seeds."""
    return records.read_record(paths.RESULTS / comparison.noise_family() / records.NOISE).points


def seconds() -> Seconds:
    """Of a training as measured once, the same for all; of a member's evaluation and of a network's training alone the
    means over the lattice and over `noise` of one family, wherever they were computed."""
    own = paths.RESULTS / comparison.noise_family()
    lattice, alone = (records.read_record(own / file) for file in (records.LATTICE, records.NOISE))
    return Seconds(
        training=records.read(comparison.COSTS)["seconds"],
        evaluation=lattice.seconds / len({point.choice for point in lattice.points}),
        alone=alone.seconds / len(alone.points),
    )


def random_points(methods: Methods, accuracy: str) -> list[Point]:
    """The random architectures of all runs."""
    return [
        point
        for method in methods.values()
        for run in method.runs
        for point in versus.of_accuracy(run.random, accuracy)
    ]


# Accuracy against cost


def styles(methods: Methods) -> dict[str, dict]:
    """How methods with a run are marked, those with a family first: no two share a shape, nor two of a kind a colour.

    Marks of methods with a family are full, those of others hollow.
    """
    ordered = sorted(_with_runs(methods), key=lambda name: not methods[name].family)
    found = {}
    for family, names in groupby(ordered, key=lambda name: methods[name].family):
        for name, color in zip(names, COLORS, strict=False):
            fill = color if family else "white"
            found[name] = {"color": color, "marker": SHAPES[len(found)], "markerfacecolor": fill, "markersize": 6}
    return found


def planes(methods: Methods | None = None, accuracy: str = ALONE) -> Figure:
    """Test accuracy of one kind, of `ACCURACIES`, against each cost; a panel for each cost.

    A line: the front of validation accuracy of a run that gives a family. Its marks: with inherited weights the members
    on that front, else all that were trained alone. Other methods have a mark for each training.
    """
    methods = read() if methods is None else methods
    figure, axes = plt.subplots(len(SIZES), 1, figsize=(FIGURE_WIDTH, 11), layout="constrained", sharey=True)
    for ax, (size, (_, label)) in zip(axes, SIZES.items(), strict=True):
        ax.plot(*_places(random_points(methods, accuracy), size), label=RANDOM, **CLOUD)
        for name, style in styles(methods).items():
            for points in methods[name].seeds(accuracy):
                _draw(ax, points, size, accuracy, methods[name].family, style)
        figures.accuracy_by_size(ax).get_legend().remove()
        ax.set_xlabel(label)
        ax.set_ylabel(f"test accuracy, {WORDS[accuracy]}, %")
        ax.yaxis.set_major_formatter(FuncFormatter(_percent))
    line = {True: {"linewidth": 0.8}, False: {"linestyle": "none"}}
    handles = [
        Line2D([], [], label=name, **line[methods[name].family], **style) for name, style in styles(methods).items()
    ]
    below = {"loc": "outside lower center", "ncols": 2, "frameon": False, "borderpad": 0}
    below |= {"columnspacing": 0.5, "handlelength": 1.4, "handletextpad": 0.5}
    figure.legend(handles=[*handles, Line2D([], [], label=RANDOM, **CLOUD)], **below)
    return figure


def _draw(ax: plt.Axes, points: list[Point], size: str, accuracy: str, family: bool, style: dict) -> None:
    """The points of one run."""
    if family:
        front = analysis.front(points, size)
        ax.plot(*_places(front, size), color=style["color"], linewidth=0.8)
        points = front if accuracy == INHERITED else points
    ax.plot(*_places(points, size), linestyle="none", **style)


def _places(points: Sequence[Point], size: str) -> np.ndarray:
    """Cost and test accuracy in percent, as they are drawn: (2, n)."""
    divisor, _ = SIZES[size]
    tests = [max(FLOOR, 100 * point.accuracy.test) for point in points]
    return np.array([[getattr(point, size) / divisor for point in points], tests])


def _percent(value: float, _: int) -> str:
    return f"≤ {value:g}" if value == FLOOR else f"{value:g}"


# Indicators


def scores(
    methods: Methods | None = None, size: str = "total_parameters", resamples: int = versus.RESAMPLES
) -> pd.DataFrame:
    """What each method cost and reached.

    size: the cost of networks that the indicators take, of `SIZES`. Columns: "method", "trainings", "diverged" (the
    steps at which some of them had), "epochs" (of one), "step_ms", "memory_mb", "lines" (of code); for each of
    `ACCURACIES` "members, …" that count, at most `N` (mean over the seeds), "hypervolume, …" and "igd_plus, …";
    "advantage": over random architectures of as many parameters, both trained alone, percentage points. Bounds of 95 %
    intervals end in ", low" and ", high". nan where all diverged.
    """
    methods = read() if methods is None else methods
    scale = versus.scale(size, SPACE, latency_table() if size == "latency_ms" else None)
    references = {accuracy: _reference(methods, accuracy, scale) for accuracy in ACCURACIES}
    random, lines = random_points(methods, ALONE), []
    for name, method in methods.items():
        line = {"method": name, "trainings": method.trainings, "diverged": method.diverged}
        line |= {key: method.cost[key] for key in ("epochs", "step_ms", "memory_mb")}
        line |= {"lines": method.cost["module_lines"]}
        for accuracy, reference in references.items():
            line |= _indicators(method.seeds(accuracy), accuracy, reference, scale, resamples)
        advantage = versus.mean_advantage(method.seeds(ALONE), random, resamples)
        lines.append(line | _bounded("advantage", advantage))
    return pd.DataFrame(lines)


def _reference(methods: Methods, accuracy: str, scale: Scale) -> np.ndarray:
    return versus.reference([points for method in methods.values() for points in method.seeds(accuracy)], scale)


def _indicators(
    seeds: list[list[Point]], accuracy: str, reference: np.ndarray, scale: Scale, resamples: int
) -> dict[str, float]:
    """Columns of `scores`."""
    size = scale.size
    counted = [versus.networks(versus.chosen(points, N, size), size) for points in seeds]
    volume = versus.score(counted, lambda own: versus.hypervolume(own, scale), resamples)
    distance = versus.score(counted, lambda own: versus.igd_plus(own, reference, scale), resamples)
    members = {f"members, {accuracy}": np.mean([len(own.tests) for own in counted]) if counted else np.nan}
    return members | _bounded(f"hypervolume, {accuracy}", volume) | _bounded(f"igd_plus, {accuracy}", distance)


def _bounded(name: str, found: dict[str, float]) -> dict[str, float]:
    return {name: found["mean"], f"{name}, low": found["low"], f"{name}, high": found["high"]}


def leads(methods: Methods | None = None, size: str = "total_parameters") -> pd.DataFrame:
    """What each method's hypervolume is ahead of ours, `OURS`: by "method", for each of `ACCURACIES` a column, with
    bounds as in `scores`.

    Paired by seed, 95 % for all methods at once (`statistics.paired_with`); nan where a seed diverged.
    """
    methods = read() if methods is None else methods
    scale = versus.scale(size, SPACE, latency_table() if size == "latency_ms" else None)
    whole = {name: method for name, method in methods.items() if len(method.runs) == len(methods[OURS].runs)}
    found = pd.DataFrame({"method": name} for name in methods if name != OURS).set_index("method")
    for accuracy in ACCURACIES:
        volumes = {
            name: [
                versus.hypervolume(versus.networks(versus.chosen(points, N, size), size), scale)
                for points in method.seeds(accuracy)
            ]
            for name, method in whole.items()
        }
        for name, ahead in statistics.paired_with(volumes, OURS).items():
            for column, value in _bounded(accuracy, ahead).items():
                found.loc[name, column] = value
    return found.reset_index()


def scores_table(found: pd.DataFrame) -> pd.DataFrame:
    """`scores` as text."""

    def cell(line: dict, name: str, digits: str) -> str:
        value, low, high = (f"{line[key]:{digits}}" for key in (name, f"{name}, low", f"{name}, high"))
        return "–" if np.isnan(line[name]) else f"{value} ({low} to {high})".replace("-", "−")

    return pd.DataFrame(
        {
            "method": line["method"],
            "trainings": _trainings(line),
            "epochs": f"{line['epochs']:.1f}",
            "step, ms": f"{line['step_ms']:.0f}",
            "memory, MB": f"{line['memory_mb']:,.0f}",
            "lines of code": f"{line['lines']:,}",
            "members": ", ".join(f"{line[f'members, {accuracy}']:.1f}" for accuracy in ACCURACIES).replace("nan", "–"),
            **{
                f"{words}, {WORDS[accuracy]}": cell(line, f"{measure}, {accuracy}", ".2f")
                for accuracy in ACCURACIES
                for measure, words in {"hypervolume": "hypervolume", "igd_plus": "IGD+"}.items()
            },
            "ahead of random, points": cell(line, "advantage", "+.1f"),
        }
        for line in found.to_dict("records")
    )


def _trainings(line: dict) -> str:
    """How many, and when some of them diverged."""
    steps = ", ".join(f"{step:,}" for step in line["diverged"])
    return f"{line['trainings']}" + (f"; {len(line['diverged'])} diverged, at step {steps}" if steps else "")


def least_difference(points: Sequence[Point] | None = None) -> float:
    """Percentage points that two networks trained alone have to differ by; points: as of `noise`."""
    return versus.least_difference(noise() if points is None else points)


def collapses(methods: Methods | None = None) -> pd.DataFrame:
    """How much the architectures of a run differ, a line for each method with a run.

    Columns: "method"; "architectures", different ones, and "front", those on it, means over the seeds; "least" and
    "most" total parameters of all seeds; "operation" and "share" (0 … 1) of the seed in which one operation has most;
    "violations" of the order of sizes along the knob, of "pairs" of neighbours, sums over the seeds.
    """
    methods = read() if methods is None else methods
    lines = []
    for name, method in _with_runs(methods).items():
        seeds = method.seeds(INHERITED)
        found = pd.DataFrame(versus.collapse(points) for points in seeds)
        violations, pairs = np.sum([versus.violations(points, method.rising) for points in seeds], axis=0).tolist()
        line = {"method": name} | found[["architectures", "front"]].mean().to_dict()
        line |= {"least": found["least"].min(), "most": found["most"].max()}
        line |= found.loc[found["share"].idxmax(), ["operation", "share"]].to_dict()
        lines.append(line | {"violations": violations, "pairs": pairs})
    return pd.DataFrame(lines)


def collapses_table(found: pd.DataFrame) -> pd.DataFrame:
    """`collapses` as text."""
    return pd.DataFrame(
        {
            "method": line["method"],
            "architectures": f"{line['architectures']:.1f}",
            "on the front": f"{line['front']:.1f}",
            "total parameters": f"{line['least']:,} to {line['most']:,}",
            "most frequent operation": f"{line['operation']}, {100 * line['share']:.0f} %",
            "larger where smaller was asked": f"{line['violations']} of {line['pairs']}" if line["pairs"] else "–",
        }
        for line in found.to_dict("records")
    )


def gaps(methods: Methods | None = None) -> pd.DataFrame:
    """Inherited accuracy against that of the same networks trained alone, of all seeds together.

    Columns: "of" (a method, or random architectures), "networks", "inherited" and "retrained" (mean test accuracy,
    percent), "gap" (their difference) and "tau", Kendall's; nan for fewer than two networks.
    """
    methods = read() if methods is None else methods
    known = {
        name: [point for run in method.runs for point in run.alone] for name, method in _with_runs(methods).items()
    }
    known[RANDOM] = random_points(methods, INHERITED)
    lines = []
    for name, points in known.items():
        both = [[point.accuracy.test for point in points], [point.retrained.test for point in points]]
        tau = statistics.agreement(*both)["tau"] if len(points) > 1 else np.nan
        inherited, alone = (100 * np.mean(tests) for tests in both)
        line = {"of": name, "networks": len(points), "inherited": inherited, "retrained": alone}
        lines.append(line | {"gap": alone - inherited, "tau": tau})
    return pd.DataFrame(lines)


def gaps_table(found: pd.DataFrame) -> pd.DataFrame:
    """`gaps` as text."""
    return pd.DataFrame(
        {
            "networks": f"{line['of']} ({line['networks']})",
            "inherited, %": f"{line['inherited']:.1f}",
            "alone, %": f"{line['retrained']:.1f}",
            "gap": f"{line['gap']:.1f}".replace("-", "−"),
            "τ": "–" if np.isnan(line["tau"]) else f"{line['tau']:.2f}".replace("-", "−"),
        }
        for line in found.to_dict("records")
    )


# Cost


def measured(methods: Methods) -> dict[tuple[str, str], int]:
    """How many architectures were measured, by way and kind of accuracy: of a family in a run, else of a method in all
    runs; the most of any method."""
    found = {(RANDOM, ALONE): len(random_points(methods, ALONE))}
    for accuracy in ACCURACIES:
        numbers = {FAMILY: [0], SINGLE: [0]}
        for method in _with_runs(methods).values():
            each = [len({point.choice for point in points}) for points in method.seeds(accuracy)]
            numbers[FAMILY if method.family else SINGLE].append(max(each) if method.family else sum(each))
        found |= {(way, accuracy): max(own) for way, own in numbers.items()}
    return found


def costs(seconds: Seconds, methods: Methods | None = None) -> pd.DataFrame:
    """What several architectures cost, by the way to them.

    Columns: "way" and "accuracy", whose pairs are those of `versus.hours`; "n", of `versus.NUMBERS`; "hours";
    "extrapolated": whether there are more than were measured.
    """
    methods = read() if methods is None else methods
    return pd.DataFrame(versus.costs(seconds, measured(methods)))


def costs_table(found: pd.DataFrame) -> pd.DataFrame:
    """`costs` as text, in minutes, a column for each number of architectures; with an asterisk where there are more
    than were measured."""
    told = [f"{60 * h:,.0f}{'*' * more}" for h, more in found[["hours", "extrapolated"]].to_numpy()]
    found = found.assign(of=_ways(found), text=told)
    lines = found.pivot(index="of", columns="n", values="text").loc[list(dict.fromkeys(found["of"]))]
    return lines.rename_axis(columns=None).rename(columns=lambda n: f"{n}, minutes").reset_index(names="architectures")


def _ways(found: pd.DataFrame) -> list[str]:
    return [f"{way}, {WORDS[accuracy]}" for way, accuracy in found[["way", "accuracy"]].to_numpy()]


def cost_curve(found: pd.DataFrame) -> Figure:
    """`costs`: minutes against the number of architectures; hollow where there are more than were measured."""
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 4.6), layout="constrained")
    styles = zip(found.assign(of=_ways(found)).groupby("of", sort=False), LINE_COLORS, MARKERS, strict=False)
    for (way, own), color, marker in styles:
        minutes, hollow = 60 * own["hours"], own["extrapolated"]
        ax.plot(own["n"], minutes, color=color, marker=marker, linewidth=1.2, label=way)
        ax.plot(own["n"][hollow], minutes[hollow], marker, color=color, markerfacecolor="white")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(versus.NUMBERS, [str(n) for n in versus.NUMBERS], minor=False)
    ax.xaxis.minorticks_off()
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("architectures")
    ax.set_ylabel("minutes")
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", frameon=False)
    return figure


# Numbers


def in_prose(methods: Methods, points: Sequence[Point], each: Seconds) -> dict[str, str]:
    """The numbers in the prose of the page, by name, of what `read`, `noise` and `seconds` give; differences of
    accuracy in percentage points."""
    random = random_points(methods, ALONE)
    alone = [point for method in methods.values() for run in method.runs for point in run.alone]
    known = {
        "minutes.training": f"{each.training / 60:.0f}",
        "trainings": f"{sum(method.trainings for method in methods.values())}",
        "alone": f"{len(alone) + len(random)}",
        "random": f"{len(random)}",
        "noise": f"{versus.retraining_noise(points):.2f}",
        "least": f"{versus.least_difference(points):.2f}",
    }
    lead = versus.mean_advantage(methods[OURS].seeds(ALONE), random)
    known |= {f"ahead.{of}": f"{value:.2f}".replace("-", "−") for of, value in lead.items()}
    volumes = scores(methods, resamples=1).set_index("method")[f"hypervolume, {ALONE}"]
    known |= {f"volume.{short}": f"{volumes[name]:.2f}" for short, name in SAID.items()}
    hours = versus.hours(MANY, each)
    alone_by = {"family": FAMILY, "single": SINGLE, "random": RANDOM}
    known |= {f"minutes.{short}": f"{60 * hours[way, ALONE]:.0f}" for short, way in alone_by.items()}
    known["minutes.inherited"] = f"{60 * hours[FAMILY, INHERITED]:.0f}"
    return {f"comparison.{name}": value for name, value in known.items()}
