"""The landing page: its pictures, its tables, its numbers, and its ways through the book."""

import json
import re

import numpy as np
import pytest
import tiny
import yaml
from pages import source

from simplexnas.family import Family
from simplexnas.io import paths, records
from simplexnas.io.paths import ROOT
from simplexnas.io.records import Accuracy
from simplexnas.report import drawing, published, tables
from simplexnas.report.pages import intro
from simplexnas.report.paper import PAPER, decoded_macs
from simplexnas.space.search_space import SearchSpace, cell_edges

SPACE = SearchSpace()
SOURCE = source("intro")
LINES = [re.sub("^# ?", "", line) for line in SOURCE.splitlines()]
TEXT = " ".join(re.sub("<!--.*?-->", "", " ".join(LINES)).split())
CYRILLIC = r"[\u0400-\u04ff]"
FAMILY = published.DEFAULT[0]


def content(family: str, name: str) -> dict:
    """A result file, as it is."""
    return json.loads((paths.RESULTS / family / name).read_text(encoding="utf-8"))


# The method in four panels


@pytest.fixture(scope="module")
def panels() -> list[str]:
    first, *rest = intro.method().split('<div class="panel">')
    assert first == '<div class="method">' and len(rest) == 4
    assert rest[-1].endswith(f"{drawing.key(SPACE, bars=True)}</div>")
    return rest


def dots(svg: str, kind: str) -> np.ndarray:
    """Places (n, 2) of the circles of a class."""
    found = re.findall(rf'<circle class="{kind}" cx="([\d.]+)" cy="([\d.]+)"', svg)
    return np.array(found, dtype=float).reshape(-1, 2)


def test_panels_are_numbered_and_described(panels):
    for number, panel in enumerate(panels, 1):
        assert panel.startswith(f"<p><b>{number}</b> ")
        (says,) = re.findall(r'role="img" aria-label="([^"]+)"', panel)
        assert len(says) > 20
        assert re.findall('viewBox="0 0 ([0-9]+) ', panel)[0] == str(intro.WIDTH)
    assert len({re.search('aria-label="([^"]+)"', panel)[1] for panel in panels}) == 4


def test_the_four_points_lie_where_their_penalties_say(panels):
    middle, *others = dots(panels[0], "S")
    corners = np.array(re.search('polygon points="([^"]+)"', panels[0])[1].replace(",", " ").split(), dtype=float)
    corners = corners.reshape(3, 2)
    assert middle == pytest.approx(corners.mean(axis=0), abs=0.1)
    for place, (S, *_) in zip(others, list(PAPER.values())[1:], strict=True):
        nearest = np.linalg.norm(corners - place, axis=1).argmin()
        assert nearest == np.argmax(S), "nearest to the corner of the largest penalty"
    words = re.findall(">([a-z ]+)</text>", panels[0])
    assert words == ["penalty on pool", "identity", "convolution"]


def test_cells_are_those_of_the_published_family(panels):
    family = Family.load(FAMILY)
    names = re.findall('font-weight="bold"[^>]*>([A-D])</text>', panels[2])
    drawn = [int(m) for m in re.findall(r'class="edge" data-edge="\d+" data-operation="(\d)"', panels[2])]
    cells = np.reshape(drawn, (4, len(cell_edges(SPACE))))
    assert names == list(PAPER)
    for cell, (S, *_) in zip(cells, PAPER.values(), strict=True):
        assert cell.tolist() == list(family.architecture(S).operations[:14])
    assert 'stroke-width="3"' not in panels[2].partition(drawing.key(SPACE, bars=True))[0], "too thin for its size"


