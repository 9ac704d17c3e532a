"""The page `timing`: what the parts of a network take, and how well they predict a whole one."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from simplexnas import latency
from simplexnas.io import paths, records
from simplexnas.latency.parts import Part, all_parts
from simplexnas.latency.table import LatencyTable
from simplexnas.report import figures, published
from simplexnas.report.pages.budget import BUDGETS
from simplexnas.report.style import FIGURE_WIDTH, HATCHES, OPERATION_COLORS
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace

SPACE = SearchSpace()
RUNTIMES = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime"}
MACHINES = {"epyc": published.TIMED_TABLE, "xeon": published.LATENCY_TABLE, "onnx": published.ONNXRUNTIME_TABLE}


def predictions() -> Figure:
    """Predicted against measured time of the networks of the validation, in both runtimes on one machine."""
    panels = {}
    for name in (published.TIMED_TABLE, published.ONNXRUNTIME_TABLE):
        table = LatencyTable.load(name, SPACE)
        for batch, points in latency.read_validation(table).items():
            panels[f"{RUNTIMES[table.runtime]}, {batch} image{'s' if batch > 1 else ''}"] = points
    return figures.predictions(panels)[0].figure


def errors() -> pd.DataFrame:
    """How far predictions are from the first measurement of each network, and how far a second measurement is.

    "slope" and "+ ms": of the line. "error" and "again": mean, worst, relative and without their sign, in percent.
    "rank": Spearman correlation of predictions with the measurement.
    """
    lines = []
    for name in MACHINES.values():
        table = LatencyTable.load(name, SPACE)
        processor = table.content["processor"].removeprefix("AMD ").removeprefix("Intel(R) ").split()[0]
        for batch, points in latency.read_validation(table).items():
            found, again = (latency.prediction_errors(points, key) for key in ("predicted_ms", "again_ms"))
            slope, intercept = table.line(batch)
            line = {
                "processor, runtime": f"{processor.removesuffix('(R)')}, {RUNTIMES[table.runtime]}",
                "images": batch,
            }
            line |= {
                "slope": f"{slope:.2f}",
                "+ ms": f"{round(intercept, 2) + 0.0:.2f}",
                "rank": f"{found['spearman']:.3f}",
            }
            for key, own in (("error", found), ("again", again)):
                line[f"{key}, %"] = f"{100 * own['mape']:.1f}, {100 * own['worst']:.1f}"
            lines.append(line)
    return pd.DataFrame(lines)


def promised() -> pd.DataFrame:
    """Members that `select` promised within random budgets: how far their measured times were from the prediction.

    Columns: "runtime", "images", "off" (relative to the prediction, above 0 if slower).
    """
    return pd.DataFrame(
        {"runtime": runtime, "images": test["batch"], "off": test["promised_ms"] / test["predicted_ms"] - 1}
        for runtime, file in BUDGETS.items()
        for test in records.read(paths.RESULTS / file)["budgets"]
    )


def edge_times() -> pd.DataFrame:
    """Milliseconds of every edge in PyTorch: "images", "place", "operation", "edge part" and "source part"."""
    table = LatencyTable.load(published.TIMED_TABLE, SPACE)
    names = dict(zip(SPACE.operations, labels(SPACE.operations), strict=True))
    return pd.DataFrame(
        {
            "images": batch,
            "place": f"{part.channels} ch\n{part.size} × {part.size}" + ("\nstride 2" if part.stride == 2 else ""),
            "operation": names[part.name],
            "edge part": table.ms(part, batch),
            "source part": table.ms(Part("source", *part[1:]), batch),
        }
        for batch in table.batches
        for part in all_parts(SPACE)
        if part.kind == "edge"
    )


def edges() -> Figure:
    """`edge_times` as bars, one panel for each batch size: the source part, pale, under the edge part."""
    times = edge_times()
    batches, places = times["images"].unique(), list(dict.fromkeys(times["place"]))
    fills = dict(zip(OPERATION_COLORS, zip(OPERATION_COLORS.values(), HATCHES, strict=True), strict=True))
    figure, axes = plt.subplots(len(batches), 1, figsize=(FIGURE_WIDTH, 5.6), layout="constrained")
    for ax, batch in zip(axes, batches, strict=True):
        for m, (operation, (color, hatch)) in enumerate(fills.items()):
            own = times[(times["images"] == batch) & (times["operation"] == operation)].set_index("place").loc[places]
            x = [place + 0.29 * (m - 1) for place in range(len(places))]
            source, edge = own["source part"], own["edge part"]
            ax.bar(x, source, 0.26, color="white", edgecolor=color, hatch=hatch, linewidth=1)
            ax.bar(x, edge, 0.26, bottom=source, color=color, edgecolor="white", hatch=hatch, linewidth=0)
            for place, total in zip(x, source + edge, strict=True):
                if total > 0.01:  # the others are empty calls
                    style = {"textcoords": "offset points", "ha": "center", "va": "bottom", "rotation": 90}
                    ax.annotate(f"{total:.2f}", (place, total), (0, 3), **style)
        ax.set_xticks(range(len(places)), places)
        ax.set_ylabel("ms")
        ax.set_title(f"{batch} image{'s' if batch > 1 else ''}", loc="left")
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(y=0.3)  # for the numbers
    legend = [
        Patch(facecolor=color, hatch=hatch, edgecolor="white", label=operation)
        for operation, (color, hatch) in fills.items()
    ]
    legend += [Patch(facecolor="white", edgecolor="#555555", label="pale: source part, shared")]
    figure.legend(handles=legend, loc="outside upper center", frameon=False, ncols=2)
    return figure


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name; errors in percent."""
    known, found, again = {}, [], []
    for machine, name in MACHINES.items():
        table = LatencyTable.load(name, SPACE)
        for batch, points in latency.read_validation(table).items():
            found.append(latency.prediction_errors(points))
            again.append(latency.prediction_errors(points, "again_ms")["mape"])
            known[f"timing.{machine}.{batch}"] = f"{100 * found[-1]['mape']:.0f}"
    members = promised().set_index(["runtime", "images"])["off"].abs()
    means = members.groupby(level=[0, 1]).mean()
    mean, worst, rank = ([each[key] for each in found] for key in ("mape", "worst", "spearman"))
    return known | {
        "timing.least": f"{100 * min(mean):.0f}",
        "timing.most": f"{100 * max(mean):.0f}",
        "timing.worst": f"{100 * max(worst):.0f}",
        "timing.rank": f"{min(rank):.2f}",
        "timing.promised.least": f"{100 * means.min():.0f}",
        "timing.promised.most": f"{100 * means.max():.0f}",
        "timing.promised.worst": f"{100 * members.max():.0f}",
        "timing.again.least": f"{100 * min(again):.0f}",
        "timing.again.most": f"{100 * max(again):.0f}",
    }
