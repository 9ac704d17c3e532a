"""The landing page: the method in four panels, the result in one plot, and the numbers in its prose and README's."""

from collections.abc import Iterable, Sequence
from html import escape

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, ScalarFormatter

from simplexnas.family import Family, describe
from simplexnas.io import paths, records
from simplexnas.io.records import Point
from simplexnas.report import analysis, drawing, figures, published, statistics, tables
from simplexnas.report.pages.triangle import pooling_everywhere
from simplexnas.report.paper import PAPER
from simplexnas.report.style import FIGURE_WIDTH, LINE_COLORS
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, cell_edges

THEIRS = published.PAPER  # the published method, trained by us
WIDTH, HEIGHT = 340, 264  # pixels of a panel of the method
EACH = 2  # edges with each operation whose scores are shown
COARSER = {  # lines of a cell that is scaled down to a fourth
    'stroke-width="3"': 'stroke-width="8"',
    '"9 4"': '"30 13"',
    '"1.5 4"': '"6 13"',
    'r="16" fill="none"': 'r="16" fill="none" stroke-width="4"',
}


# The method


def method(family: str = published.DEFAULT[0]) -> str:
    """From S to a network and what it is worth, for the members of a family at the paper's four S: HTML.

    Four panels, which stand beside one another or, on a phone, below.
    """
    trained = Family.load(family)
    chosen = {name: trained.architecture(S).operations for name, (S, *_) in PAPER.items()}
    measured = records.read_record(paths.RESULTS / family / records.PAPER_POINTS).points
    lattice = records.read_lattice(family).points
    panels = [
        ("Say what is dear: the penalties S", "Triangle of S with A to D", corners(trained.space)),
        (
            "A hypernetwork turns S into scores",
            "S goes into the hypernetwork, which gives each edge three scores; the largest is marked",
            scores(trained.space, trained.logits(PAPER["A"][0]).numpy(), "A"),
        ),
        (
            "Each edge takes the highest score",
            "Normal cells of the networks at A to D, each edge in the colour of its operation",
            networks(trained.space, chosen),
        ),
        (
            "Each network: size and accuracy",
            "Test accuracy against parameters of all members, with A to D marked",
            members(lattice, {point.name: point for point in measured}),
        ),
    ]
    parts = [
        f'<div class="panel"><p><b>{number}</b> {escape(title)}</p>{_svg(says, inner)}</div>'
        for number, (title, says, inner) in enumerate(panels, 1)
    ]
    return f'<div class="method">{"".join(parts)}{drawing.key(trained.space, bars=True)}</div>'


def _svg(says: str, inner: str) -> str:
    place = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="{escape(says)}"'
    return f'<svg {place} font-family="inherit">{inner}</svg>'


def corners(space: SearchSpace) -> str:
    """The triangle of all S with the paper's four: the first penalty counts towards the top, the second left."""
    places = np.array([(170, 38), (50, 230), (290, 230)])
    outline = " ".join(f"{x},{y}" for x, y in places)
    parts = [f'<polygon points="{outline}" fill="none" stroke="currentColor" stroke-width="1.5"/>']
    names = [f"penalty on {labels(space.operations)[0]}", *labels(space.operations)[1:]]
    for (x, y), name in zip(places, names, strict=True):
        parts.append(drawing.text(x, y - 10 if y < 100 else y + 22, name))
    for name, (S, *_) in PAPER.items():
        x, y = np.array(S) / sum(S) @ places
        parts.append(f'<circle class="S" cx="{x:.1f}" cy="{y:.1f}" r="5" fill="currentColor"/>')
        parts.append(drawing.text(x + 10, y + 5, name, 15, "start", "bold"))
    return "".join(parts)


