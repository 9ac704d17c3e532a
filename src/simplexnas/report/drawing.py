"""SVG of a network, its cells and the triangle of S, as text that a page's style may recolour."""

import math
import re
from collections.abc import Sequence
from html import escape
from itertools import cycle

from simplexnas.report.style import DASHES, HATCHES, operation_colors
from simplexnas.space.operations import labels
from simplexnas.space.search_space import STEM_MULTIPLIER, SearchSpace, cell_edges, cell_layouts

STEP, RADIUS, HEIGHT = 88, 16, 44  # pixels between nodes, of a node, and of an arc for each node that it passes
GAP = 6  # pixels between the stripes or dots of a bar


def _strokes(space: SearchSpace) -> list[str]:
    """How an edge with each operation is drawn: attributes, which a page's style may replace."""
    colors = operation_colors(labels(space.operations)).values()
    return [
        f'data-operation="{m}" fill="none" stroke="{color}" stroke-width="3" stroke-dasharray="{dash}"'
        for m, (color, dash) in enumerate(zip(colors, cycle(DASHES), strict=False))
    ]


def bar(space: SearchSpace, operation: int, x: float, y: float, width: float, height: float, full: bool = True) -> str:
    """A bar in the colour and the hatch of an operation; one that is not full is pale, and its hatch is in its colour.

    A page's style may replace the colour, --shade. The hatch of a full bar is the page's ground, which shows through.
    """
    color = list(operation_colors(labels(space.operations)).values())[operation]
    shade, ground = f"var(--shade, {color})", "var(--pst-color-background, white)"
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    fill = f'fill-opacity="{1 if full else 0.2}" style="fill: {shade}; stroke: {shade}"'
    stroke = f'stroke-width="1.6" style="fill: none; stroke: {ground if full else shade}"'
    hatch = f'<path class="hatch" {stroke} d="{_hatch(operation, x, y, width, height)}"/>'
    return f'<g data-operation="{operation}"><rect class="bar" {place} {fill}/>{hatch}</g>'


def _hatch(operation: int, x: float, y: float, width: float, height: float) -> str:
    """Stripes or dots over a bar, as `HATCHES` has them for an operation: a path."""
    kind, path = HATCHES[operation % len(HATCHES)], ""
    if kind.startswith("/"):
        for reach in range(GAP, math.ceil(width + height), GAP):  # each rises until it leaves the bar
            left, right = max(0, reach - height), min(width, reach)
            path += f"M{x + left:.1f} {y + reach - left:.1f}L{x + right:.1f} {y + reach - right:.1f}"
    if kind.startswith("."):
        for row in range(math.ceil(height / GAP - 0.5)):
            for column in range(math.ceil(width / GAP - 0.5)):
                path += f"M{x + GAP * (column + 0.5) - 1:.1f} {y + GAP * (row + 0.5):.1f}h2"
    return path


def node_names(space: SearchSpace) -> list[str]:
    """Of a cell's nodes, inputs first."""
    return ["c-2", "c-1", *map(str, range(1, space.nodes + 1))]


def cell(space: SearchSpace, operations: Sequence[int], title: str, letters: int = 18) -> str:
    """One cell as an arc diagram: its nodes on a line, an arc for each edge, above the line for every other source.

    operations: an index for each edge, in the order of `cell_edges`. An arc has data-edge, its number, and
    data-operation, for the page's style and scripts. letters: size of the nodes' names in pixels; as a rule
    the drawing is made smaller.
    """
    edges, last, strokes = cell_edges(space), space.nodes + 2, _strokes(space)
    above, below = (max(t - s for t, s in edges if s % 2 == side) for side in (0, 1))
    top, bottom = (RADIUS + 8 + round(0.75 * HEIGHT * reach) for reach in (above, below))
    width = STEP * last + 2 * 30
    names = [*node_names(space), "out"]
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
            f'<text x="{x}" y="{top + round(letters / 3)}" fill="currentColor" text-anchor="middle" '
            f'font-size="{letters}">{name}</text>'
        )
    return "".join([*parts, "</svg>"])


