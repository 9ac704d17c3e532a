"""Cells and triangle as SVG."""

import re

import numpy as np
import pytest
import tiny

from simplexnas.report import drawing, style
from simplexnas.space.search_space import SearchSpace, cell_edges


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