def scores(space: SearchSpace, logits: np.ndarray, name: str) -> str:
    """S, the hypernetwork, and the scores (E, k) of some edges as bars, the largest of each edge full and marked.

    Bars start at the least of the scores shown. The edges are the first ones with each operation.
    """
    chosen = logits.argmax(axis=1)
    shown = np.sort(np.concatenate([np.flatnonzero(chosen == m)[:EACH] for m in range(space.k)]))
    S = ", ".join(f"{value:.2f}" for value in PAPER[name][0])
    parts = [drawing.text(WIDTH / 2, 18, f"{name} = ({S})", weight="bold")]
    parts += [drawing.arrow((WIDTH / 2, 26), (WIDTH / 2, 48)), drawing.box(95, 48, 150, 36, "hypernetwork")]
    parts.append(drawing.arrow((WIDTH / 2, 84), (WIDTH / 2, 106)))
    foot, tallest, group = 232, 100, WIDTH / len(shown)
    heights = logits[shown] - logits[shown].min()
    heights = 3 + tallest * heights / heights.max()
    for column, (edge, bars) in enumerate(zip(shown, heights, strict=True)):
        left = group * column + group / 2 - 21
        for m, height in enumerate(bars):
            most = m == chosen[edge]
            parts.append(drawing.bar(space, m, left + 14 * m, foot - height, 12, height, full=most))
            if most:
                x, y = left + 14 * m + 6, foot - height - 3
                parts.append(
                    f'<polygon class="most" points="{x - 5:.1f},{y - 8:.1f} {x + 5:.1f},{y - 8:.1f} {x:.1f},{y:.1f}" '
                    'fill="currentColor"/>'
                )
    parts.append(f'<path d="M0 {foot}H{WIDTH}" stroke="currentColor" stroke-width="1"/>')
    parts.append(drawing.text(WIDTH / 2, foot + 22, f"{_word(len(shown))} of {len(logits)} edges, three scores each"))
    return "".join(parts)


def _word(number: int) -> str:
    return {6: "six"}.get(number, str(number))


def networks(space: SearchSpace, chosen: dict[str, Sequence[int]]) -> str:
    """The normal cells of four networks, small."""
    parts, width = [], 158
    for number, (name, operations) in enumerate(chosen.items()):
        row, column = divmod(number, 2)
        cell = drawing.cell(space, operations[: len(cell_edges(space))], "", letters=0)
        for fine, coarse in COARSER.items():
            cell = cell.replace(fine, coarse)
        x, y = (WIDTH - width) * column, 130 * row
        parts.append(drawing.text(x + 4, y + 22, name, 15, "start", "bold"))
        parts.append(drawing.placed(cell, x, y + 24, width))
    return "".join(parts)


def members(points: Iterable[Point], named: dict[str, Point]) -> str:
    """Test accuracy against total parameters of all members as rings, and of named ones as dots."""
    points = list(points)
    sizes = [point.total_parameters / 1e3 for point in points]
    tests = [100 * point.accuracy.test for point in points]
    left, right, top, foot = 32, WIDTH - 8, 30, 214
    high, low = np.ceil(max(tests)), np.floor(min(tests))
    most = 20 * np.ceil(max(sizes) / 20)

    def place(size: float, test: float) -> tuple[float, float]:
        return left + (right - left) * size / most, foot - (foot - top) * (test - low) / (high - low)

    parts = [f'<path d="M{left} {top}V{foot}H{right}" fill="none" stroke="currentColor"/>']
    for size in np.arange(0, most + 1, 40):
        parts.append(drawing.text(place(size, low)[0], foot + 18, f"{size:.0f}", 13))
    for test in range(int(low), int(high) + 1, 4):
        parts.append(drawing.text(left - 6, place(0, test)[1] + 5, f"{test}", 13, "end"))
    for size, test in zip(sizes, tests, strict=True):
        x, y = place(size, test)
        parts.append(f'<circle class="member" cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="none" stroke="currentColor"/>')
    for name, point in named.items():
        x, y = place(point.total_parameters / 1e3, 100 * point.accuracy.test)
        parts.append(f'<circle class="named" cx="{x:.1f}" cy="{y:.1f}" r="6" fill="currentColor"/>')
        parts.append(drawing.text(x + 2, y + 24, name, 15, "middle", "bold"))
    parts.append(drawing.text((left + right) / 2, foot + 40, "parameters, thousands"))
    parts.append(drawing.text(0, 14, "test accuracy, %", 14, "start"))
    return "".join(parts)


# The result


def fronts(names: Iterable[str]) -> list[list[Point]]:
    """The front of each family's lattice, by size."""
    return [analysis.front(records.read_lattice(name).points) for name in names]