def key(space: SearchSpace, counts: Sequence[int] | None = None, bars: bool = False) -> str:
    """A list of the operations, as their edges are drawn; counts: how many edges each has; bars: as bars too."""
    entries = []
    for m, (name, stroke) in enumerate(zip(labels(space.operations), _strokes(space), strict=True)):
        edges = "" if counts is None else f': <b data-count="{m}">{counts[m]}</b> edges'
        line = f'<path class="edge" {stroke} d="M1 5H41"/>'
        sample = f'<svg class="cell" viewBox="0 0 42 10" width="42" height="10" aria-hidden="true">{line}</svg>'
        if bars:
            drawn = bar(space, m, 0, 0, 24, 12)
            sample += f'<svg viewBox="0 0 24 12" width="24" height="12" aria-hidden="true">{drawn}</svg>'
        entries.append(f"<li>{sample} {escape(name)}{edges}</li>")
    return f'<ul class="key">{"".join(entries)}</ul>'


def cells(space: SearchSpace, operations: Sequence[int]) -> str:
    """Both cells of an architecture with captions and a key, as HTML. operations: those of `Architecture`.

    Side by side, or on a phone under one another.
    """
    half = len(cell_edges(space))
    parts = [key(space, [list(operations).count(m) for m in range(space.k)])]
    for kind, own in (("Normal cell", operations[:half]), ("Reduction cell", operations[half:])):
        drawn = cell(space, own, kind)
        parts.append(f'<figure style="flex:1 1 17rem;margin:0">{drawn}<figcaption>{kind}</figcaption></figure>')
    return f'<div style="display:flex;flex-wrap:wrap;gap:0.5rem">{"".join(parts)}</div>'


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


# Pictures: drawings as images of their own, which take a caption


def size(drawing: str) -> tuple[float, float]:
    """Width and height of an SVG, of its viewBox."""
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing).groups()
    return float(width), float(height)


def picture(title: str, *drawings: str, gap: int = 14) -> str:
    """SVG drawings under one another, each in the middle, as one SVG that is a file of its own."""
    sizes = [size(drawing) for drawing in drawings]
    width, height = max(w for w, _ in sizes), sum(h for _, h in sizes) + gap * (len(sizes) - 1)
    parts, y = [], 0.0
    for drawing, (w, h) in zip(drawings, sizes, strict=True):
        parts.append(placed(drawing, (width - w) / 2, y, w))
        y += h + gap
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{escape(title)}" font-family="sans-serif">{"".join(parts)}</svg>'
    )


def placed(drawing: str, x: float, y: float, width: float) -> str:
    """An SVG as a part of another one, its left upper corner at (x, y), scaled to a width."""
    w, h = size(drawing)
    inner = re.sub(r"^<svg[^>]*>", "", drawing)
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{width * h / w:g}" viewBox="0 0 {w:g} {h:g}"'
    return f"<svg {place}>{inner}"


def text(x: float, y: float, words: str, letters: int = 14, anchor: str = "middle", weight: str = "normal") -> str:
    """A line of words, its foot at y."""
    style = f'font-size="{letters}" font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text x="{x:g}" y="{y:g}" fill="currentColor" {style}>{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, *lines: str, dashed: bool = False) -> str:
    """A box with lines of words in its middle, the first one bold; dashed where it holds data, not what computes."""
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    parts = [f'<rect class="box" {place} rx="6" fill="none" stroke="currentColor" stroke-width="1.5"{dash}/>']
    for number, line in enumerate(lines):
        foot = y + height / 2 + 5 + 17 * (number - (len(lines) - 1) / 2)
        parts.append(text(x + width / 2, foot, line, weight="bold" if number == 0 else "normal"))
    return "".join(parts)


