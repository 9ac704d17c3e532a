"""The page `hypernetwork`: its figures and tables by other routes, and what its prose says of the trained family."""

import copy
import math
import re

import numpy as np
import pytest
import torch
from matplotlib import colors
from pages import prose, source, unsaid
from scipy.optimize import minimize

from simplexnas.family import Family
from simplexnas.methods import penalties, settings
from simplexnas.methods.regression import Worth
from simplexnas.report import published
from simplexnas.report.pages import hypernetwork as page
from simplexnas.report.style import OPERATION_COLORS
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, genotype_edges

TEXT = prose("hypernetwork")
NORMAL, REDUCTION = slice(0, 14), slice(14, 28)
POOL, IDENTITY, CONVOLUTION = range(3)


@pytest.fixture(scope="module")
def family() -> Family:
    return Family.load(published.DEFAULT[0])


@pytest.fixture(scope="module")
def found() -> page.Learned:
    return page.learned()


@pytest.fixture(scope="module")
def families() -> list[page.Learned]:
    return [page.learned(name) for name in published.DEFAULT]


@pytest.fixture(scope="module")
def b(family) -> np.ndarray:
    """Worth minus the price of parameters in one cell, by the numbers of the table of symbols: (28, 3)."""
    parameters = np.zeros((28, 3))
    parameters[NORMAL, CONVOLUTION] = 2 * (9 * 16 + 16**2)
    parameters[REDUCTION, CONVOLUTION] = np.mean([2 * (9 * C + C**2) for C in (32, 64)])
    strided = [edge.cell_type == "reduction" and edge.source < 2 for edge in genotype_edges(SearchSpace())]
    parameters[strided, IDENTITY] = np.mean([C**2 for C in (32, 64)])
    worth = family.model.hypernetwork.nats.numpy() / np.repeat([[1], [2]], 14, axis=0)
    return 0.3 * worth / np.sqrt((worth**2).mean()) - 1.0 * parameters / 5984


@pytest.fixture(scope="module")
def points(b) -> np.ndarray:
    """Where all S_m - b_m are the same number x and S sums to 1: a linear system for each edge, (28, 3)."""
    system = np.block([[np.eye(3), -np.ones((3, 1))], [np.ones((1, 3)), np.zeros((1, 1))]])
    return np.array([np.linalg.solve(system, [*own, 1])[:3] for own in b])


@pytest.fixture(scope="module")
def chosen(family) -> np.ndarray:
    """The family's operations on the lattice: (231, 28)."""
    return np.array([family.architecture(S).operations for S in penalties.lattice(3, 0.05)])


def on_the_walk(m: int, penalty: float) -> np.ndarray:
    return np.where(np.arange(3) == m, penalty, (1 - penalty) / 2)


# The two forms


def test_smallest_example_by_hand():
    table = page.pivots_table()
    near, far = 0.3**2 + 2 * 0.15**2, 0.7**2 + 0.85**2 + 0.15**2
    assert table["squared distance"].tolist() == [f"{near:.3f}", f"{far:.3f}", f"{far:.3f}"]
    total = math.exp(near) + 2 * math.exp(far)
    assert table["weight ω"].tolist() == [f"{math.exp(d) / total:.3f}" for d in (near, far, far)]
    assert "the *farthest* pivot weighs most" in TEXT and "C, where most of the penalty is on pooling" in TEXT
    assert page.PAPER["C"][0] == page.EXAMPLE


def test_weights_of_pivots_on_the_simplex():
    assert r"a factor of at most $e^2 \approx 7.4$, because squared distances there never exceed 2" in TEXT
    corners, S = np.eye(3), penalties.lattice(3, 0.1)
    assert max(((S - corner) ** 2).sum(axis=1).max() for corner in corners) == pytest.approx(2)
    assert round(math.exp(2), 1) == 7.4
    published_form = settings.preset("paper")
    assert published_form.hypernetwork == "pivot"


