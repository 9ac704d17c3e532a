"""The page `budget`: the menu of the published family, and whether promises of times are kept.

`use.menu` makes the menu, and stands above this room: the page hands it over.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from simplexnas.family import describe
from simplexnas.io import paths, records
from simplexnas.io.records import Point
from simplexnas.latency.table import LatencyTable
from simplexnas.report import analysis, published, statistics
from simplexnas.report.style import FIGURE_WIDTH, LINE_COLORS
from simplexnas.space.search_space import SearchSpace

FAMILY = published.DEFAULT[0]
SPACE = SearchSpace()
MODEL = paths.DATA / "models" / "within-4-ms"
TEST_IMAGES = paths.DATA / "FashionMNIST" / "raw" / "t10k-images-idx3-ubyte.gz"
BUDGETS = {"PyTorch": "budgets.json", "ONNX Runtime": "budgets_onnxruntime.json"}


def members() -> tuple[list[Point], list[Point]]:
    """The front of the published family, as on the menu, and all its points; time: of one image in ONNX Runtime."""
    table = LatencyTable.load(published.ONNXRUNTIME_TABLE, SPACE)
    points = table.with_predictions(records.read_own(describe(FAMILY), records.LATTICE).points, 1)
    return analysis.front(points), points


def front() -> Figure:
    """Test accuracy of all members against their time; those on the menu with their number."""
    menu, points = members()
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 3.6), layout="constrained")
    others = {point.choice: point for point in points}.values()
    for own, style in (
        (others, {"color": "#888888", "s": 16, "marker": "s", "linewidth": 0, "label": "other members"}),
        (menu, {"color": LINE_COLORS[2], "s": 44, "marker": "o", "linewidth": 0, "label": "on the menu", "zorder": 3}),
    ):
        ax.scatter([point.latency_ms for point in own], [100 * point.accuracy.test for point in own], **style)
    for number, point in enumerate(menu, 1):
        place = point.latency_ms, 100 * point.accuracy.test
        ax.annotate(str(number), place, (0, 5), textcoords="offset points", ha="center", weight="bold")
    ax.set_xlabel("predicted time of one image in ONNX Runtime, ms")
    ax.set_ylabel("test accuracy, %")
    ax.legend(frameon=False, loc="lower right")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def menu(members: list[dict]) -> pd.DataFrame:
    """The members of `use.menu.menu` as text, numbered."""
    return pd.DataFrame(
        {
            "no.": number,
            "S": ",".join(f"{value:g}" for value in member["S"]),  # as the command line takes it
            "edge": f"{member['edge_parameters']:,}",
            "total": f"{member['total_parameters']:,}",
            "M MACs": f"{member['macs'] / 1e6:.1f}",
            "ms": f"{member['predicted_ms']:.2f}",
            "val.": f"{100 * member['accuracy']['validation']:.1f}",
            "test": f"{100 * member['accuracy']['test']:.1f}",
        }
        for number, member in enumerate(members, 1)
    )


def picture(image: np.ndarray, answer: str) -> Figure:
    """A grey image (H, W), dark on white, under what a network calls it."""
    figure, ax = plt.subplots(figsize=(1.5, 1.8), layout="constrained")
    ax.imshow(image, cmap="gray_r")
    ax.set_title(answer)
    ax.set_axis_off()
    return figure


def promises() -> pd.DataFrame:
    """Random budgets that a member was promised for, and a second measurement of each network, by runtime and images.

    How many budgets were kept, how far the promised time was from the prediction and the second from the promised one,
    and the second over the limit.
    """
    columns = {}
    for runtime, file in BUDGETS.items():
        budgets = records.read(paths.RESULTS / file)["budgets"]
        for batch in sorted({test["batch"] for test in budgets}):
            own = [test for test in budgets if test["batch"] == batch]
            predicted, promised, again = (
                np.array([test[key] for test in own]) for key in ("predicted_ms", "promised_ms", "again_ms")
            )
            off, moved = abs(promised / predicted - 1), abs(again / promised - 1)
            used = again / np.array([test["budget"]["max_latency_ms"] for test in own])
            columns[f"{runtime.split()[0]}, {batch}"] = {
                "kept": f"{sum(test['kept'] for test in own)} of {len(own)}",
                "off prediction, mean": f"{off.mean():.1%}",
                "off prediction, worst": f"{off.max():.0%}",
                "off promise, mean": f"{moved.mean():.1%}",
                "off promise, worst": f"{moved.max():.0%}",
                "of the limit, median": f"{np.median(used):.2f}",
                "of the limit, largest": f"{used.max():.2f}",
                "above 0.95 of it": f"{(used > 0.95).sum()} of {len(own)}",
            }
    return pd.DataFrame(columns).rename_axis("runtime, images").reset_index()


def alone() -> tuple[float, float]:
    """What members gain when they are trained alone, in percentage points of test accuracy, and the minutes of one."""
    record = records.read_own(describe(FAMILY), records.RETRAINED)
    own = [point for point in record.points if point.source == "family"]
    gap = statistics.agreement([p.accuracy.test for p in own], [p.retrained.test for p in own])["gap"]
    return gap, record.seconds / len(record.points) / 60


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name."""
    (menu, _), (gap, minutes) = members(), alone()
    test, ms = [100 * point.accuracy.test for point in menu], [point.latency_ms for point in menu]
    known = {
        "budget.members": str(len(menu)),
        "budget.least": f"{min(test):.0f}",
        "budget.most": f"{max(test):.0f}",
        "budget.slowest": f"{max(ms):.1f}",
        "budget.alone": f"{gap:.1f}",
        "budget.alone.minutes": f"{minutes:.0f}",
        "budget.step": f"{np.abs(np.diff(test))[1:].max():.1f}",
    }
    for runtime, file in BUDGETS.items():
        content, key = records.read(paths.RESULTS / file), runtime.split()[0].lower()
        interval = stats.binomtest(content["kept"], len(content["budgets"])).proportion_ci()  # exact
        known |= {
            f"budget.{key}.low": f"{100 * interval.low:.0f}",
            f"budget.{key}.high": f"{100 * interval.high:.1f}",
            f"budget.{key}.kept": str(content["kept"]),
            f"budget.{key}.of": str(len(content["budgets"])),
            f"budget.{key}.infeasible": str(content["infeasible"]),
            f"budget.{key}.repeated": str(content["repeated_on_a_busy_machine"]),
        }
    return known
