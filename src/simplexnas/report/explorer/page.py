"""The explorer's HTML: what a family does at each S, drawn, with the numbers that the page's script needs."""

import json
from collections.abc import Sequence
from html import escape
from importlib import resources
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.colors import to_hex

from simplexnas.family import Family
from simplexnas.io.records import Record
from simplexnas.latency.parts import parts, place
from simplexnas.latency.table import LatencyTable
from simplexnas.network.architecture import Architecture
from simplexnas.report import analysis, drawing
from simplexnas.report.paper import PAPER
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, cell_edges, cell_layouts

WALKED = 2  # the penalty that the slider walks: on convolutions
WIDTH, HEIGHT, LEFT, BOTTOM = 460, 300, 52, 44  # of the plot, and its margins
DECIMALS = 6  # of logits


class Limit(NamedTuple):
    """A field of "At most". of: the script's name of the size; unit: one of the field in the command's."""

    of: str
    label: str
    step: float
    option: str
    unit: float


def limits(table: LatencyTable | None, batch: int) -> list[Limit]:
    """The limits that `simplexnas select` has and the page can tell."""
    by_size = [
        Limit("edgeParameters", "edge parameters", 1000, "--max-edge-parameters", 1),
        Limit("macs", "million MACs", 0.1, "--max-macs", 1e6),
    ]
    if table is None:
        return by_size
    of_batch = "" if batch == 1 else f"--batch {batch} "  # 1 is what the command takes without it
    return [*by_size, Limit("time", f"ms, batch of {batch}", 0.01, f"{of_batch}--max-latency-ms", 1)]


def affine(family: Family) -> tuple[np.ndarray, np.ndarray]:
    """bias and slope (E, k): alpha_em(S) = bias_em - slope_em * S_m."""
    with torch.no_grad():
        k = family.space.k
        corners = np.stack([family.logits(S).double().numpy() for S in np.eye(k)])  # (k, E, k)
    at_one = np.stack([corners[m, :, m] for m in range(k)], axis=1)
    at_zero = np.stack([corners[(m + 1) % k, :, m] for m in range(k)], axis=1)
    return at_zero, at_zero - at_one


def times(table: LatencyTable, batch: int) -> dict:
    """What the script needs to predict a network's time: `LatencyTable.predict` in numbers."""
    space, half = table.space, len(cell_edges(table.space))
    slope, intercept = table.line(batch)
    always = parts(Architecture(space, [0] * 2 * half))
    base = sum(n * table.ms(part, batch) for part, n in always.items() if part.kind not in ("source", "edge"))
    edge = np.zeros((2 * half, space.k))
    source = np.zeros((2, space.nodes + 2, space.k))
    types = list(dict.fromkeys(layout.cell_type for layout in cell_layouts(space)))
    for layout in cell_layouts(space):
        number = types.index(layout.cell_type)
        for m, name in enumerate(space.operations):
            for row, (_, node) in enumerate(cell_edges(space)):
                edge[number * half + row, m] += table.ms(place("edge", name, layout, node), batch)
            for node in range(space.nodes + 1):
                source[number, node, m] += table.ms(place("source", name, layout, node), batch)
    return {"slope": slope, "intercept": intercept, "base": base, "edge": edge.tolist(), "source": source.tolist()}