def test_our_formula_is_the_librarys(family, b):
    """Also with the numbers of the table of symbols, which the fixture has in digits."""
    assert not list(family.model.hypernetwork.parameters()), "no gradient trains it"
    for S in penalties.lattice(3, 0.25):
        assert np.allclose(family.logits(S), 400 * (b - S), atol=1e-2)
    known = page.numbers()
    config = family.config
    assert (config.spread, config.parameter_price, config.gain) == (0.3, 1.0, 400)
    assert [known[f"hypernetwork.{name}"] for name in ("spread", "parameter_price", "gain")] == ["0.3", "1", "400"]
    assert known["hypernetwork.largest"] == "5,984"
    shares = [known[f"hypernetwork.{name}"] for name in ("share.normal", "share.identity", "times")]
    assert shares == [f"{800 / 5984:.2f}", f"{2560 / 5984:.2f}", f"{5984 / 800:.1f}"]
    preset = settings.preset("default")
    assert "their values in the preset `default`" in TEXT
    assert all(
        getattr(preset, name) == getattr(config, name) for name in ("spread", "gain", "parameter_price", "price")
    )


def test_notation_has_the_numbers_of_the_presets():
    notation, ours, theirs = prose("notation"), settings.preset("default"), settings.preset("paper")
    values = {
        "config.spread": f"{ours.spread:g} (`default`)",
        "config.parameter_price": f"{theirs.parameter_price:g} (`paper`), {ours.parameter_price:g} (`default`)",
        "config.gain": f"{ours.gain:g} (`default`)",
        "config.kappa": f"{theirs.kappa:g} (`paper`)",
    }
    for name, value in values.items():
        assert value in next(line for line in source("notation").splitlines() if f"`{name}`" in line)
    assert f"{theirs.kappa:g} in the `paper` preset" in notation
    S, space = torch.tensor([[0.0, 0.0, 1.0]]), ours.space
    prices = cost.price(S, space, ours.parameter_price)
    dearest = torch.nn.functional.one_hot(prices.argmax(dim=-1), space.k).double()
    most = cost.price_term(dearest, prices.double(), space).item()
    assert f"at most {most:.1f} in `default`" in notation


# The rule for kappa


def test_kappa_makes_the_spread(families):
    for found in families:
        cells = np.repeat([[1], [2]], 14, axis=0)
        expected = np.sqrt(((found.nats / cells) ** 2).mean()) / 0.3
        assert found.kappa == pytest.approx(expected, rel=1e-5)
        assert np.allclose(found.v, found.nats / (expected * cells), atol=1e-5)


def test_reach_is_that_of_the_library(family, found):
    """Also with another kappa, given to the library's hypernetwork."""
    parameters, hypernetwork = cost.edge_parameters(SearchSpace()), copy.deepcopy(family.model.hypernetwork)
    S = torch.from_numpy(penalties.lattice(3, 0.05)).float()
    kappas = found.kappa * np.array([0.4, 1, 2.5])
    ends = []
    for kappa in kappas:
        hypernetwork.kappa.fill_(kappa)
        sizes = parameters[np.arange(28), hypernetwork(S).argmax(dim=-1).numpy()].sum(axis=1)
        ends.append((sizes.min(), sizes.max()))
    assert np.array_equal(page.reach(found, kappas).T, ends)


def test_picture_of_the_reach(families):
    (ax,) = page.reaches().axes
    kappas = sorted({line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "None"})
    assert np.allclose(kappas, sorted({found.kappa for found in families}))
    lines = {name: [line for line in ax.lines if line.get_label() == name] for name, *_ in page.ENDS}
    assert [len(own) for own in lines.values()] == 2 * [len(families)]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(lines)
    smallest, largest = (np.array([line.get_ydata() for line in own]) for own in lines.values())
    kappa = ax.lines[0].get_xdata()
    assert (smallest <= largest).all()
    assert "from 0.0025 to 0.1 nats" in TEXT and np.allclose(kappa[[0, -1]], (0.0025, 0.1))
    assert "falls from more than 150,000 to 0 at about 0.01" in TEXT
    assert (smallest[:, 0] > 150).all() and (smallest[:, kappa > 0.015] < 3).all() and (smallest[:, -1] == 0).all()
    assert "stays near 178,000 until about 0.015, then falls to about 50,000" in TEXT
    assert (largest[:, kappa < 0.01] > 160).all() and (abs(largest[:, -1] - 50) < 5).all()


