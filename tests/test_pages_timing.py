"""The page `timing`: its table and figures by other routes, and what its prose says of them."""

import numpy as np
import pandas as pd
import pytest
from pages import prose, unsaid
from scipy import stats

from simplexnas import latency
from simplexnas.io import paths, records
from simplexnas.io.files import read_json
from simplexnas.latency import timing, validation
from simplexnas.latency.parts import Part
from simplexnas.latency.table import FIT_ARCHITECTURES, LatencyTable
from simplexnas.network.architecture import Architecture
from simplexnas.report import published
from simplexnas.report.pages import budget
from simplexnas.report.pages import timing as page
from simplexnas.report.style import HATCHES

TEXT = prose("timing")


def split(column: pd.Series) -> np.ndarray:
    """ "3.6, 10.7" as numbers: (n, 2)."""
    return column.str.split(", ", expand=True).astype(float).to_numpy()


def test_errors_from_the_measurements():
    found = page.errors()
    of = ["EPYC, PyTorch", "Xeon, PyTorch", "EPYC, ONNX Runtime"]
    assert found["processor, runtime"].tolist() == [name for name in of for _ in range(2)]
    table = LatencyTable.load(published.ONNXRUNTIME_TABLE)
    points = read_json(paths.LATENCY / table.name / validation.VALIDATION)["batches"]["64"]
    measured, again = (np.array([point[key] for point in points]) for key in ("measured_ms", "again_ms"))
    predicted = [
        table.predict(Architecture(table.space, [table.space.operations.index(name) for name in p["operations"]]), 64)
        for p in points
    ]
    line = found.iloc[-1]
    assert line["images"] == 64 and line["rank"] == f"{stats.spearmanr(predicted, measured)[0]:.3f}"
    for column, values in (("error, %", np.array(predicted)), ("again, %", again)):
        errors = 100 * abs(values - measured) / measured
        assert line[column] == f"{errors.mean():.1f}, {errors.max():.1f}"
    assert [line["slope"], line["+ ms"]] == [f"{value:.2f}" for value in table.line(64)]


def test_numbers_are_those_of_the_table():
    found, table = page.numbers(), page.errors()
    assert not unsaid(found, "timing")
    means, worst = split(table["error, %"]).T
    again, _ = split(table["again, %"]).T
    keys = [f"timing.{machine}.{images}" for machine in ("epyc", "xeon", "onnx") for images in (1, 64)]
    assert [float(found[key]) for key in keys] == pytest.approx(means, abs=0.56)
    for key, value in (
        *(("worst", max(worst)), ("least", min(means)), ("most", max(means))),
        *(("again.least", min(again)), ("again.most", max(again))),
    ):
        assert float(found[f"timing.{key}"]) == pytest.approx(value, abs=0.56)
    assert float(found["timing.rank"]) == pytest.approx(table["rank"].astype(float).min(), abs=0.006)


def test_promised_members_are_off_by_more():
    found, table = page.numbers(), budget.promises().set_index("runtime, images")
    means, worst = (
        table.loc[f"off prediction, {which}"].str.rstrip("%").astype(float).tolist() for which in ("mean", "worst")
    )
    assert [found[f"timing.promised.{end}"] for end in ("least", "most", "worst")] == [
        f"{min(means):.0f}",
        f"{max(means):.0f}",
        f"{max(worst):.0f}",
    ]
    assert "Members that `select` promised are off by more" in TEXT
    assert np.mean(means) > split(page.errors()["error, %"])[:, 0].max()
    assert "in PyTorch on two machines and in ONNX Runtime on one" in TEXT
    machines = page.errors()["processor, runtime"].str.split(", ", expand=True).groupby(1)[0].nunique()
    assert machines.to_dict() == {"PyTorch": 2, "ONNX Runtime": 1}
    assert "nearly all single images in ONNX Runtime ran faster than predicted" in TEXT
    off = page.promised().set_index(["runtime", "images"]).loc[("ONNX Runtime", 1), "off"]
    assert (off < 0).mean() > 0.9
    for file in budget.BUDGETS.values():
        content = records.read(paths.RESULTS / file)
        validated = read_json(paths.LATENCY / content["table"] / validation.VALIDATION)
        assert "EPYC" in content["processor"] and content["created"] > validated["created"], "later than the 40"


