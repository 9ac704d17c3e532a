"""Every figure draws what it is given; none needs torch."""

import subprocess
import sys

import graphviz
import matplotlib
import numpy as np
import pandas as pd
import pytest
import tiny

from simplexnas.io.records import Accuracy
from simplexnas.methods import penalties
from simplexnas.network.architecture import Architecture
from simplexnas.report import figures
from simplexnas.space.search_space import SearchSpace

matplotlib.use("Agg")
EDGES = Architecture(SearchSpace(), tiny.choices(SearchSpace(), 1)[0]).report()["edges"]
S = penalties.lattice(3, 0.1)


@pytest.fixture(autouse=True)
def close():
    yield
    figures.plt.close("all")


def test_no_torch():
    code = "import sys, simplexnas.report.figures; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("cell_type", ["normal", "reduction"])
def test_cell_graph_has_every_edge(cell_type):
    source = figures.cell_graph(EDGES, cell_type).source
    own = [edge for edge in EDGES if edge["cell_type"] == cell_type]
    assert source.count("->") == 14 + 4, "the four nodes are led to the output"
    for edge in own:
        assert f"{edge['source']} -> {edge['target']} [label={edge['operation']}" in source


def test_cell_without_graphviz_is_a_list_that_asks_for_it(monkeypatch):
    def missing(*_, **__):
        raise graphviz.ExecutableNotFound(["dot"])

    monkeypatch.setattr(graphviz.Digraph, "pipe", missing)
    shown = figures.cell_html(EDGES, "normal")
    assert shown.count("<li>") == 14 and "install Graphviz" in shown


def test_bars_show_the_counts():
    counts = {"A": {"pool": 12, "identity": 10, "convolution": 6}, "B": {"pool": 17, "identity": 11, "convolution": 0}}
    ax = figures.operation_bars(counts)
    assert [[bar.get_height() for bar in group] for group in ax.containers] == [[12, 17], [10, 11], [6, 0]]
    assert [text.get_text() for text in ax.texts] == ["12", "17", "10", "11", "6", "0"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["A", "B"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(counts["A"])
    colors = [matplotlib.colors.to_hex(group[0].get_facecolor()).upper() for group in ax.containers]
    assert colors == list(figures.OPERATION_COLORS.values())


def test_bars_of_other_operations_have_colors_of_their_own():
    ax = figures.operation_bars({"ours": dict.fromkeys(tiny.FIVE_OPERATIONS, 3)})
    assert len({group[0].get_facecolor() for group in ax.containers}) == 5


def test_parameters_and_macs():
    ax = figures.parameters_and_macs({"A": (58_810, 11_560_000), "D": (32_826, 12_810_000)})
    assert [tuple(dots.get_offsets()[0]) for dots in ax.collections] == [(58.81, 11.56), (32.826, 12.81)]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.simplex_points({"B": (0.15, 0.15, 0.7)}),
        lambda: figures.triangle_map(S, S[:, 0] - S[:, 1] ** 2, "value"),
        lambda: figures.mixture_clouds({"t = 1": S, "t = 0.2": S})[1],
        lambda: figures.triple_points({"edges": np.array([[0.3, 0.3, 0.4], [0.2, 0.5, 0.3]])}),
        lambda: figures.image_row(np.zeros((3, 28, 28)), ["a", "b", "c"])[0],
    ],
    ids=["points", "map", "clouds", "triple points", "images"],
)
def test_figure_is_drawn(draw):
    ax = draw()
    ax.figure.canvas.draw()
    assert ax.has_data() or ax.get_images()


def test_triangle_has_pool_at_the_top_identity_left_convolution_right():
    corners = {"pool": (1, 0, 0), "identity": (0, 1, 0), "convolution": (0, 0, 1)}
    ax = figures.triangle()
    ax.figure.canvas.draw()
    drawn = ax.scatter(*np.array(list(corners.values())).T)
    places = drawn.get_offset_transform().transform(drawn.get_offsets())
    (pool, identity, convolution), center = places, places.mean(axis=0)
    assert pool[1] > center[1] > identity[1] == pytest.approx(convolution[1])
    assert identity[0] < center[0] < convolution[0]
    for axis, name in ((ax.taxis, "pool"), (ax.laxis, "identity"), (ax.raxis, "convolution")):
        assert axis.get_label_text() == f"penalty on {name}"


def test_fronts_draw_the_first_group_as_a_line():
    points = [tiny.point(total_parameters=1000 * n, accuracy=Accuracy(0.8 + 0.01 * n)) for n in (30, 20)]
    ax = figures.fronts({"front": points, "others": points[:1]})
    (line,), (cloud,) = ax.lines, ax.collections
    assert line.get_xydata().tolist() == [[30, pytest.approx(110)], [20, pytest.approx(100)]]
    assert cloud.get_offsets().tolist() == [[30, pytest.approx(110)]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["front", "others"]


def test_fronts_by_latency_with_two_lines():
    points = [tiny.point(latency_ms=n) for n in (30, 50)]
    ax = figures.fronts({"one": points, "other": points, "members": points}, size="latency_ms", lines=2)
    assert len(ax.lines) == 2 and len(ax.collections) == 1 and "ms" in ax.get_xlabel()
    assert ax.lines[0].get_xdata().tolist() == [30, 50]


def test_retrained_draws_inherited_against_retrained():
    points = [tiny.point(accuracy=Accuracy(0.9), retrained=Accuracy(0.92))]
    ax = figures.retrained({"family": points, "random": points * 2})
    assert [cloud.get_offsets().tolist() for cloud in ax.collections] == [[[90, 92]], [[90, 92]] * 2]


def test_predictions_are_drawn_beside_the_sum_and_a_second_measurement():
    points = [{"measured_ms": 2.0, "sum_of_parts_ms": 1.5, "predicted_ms": 2.1, "again_ms": 2.2}] * 2
    (ax,) = figures.predictions({"batch 1": points})
    assert [cloud.get_offsets()[0].tolist() for cloud in ax.collections] == [[2, 1.5], [2, 2.2], [2, 2.1]]


def test_ablation_has_one_row_for_each_change_and_a_band_of_the_base():
    runs = pd.DataFrame(
        {
            "change": ["nothing changed", "nothing changed", "no flips", "more kappa"],
            "hypervolume": [50.0, 48.0, 47.0, 52.0],
        }
    )
    ax = figures.ablation(runs)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["more kappa", "nothing changed", "no flips"]
    assert sorted(x for dots in ax.collections for x, _ in dots.get_offsets()) == [47, 48, 50, 52]
    (band,) = ax.patches
    assert band.get_x() == 48 and band.get_width() == 2


def test_switching_draws_one_step_line_per_name():
    penalty = np.array([0.0, 0.5, 1.0])
    ax = figures.switching(penalty, {"price": np.array([28, 0, 0]), "family": np.array([20, 9, 1])})
    assert [line.get_ydata().tolist() for line in ax.lines] == [[28, 0, 0], [20, 9, 1]]
    assert all(line.get_drawstyle() == "steps-mid" for line in ax.lines)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["price", "family"]
