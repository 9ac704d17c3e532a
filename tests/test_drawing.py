"""Cells, networks and triangle as SVG."""

import re
from xml.dom import minidom

import numpy as np
import pytest
import tiny

from simplexnas.report import drawing, style
from simplexnas.space.search_space import SearchSpace, cell_edges, cell_layouts
from simplexnas.tasks.task import Shape


@pytest.mark.parametrize("nodes", [1, 2, 4, 6])
def test_arcs_lie_within_the_drawing(nodes):
    space = SearchSpace(nodes=nodes)
    edges = cell_edges(space)
    svg = drawing.cell(space, [0] * len(edges), "cell <1>")
    width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
    for path in re.findall(r'class="edge"[^>]* d="([^"]*)"', svg):
        x0, y0, x1, y1, x2, y2, x3, y3 = map(float, re.findall(r"-?[\d.]+", path))
        t = np.linspace(0, 1, 50)
        bernstein = np.array([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
        x, y = np.array([x0, x1, x2, x3]) @ bernstein, np.array([y0, y1, y2, y3]) @ bernstein
        assert (x > 0).all() and (x < width).all() and (y > 0).all() and (y < height).all()
    assert svg.count('class="edge"') == len(edges) and "cell &lt;1&gt;" in svg


def test_both_cells_show_every_edge_in_the_colour_of_its_operation():
    space = SearchSpace()
    operations = tiny.choices(space, 1)[0]
    drawn = drawing.cells(space, operations)
    shown = re.findall(r'data-edge="(\d+)" data-operation="(\d)" fill="none" stroke="(#\w+)"', drawn)
    colors = list(style.OPERATION_COLORS.values())
    assert [(int(m), color) for _, m, color in shown] == [(m, colors[m]) for m in operations]
    counts = [list(operations).count(m) for m in range(3)]
    assert [int(n) for n in re.findall(r'<b data-count="\d">(\d+)</b> edges', drawn)] == counts
    assert drawn.count("<figcaption>") == 2


def attributes(svg: str, tag: str) -> list[dict[str, str]]:
    return [dict(node.attributes.items()) for node in minidom.parseString(svg).getElementsByTagName(tag)]


@pytest.mark.parametrize(
    "space",
    [SearchSpace(), SearchSpace(cells=5, channels=4, nodes=2, shape=Shape(channels=3, size=32, classes=7))],
    ids=["default", "five cells"],
)
def test_network_shows_each_part_with_what_leaves_it(space):
    svg = drawing.picture("network", drawing.network(space))
    words = [node.firstChild.data for node in minidom.parseString(svg).getElementsByTagName("text")]
    layouts, shape = cell_layouts(space), space.shape
    parts = [word for word in words if word in ("images", "stem", "classifier") or word.endswith(" cell")]
    assert parts == ["images", "stem", *(f"{each.cell_type} cell" for each in layouts), "classifier"]
    sizes = [shape.size, shape.size, *(layout.output_size for layout in layouts)]
    assert [word for word in words if "× " in word and "channel" not in word] == [f"{n} × {n}" for n in sizes]
    channels = [int(word.split(" ")[-2]) for word in words if "channel" in word]
    assert channels == [shape.channels, 3 * space.channels, *(layout.channels for layout in layouts)]
    assert words[-1] == f"{shape.classes} classes"
    squares = [float(each["width"]) for each in attributes(svg, "rect") if each["class"] == "image"]
    assert squares == pytest.approx([28 * n / shape.size for n in sizes])


def test_arcs_of_the_network_lead_to_the_part_after_the_next():
    svg = drawing.network(SearchSpace(cells=5))
    boxes = {float(each["y"]): each for each in attributes(svg, "rect") if each["class"] == "box"}
    order = sorted(boxes)  # images, stem, five cells, classifier
    heads = [path.split()[-1] for path in re.findall(r'<polygon[^>]*points="([^"]*)"', svg)]
    arcs = [path["d"] for path in attributes(svg, "path") if "Q" in path["d"]]
    starts = [float(re.match(r"M\S+ ([\d.]+)Q", path)[1]) for path in arcs]
    tips = [
        float(points.split()[0].split(",")[1])
        for path, points in re.findall(r'd="([^"]*)"/><polygon[^>]*points="([^"]*)"', svg)
        if "Q" in path
    ]
    middle = [y + float(boxes[y]["height"]) / 2 for y in order]
    assert starts == middle[1:5] and tips == middle[3:7] and len(heads) == len(order) - 1 + 4


def test_a_picture_holds_its_drawings_whole_and_one_under_another():
    space = SearchSpace(nodes=2)
    cell = drawing.cell(space, [0] * 5, "cell <1>")
    svg = drawing.picture("a & b", cell, drawing.legend(space), gap=10)
    (whole, first, second) = attributes(svg, "svg")  # parsed as a file of its own
    assert whole["xmlns"] == "http://www.w3.org/2000/svg" and whole["aria-label"] == "a & b"
    width, height = drawing.size(svg)
    (w1, h1), (w2, h2) = drawing.size(cell), drawing.size(drawing.legend(space))
    assert (width, height) == (max(w1, w2), h1 + 10 + h2)
    assert (float(first["y"]), float(second["y"])) == (0, h1 + 10)
    assert float(first["x"]) == (width - w1) / 2 and float(second["x"]) == pytest.approx((width - w2) / 2, abs=1e-3)
    assert svg.count('class="edge"') == 5 + 3


def test_a_placed_drawing_keeps_its_proportions():
    (whole,) = attributes(drawing.placed('<svg viewBox="0 0 40 20"><path/></svg>', 3, 4, 10), "svg")
    assert whole == {"x": "3", "y": "4", "width": "10", "height": "5", "viewBox": "0 0 40 20"}


@pytest.mark.parametrize("size", [(21, 50), (12, 103), (21, 2), (24, 12)])
def test_a_hatch_lies_within_its_bar_and_tells_the_operation(size):
    space, (x, y, width, height) = SearchSpace(), (10, 20, *size)
    bars = [drawing.bar(space, m, x, y, width, height) for m in range(3)]
    paths = []
    for m, (bar, color) in enumerate(zip(bars, style.OPERATION_COLORS.values(), strict=True)):
        (group,), (rect,), (hatch,) = (attributes(bar, tag) for tag in ("g", "rect", "path"))
        assert group["data-operation"] == f"{m}" and color in rect["style"] and color not in hatch["style"]
        assert [float(rect[key]) for key in ("x", "y", "width", "height")] == [x, y, width, height]
        ends = np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", hatch["d"]), dtype=float).reshape(-1, 2)
        assert (ends >= (x, y)).all() and (ends <= (x + width, y + height)).all()
        paths.append(hatch["d"])
    striped, dotted, plain = paths
    assert plain == "" and ("L" in striped) == (width + height > drawing.GAP)
    assert "L" not in dotted and (dotted.count("h") > 0) == (height > 3)


def test_a_pale_bar_has_its_hatch_in_its_colour():
    full, pale = (
        attributes(drawing.bar(SearchSpace(), 0, 0, 0, 20, 30, full), tag)[0]
        for full, tag in ((True, "rect"), (False, "rect"))
    )
    assert float(pale["fill-opacity"]) < 0.5 < float(full["fill-opacity"]) == 1
    (hatch,) = attributes(drawing.bar(SearchSpace(), 0, 0, 0, 20, 30, full=False), "path")
    assert style.OPERATION_COLORS["pool"] in hatch["style"]


def test_keys_name_the_bars_too():
    space = SearchSpace()
    for drawn in (drawing.key, drawing.legend):
        assert (drawn(space).count('class="bar"'), drawn(space, bars=True).count('class="bar"')) == (0, 3)


@pytest.mark.parametrize("end", [(30, 0), (0, 40), (-30, -40)])
def test_an_arrow_ends_at_its_head(end):
    svg = f"<svg>{drawing.arrow((0, 0), end, dashed=True)}</svg>"
    (line,), (head,) = attributes(svg, "path"), attributes(svg, "polygon")
    tip, *sides = [np.array(point.split(","), float) for point in head["points"].split()]
    foot = np.array(re.search(r"L(\S+) (\S+)$", line["d"]).groups(), float)
    assert np.allclose(tip, end) and line["stroke-dasharray"]
    assert np.hypot(*(tip - foot)) == pytest.approx(8, abs=1e-3) and np.allclose(np.mean(sides, axis=0), foot)
    assert np.dot(sides[0] - sides[1], tip - foot) == pytest.approx(0, abs=1e-2)