def test_bias_is_nearly_all_of_the_largest_error():
    assert (
        "Nearly all of the largest mean error is bias" in TEXT and "all 40 networks ran slower than predicted" in TEXT
    )
    assert split(page.errors()["error, %"])[:, 0].argmax() == 1, "PyTorch on the EPYC, 64 images"
    points = latency.read_validation(LatencyTable.load(published.TIMED_TABLE))[64]
    assert len(points) == 40 and all(point["predicted_ms"] < point["measured_ms"] for point in points)


def test_the_sum_of_parts_is_too_small_in_pytorch():
    for name in (published.TIMED_TABLE, published.LATENCY_TABLE):
        for points in latency.read_validation(LatencyTable.load(name)).values():
            assert all(point["sum_of_parts_ms"] < point["measured_ms"] for point in points)


def test_four_panels_of_forty_networks():
    axes = [ax for ax in page.predictions().axes if ax.collections]
    titles = ["PyTorch, 1 image", "PyTorch, 64 images", "ONNX Runtime, 1 image", "ONNX Runtime, 64 images"]
    assert [ax.get_title() for ax in axes] == titles
    assert all(len(dots.get_offsets()) == 40 for ax in axes for dots in ax.collections)


def test_bars_are_the_parts_of_the_table():
    table, times = LatencyTable.load(published.TIMED_TABLE), page.edge_times()
    assert len(times) == 2 * 5 * 3
    line = times[(times["place"] == "32 ch\n28 × 28\nstride 2") & (times["operation"] == "identity")].iloc[1]
    place = page.SPACE.operations[1], 32, 28, 2
    assert line["edge part"] == table.ms(Part("edge", *place), 64)
    assert line["source part"] == table.ms(Part("source", *place), 64)
    for ax, images in zip([ax for ax in page.edges().axes if ax.patches], (1, 64), strict=True):
        own = times[times["images"] == images]
        tops = sorted(bar.get_y() + bar.get_height() for bar in ax.patches if bar.get_y() > 0)
        assert tops == pytest.approx(sorted(own["edge part"] + own["source part"]))
        by_operation = np.reshape([bar.get_hatch() or "" for bar in ax.patches], (3, -1))
        assert all((kinds == hatch).all() for kinds, hatch in zip(by_operation, HATCHES, strict=True))


def test_what_the_page_says_of_edges():
    times = page.edge_times().set_index(["operation", "images"])
    total = times["edge part"] + times["source part"]
    assert "On a single image a convolution costs almost the same everywhere" in TEXT
    assert total["convolution", 1].max() / total["convolution", 1].min() < 1.12
    assert "On 64 images it is slowest where the image is largest" in TEXT
    slowest = times.loc[("convolution", 64)].iloc[int(np.argmax(total["convolution", 64]))]
    assert slowest["place"].startswith("16 ch\n28 × 28")
    assert "a second pooling from one node is almost free; 0.001 ms is the time of an empty call" in TEXT
    assert times.loc[["pool"], "edge part"].round(3).tolist() == 10 * [0.001]


def test_settings_are_those_of_the_code():
    assert (
        f"median over {timing.ROUNDS} rounds" in TEXT
        and f"add up to more than {timing.NOISE_LIMIT:.0%}".replace("%", " %") in TEXT
    )
    assert f"the parts and {FIT_ARCHITECTURES['torch']} whole networks" in TEXT
    assert f"times {FIT_ARCHITECTURES['onnxruntime']} random networks as `export` writes them" in TEXT
    assert f"predict {validation.VALIDATION_ARCHITECTURES} other random architectures" in TEXT
    for name, words in (
        (published.ONNXRUNTIME_TABLE, "# ONNX Runtime, 3 minutes simplexnas"),
        (published.TIMED_TABLE, "# PyTorch, 1 minute simplexnas"),
    ):
        minutes = LatencyTable.load(name).content["seconds"] / 60
        assert words in TEXT and f" {minutes:.0f} minute" in words
