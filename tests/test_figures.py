"""Every figure draws what it is given; none needs torch."""

import json
import re
import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
import tiny

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import BOOK
from simplexnas.io.records import Accuracy
from simplexnas.methods import penalties
from simplexnas.report import figures, style

PHONE = 324  # pixels of a figure on a screen of 390, within the frame of "In one minute"; others have more


def letters_on_a_phone(svg: str) -> float:
    """Height of the smallest letters of a figure, in pixels."""
    width, unit = re.search(r'<svg[^>]* width="([\d.]+)(pt)?"', svg).groups()
    pixel = 4 / 3 if unit else 1
    smallest = min(float(size) for size in re.findall(r'font-size(?:: |=")([\d.]+)', svg))
    return smallest * pixel * min(1, PHONE / (float(width) * pixel))


@pytest.mark.parametrize("page", sorted(BOOK.glob("*.ipynb")), ids=lambda page: page.stem)
def test_letters_of_the_book_can_be_read_on_a_phone(page):
    outputs = [output for cell in json.loads(page.read_text())["cells"] for output in cell.get("outputs", [])]
    drawn = [
        "".join(output["data"]["image/svg+xml"]) for output in outputs if "image/svg+xml" in output.get("data", {})
    ]
    assert [letters_on_a_phone(svg) for svg in drawn if letters_on_a_phone(svg) < 9] == []


def test_letters_on_a_phone_are_those_of_the_smallest_word():
    """By hand: 648 pixels are halved, 162 points are 216 pixels and stay."""
    assert letters_on_a_phone('<svg width="648"><text font-size="30"/><text font-size="20"/></svg>') == 10
    assert letters_on_a_phone('<svg width="162pt"><text style="font-size: 9px"/></svg>') == 12


