"""SVG of a cell and of the triangle of S, as text that a page's style may recolour. Nothing here imports torch."""

import math
from collections.abc import Sequence
from html import escape
from itertools import cycle

from simplexnas.report.style import DASHES, operation_colors
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, cell_edges

STEP, RADIUS, HEIGHT = 88, 16, 44  # pixels between nodes, of a node, and of an arc for each node that it passes


def _strokes(space: SearchSpace) -> list[str]:
    """How an edge with each operation is drawn: attributes, which a page's style may replace."""
    colors = operation_colors(labels(space.operations)).values()
    return [
        f'data-operation="{m}" fill="none" stroke="{color}" stroke-width="3" stroke-dasharray="{dash}"'
        for m, (color, dash) in enumerate(zip(colors, cycle(DASHES), strict=False))
    ]


def cell(space: SearchSpace, operations: Sequence[int], title: str) -> str:
    """One cell as an arc diagram: its nodes on a line, an arc for each edge, above the line for every other source.

    operations: an index for each edge, in the order of `cell_edges`. An arc has data-edge, its number, and
    data-operation, for the page's style and scripts.
    """
    edges, last, strokes = cell_edges(space), space.nodes + 2, _strokes(space)
    above, below = (max(t - s for t, s in edges if s % 2 == side) for side in (0, 1))
    top, bottom = (RADIUS + 8 + round(0.75 * HEIGHT * reach) for reach in (above, below))
    width = STEP * last + 2 * 30
    names = ["c-2", "c-1", *map(str, range(1, space.nodes + 1)), "out"]
    parts = [
        f'<svg class="cell" viewBox="0 0 {width} {top + bottom}" width="{width}" role="img" '
        f'aria-label="{escape(title)}" style="max-width:100%;height:auto">'
    ]
    for node in range(2, last):  # the output is made of all nodes
        ends = f"M{30 + node * STEP + RADIUS} {top}h{STEP - 2 * RADIUS}"
        parts.append(f'<path class="join" stroke="currentColor" stroke-dasharray="2 3" d="{ends}"/>')
    for number, ((target, source), operation) in enumerate(zip(edges, operations, strict=True)):
        sign = -1 if source % 2 == 0 else 1
        start, end = 30 + source * STEP, 30 + target * STEP
        lean = 0.2 * RADIUS * (target - source)  # arcs that leave one node fan out
        y, peak = top + sign * RADIUS, top + sign * (RADIUS + HEIGHT * (target - source))
        bend = 0.35 * STEP
        controls = f"{start + bend:.0f} {peak} {end - bend:.0f} {peak}"
        path = f"M{start + lean:.0f} {y}C{controls} {end - lean:.0f} {y}"
        parts.append(f'<path class="edge" data-edge="{number}" {strokes[operation]} d="{path}"/>')
    for node, name in enumerate(names):
        kind = "input" if node < 2 else "output" if node == last else "node"
        dash = ' stroke-dasharray="3 2"' if kind != "node" else ""
        x = 30 + node * STEP
        ring = f'cx="{x}" cy="{top}" r="{RADIUS}" fill="none" stroke="currentColor"{dash}'
        parts.append(f'<circle class="{kind}" {ring}/>')
        parts.append(
            f'<text x="{x}" y="{top + 4}" fill="currentColor" text-anchor="middle" font-size="12">{name}</text>'
        )
    return "".join([*parts, "</svg>"])


def key(space: SearchSpace, counts: Sequence[int] | None = None) -> str:
    """A list of the operations, as their edges are drawn; counts: how many edges each has."""
    entries = []
    for m, (name, stroke) in enumerate(zip(labels(space.operations), _strokes(space), strict=True)):
        edges = "" if counts is None else f': <b data-count="{m}">{counts[m]}</b> edges'
        line = f'<path class="edge" {stroke} d="M1 5H41"/>'
        sample = f'<svg class="cell" viewBox="0 0 42 10" width="42" height="10" aria-hidden="true">{line}</svg>'
        entries.append(f"<li>{sample} {escape(name)}{edges}</li>")
    return f'<ul class="key">{"".join(entries)}</ul>'


def cells(space: SearchSpace, operations: Sequence[int]) -> str:
    """Both cells of an architecture with captions and a key, as HTML. operations: those of `Architecture`."""
    half = len(cell_edges(space))
    parts = [key(space, [list(operations).count(m) for m in range(space.k)])]
    for kind, own in (("Normal", operations[:half]), ("Reduction", operations[half:])):
        parts.append(f"<figure>{cell(space, own, f'{kind} cell')}<figcaption>{kind} cell</figcaption></figure>")
    return "".join(parts)


SIDE, MARGIN = 300, 34
ALTITUDE = SIDE * math.sqrt(3) / 2


def place(S: Sequence[float]) -> tuple[float, float]:
    """Where S of three components lies: the first counts towards the top, the second left, the third right."""
    return MARGIN + SIDE * (S[2] + S[0] / 2), MARGIN + ALTITUDE * (1 - S[0])


def triangle(lattice: Sequence[Sequence[float]], labels: Sequence[str], named: dict[str, Sequence[float]]) -> str:
    """The triangle with a dot for each point of the lattice, the named points, and a handle to drag."""
    width, height = SIDE + 2 * MARGIN, ALTITUDE + 2 * MARGIN
    parts = [f'<svg class="triangle" viewBox="0 0 {width:.0f} {height:.0f}">']
    corners = [place([float(m == corner) for m in range(3)]) for corner in range(3)]
    outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    parts.append(f'<polygon class="outline" points="{outline}"/>')
    for number, S in enumerate(lattice):
        x, y = place(S)
        parts.append(f'<circle class="point" data-point="{number}" cx="{x:.1f}" cy="{y:.1f}" r="6.2"/>')
    for (x, y), label, shift, anchor in zip(corners, labels, (-14, 22, 22), ("middle", "start", "end"), strict=True):
        x += {"start": -MARGIN + 4, "end": MARGIN - 4, "middle": 0}[anchor]
        parts.append(f'<text x="{x:.1f}" y="{y + shift:.1f}" text-anchor="{anchor}">{escape(label)}</text>')
    for name, S in named.items():
        x, y = place(S)
        parts.append(f'<text class="named" x="{x:.1f}" y="{y + 5:.1f}" text-anchor="middle">{escape(name)}</text>')
    handle = 'class="handle" r="11" tabindex="0" role="slider" aria-label="S, the penalties"'
    parts.append(f'<circle {handle} cx="0" cy="0"/>')
    return "".join([*parts, "</svg>"])