def test_the_largest_score_of_an_edge_is_marked():
    logits = np.zeros((28, 3))
    logits[:, 0] = 1.0  # pooling nearly everywhere
    logits[5] = (0, 3, 1)
    logits[9] = (2, 0, 4)
    logits[27] = (-1, 0.5, 0)
    svg = intro.scores(SPACE, logits, "B")
    bars = re.findall(
        r'data-operation="(\d)"><rect class="bar" x="([\d.]+)" [^>]*height="([\d.]+)" fill-opacity="(\S+)"', svg
    )
    groups = np.array([bar[2] for bar in bars], dtype=float).reshape(-1, 3)
    expected = logits[[0, 1, 5, 9, 27]]  # the first two of each operation, where there are two
    assert groups == pytest.approx(3 + 100 * (expected + 1) / 5, abs=0.1)
    full = [(number // 3, int(m)) for number, (m, *_, opacity) in enumerate(bars) if opacity == "1"]
    assert full == list(enumerate(expected.argmax(axis=1))) and svg.count('class="most"') == 5
    marks = [float(x) for x in re.findall(r'class="most" points="\S+ \S+ ([\d.]+),', svg)]
    assert marks == [float(x) + 6 for m, x, _, opacity in bars if opacity == "1"]
    assert "B = (0.15, 0.15, 0.70)" in svg and "5 of 28 edges" in svg


def test_scores_are_those_of_the_first_point(panels):
    choice = Family.load(FAMILY).architecture(PAPER["A"][0]).operations
    opaque = [int(m) for m in re.findall(r'data-operation="(\d)"><rect [^>]*fill-opacity="1"', panels[1])]
    assert sorted(opaque) == [0, 0, 1, 1, 2, 2] and "six of 28 edges" in panels[1]
    first = sorted(edge for m in range(3) for edge in [e for e, c in enumerate(choice) if c == m][:2])
    assert opaque == [choice[edge] for edge in first]


def test_members_lie_by_size_and_accuracy():
    points = [
        tiny.point(total_parameters=1_000 * size, accuracy=Accuracy(test, 0.5))
        for size, test in ((20, 0.80), (60, 0.90), (100, 0.88))
    ]
    svg = intro.members(points, {"A": points[1]})
    first, second, third = dots(svg, "member")
    assert second[0] - first[0] == pytest.approx(third[0] - second[0], abs=0.1)
    assert (first[1] - second[1]) / (first[1] - third[1]) == pytest.approx(10 / 8, abs=0.01)
    assert dots(svg, "named").tolist() == [second.tolist()]


def test_the_last_panel_is_of_the_same_family(panels):
    lattice = content(FAMILY, records.LATTICE)["points"]
    assert len(dots(panels[3], "member")) == len(lattice)
    named = content(FAMILY, records.PAPER_POINTS)["points"]
    order = np.argsort([point["total_parameters"] for point in named])
    assert np.argsort(dots(panels[3], "named")[:, 0]).tolist() == order.tolist()


# The result


def undominated(points: list[dict]) -> list[tuple[float, float]]:
    """Size in thousands and test accuracy in percent of the front, by looking at all pairs."""
    found = set()
    for point in points:
        size, validation = point["total_parameters"], point["accuracy"]["validation"]
        if not any(
            other["total_parameters"] <= size
            and other["accuracy"]["validation"] >= validation
            and (other["total_parameters"], other["accuracy"]["validation"]) != (size, validation)
            for other in points
        ):
            found.add((size / 1e3, 100 * point["accuracy"]["test"]))
    return sorted(found)


def test_the_result_shows_every_training_and_the_paper():
    (ax,) = intro.result().axes
    for line, name in zip(ax.lines, (*published.DEFAULT, *published.PAPER), strict=True):
        front = undominated(content(name, records.LATTICE)["points"])
        assert {size for size, _ in front} == {*line.get_xdata()}
        assert {tuple(place) for place in line.get_xydata().tolist()} <= {*front}
    pooling, *paper = ax.collections
    assert pooling.get_offsets()[:, 0].tolist() == [20.506] * len(published.DEFAULT)
    assert pooling.get_offsets()[:, 1].min() > 100 * max(accuracy for _, accuracy, *_ in PAPER.values())
    for star, (_, accuracy, edge_parameters, _) in zip(paper, PAPER.values(), strict=True):
        assert star.get_offsets()[0].tolist() == pytest.approx([(edge_parameters + 20_506) / 1e3, 100 * accuracy])
    assert [text.get_text() for text in ax.texts] == list(PAPER)


def test_methods_differ_in_more_than_colour_and_the_legend_covers_none():
    figure = intro.result()
    (ax,), (legend,) = figure.axes, figure.legends
    looks = {(line.get_marker(), line.get_linestyle()) for line in ax.lines}
    assert len(looks) == 2 and len({marker for marker, _ in looks}) == 2
    words = [text.get_text() for text in legend.get_texts()]
    assert len(words) == 4 and words[0].endswith("five trainings") and words[1].endswith("three trainings")
    figure.canvas.draw()
    assert legend.get_window_extent().y0 >= ax.get_window_extent().y1
    (ax,) = intro.result(published.DEFAULT[:1], published.DEFAULT[1:]).axes
    assert len(ax.lines) == 3, "other trainings may be shown"


# Tables


def block(name: str) -> list[list[str]]:
    """Cells of the table that stands in the page between two comments."""
    start, stop = LINES.index(f"<!--={name}-->"), LINES.index(f"<!--/{name}-->")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES[start + 1 : stop] if line[0] == "|"]


def test_the_table_has_the_published_method_as_we_trained_it():
    head, _, *rows = block("headline")
    assert head[-1] == "published method, trained by us, same S (3 trainings)" and "control" not in " ".join(head)
    assert [row[0] for row in rows] == list(PAPER)
    for row, own in zip(rows, tables.table(), strict=True):
        points = [
            point
            for name in published.PAPER
            for point in content(name, records.PAPER_POINTS)["points"]
            if point["name"] == row[0]
        ]
        tests = [100 * point["ways"]["discrete"]["test"] for point in points]
        size = np.mean([point["edge_parameters"] for point in points])
        assert row[-1] == f"{np.mean(tests):.1f} ± {np.std(tests, ddof=1):.1f} <br>at {size:,.0f}"
        tests = [run["accuracy"]["test"] for run in own["ours"]["runs"]]
        assert row[2].startswith(f"{100 * np.mean(tests):.1f} ± {100 * np.std(tests, ddof=1):.1f} <br>at ")
        assert len(tests) == len(own["best"]["runs"]) == 5
    assert "standard deviation over five trainings" in TEXT


def test_what_is_said_of_the_table():
    """That a spread of zero is a rounded one, and why D's best is behind its same S."""
    _, _, *rows = block("headline")
    assert [row[0] for row in rows if "± 0.0" in row[3]] == ["B"]
    own = {row["name"]: row for row in tables.table()}
    for share in (0.88, 0.92):
        assert 100 * (share * (1 - share) / 10_000) ** 0.5 == pytest.approx(0.3, abs=0.05)
    assert "The choice of test images adds about 0.3 percentage points, mostly shared by all of them" in TEXT
    behind = [name for name, row in own.items() if row["best"]["accuracy"]["test"] < row["ours"]["accuracy"]["test"]]
    assert behind == ["D"] and 'At D it is behind "same S", which is larger there' in TEXT
    assert own["D"]["ours"]["edge_parameters"] > PAPER["D"][2] > own["D"]["best"]["edge_parameters"]


def test_readme_has_the_same_table():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!--=table-->\n{intro.table()}\n<!--/table-->\n" in readme
    for name, (S, *_) in PAPER.items():
        assert f"| {name} | ({', '.join(f'{value:.2f}' for value in S)}) |" in readme


def test_the_papers_table_is_whole():
    quoted = [line[2:] for line in LINES if line.startswith("> |")]
    rows = {name: cells for name, *cells in ([c.strip() for c in line.strip("|").split("|")] for line in quoted)}
    assert rows["Models"] == ["1", "2", "3"]
    for column, name in enumerate("ABC"):
        S, accuracy, parameters, operations = PAPER[name]
        assert rows["Accuracy"][column] == f"{100 * accuracy:.1f}%"
        assert rows["Number of parameters"][column] == str(parameters)
        counts = [rows[f"Number of {label}"][column] for label in ("pooling", "identity", "convolution")]
        assert list(map(int, counts)) == list(operations.values()) and sum(map(int, counts)) == 28
        assert f"**{', '.join(f'{value:.2f}' for value in S)}**" in TEXT
    assert len(rows) == 7  # with the rule under the head


def test_macs_of_our_best_against_the_papers():
    assert (
        "at A, B and C our best have 15 to 35 % more multiply-accumulates (MACs) than the paper's models, at D fewer"
        in TEXT
    )
    more = {
        row["name"]: np.mean([run["macs"] for run in row["best"]["runs"]]) / decoded_macs(row["name"]) - 1
        for row in tables.table()
    }
    assert more.pop("D") < 0
    assert [min(more.values()), max(more.values())] == pytest.approx([0.15, 0.35], abs=0.006)


# Numbers


def test_numbers_are_those_of_the_files():
    numbers = intro.numbers()
    ours = [content(name, records.LATTICE) for name in published.DEFAULT]
    theirs = [content(name, records.LATTICE) for name in published.PAPER]
    tests = [100 * point["accuracy"]["test"] for each in ours for point in each["points"]]
    assert (numbers["intro.low"], numbers["intro.high"]) == (f"{min(tests):.0f}", f"{max(tests):.0f}")
    fronts = [undominated(each["points"]) for each in ours]
    tests = [test for front in fronts for _, test in front]
    assert (numbers["intro.front.low"], numbers["intro.front.high"]) == (f"{min(tests):.0f}", f"{max(tests):.0f}")
    assert "about a dozen networks of" in TEXT and all(10 <= len(front) <= 16 for front in fronts)
    drawn = [content(name, records.BASELINES)["points"] for name in published.DEFAULT]
    pooling = [
        {p["accuracy"]["test"] for p in own if p["edge_parameters"] == 0 and not any(p["choice"])} for own in drawn
    ]
    assert all(len(own) == 1 for own in pooling), "pooling everywhere, wherever it was drawn"
    assert float(numbers["intro.pooling"]) == pytest.approx(100 * np.mean([*map(list, pooling)]), abs=0.6)
    tests = [100 * point["accuracy"]["test"] for each in theirs for point in each["points"]]
    known = (numbers[f"intro.published.{x}"] for x in ("low", "high"))
    assert [*known] == [f"{min(tests):.0f}", f"{max(tests):.0f}"]
    assert {numbers["intro.epochs.theirs"]} == {str(each["config"]["epochs"]) for each in theirs}
    assert {numbers["intro.epochs.ours"]} == {str(each["config"]["epochs"]) for each in ours}
    assert {float(numbers["intro.kappa"])} == {each["config"]["kappa"] for each in theirs}

    sizes = {row[0]: int(row[-1].split()[-1].replace(",", "")) for row in block("headline")[2:]}
    larger = sorted(sizes[name] / PAPER[name][2] for name in "ABD")
    assert float(numbers["intro.larger.least"]) == pytest.approx(larger[0], abs=0.06)
    assert float(numbers["intro.larger.most"]) == pytest.approx(larger[-1], abs=0.6)
    assert sizes["C"] == pytest.approx(PAPER["C"][2], rel=0.03), "only there they are alike"


def test_networks_trained_alone_are_those_of_the_file():
    numbers, found = intro.numbers(), content(FAMILY, records.RETRAINED)
    assert found["settings"] == {"epochs": 3}
    groups = {"alone": "family", "random": "random"}
    for name, group in groups.items():
        own = [point for point in found["points"] if point["source"] == group]
        gaps = [100 * (point["retrained"]["test"] - point["accuracy"]["test"]) for point in own]
        assert float(numbers[f"intro.{name}"]) == pytest.approx(np.mean(gaps), abs=0.051)
        assert len(own) == {"family": 20, "random": 10}[group]
    assert "Ten random architectures, each trained by itself" in TEXT

    def tau(pairs: list[tuple[float, float]]) -> float:
        """Kendall's τ-b, pair by pair."""
        signs = np.array(
            [[np.sign(a[k] - b[k]) for k in (0, 1)] for i, a in enumerate(pairs) for b in pairs[:i]], dtype=float
        )
        return (signs[:, 0] * signs[:, 1]).sum() / np.sqrt((signs**2).sum(axis=0).prod())

    points = found["points"]
    members = [(p["accuracy"]["test"], p["retrained"]["test"]) for p in points if p["source"] == "family"]
    assert float(numbers["intro.tau"]) == pytest.approx(tau(members), abs=0.0051)
    macs = [(p["macs"], p["retrained"]["test"]) for p in points]
    assert float(numbers["intro.macs"]) == pytest.approx(tau(macs), abs=0.0051)
    soft = [point["accuracy"]["test"] for point in content(list(published.SHARES)[-1], records.RANKED)["points"]]
    pairs = [(a, p["retrained"]["test"]) for a, p in zip(soft, points, strict=True)]
    assert float(numbers["intro.shares"]) == pytest.approx(tau(pairs), abs=0.0051)


def test_every_number_stands_on_the_page_or_that_of_verdicts_or_in_readme():
    text = SOURCE + source("verdict") + (ROOT / "README.md").read_text(encoding="utf-8")
    assert not {name for name in intro.numbers() if f"<!--={name}-->" not in text}


# Ways through the book


def test_every_page_is_listed_under_its_part():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed, lines = {}, LINES[LINES.index("## All pages") : LINES.index("## Abstract in Russian")]
    for line in lines:
        if caption := re.fullmatch(r"\*([^*]+)\*", line):
            pages = listed[caption[1]] = []
        elif page := re.match(r"- {doc}`(\w+)`: ", line):
            pages.append(page[1])
    assert listed == {part["caption"]: [each["file"] for each in part["chapters"]] for part in contents["parts"]}


@pytest.mark.parametrize("reader", ["student", "reviewer", "engineer"])
def test_a_way_takes_as_long_as_its_pages(reader):
    start = next(i for i, line in enumerate(LINES) if re.match(rf"\*\*An? {reader}, about ", line))
    told = int(re.search(r"about (\d+) minutes", LINES[start])[1])
    steps = []
    for line in LINES[start + 2 :]:
        if not (step := re.match(r"\d+\. .*", line)):
            break
        steps.append(step[0])
    pages = [found[1] for step in steps if (found := re.match(r"\d+\. {doc}`(\w+)`", step))]
    minutes = sum(int(re.search(r"about (\d+) minutes\*", source(page))[1]) for page in pages)
    sections = 3 * (len(steps) - len(pages))  # at most 3 minutes each
    assert len(steps) >= 3 and minutes <= told <= minutes + sections


def test_the_russian_abstract_is_marked_as_such():
    (abstract,) = re.findall('<div lang="ru">(.*?)</div>', " ".join(LINES), re.DOTALL)
    words = re.findall(r"[\w-]+", re.sub("<!--.*?-->", "", abstract))
    assert 120 <= len(words) <= 180
    russian = [word for word in words if re.match(CYRILLIC, word)]
    assert len(russian) > 0.85 * len(words)
    assert not re.search(CYRILLIC, " ".join(LINES).replace(abstract, ""))


def test_three_findings_and_the_ways_stand_before_the_result():
    heads = [line for line in LINES if line.startswith("## ")]
    assert heads == ["## What we found", "## Three ways to read", "## The result", "## All pages", heads[-1]]
    lines = LINES[LINES.index("## What we found") : LINES.index("## Three ways to read")]
    findings = [line for line in lines if re.match(r"\d+\. \*\*", line)]
    assert len(findings) == 3
    for finding in findings:
        said = re.sub(r"^\d+\. |{\w+}`[^`]*`|<!--.*?-->", "", finding)
        assert len(re.findall(r"(?<![\w.])\d[\d.,]*", said)) <= 4, finding
        assert len(re.findall(r"[.:] (?=[A-Z*])", said)) <= 3, finding