def test_no_torch():
    code = "import sys, simplexnas.report.figures; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bars_show_the_counts():
    counts = {
        "A": {"pool": 12, "identity": 9.5, "convolution": 6.5},
        "B": {"pool": 17, "identity": 11, "convolution": 0},
    }
    ax = figures.operation_bars(counts)
    assert [[bar.get_width() for bar in group] for group in ax.containers] == [[12, 17], [9.5, 11], [6.5, 0]]
    assert [[bar.get_x() for bar in group] for group in ax.containers] == [[0, 0], [12, 17], [21.5, 28]]
    assert [text.get_text() for text in ax.texts] == ["12", "17", "9.5", "11", "6.5"], "none for no edge"
    assert [text.get_color() for text in ax.texts] == ["white", "white", "black", "black", "black"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["A", "B"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(counts["A"])
    colors = [matplotlib.colors.to_hex(group[0].get_facecolor()).upper() for group in ax.containers]
    assert colors == list(style.OPERATION_COLORS.values())
    assert [group[0].get_hatch() or "" for group in ax.containers] == list(style.HATCHES), "not by colour alone"
    assert len(set(style.HATCHES)) == len(style.HATCHES) == len(style.OPERATION_COLORS) == len(style.DASHES)
    assert [patch.get_hatch() or "" for patch in ax.get_legend().get_patches()] == list(style.HATCHES)
    assert ax.get_xlabel() == "edges, of 28" and ax.get_xlim() == (0, 28)


def test_bars_stand_in_groups():
    ax = figures.operation_bars({name: {"pool": 1, "convolution": 2} for name in "abcde"}, every=2)
    assert ax.get_yticks().tolist() == [0, 1, 2.5, 3.5, 5]
    assert ax.get_ylim()[0] > 5 > 0 > ax.get_ylim()[1], "the first one above"


def test_letters_in_bars_can_be_read():
    """By hand: black on white 21 to 1, and the bars' own colours."""
    white, black = np.ones(3), np.zeros(3)
    assert figures.contrast(black) == pytest.approx(21) and figures.contrast(white) == pytest.approx(1)
    for color in style.OPERATION_COLORS.values():
        on_white = figures.contrast(np.array(matplotlib.colors.to_rgb(color)))
        assert on_white >= 4.5 or 21 / on_white >= 4.5


def test_bars_of_other_operations_have_colors_of_their_own():
    ax = figures.operation_bars({"ours": dict.fromkeys(tiny.FIVE_OPERATIONS, 3)})
    assert len({group[0].get_facecolor() for group in ax.containers}) == 5
    assert ax.get_xlabel() == "edges, of 15"


def test_parameters_and_macs():
    ax = figures.parameters_and_macs({"A": (58_810, 11_560_000), "D": (32_826, 12_810_000)})
    assert [tuple(dots.get_offsets()[0]) for dots in ax.collections] == [(58.81, 11.56), (32.826, 12.81)]


@pytest.mark.parametrize(
    "draw",
    [
        lambda on: figures.simplex_points({"B": on_simplex(len(on.operations))[1]}, on),
        lambda on: figures.indifference_points({"edges": on_simplex(len(on.operations))}, on),
    ],
    ids=["points", "indifference points"],
)
@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_figures_of_any_number_of_operations_are_drawn(draw, k):
    on = draw(figures.simplex(tiny.FIVE_OPERATIONS[:k]))
    on.axes[0].figure.canvas.draw()
    assert len(on.axes) == {2: 1, 3: 1, 4: 6, 5: 10}[k] and all(ax.has_data() for ax in on.axes)


def on_simplex(k: int) -> np.ndarray:
    return penalties.lattice(k, 0.25)


@pytest.mark.parametrize("names", ["abc", "abcdefg"])
def test_images_are_drawn(names):
    axes = figures.image_row(np.zeros((len(names), 28, 28)), list(names))
    assert [(ax.get_title(), len(ax.get_images())) for ax in axes] == [(name, 1) for name in names]
    assert all(not ax.axison for ax in axes[0].figure.axes), "no frame where a row has a gap"


def test_letters_are_dark_enough_and_no_darker():
    assert np.allclose(figures.ink("#0072B2"), figures.to_rgb("#0072B2")), "it is dark enough"
    assert np.allclose(figures.ink("#000000"), 0)
    grey = figures.ink("#999999")
    assert len(set(grey)) == 1 and figures.to_rgb("#707070") < tuple(grey) < figures.to_rgb(
        "#777777"
    )  # 4.54 at #767676


def test_corners_of_the_plain_triangle_are_those_of_the_other():
    plain = figures.plt.subplots()[1]
    corners = figures.plain_triangle(("pool", "identity", "convolution"), plain)
    assert [label.get_text() for label in plain.texts] == ["pool", "identity", "convolution"]
    assert np.allclose([label.xy for label in plain.texts], corners)
    plain.figure.canvas.draw()
    _, left, right = plain.transData.transform(corners)[:, 0]
    sides = [label.get_window_extent() for label in plain.texts]
    assert min(side.x0 for side in sides) > left - 1 and max(side.x1 for side in sides) < right + 1, "none beside it"
    (ax,) = figures.simplex(("pool", "identity", "convolution")).axes
    ax.figure.canvas.draw()
    places = ax.transProjection.transform(np.eye(3))  # of mpltern, up to a shift and a scale
    shift = places - places[1]
    assert np.allclose(shift / shift[2, 0], corners, atol=1e-6)


def test_a_tile_has_the_colour_of_its_point_and_reaches_half_way_to_the_next():
    S = on_simplex(3)
    values = np.arange(len(S))
    ax = figures.plt.subplots()[1]
    corners = figures.tiles(S, values, "value", ("pool", "identity", "convolution"), ax)
    (shown,) = ax.collections
    assert shown.get_array().tolist() == values.tolist() and shown.get_clip_path() is not None
    outlines = np.array([path.vertices[:6] for path in shown.get_paths()])
    assert np.allclose(outlines.mean(axis=1), S @ corners)
    area = 3 * 3**0.5 / 2 * (np.linalg.norm(outlines[0, 0] - outlines[0].mean(axis=0))) ** 2
    assert area == pytest.approx(0.25**2 * 3**0.5 / 2), "that of a lattice of this step: no gaps, no overlaps"
    assert ax.figure.axes[1].get_xlabel() == "value"


def test_vectors_are_marked_where_they_lie():
    ax = figures.plt.subplots()[1]
    corners = figures.plain_triangle(("pool", "identity", "convolution"), ax)
    figures.mark({"A": (0.33, 0.33, 0.33), "C": (0.7, 0.15, 0.15)}, corners, ax)
    assert np.allclose([line.get_xydata()[0] for line in ax.lines], [corners.mean(axis=0), (0.5, 0.7 * corners[0, 1])])
    assert [text.get_text() for text in ax.texts[3:]] == ["A", "C"]


def test_two_operations_are_a_line():
    on = figures.simplex(("pool", "convolution"))
    on.scatter(on_simplex(2))
    (dots,) = on.axes[0].collections
    assert np.allclose(dots.get_offsets(), np.column_stack([np.linspace(0, 1, 5), np.zeros(5)]))
    assert on.axes[0].get_xlabel() == "penalty on pool"


def test_four_operations_are_a_matrix_of_pairs():
    names = tiny.FIVE_OPERATIONS[:4]
    on, S = figures.simplex(names), on_simplex(4)
    on.scatter(S)
    assert on.shown == ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    left = [ax.get_ylabel().removeprefix("penalty on ") for ax in on.axes if ax.get_ylabel()]
    assert left == list(names[1:])
    assert [ax.get_xlabel().removeprefix("penalty on ") for ax in on.axes if ax.get_xlabel()] == list(names[:3])
    for ax, shown in zip(on.axes, on.shown, strict=True):
        (dots,) = ax.collections
        assert np.allclose(dots.get_offsets(), S[:, shown])


@pytest.mark.parametrize("k", [2, 3, 4])
def test_points_of_another_number_of_operations_are_refused(k):
    on = figures.simplex(tiny.FIVE_OPERATIONS[:k])
    with pytest.raises(SimplexNASError, match=rf"points of shape \(6, 5\); allowed: \(n, {k}\)"):
        on.scatter(np.full((6, 5), 0.2))
    with pytest.raises(SimplexNASError, match="allowed: at least two"):
        figures.simplex(["pool"])


@pytest.mark.parametrize("n", [1, 3, 10, 17])
def test_every_operation_has_a_color_of_its_own(n):
    colors = style.operation_colors(f"operation {m}" for m in range(n))
    assert len(set(colors.values())) == len(colors) == n
    assert style.operation_colors(["pool", "identity"]) == {"pool": "#0072B2", "identity": "#999999"}


def test_triangle_has_pool_at_the_top_identity_left_convolution_right():
    corners = {"pool": (1, 0, 0), "identity": (0, 1, 0), "convolution": (0, 0, 1)}
    (ax,) = figures.simplex(corners).axes
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
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [20, 30], "within the data, not beyond"
    assert line.get_xydata().tolist() == [[30, pytest.approx(110)], [20, pytest.approx(100)]]
    assert cloud.get_offsets().tolist() == [[30, pytest.approx(110)]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["front", "others"]


def test_fronts_by_latency_with_two_lines():
    points = [tiny.point(latency_ms=n) for n in (30, 50)]
    ax = figures.fronts({"one": points, "other": points, "members": points}, size="latency_ms", lines=2)
    assert len(ax.lines) == 2 and len(ax.collections) == 1 and "ms" in ax.get_xlabel()
    assert ax.lines[0].get_xdata().tolist() == [30, 50]


def test_predictions_are_drawn_beside_the_sum_and_a_second_measurement():
    points = [{"measured_ms": 2.0, "sum_of_parts_ms": 1.5, "predicted_ms": 2.1, "again_ms": 2.2}] * 2
    (ax,) = figures.predictions({"batch 1": points})
    assert [cloud.get_offsets()[0].tolist() for cloud in ax.collections] == [[2, 1.5], [2, 2.2], [2, 2.1]]


def test_ablation_has_one_row_for_each_change_and_fills_what_is_resolved():
    differences = pd.DataFrame(
        {"change": ["more gain", "no flips"], "mean": [1.0, -5.0], "low": [-2.0, -8.0], "high": [4.0, -2.0]}
    )
    ax = figures.ablation(differences)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["more gain", "no flips"]
    intervals, dots = ax.collections
    assert [line[:, 0].tolist() for line in intervals.get_segments()] == [[-2, 4], [-8, -2]]
    assert dots.get_offsets().tolist() == [[1, 0], [-5, 1]]
    assert dots.get_facecolor()[:, 0].tolist() == [1, 0], "white and black"
    (zero,) = ax.lines
    assert zero.get_xdata() == [0, 0]
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "the first on top"


def test_switching_draws_one_step_line_per_name():
    penalty = np.array([0.0, 0.5, 1.0])
    counts = {"price": np.array([10, 0, 0]), "family": np.array([8, 3, 1])}
    ax = figures.switching(penalty, counts, 10, "max_pool")
    assert [line.get_ydata().tolist() for line in ax.lines] == [[10, 0, 0], [8, 3, 1]]
    assert ax.get_ylabel() == "edges with max_pool (of 10)" and 10 < ax.get_ylim()[1] < 11
    assert all(line.get_drawstyle() == "steps-mid" for line in ax.lines)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["price", "family"]
