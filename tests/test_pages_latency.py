"""The page `latency`: its tables and figures by other routes, and what its prose says of them."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from pages import prose
from torch.nn.functional import one_hot

from simplexnas.family import Family
from simplexnas.io import paths, records
from simplexnas.latency.parts import parts
from simplexnas.latency.table import LatencyTable
from simplexnas.measure import price_alone
from simplexnas.methods import gumbel, penalties, settings
from simplexnas.network.architecture import Architecture
from simplexnas.report import paper, published
from simplexnas.report.pages import latency as page
from simplexnas.space import cost
from simplexnas.space.search_space import genotype_edges

TEXT = prose("latency")


def hand_made(**choices) -> list[dict]:
    """What `read_without_images` returns, with these choices at the paper's S, {name: list of lists}."""
    return [{"epochs": epochs, "choices": choices, "least_edge_parameters": [5120, 5121]} for epochs in (10, 20)]


def test_measures_of_one_edge():
    found = page.measures().set_index(["edge", "operation"])
    assert found["Lat at A"].tolist() == 3 * ["0.33"] + 3 * ["0.67"]
    assert found["parameters"].tolist() == ["0", "0", "800", "0", "5,120", "11,968"]
    table = LatencyTable.load(published.TIMED_TABLE)

    def milliseconds(**taken) -> float:
        """Of all parts of a network that takes identities, and other operations on single edges."""
        operations = [taken.get(f"_{edge}", page.IDENTITY) for edge in range(28)]
        return sum(table.ms(part, 64) * n for part, n in parts(Architecture(page.SPACE, operations)).items())

    # one convolution more, without its source part, of which others would bear a share
    more = milliseconds(_0=page.CONVOLUTION) - milliseconds()
    assert float(found.loc[("normal", "convolution"), "ms"]) == pytest.approx(more, abs=0.1)


def test_no_measure_stands_in_for_another():
    table = LatencyTable.load(published.TIMED_TABLE).edge_ms(64)[:, page.CONVOLUTION]
    parameters = cost.edge_parameters(page.SPACE)[:, page.CONVOLUTION]
    normal, reduction = page.PLACES.values()
    assert "fifteen times the parameters" in TEXT and round(parameters[reduction] / parameters[normal]) == 15
    assert "only a third more time" in TEXT and table[reduction] / table[normal] == pytest.approx(4 / 3, abs=0.05)


def test_gradient_is_a_third_of_the_vector_from_the_centre():
    assert "the gradient on a normal edge is a third of the vector from the centre of the triangle to $S$" in TEXT
    S = penalties.sample(5, 3, generator=torch.Generator().manual_seed(0)).double()
    logits = torch.zeros(5, 28, 3, dtype=torch.float64, requires_grad=True)
    cost.price_term(torch.softmax(logits, dim=-1), cost.price(S, page.SPACE), page.SPACE).sum().backward()
    assert torch.allclose(logits.grad[:, 0], (S - 1 / 3) / 3)
    distances = [np.linalg.norm(np.array(S) - 1 / 3) for S, *_ in paper.PAPER.values()]
    assert distances[1] == pytest.approx(distances[2]) == pytest.approx(distances[3]) and distances[0] < 0.01