def arrow(*points: tuple[float, float], dashed: bool = False, curved: bool = False) -> str:
    """An arrow along points (x, y), with its head at the last one; curved: three points, the middle one pulls."""
    (x0, y0), (x1, y1) = points[-2:]
    length = math.hypot(x1 - x0, y1 - y0)
    along = ((x1 - x0) / length, (y1 - y0) / length)
    foot = (x1 - 8 * along[0], y1 - 8 * along[1])
    sides = [(foot[0] + 4.5 * side * along[1], foot[1] - 4.5 * side * along[0]) for side in (1, -1)]
    places = [f"{x:g} {y:g}" for x, y in (*points[:-1], foot)]
    path = f"M{places[0]}Q{places[1]} {places[2]}" if curved else "M" + "L".join(places)
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    head = " ".join(f"{x:g},{y:g}" for x, y in ((x1, y1), *sides))
    return (
        f'<path class="arrow" fill="none" stroke="currentColor" stroke-width="1.5"{dash} d="{path}"/>'
        f'<polygon fill="currentColor" points="{head}"/>'
    )


def legend(space: SearchSpace, bars: bool = False) -> str:
    """The operations side by side, as their edges are drawn, and as bars: `key` for a picture."""
    names, x, parts = labels(space.operations), 0.0, []
    for m, (name, stroke) in enumerate(zip(names, _strokes(space), strict=True)):
        parts.append(f'<path class="edge" {stroke} d="M{x:g} 12H{x + 36:g}"/>')
        x += 42
        if bars:
            parts.append(bar(space, m, x, 6, 20, 12))
            x += 26
        parts.append(text(x, 17, name, 17, "start"))
        x += 9 * len(name) + 14
    return f'<svg viewBox="0 0 {x:g} 24">{"".join(parts)}</svg>'


ROW, LEFT, MIDDLE = 54, 64, 150  # of `network`: pixels from box to box, before the boxes, and of a box


def network(space: SearchSpace) -> str:
    """The whole network from top to bottom: images, stem, cells, classifier, and the size of what leaves each.

    Beside the straight line, which every part reads, an arc to each cell from the part before the last. A square is an
    image, at the scale of its height and width.
    """
    layouts, shape = cell_layouts(space), space.shape
    stem = STEM_MULTIPLIER * space.channels
    rows = [
        ("images", shape.size, f"{shape.channels} channel{'s' if shape.channels > 1 else ''}"),
        ("stem", shape.size, f"{stem} channels"),
    ]
    for layout in layouts:
        channels = f"{space.nodes} × {layout.channels} channels"
        rows.append((f"{layout.cell_type} cell", layout.output_size, channels))
    last = len(rows)
    width, height = LEFT + MIDDLE + 230, ROW * last + 40
    parts = []
    for number, (name, pixels, channels) in enumerate(rows):
        y, x = number * ROW + 2, LEFT + MIDDLE + 24
        parts.append(box(LEFT, y, MIDDLE, 34, name, dashed=number == 0))
        side = 28 * pixels / shape.size
        square = f'x="{x + 14 - side / 2:g}" y="{y + 17 - side / 2:g}" width="{side:g}" height="{side:g}"'
        parts.append(f'<rect class="image" {square} fill="currentColor" fill-opacity="0.45"/>')
        parts.append(text(x + 38, y + 13, f"{pixels} × {pixels}", 14, "start"))
        parts.append(text(x + 38, y + 30, channels, 14, "start"))
        parts.append(arrow((LEFT + MIDDLE / 2, y + 34), (LEFT + MIDDLE / 2, y + ROW)))
    for number in range(3, last):  # cells after the first, whose two inputs are both the stem
        y = (number - 2) * ROW + 19
        parts.append(arrow((LEFT, y), (LEFT - 78, y + ROW), (LEFT, y + 2 * ROW), curved=True))
    y = last * ROW + 2
    parts.append(box(LEFT, y, MIDDLE, 34, "classifier"))
    parts.append(text(LEFT + MIDDLE + 62, y + 22, f"{shape.classes} classes", 14, "start"))
    return f'<svg viewBox="0 0 {width} {height}">{"".join(parts)}</svg>'