def test_what_the_page_says_of_the_rule(families):
    known = {name: float(value.replace(",", "")) for name, value in page.numbers().items()}
    assert "**With a small $\\kappa$ no network is small, with a large one none is large**" in TEXT
    assert known["hypernetwork.half.smallest"] > known["hypernetwork.own.smallest"]
    assert known["hypernetwork.twice.largest"] < known["hypernetwork.own.largest"]
    assert "Convolutions only have 178,752." in TEXT
    assert cost.edge_parameters(SearchSpace())[:, CONVOLUTION].sum() == 178752
    assert known["hypernetwork.families"] == len(families)
    kappas = [found.kappa for found in families]
    assert known["hypernetwork.kappa.least"] == pytest.approx(min(kappas), abs=5.1e-5)
    assert known["hypernetwork.kappa.most"] == pytest.approx(max(kappas), abs=5.1e-5)
    digits = float(re.search(r"here the rule gives ([\d.]+)\.", prose("training"))[1])
    assert "have one about three times as large" in TEXT and digits / np.mean(kappas) == pytest.approx(3, abs=0.75)


def test_multiplying_worths_changes_no_network(family):
    assert "multiply all by a number, and every $S$ gives the network it gave" in TEXT
    hypernetwork = copy.deepcopy(family.model.hypernetwork)
    S = torch.from_numpy(penalties.lattice(3, 0.1)).float()
    before = hypernetwork(S)
    hypernetwork.learn(Worth(7 * hypernetwork.nats.numpy(), 7 * hypernetwork.error.numpy()))
    torch.testing.assert_close(hypernetwork(S), before)


# What was found


def test_worths_are_drawn_with_their_errors(family):
    figure = page.worths()
    assert len(figure.axes) == 2
    nats, error = (1e3 * getattr(family.model.hypernetwork, name).numpy() for name in ("nats", "error"))
    markers = []
    for ax, edges in zip(figure.axes, (NORMAL, REDUCTION), strict=True):
        for m, drawn in enumerate(ax.containers):
            dots, _, (bars,) = drawn.lines
            assert np.allclose(dots.get_xdata(), nats[edges, m], atol=1e-4)
            assert np.array_equal(np.rint(dots.get_ydata()), np.arange(14))
            ends = np.array([segment[:, 0] for segment in bars.get_segments()])
            assert np.allclose(ends.mean(axis=1), nats[edges, m], atol=1e-4)
            assert np.allclose(np.diff(ends)[:, 0] / 2, error[edges, m], atol=1e-4)
            assert colors.to_hex(dots.get_color()).upper() == list(OPERATION_COLORS.values())[m]
            markers.append(dots.get_marker())
    assert len(set(markers[:3])) == 3 and markers[:3] == markers[3:]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    # DARTS counts a cell's inputs first: its node 0 is c-2, and its node 2 is the first of its own.
    nodes = ["c-2", "c-1", "1", "2", "3", "4"]
    assert names == [f"{nodes[source]}→{nodes[target]}" for target in range(2, 6) for source in range(target)]


