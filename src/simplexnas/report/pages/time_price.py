"""The page `time_price`: families that differ in their price alone, some of them priced by measured time.

Times are those of 64 images in PyTorch, predicted from the table of the book's machine or measured there.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from simplexnas.io import paths, records
from simplexnas.io.records import Point
from simplexnas.latency.table import LatencyTable
from simplexnas.report import analysis, figures, paper, published, statistics
from simplexnas.report.style import FIGURE_WIDTH, LINE_COLORS, MARKERS
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace

SPACE, BATCH = SearchSpace(), 64
CONVOLUTION = SPACE.k - 1
PLACES = {"normal, input": 0, "reduction, input": 14, "reduction, node": 18}  # an edge of each, and what it leaves
MS, ONNXRUNTIME_MS = (40, 45, 50, 60, 75), (28, 32, 40)
SCARCE, MIDDLE = 45, 60  # of MS, of which the page speaks
TIMED = "fronts_measured.json"
BY_TIME, UNIT, DEFAULT = KINDS = "priced by time", "unit price", "default price"
SIZES = {"torch": "≤ {} ms", "onnxruntime": "≤ {} ms in ONNX Runtime", "edge_parameters": "≤ {:,} edge parameters"}


def costs() -> dict[str, np.ndarray]:
    """Relative cost r of each kind of price, by time that of the machine whose times were the price: (E, k) each."""
    milliseconds = LatencyTable.load(published.LATENCY_TABLE, SPACE).edge_ms(BATCH)
    return {kind: cost.relative_costs(kind, SPACE, milliseconds).numpy() for kind in cost.PRICES}


def relative_costs() -> pd.DataFrame:
    """`costs` on an edge of each place."""
    known = costs()
    return pd.DataFrame(
        {"edge": place, "operation": operation} | {kind: f"{r[edge, m]:.2f}" for kind, r in known.items()}
        for place, edge in PLACES.items()
        for m, operation in enumerate(labels(SPACE.operations))
    ).rename(columns={"macs": "MACs", "latency": "time"})


def families(times: str = published.TIMED_TABLE) -> dict[str, list[list[Point]]]:
    """The points of the lattices with predicted times: one list for each training."""
    table = LatencyTable.load(times, SPACE)
    names = {BY_TIME: published.LATENCY, UNIT: published.UNIT, DEFAULT: published.QUICK[: len(published.UNIT)]}
    return {
        label: [table.with_predictions(records.read_lattice(name).points, BATCH) for name in own]
        for label, own in names.items()
    }


def fronts() -> Figure:
    """Fronts of every family, a style for each kind, against predicted time and total parameters."""
    figure, axes = plt.subplots(2, 1, figsize=(FIGURE_WIDTH, 6), layout="constrained")
    styles = zip(families().items(), LINE_COLORS, MARKERS, ("-", "--", "-."), strict=False)
    for (label, own), color, marker, dash in styles:
        style = {"color": color, "marker": marker, "linestyle": dash, "markersize": 4.5, "linewidth": 1.1}
        for ax, size in zip(axes, ("latency_ms", "total_parameters"), strict=True):
            for number, points in enumerate(own):
                places = figures.places_of(analysis.front(points, size), size)
                ax.plot(*places, label=None if number else label, **style)
    for ax, size in zip(axes, ("latency_ms", "total_parameters"), strict=True):
        figures.accuracy_by_size(ax, size).get_legend().remove()
    axes[0].set_xlabel("predicted time of 64 images, ms")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", frameon=False, borderpad=0)
    return figure


def accuracies() -> pd.DataFrame:
    """Test accuracy in percent of the members that are best on validation within budgets of time and of size.

    Columns: "size" (one of SIZES), "budget", and one for each family, a list with a number for each training (nan if
    none fits).
    """
    by_torch, by_onnxruntime = families(), families(published.ONNXRUNTIME_TABLE)
    lines = []
    for kind, key, known, budgets in (
        ("torch", "latency_ms", by_torch, MS),
        ("onnxruntime", "latency_ms", by_onnxruntime, ONNXRUNTIME_MS),
        ("edge_parameters", "edge_parameters", by_torch, paper.BUDGETS),
    ):
        for budget in budgets:
            found = {
                label: [100 * analysis.accuracy_within(points, budget, key) for points in own]
                for label, own in known.items()
            }
            lines.append({"size": kind, "budget": budget} | found)
    return pd.DataFrame(lines)


def ahead(other: str, found: pd.DataFrame) -> pd.DataFrame:
    """By how much the families priced by time are ahead of another kind, a row for each of `accuracies`.

    "mean", "low" and "high" of the 95 % t interval, in percentage points, over pairs with the same seed; nan where some
    training has no member within the budget.
    """
    pairs = zip(found[BY_TIME], found[other], strict=True)
    return pd.DataFrame(statistics.mean_and_interval(list(np.subtract(*pair))) for pair in pairs)


def within() -> pd.DataFrame:
    """`accuracies` as text, mean ± standard deviation, and how far the families priced by time are ahead."""
    found = accuracies()
    lines = found[list(KINDS)].map(_spread)
    for other in (UNIT, DEFAULT):
        lines[f"time − {other.partition(' ')[0]}"] = [_interval(*line) for line in ahead(other, found).to_numpy()]
    names = [SIZES[size].format(budget) for size, budget in zip(found["size"], found["budget"], strict=True)]
    lines.insert(0, "within", names)
    return lines


def _spread(values: list[float]) -> str:
    if np.isnan(values).any():
        return "–"
    return "{mean:.1f} ± {sd:.1f}".format(**statistics.mean_and_sd(values))


def _interval(mean: float, low: float, high: float) -> str:
    return "–" if np.isnan(mean) else f"{mean:+.1f} ({low:+.1f} to {high:+.1f})".replace("-", "−")


def reach() -> pd.DataFrame:
    """How far each family reaches, how S moves it, and where its convolutions stand; the first family of each
    kind."""

    def convolutions(points: list[Point], edges: slice) -> str:
        found = (np.array([point.choice[edges] for point in points]) == CONVOLUTION).sum(axis=1)
        return f"{found.mean():.1f} ({found.max()})"

    columns = {}
    for label, (points, *_) in families().items():
        milliseconds = [point.latency_ms for point in points]
        columns[label] = {
            "architectures": str(len({point.choice for point in points})),
            "ms": f"{min(milliseconds):.0f} to {max(milliseconds):.0f}",
            **{
                f"S and {operation}": f"{value:.2f}"
                for operation, value in analysis.steering_correlations(points).items()
            },
            "convolutions, normal": convolutions(points, slice(14)),
            "convolutions, reduction": convolutions(points, slice(14, None)),
        }
    return pd.DataFrame(columns).rename_axis("of the lattice").reset_index()


def timed() -> pd.DataFrame:
    """The timed members: "budget" (ms, predicted), "family", "predicted", "median" and "iqr" (ms), "test" (%)."""
    content = records.read(paths.RESULTS / TIMED)
    label = {published.LATENCY[0]: BY_TIME, published.UNIT[0]: UNIT, published.QUICK[0]: DEFAULT}
    return pd.DataFrame(
        {
            "budget": point["budget_ms"],
            "family": label[point["family"]],
            "predicted": point["predicted_ms"],
            "median": point["median_ms"],
            "iqr": point["iqr_ms"],
            "test": 100 * point["accuracy"]["test"],
        }
        for point in content["points"]
    )


def timed_table() -> pd.DataFrame:
    """`timed` as text, one line for each budget."""
    found = timed()
    found["text"] = [
        f"{ms:.1f} ms ({iqr:.1f}), {test:.1f} %" for ms, iqr, test in found[["median", "iqr", "test"]].values
    ]
    lines = found.pivot(index="budget", columns="family", values="text")[list(KINDS)]
    lines = lines.rename_axis(columns=None).fillna("–")
    lines.insert(0, "predicted within", [f"{budget} ms" for budget in lines.index])
    return lines


def machines_agree() -> float:
    """Rank correlation of the relative cost by time between the two machines."""
    here = cost.relative_costs("latency", SPACE, LatencyTable.load(published.TIMED_TABLE, SPACE).edge_ms(BATCH))
    return float(spearmanr(here.flatten(), costs()["latency"].flatten())[0])


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name; differences in percentage points."""
    runs = accuracies()
    of_unit, of_default = (ahead(other, runs).set_index([runs["size"], runs["budget"]]) for other in (UNIT, DEFAULT))
    unit, default = of_unit.loc["torch", MIDDLE], of_default.loc["torch", MIDDLE]
    points = timed()
    slower = 100 * (points["median"] / points["predicted"] - 1)
    known = {
        "middle.unit": f"{-unit['mean']:.1f}",
        "middle.unit.low": f"{-unit['high']:.1f}",
        "middle.unit.high": f"{-unit['low']:.1f}",
        "middle.default": f"{default['mean']:.1f}",
        "middle.default.low": f"{default['low']:.1f}",
        "middle.default.high": f"{default['high']:.1f}",
        "scarce.default": f"{of_default.loc[('torch', SCARCE), 'mean']:.1f}",
        "slower.least": str(round(slower.min())),
        "slower.most": str(round(slower.max())),
        "slower.mean": f"{slower.mean():.0f}",
        "machines": f"{machines_agree():.2f}",
    }
    return {f"time_price.{name}": value for name, value in known.items()}
