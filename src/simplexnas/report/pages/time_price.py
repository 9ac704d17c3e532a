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
from simplexnas.report.style import FIGURE_WIDTH
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace

SPACE, BATCH = SearchSpace(), 64
CONVOLUTION = SPACE.k - 1
PLACES = {"normal, input": 0, "reduction, input": 14, "reduction, node": 18}  # an edge of each, and what it leaves
MS = (40, 45, 46, 48, 50, 60, 64, 75)
SCARCE, PLENTY = (40, 45), (48, 50, 60, 64, 75)  # of MS, where time is scarce, and where it is not
ONNXRUNTIME_MS = (28, 32, 40)
TIMED = "fronts_measured.json"
BY_TIME, UNIT, DEFAULT = "priced by time", "unit price", "default price"
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
    """Fronts of the first family of each kind, against predicted time and total parameters."""
    points = {label: own[0] for label, own in families().items()}
    figure, axes = plt.subplots(2, 1, figsize=(FIGURE_WIDTH, 6), layout="constrained")
    for ax, size in zip(axes, ("latency_ms", "total_parameters"), strict=True):
        figures.fronts({label: analysis.front(own, size) for label, own in points.items()}, ax, size, lines=len(points))
    axes[0].set_xlabel("predicted time of 64 images, ms")
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


def within() -> pd.DataFrame:
    """`accuracies` as text: mean ± standard deviation where there are several trainings."""

    def text(values: list[float]) -> str:
        found = statistics.mean_and_sd(values)
        return f"{found['mean']:.1f}" + (f" ± {found['sd']:.1f}" if found["sd"] is not None else "")

    found = accuracies()
    lines = found[[BY_TIME, UNIT, DEFAULT]].map(text)
    lines.insert(
        0, "within", [SIZES[size].format(budget) for size, budget in zip(found["size"], found["budget"], strict=True)]
    )
    return lines


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
    lines = found.pivot(index="budget", columns="family", values="text")[[BY_TIME, UNIT, DEFAULT]]
    lines = lines.rename_axis(columns=None)
    lines.insert(0, "predicted within", [f"{budget} ms" for budget in lines.index])
    return lines


def machines_agree() -> float:
    """Rank correlation of the relative cost by time between the two machines."""
    here = cost.relative_costs("latency", SPACE, LatencyTable.load(published.TIMED_TABLE, SPACE).edge_ms(BATCH))
    return float(spearmanr(here.flatten(), costs()["latency"].flatten())[0])


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name."""
    runs = accuracies()
    found = runs.set_index(["size", "budget"]).map(np.mean)
    by_ms, by_size = found.loc["torch"], found.loc["edge_parameters"]
    leads = by_ms.loc[list(SCARCE), [UNIT, DEFAULT]].rsub(by_ms.loc[list(SCARCE), BY_TIME], axis=0).to_numpy()
    behind = (by_ms[UNIT] - by_ms[BY_TIME]).loc[list(PLENTY)].max()
    smallest, *_, larger, largest = paper.BUDGETS
    small = by_size.loc[smallest, [BY_TIME, DEFAULT]] - by_size.loc[smallest, UNIT]
    large = by_size.loc[[larger, largest]]
    ahead = -large[[BY_TIME, DEFAULT]].sub(large[UNIT], axis=0).to_numpy()
    spread = max(statistics.mean_and_sd(values)["sd"] for values in runs[DEFAULT])
    points = timed()
    slower = 100 * (points["median"] / points["predicted"] - 1)
    at = {budget: own.set_index("family") for budget, own in points.groupby("budget")}
    first = at[45]["test"]
    widest = max(sum(m == CONVOLUTION for m in point.choice) for point in families()[BY_TIME][0])
    return {
        "time_price.lead.least": f"{leads.min():.0f}",
        "time_price.lead.most": f"{leads.max():.0f}",
        "time_price.behind": f"{behind:.1f}",
        **{f"time_price.unit.{ms}": f"{by_ms.loc[ms, UNIT]:.1f}" for ms in (45, 46)},
        "time_price.small": f"{small.min():.0f}",
        "time_price.large.least": f"{ahead.min():.1f}",
        "time_price.large.most": f"{ahead.max():.1f}",
        "time_price.spread": f"{spread:.1f}",
        "time_price.slower.least": str(round(slower.min())),
        "time_price.slower.most": str(round(slower.max())),
        "time_price.slower.mean": f"{slower.mean():.0f}",
        "time_price.timed.lead": f"{first[BY_TIME] - first[[UNIT, DEFAULT]].max():.0f}",
        "time_price.faster": f"{at[50].loc[UNIT, 'median'] - at[50].loc[BY_TIME, 'median']:.0f}",
        "time_price.worse": f"{at[50].loc[UNIT, 'test'] - at[50].loc[BY_TIME, 'test']:.1f}",
        "time_price.convolutions": str(widest),
        "time_price.machines": f"{machines_agree():.2f}",
    }