def test_samples_agree_with_lat_without_temperature():
    noise = torch.randn(28, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    logits, prices = noise + torch.tensor([1.0, 0, 0]), cost.price(torch.tensor([[0.2, 0.3, 0.5]]), page.SPACE)
    drawn = one_hot(gumbel.hard_sample(logits.expand(20_000, 28, 3), torch.Generator().manual_seed(2)), 3).double()
    sampled = cost.price_term(drawn, prices.double().expand(20_000, -1, -1), page.SPACE).mean()
    exact, other = (
        cost.price_term(torch.softmax(logits / t, dim=-1)[None], prices.double(), page.SPACE) for t in (1.0, 0.2)
    )
    assert abs(sampled - exact) < 0.05 < abs(sampled - other)


def test_what_one_edge_saves_at_B():
    found = page.numbers()
    assert found["latency.saved50"] == "27.5" and found["latency.outweighs"] == f"{27.5 / math.log(10):.0f}"


def test_control_forbids_what_is_dear_and_no_tie_is_refused():
    for line in page.control_counts().to_dict("records"):
        S, *_, theirs = paper.PAPER[line["model"]]
        control = [int(count) for count in line["control"].split(" / ")]
        assert [control[m] for m in range(3) if S[m] > min(S)] == [0] * sum(value > min(S) for value in S)
        assert sum(control) == 28 and line["paper"] == " / ".join(map(str, theirs.values()))
    p = page.control_counts()["P-value"].astype(float)
    assert p.min() >= 0.05 and p.idxmin() == 3, "D comes nearest"
    assert page.control_counts().loc[2, "P-value"] == f"{math.erfc((1 / 7) ** 0.5 / 2**0.5):.2f}"  # C: (15 - 13)² / 28


def test_places_by_counting():
    found = page.places().set_index(["model", "edges"])
    what = "9 convolutions: normal"
    assert found.loc[("D", what), "chance"] == f"{math.comb(14, 9) / math.comb(28, 9):.4f}"
    none = math.comb(20, 10) / math.comb(28, 10)
    assert found.loc[("A", "10 identities: stride 2"), "chance"] == f"{none:.4f}"
    expected = found["expected"].astype(float)
    of_A, of_B = ("A", "10 identities: stride 2"), ("B", "11 identities: stride 2")
    assert "Of the 21 identities in A and B one has stride 2, where 6 are expected" in TEXT
    assert found.loc[of_A, "paper"] + found.loc[of_B, "paper"] == 1 and round(expected[of_A] + expected[of_B]) == 6


def test_without_images_counts_every_edge_once():
    found = page.without_images()
    assert len(found) == 4 * 2 * 3 * 100
    assert set(found.groupby(np.arange(len(found)) // 3)["edges"].sum()) == {28}
    first = price_alone.read_without_images()[0]["choices"]["C"]
    own = found[(found["model"] == "C") & (found["epochs"] == 10)]["edges"].to_numpy().reshape(100, 3)
    assert np.array_equal(own, [np.bincount(chosen, minlength=3) for chosen in first])


def test_a_hundred_dots_and_a_cross_for_each_operation():
    counts = page.without_images()
    axes = page.hundred().axes
    assert [ax.get_title(loc="left")[0] for ax in axes] == list("ABCD")
    for ax, (name, (*_, theirs)) in zip(axes, paper.PAPER.items(), strict=True):
        crosses = [line for line in ax.lines if line.get_marker() == "x"]
        assert [line.get_xdata()[0] for line in crosses] == list(theirs.values())
        dots = [line for line in ax.lines if line.get_marker() in "oD"]
        assert [line.get_marker() for line in dots] == ["o", "D"] * 3
        for (operation, epochs), line in zip(itertools.product(theirs, (10, 20)), dots, strict=True):
            own = counts[(counts["model"] == name) & (counts["operation"] == operation) & (counts["epochs"] == epochs)]
            assert np.array_equal(np.rint(line.get_xdata()), own["edges"])
            row = list(theirs).index(operation)
            assert (abs(line.get_ydata() - row) < 0.5).all()


def test_spread_by_hand(monkeypatch):
    choices = {name: [28 * [0], 14 * [0] + 14 * [1]] for name in paper.PAPER}
    monkeypatch.setattr(price_alone, "read_without_images", lambda: hand_made(**choices))
    found = page.spread().iloc[0]
    sd = 14 / 2**0.5
    assert found[["pool", "identity", "convolution"]].tolist() == [f"21.0 ± {sd:.1f}", f"7.0 ± {sd:.1f}", "0.0 ± 0.0"]
    choices = {name: [28 * [0], 14 * [1] + 14 * [2], 28 * [1]] for name in paper.PAPER}
    monkeypatch.setattr(price_alone, "read_without_images", lambda: hand_made(**choices))
    of_A = page.spread().iloc[0]  # means 9.3, 14 and 4.7
    expected = max(
        abs(n - np.mean(own)) / np.std(own, ddof=1)
        for n, own in zip((12, 10, 6), ((28, 0, 0), (0, 14, 28), (0, 14, 0)), strict=True)
    )
    assert of_A["distance"] == pytest.approx(expected, abs=0.006)


def test_one_sided_by_hand(monkeypatch):
    strided = [
        row for row, edge in enumerate(genotype_edges(page.SPACE)) if edge.cell_type != "normal" and edge.source < 2
    ]
    assert len(strided) == 8
    plain = [0 if row in strided else 1 for row in range(28)]  # identities, none of stride 2
    normal, reduction = 14 * [2] + 14 * [0], 14 * [0] + 14 * [2]
    one, two = ([1 if row in strided[:n] else 0 for row in range(28)] for n in (1, 2))
    choices = {"A": [plain, one], "B": [one, two], "C": [reduction, normal], "D": [normal, reduction]}
    monkeypatch.setattr(price_alone, "read_without_images", lambda: hand_made(**choices))
    found = page.one_sided()
    assert found.columns.tolist() == ["of 2 trainings", "10 epochs", "20 epochs"]
    assert found["10 epochs"].tolist() == [1, 1, 1, 1, 1, 1, 1, 2]
    one_side = {"A": [one, plain], "B": [one, two], "C": [reduction, normal], "D": [normal, reduction]}
    monkeypatch.setattr(price_alone, "read_without_images", lambda: hand_made(**one_side))
    assert page.one_sided()["20 epochs"].tolist() == [1, 1, 1, 1, 0, 0, 1, 2]
    assert page.three_sides() == 6 * [1]


def test_what_the_page_says_of_trainings_without_images():
    found = page.one_sided().set_index("of 100 trainings")
    assert "hardly ever do, and D's side, all convolutions in the normal genotype, never" in TEXT
    none, three = ["D: all convolutions normal", "all four"], "A, B and C together"
    assert (found.loc[none] == 0).all(axis=None) and (found.drop([*none, three]) > 0).all(axis=None)
    assert "price and initial values hardly explain the places" in TEXT and found.loc[three].max() <= 2
    content = records.read(paths.RESULTS / price_alone.WITHOUT_IMAGES)
    assert "one of 10 epochs" in TEXT and content["steps"] == 4690 and content["kappa"] == 50
    assert "wide where operations tie" in TEXT
    assert page.without_images().query("model == 'A'").groupby(["epochs", "operation"])["edges"].std().min() > 3


def test_price_and_worth_are_of_one_size():
    assert "So at B the price decides, and at C, where it alone would take pooling, the data do" in TEXT
    found, gains, kappas = page.numbers(), [], []
    for name in published.DEFAULT:
        hypernetwork = Family.load(name).model.hypernetwork
        pool, _, convolution = hypernetwork.nats[14:].mean(dim=0).tolist()
        gains.append((convolution - pool) / 2)  # a reduction edge stands in two cells
        kappas.append(hypernetwork.kappa.item())
    assert max(kappas) * 0.45 < min(gains) and max(gains) < min(kappas) * 1.55
    assert found["latency.dearer.B"] == f"{1.55 * min(kappas):.3f}", "0.55 of penalty, 1 for parameters"
    assert found["latency.dearer.C"] == f"{0.45 * max(kappas):.3f}"
    assert [found[f"latency.gained.{end}"] for end in ("least", "most")] == [f"{min(gains):.3f}", f"{max(gains):.3f}"]
    assert [found[f"latency.kappa.{end}"] for end in ("least", "most")] == [
        f"{kappa:.3f}" for kappa in (min(kappas), max(kappas))
    ]


def test_the_price_of_parameters_is_that_of_one_cell():
    found = page.numbers()
    prices = page.default_prices((0.2, 0.3, 0.5))
    share = (9_344 + 2_624) / 2 / float(found["latency.largest"].replace(",", ""))
    assert share == 1 and prices[14, page.CONVOLUTION] == pytest.approx(0.5 + float(found["latency.parameter_price"]))
    assert prices[0, page.CONVOLUTION] == pytest.approx(0.5 + 800 / 5_984)
    assert prices[:, page.POOL] == pytest.approx(0.2)


def test_numbers_are_what_the_prose_needs():
    found = page.numbers()
    assert float(found["latency.border"]) == pytest.approx(math.log(10) / 50, abs=5e-4)
    distances = page.spread().groupby("epochs")["distance"].max()
    assert distances[10] < float(found["latency.distance10"]) and distances[20] < float(found["latency.distance20"])
    hardest = torch.tensor([[0.0, 0.0, 1.0]])
    convolutions = one_hot(torch.full((1, 28), page.CONVOLUTION), 3).float()
    theirs, ours = (settings.preset(name).parameter_price for name in ("paper", "default"))
    for parameter_price, most in ((theirs, 42), (ours, float(found["latency.most"]))):
        prices = cost.price(hardest, page.SPACE, parameter_price)
        assert cost.price_term(convolutions, prices, page.SPACE).item() == pytest.approx(most, abs=0.05)
    assert "lies between 0 and 42 here with the published price" in TEXT
    assert float(found["latency.dearest"]) == pytest.approx(1 / 3 + ours, abs=1e-3)
    assert pd.Series(found).notna().all()