def result(families: Sequence[str] = published.DEFAULT, theirs: Sequence[str] = THEIRS) -> Figure:
    """Accuracy against size: the paper's A to D, our families' fronts, that of the published method, pooling alone."""
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 4.1), layout="constrained")
    black, blue, orange, green = LINE_COLORS[:4]
    groups = [
        (families, "ours: fronts of {} training{}", blue, "o", "-"),
        (theirs, "published method, trained by us: front of {} training{}", orange, "s", "--"),
    ]
    for names, label, color, marker, dash in groups:
        label = label.format({1: "one", 3: "three"}.get(len(names), len(names)), "s" * (len(names) > 1))
        style = {"color": color, "marker": marker, "linestyle": dash, "markersize": 4.5, "linewidth": 1.2, "alpha": 0.8}
        for number, front in enumerate(fronts(names)):
            ax.plot(*figures.places_of(front), label=label if number == 0 else None, **style)
    style = {"marker": "D", "s": 60, "facecolor": "none", "edgecolor": green, "linewidth": 1.6, "zorder": 4}
    ax.scatter(*figures.places_of(pooling_everywhere(families)), label="pooling everywhere, with our weights", **style)
    fixed = cost.fixed_parameters(SearchSpace())
    for number, (name, (_, accuracy, edge_parameters, _)) in enumerate(PAPER.items()):
        place = ((edge_parameters + fixed) / 1e3, 100 * accuracy)
        ax.scatter(
            *place, marker="*", s=130, color=black, zorder=4, label=None if number else "A to C: slides; D: later text"
        )
        ax.annotate(name, place, (9, -4), textcoords="offset points", weight="bold")
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator([20, 30, 50, 100, 150]))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.minorticks_off()
    ax.set_xlabel("parameters of the network, thousands")
    ax.set_ylabel("test accuracy, %")
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper left", frameon=False, borderpad=0)
    return figure


# Numbers


def trained(families: Sequence[str] = THEIRS) -> dict[str, dict]:
    """What the published method, as we trained it, has at each of the paper's S: the summary of its trainings."""
    measured = [records.read_own(describe(name), records.PAPER_POINTS).points for name in families]
    return {
        name: tables.summary([point.to_dict() for own in measured for point in own if point.name == name])
        for name in PAPER
    }


def table() -> str:
    """The table of the landing page and of README, in Markdown."""
    return tables.markdown(tables.table(), trained())


def headline() -> str:
    """The same with a caption and a name, for the book."""
    caption = (
        "Test accuracy in percent, and edge parameters. Bold: the best of 231 S within the paper's parameters, a "
        "choice that the paper did not make."
    )
    return f":::{{table}} {caption}\n:name: tab-headline\n{table()}\n:::"


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page and of README, by name; shares in percent."""
    ours = [records.read_lattice(name) for name in published.DEFAULT]
    theirs = [records.read_lattice(name) for name in published.PAPER]
    tests = [100 * point.accuracy.test for record in ours for point in record.points]
    own = [100 * point.accuracy.test for record in theirs for point in record.points]
    front = [100 * point.accuracy.test for own_front in fronts(published.DEFAULT) for point in own_front]
    larger = [trained()[name]["edge_parameters"] / PAPER[name][2] for name in "ABD"]
    (ours_epochs,), (theirs_epochs,), (kappa,) = (
        {record.config[key] for record in own} for own, key in ((ours, "epochs"), (theirs, "epochs"), (theirs, "kappa"))
    )
    known = {
        "intro.low": f"{min(tests):.0f}",
        "intro.high": f"{max(tests):.0f}",
        "intro.front.low": f"{min(front):.0f}",
        "intro.front.high": f"{max(front):.0f}",
        "intro.pooling": f"{100 * np.mean([p.accuracy.test for p in pooling_everywhere(published.DEFAULT)]):.0f}",
        "intro.published.low": f"{min(own):.0f}",
        "intro.published.high": f"{max(own):.0f}",
        "intro.kappa": f"{kappa:g}",
        "intro.epochs.theirs": f"{theirs_epochs}",
        "intro.epochs.ours": f"{ours_epochs}",
        "intro.larger.least": f"{min(larger):.1f}",
        "intro.larger.most": f"{max(larger):.0f}",
    }
    return known | _trained_alone()


def _trained_alone() -> dict[str, str]:
    """What networks trained alone have more than with inherited weights, and which weights rank them alike."""
    points = records.read_own(describe(published.DEFAULT[0]), records.RETRAINED).points
    alone = [point.retrained.test for point in points]
    agreement = {
        source: statistics.agreement(
            [point.accuracy.test for point in points if point.source == source],
            [point.retrained.test for point in points if point.source == source],
        )
        for source in ("family", "random")
    }
    drawn = [point.accuracy.test for point in records.read_ranked(list(published.SHARES)[-1]).points]
    return {
        "intro.alone": f"{agreement['family']['gap']:.1f}",
        "intro.tau": f"{agreement['family']['tau']:.2f}",
        "intro.random": f"{agreement['random']['gap']:.1f}",
        "intro.shares": f"{statistics.agreement(drawn, alone)['tau']:.2f}",
        "intro.macs": f"{statistics.agreement([point.macs for point in points], alone)['tau']:.2f}",
    }