def explorer(family: Family, lattice: Record, table: LatencyTable | None = None, batch: int = 1) -> str:
    """The explorer of a family with three operations, as an HTML fragment without dependencies.

    lattice: the family's own. table: of predicted times for that batch. Without JavaScript the fragment shows the
    network of the middle of the triangle, and the front as a table.
    """
    space, names = family.space, labels(family.space.operations)
    choices = ["".join(map(str, point.choice)) for point in lattice.points]
    members = {choice: point for choice, point in zip(choices, lattice.points, strict=True)}
    order = {choice: number for number, choice in enumerate(members)}
    bias, slope = affine(family)
    start = [1 / 3] * 3
    plot = _Plot(list(members.values()))
    data = {
        "operations": list(names),
        "edges": [list(edge) for edge in cell_edges(space)],
        "bias": bias.round(DECIMALS).tolist(),
        "slope": slope.round(DECIMALS).tolist(),
        "parameters": cost.edge_parameters(space).tolist(),
        "macs": cost.edge_macs(space).tolist(),
        "fixed": {"parameters": cost.fixed_parameters(space), "macs": cost.fixed_macs(space)},
        "time": None if table is None else times(table, batch),
        "lattice": [list(point.S) for point in lattice.points],
        "memberOf": [order[choice] for choice in choices],
        "members": [{"choice": choice, "test": point.accuracy.test} for choice, point in members.items()],
        "limits": [{"of": limit.of, "option": limit.option, "unit": limit.unit} for limit in limits(table, batch)],
        "start": start,
        "walked": WALKED,
        "triangle": {"side": drawing.SIDE, "margin": drawing.MARGIN, "altitude": drawing.ALTITUDE},
        "plot": {"of": plot.scale},
    }
    middle = family.architecture(start)
    accuracy = accuracy_in_words(lattice, start, middle)
    front = [(order["".join(map(str, point.choice))], point) for point in analysis.front(list(members.values()))]
    script = resources.files(__package__).joinpath("explorer.js").read_text(encoding="utf-8")
    style = resources.files(__package__).joinpath("explorer.css").read_text(encoding="utf-8")
    numbers = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<div class="explorer"><style>{style}</style>'
        + _panels(space, names, middle, accuracy, front, lattice, plot, table, batch)
        + '<p class="only-live" aria-live="polite"></p></div>'
        + f"<script>(function () {{\n{script}\n"
        + f"simplexnasExplorer(document.currentScript.previousElementSibling, {numbers});\n}})();</script>"
    )


def accuracy_in_words(lattice: Record, S: Sequence[float], architecture: Architecture) -> tuple[str, str]:
    """Test accuracy at S, and whose it is: that of its architecture if it was measured, else of the nearest S."""
    for point in lattice.points:
        if point.choice == architecture.operations:
            return f"{100 * point.accuracy.test:.1f} %", "measured"
    nearest = min(lattice.points, key=lambda point: sum((x - s) ** 2 for x, s in zip(point.S, S, strict=True)))
    place = ", ".join(f"{x:.2f}" for x in nearest.S)
    return f"≈ {100 * nearest.accuracy.test:.1f} %", f"of another network, the nearest measured: S = ({place})"


class _Plot:
    """Accuracy against the logarithm of all parameters: where its points lie."""

    def __init__(self, points: list):
        self.points = points
        sizes = [point.total_parameters for point in points]
        tests = [100 * point.accuracy.test for point in points]
        low, high = np.floor(min(tests)), np.ceil(max(tests))
        self.sizes, self.low, self.high = (min(sizes), max(sizes)), float(low), float(high)
        self.scale = {
            "x0": LEFT + 8,
            "dx": (WIDTH - LEFT - 24) / (np.log(max(sizes) / min(sizes)) or 1.0),
            "smallest": min(sizes),
            "y0": HEIGHT - BOTTOM,
            "dy": (HEIGHT - BOTTOM - 14) / (self.high - self.low),
            "low": self.low,
        }

    def place(self, parameters: int, test: float) -> tuple[float, float]:
        of = self.scale
        return of["x0"] + of["dx"] * np.log(parameters / of["smallest"]), of["y0"] - of["dy"] * (100 * test - of["low"])

    def svg(self) -> str:
        bottom = HEIGHT - BOTTOM
        parts = [
            f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            'aria-label="Test accuracy of every member against its total parameters; the ring is the present one.">',
            f'<path class="axis" fill="none" d="M{LEFT} 8V{bottom}H{WIDTH - 8}"/>',
            f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 6}" text-anchor="middle">total parameters</text>',
            f'<text transform="translate(14 {bottom / 2}) rotate(-90)" text-anchor="middle">test accuracy, %</text>',
        ]
        for value in np.arange(self.low, self.high + 1, 2 if self.high - self.low > 6 else 1):
            y = self.place(self.sizes[0], value / 100)[1]
            parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{value:.0f}</text>')
        for value in (10_000, 20_000, 50_000, 100_000, 200_000, 500_000):
            if self.sizes[0] <= value <= self.sizes[1] * 1.02:
                x = self.place(value, 0.9)[0]
                parts.append(f'<text x="{x:.0f}" y="{bottom + 16}" text-anchor="middle">{value // 1000}k</text>')
        for number, point in enumerate(self.points):
            x, y = self.place(point.total_parameters, point.accuracy.test)
            parts.append(
                f'<circle class="point" data-number="{number}" fill="{_color(point.accuracy.test, self)}" '
                f'cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
            )
        front = [self.place(p.total_parameters, p.accuracy.test) for p in analysis.front(self.points)]
        parts.append(f'<polyline class="front" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in front)}"/>')
        return "".join([*parts, '<circle class="here" r="8" cx="-20" cy="-20"/></svg>'])