def test_what_the_page_says_of_the_genotypes(family):
    nats, error = (getattr(family.model.hypernetwork, name).numpy() for name in ("nats", "error"))
    known = {name: float(value.replace(",", "")) for name, value in page.numbers().items()}
    normal, reduction = nats[NORMAL, CONVOLUTION].mean(), nats[REDUCTION, CONVOLUTION].mean()
    assert known["hypernetwork.worth.normal"] == pytest.approx(normal, abs=5.1e-5)
    assert known["hypernetwork.worth.reduction"] == pytest.approx(reduction, abs=5.1e-5)
    assert known["hypernetwork.worth.cell"] == pytest.approx(reduction / 2, abs=5.1e-5)
    assert "than in the normal one, " in TEXT and "Divided by the two cells" in TEXT and reduction / 2 > normal
    clear = abs(nats) > 2 * error
    assert "Of the 14 worths of a convolution on reduction edges" in TEXT
    assert known["hypernetwork.clear.reduction"] == (nats > 2 * error)[REDUCTION, CONVOLUTION].sum() > 7
    assert "the convolutions lie to the right of zero, most pooling and identity to the left" in TEXT
    assert (nats[REDUCTION, CONVOLUTION] > 0).all() and (nats[REDUCTION, :CONVOLUTION] < 0).mean() > 3 / 4
    assert "**In the normal genotype most worths are within their errors.**" in TEXT
    assert known["hypernetwork.clear.normal"] == clear[NORMAL].sum() < 21
    others = [Family.load(name).model.hypernetwork.nats.numpy()[:, CONVOLUTION] for name in published.DEFAULT]
    normals, reductions = ([own[edges].mean() for own in others] for edges in (NORMAL, REDUCTION))
    assert known["hypernetwork.normal.least"] == pytest.approx(min(normals), abs=5.1e-5)
    assert known["hypernetwork.normal.most"] == pytest.approx(max(normals), abs=5.1e-5)
    assert known["hypernetwork.reduction.least"] == pytest.approx(min(reductions), abs=5.1e-5)
    assert "the error bars of an edge mostly overlap" in TEXT
    apart = [
        abs(nats[NORMAL, a] - nats[NORMAL, b]) > error[NORMAL, a] + error[NORMAL, b]
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    assert np.mean(apart) < 1 / 4
    assert known["hypernetwork.paths"] == len(family.model.paths.losses) - len(family.model.paths.losses) // 2


def test_edges_of_a_genotype_are_hardly_told_apart(family, found):
    """By the whole covariance, of a Gaussian process whose two widths maximise the evidence."""
    assert "**Edges of a genotype are hardly told apart.**" in TEXT and "they hardly say" in TEXT
    choices, losses = family.model.paths.latest()
    one_hot = np.eye(3)[choices].reshape(len(losses), -1)
    of_type = np.kron(np.repeat(np.eye(2), 14, axis=0), np.eye(3))  # (84, 6)
    trend = np.linalg.qr(np.vander(np.linspace(0, 1, len(losses)), 3))[0]
    X, y = (values - trend @ (trend.T @ values) for values in (one_hot, losses))
    prior = np.eye(84) + of_type @ of_type.T  # of an edge's own effect plus that of its type
    values, vectors = np.linalg.eigh(X @ prior @ X.T)
    rotated = vectors.T @ y

    def surprise(logs: np.ndarray) -> float:
        variance = np.exp(logs[0]) * values.clip(0) + np.exp(logs[1])
        return float(np.sum(np.log(variance) + rotated**2 / variance))

    width, noise = np.exp(minimize(surprise, np.log([1e-4, 0.05]), method="Nelder-Mead").x)
    share = width * prior @ X.T @ vectors / (width * values.clip(0) + noise)
    centred = -np.kron(np.eye(28), np.eye(3) - 1 / 3)
    covariance = centred @ (width * prior - share @ vectors.T @ X @ prior * width) @ centred.T
    nats = (centred @ (share @ rotated)).reshape(28, 3)
    assert np.allclose(nats, found.nats, atol=4e-4), "the same regression"
    assert np.allclose(np.sqrt(np.diag(covariance)).reshape(28, 3), found.error, rtol=0.05)

    sizes = []
    for edges in (range(14), range(14, 28)):
        for first in edges:
            for second in range(first + 1, edges[-1] + 1):
                for m in range(3):
                    contrast = np.zeros(84)
                    contrast[[3 * first + m, 3 * second + m]] = 1, -1
                    sizes.append(abs(contrast @ nats.ravel()) / np.sqrt(contrast @ covariance @ contrast))
    assert "differ in worth by more than two standard errors" in TEXT and np.mean(np.array(sizes) > 2) < 0.05
    known = page.numbers()
    assert int(known["hypernetwork.pairs"]) == len(sizes)
    assert int(known["hypernetwork.apart"]) == pytest.approx(np.sum(np.array(sizes) > 2), abs=3)
    assert page.apart(found).max() == pytest.approx(max(sizes), rel=0.06)
    # The genotypes are: a convolution's worth for each cell, mean over edges.
    contrast = np.zeros(84)
    contrast[CONVOLUTION:42:3], contrast[42 + CONVOLUTION :: 3] = -1 / 14, 1 / 28
    assert contrast @ nats.ravel() > 3 * np.sqrt(contrast @ covariance @ contrast)


# Where edges change their mind


def test_points_are_drawn_where_operations_tie(points, found):
    assert np.allclose(page.indifference(found.b), points, atol=1e-5)
    figure = page.triple_points()
    (ax,) = figure.axes
    drawn = {dots.get_label(): dots.get_offsets() for dots in ax.collections}
    ax.figure.canvas.draw()
    corners = ax.transProjection.transform(np.eye(3))
    inside = (points >= 0).all(axis=1)
    for genotype, edges in (("normal", NORMAL), ("reduction", REDUCTION)):
        expected = points[edges][inside[edges]] @ corners
        assert np.allclose(sorted(drawn[genotype].tolist()), sorted(expected.tolist()), atol=1e-5)
    assert int(page.numbers()["hypernetwork.outside"]) == (~inside).sum()
    assert {text.get_text() for text in ax.texts} >= set("ABCD")
    names = {text.get_text(): text for text in ax.texts if text.get_text() in OPERATION_COLORS}
    assert list(names) == list(OPERATION_COLORS)
    edge = points[np.linalg.norm(points[NORMAL] - 1 / 3, axis=1).argmin()]
    for m, text in enumerate(names.values()):
        place = np.array(text.get_position())
        S = np.linalg.solve(np.vstack([corners.T, np.ones(3)]), [*place, 1])
        assert (S - edge).argmin() == m, "its name stands where it is taken"
        assert np.linalg.norm(points @ corners - place, axis=1).min() > 0.028 * np.ptp(corners), "and hides no mark"
    (groups,) = figure.legends
    assert [text.get_text() for text in groups.get_texts()] == ["normal", "reduction"]


def test_parts_between_the_borders_are_where_an_edge_takes_an_operation(family, points):
    edge = int(np.linalg.norm(points[NORMAL] - 1 / 3, axis=1).argmin())  # the one that is drawn
    random, area = np.random.default_rng(0), 0.0
    for m in range(3):
        corners = page.region(points[edge], m)
        assert np.allclose(corners.sum(axis=1), 1) and (corners >= -1e-12).all()
        for weights in random.dirichlet(np.ones(len(corners)), size=40):
            assert family.architecture(weights @ corners).operations[edge] == m
        x, y, _ = corners.T
        area += abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2
    assert area == pytest.approx(1 / 2), "of the whole triangle, no gaps"


def test_28_points_are_the_family(chosen, points):
    lattice = penalties.lattice(3, 0.05)
    assert "28 points say which network every $S$ gives" in TEXT
    assert np.array_equal(page.choices(points, lattice), chosen) and points.shape == (28, 3)
    assert int(page.numbers()["hypernetwork.networks"]) == len({tuple(choice) for choice in chosen.tolist()})


def test_an_edge_whose_point_lies_outside_never_takes_an_operation(family, points):
    assert (
        "Where a point lies outside the triangle (here " in TEXT
        and "its edge has an operation that it never takes" in TEXT
    )
    S = torch.from_numpy(penalties.lattice(3, 0.01)).float()
    with torch.no_grad():
        taken = family.model.hypernetwork(S).argmax(dim=-1).numpy()
    kinds = np.array([len(set(own)) for own in taken.T])
    outside = (points < 0).any(axis=1)
    assert (
        outside.sum() == int(page.numbers()["hypernetwork.outside"])
        and (kinds[outside] < 3).all()
        and (kinds[~outside] == 3).all()
    )


def test_order_of_convolutions(family, b):
    """At a penalty little below and little above that of the table; the columns add up to what decides."""
    order = page.order()
    names = [(edge.cell_type, page.edge_name(row)) for row, edge in enumerate(genotype_edges(SearchSpace()))]
    assert sorted(zip(order["genotype"], order["edge"], strict=True)) == sorted(names)
    assert order["penalty"].is_monotonic_decreasing
    for line in order.to_dict("records"):
        edge = names.index((line["genotype"], line["edge"]))
        if (last := line["penalty"]) > 0:
            below, above = (
                family.architecture(on_the_walk(CONVOLUTION, last + d)).operations[edge] for d in (-1e-3, 1e-3)
            )
            assert below == CONVOLUTION != above
        else:
            assert family.architecture([0.5, 0.5, 0]).operations[edge] != CONVOLUTION
        assert line["worth"] - line["parameters"] == pytest.approx(b[edge, 2] - b[edge, :2].max(), abs=1e-5)
    in_one_cell = order.loc[order["genotype"] == "normal", "parameters"]
    assert np.allclose(in_one_cell, 800 / 5984)


def test_table_shows_both_ends_of_the_order():
    order, table = page.order(), page.order_table()
    first = int(page.numbers()["hypernetwork.before"])
    assert (order["genotype"][:first] == "normal").all() and order["genotype"][first] == "reduction"
    assert table["place"].tolist() == [str(place) for place in sorted({1, 2, 3, first + 1, 28})]
    for place, line in zip(table["place"], table.to_dict("records"), strict=True):
        whole = order.iloc[int(place) - 1]
        assert line["edge"] == f"{whole['genotype']}, {whole['edge']}"
        assert line["takes it up to"] == (f"{whole['penalty']:.2f}" if whole["penalty"] >= 0 else "never")
        assert (line["worth"], line["parameters"]) == (f"{whole['worth']:.2f}", f"{whole['parameters']:.2f}")


def test_an_edge_that_has_left_an_operation_does_not_return(family):
    """On random lines to a corner."""
    assert "**Counts fall, and never rise again.**" in TEXT and "So an edge that has left $m$ does not return." in TEXT
    random = np.random.default_rng(0)
    for _ in range(5):
        start, m = random.dirichlet(np.ones(3)), random.integers(3)
        line = [(1 - t) * start + t * np.eye(3)[m] for t in np.linspace(0, 1, 30)]
        taken = np.array([family.architecture(S).operations for S in line]) == m
        assert (np.diff(taken.astype(int), axis=0) <= 0).all()


# What can go wrong


def test_random_numbers_steer_as_well():
    assert "Counts fall with the penalty whatever stands in the place of worth; random numbers steer as well" in TEXT
    points = page.indifference(np.random.default_rng(0).normal(scale=0.3, size=(28, 3)))
    for m in range(3):
        edges = [(page.choices(points, on_the_walk(m, t)[None]) == m).sum() for t in np.linspace(0, 1, 41)]
        assert (np.diff(edges) <= 0).all() and edges[0] > 15 and edges[-1] == 0


def test_every_number_stands_on_the_page():
    assert unsaid(page.numbers(), "hypernetwork") == set()