def _color(test: float, plot: _Plot) -> str:
    return to_hex(mpl.colormaps["cividis"]((100 * test - plot.low) / (plot.high - plot.low)))


def _panels(space: SearchSpace, names, middle, accuracy, front, lattice: Record, plot: _Plot, table, batch: int) -> str:
    half = len(cell_edges(space))
    triangle = drawing.triangle(
        [point.S for point in lattice.points],
        [f"penalty on {name}" for name in names],
        {name: S for name, (S, *_) in PAPER.items()},
    )
    for number, point in enumerate(lattice.points):
        own = f'data-point="{number}"'
        triangle = triangle.replace(own, f'{own} fill="{_color(point.accuracy.test, plot)}"')
    cells = [
        f"<h2>{kind} cell</h2>" + drawing.cell(space, middle.operations[part], f"{kind} cell of the network")
        for kind, part in (("Normal", slice(half)), ("Reduction", slice(half, None)))
    ]
    key = drawing.key(space, list(middle.counts().values()))
    fields = "".join(
        f'<label>{escape(name)}<input type="number" name="S{m}" min="0" max="1" step="0.01" value="0.33"></label>'
        for m, name in enumerate(names)
    )
    buttons = "".join(
        f'<button type="button" data-at="{",".join(map(str, S))}" aria-pressed="false">{name}</button>'
        for name, (S, *_) in PAPER.items()
    )
    budget = "".join(
        f'<label>{label}<input type="number" name="budget-{of}" data-of="{of}" min="0" step="{step}"></label>'
        for of, label, step, _, _ in limits(table, batch)
    )
    facts = [
        ("edgeParameters", "edge parameters", f"{middle.edge_parameters:,}"),
        ("totalParameters", "total parameters", f"{middle.total_parameters:,}"),
        ("macs", "MACs for an image", f"{middle.macs / 1e6:.2f} M"),
        ("time", "predicted time", "–" if table is None else f"{table.predict(middle, batch):.2f} ms"),
        ("accuracy", "test accuracy", accuracy[0]),
        ("source", "which is", accuracy[1]),
    ]
    listed = "".join(f'<dt>{name}</dt><dd data-value="{key}">{value}</dd>' for key, name, value in facts)
    commands = "".join(
        f'<p class="commands"><code data-command="{name}"></code> '
        f'<button type="button" data-copy="{name}">copy</button></p>'
        for name in ("export", "select", "papermill", "evaluate")
    )
    controls = (
        f"<fieldset><legend>S, the penalties</legend>{fields}"
        '<p class="refusal" role="status" data-value="refusal"></p></fieldset>'
        f"<fieldset><legend>The paper's S</legend>{buttons}</fieldset>"
        f"<label>Walk the penalty on {escape(names[WALKED])}"
        '<input type="range" name="walk" min="0" max="1" step="0.01"></label>'
        f"<fieldset><legend>At most</legend>{budget}</fieldset>"
    )
    return (
        f'<div class="panels"><div>{triangle}<div class="only-live">{controls}</div></div>'
        f"<div><h2>This network</h2><dl>{listed}</dl>{key}{''.join(cells)}</div>"
        f"<div>{plot.svg()}</div>"
        f'<div>{_front(front, names)}<div class="only-live"><h2>Ask for it yourself</h2>{commands}</div></div></div>'
    )


def _front(front: list[tuple[int, object]], names) -> str:
    """The front's members: buttons, and a table for readers without JavaScript."""
    buttons = "".join(
        f'<button type="button" data-member="{number}" data-at="{",".join(f"{x:g}" for x in point.S)}" '
        f'aria-pressed="false">{point.total_parameters:,}: {point.accuracy.test:.1%}</button> '
        for number, point in front
    )
    rows = "".join(
        f"<tr><td>({', '.join(f'{x:.2f}' for x in point.S)})</td><td>{point.total_parameters:,}</td>"
        f"<td>{point.macs / 1e6:.2f}</td><td>{point.accuracy.test:.1%}</td></tr>"
        for _, point in front
    )
    columns = (f"S ({', '.join(names)})", "total parameters", "million MACs", "test accuracy")
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    return (
        f'<div class="only-live"><h2>The best of each size: total parameters, test accuracy</h2><p>{buttons}</p></div>'
        '<div class="only-static"><h2>The best of each size</h2>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
