"""The page `published_method`: its tables and figures by other routes, and what its prose says of them."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from pages import prose, unsaid

from simplexnas.io import paths, records
from simplexnas.io.records import Accuracy
from simplexnas.measure import price_alone
from simplexnas.methods import gumbel, settings
from simplexnas.report import analysis, published, tables
from simplexnas.report.pages import latency
from simplexnas.report.pages import published_method as page
from simplexnas.report.paper import PAPER
from simplexnas.training.optimizers import Optimizers

TEXT = prose("published_method")


@pytest.fixture(scope="module")
def trained() -> dict[str, list[dict]]:
    """By name of the S, the network of each training, as it lies in its file."""
    files = [json.loads((paths.RESULTS / name / records.PAPER_POINTS).read_text()) for name in page.FAMILIES]
    return {name: [point for file in files for point in file["points"] if point["name"] == name] for name in PAPER}


# What it gives


def test_squares_are_our_trainings_with_images(trained):
    for ax, (name, own) in zip(page.against_the_price().axes, trained.items(), strict=True):
        squares = [line for line in ax.lines if line.get_marker() == "s"]
        assert len(ax.lines) == len(squares) == 3
        for row, (line, operation) in enumerate(zip(squares, PAPER[name][3], strict=True)):
            assert list(line.get_xdata()) == [point["operations"][operation] for point in own]
            assert set(line.get_ydata()) == {row}
    assert "**Three trainings**" in TEXT and len(page.FAMILIES) == 3


def test_bars_are_the_ranges_of_the_trainings_without_images():
    counts = latency.without_images()
    for ax, name in zip(page.against_the_price().axes, PAPER, strict=True):
        bars = iter(ax.patches)
        for row, operation in enumerate(PAPER[name][3]):
            edges = np.sort(counts.loc[(counts["model"] == name) & (counts["operation"] == operation), "edges"])
            whole, inner = next(bars), next(bars)
            ends = []
            for bar in (whole, inner):
                assert bar.get_y() + bar.get_height() / 2 == pytest.approx(row)
                first, half = bar.get_x(), page.BAR / 2
                ends.append((first + half, first + bar.get_width() - half))
            assert ends[0] == pytest.approx((edges[0], edges[-1]))
            inside = (edges >= ends[1][0] - 1e-9) & (edges <= ends[1][1] + 1e-9)
            assert inside.mean() >= 0.8 and whole.get_height() > inner.get_height()


def test_nothing_stands_out_from_the_ranges(trained):
    """Every count of the paper's, and of ours, lies within what a hundred trainings without images give."""
    assert "Our trainings with images do not stand out from it" in TEXT
    counts = latency.without_images()
    for (name, operation), own in counts.groupby(["model", "operation"]):
        for found in (PAPER[name][3], *(point["operations"] for point in trained[name])):
            assert own["edges"].min() <= found[operation] <= own["edges"].max()


def test_it_steers(trained):
    assert "B has no convolution, C no pooling, D no identity, nearly as in the paper (D: one)" in TEXT
    for name, operation in (("B", "convolution"), ("C", "pool"), ("D", "identity")):
        assert {point["operations"][operation] for point in trained[name]} == {0}
        assert PAPER[name][3][operation] == (name == "D")
    off = [abs(p["operations"][m] - n) for name in PAPER for p in trained[name] for m, n in PAPER[name][3].items()]
    assert page.numbers()["published_method.edges"] == f"{max(off)}"


def test_networks_of_the_lattice():
    known = page.numbers()
    lattices = [records.read_lattice(name).points for name in page.FAMILIES]
    networks = sorted(len({point.choice for point in points}) for points in lattices)
    assert [known[f"published_method.networks.{end}"] for end in ("least", "most")] == [
        str(networks[0]),
        str(networks[-1]),
    ]
    tests = [100 * point.accuracy.test for points in lattices for point in points]
    assert (
        known["published_method.low"] == f"{min(tests):.0f}" and known["published_method.high"] == f"{max(tests):.0f}"
    )
    assert all(len(points) == 231 for points in lattices)


def test_the_training_is_what_the_page_says():
    assert settings.preset("paper").kappa == 50 and settings.preset("paper").batch_size == 64
    assert page.numbers()["published_method.steps"] == f"{55_000 // 64 * 5:,}" and price_alone.AUTHORS_STEPS == 4_690
    config = records.read_lattice(page.FAMILIES[0]).config
    assert (config["epochs"], config["flip"], config["shift"]) == (5, False, 0)
    assert (config["matrix_learning_rate"], config["learning_rate"]) == (0, 0.003) and config["ema"] == 0
    assert (config["weight_decay"], config["hypernetwork_beta1"]) == (0.0001, 0.5) and config["channels_last"]
    assert "AdamW, one-cycle rate of at most 0.003, weight decay 0.0001" in TEXT and "AdamW (0.5), one-cycle" in TEXT
    assert page.numbers()["published_method.images"] == f"{config['train_images']:,}" == "55,000"
    mean = one_cycle_mean() * config["hypernetwork_learning_rate"]
    assert "one-cycle rate with the same mean" in TEXT and mean == pytest.approx(1e-3, rel=0.05)


def test_the_temperature_is_the_authors():
    assert "1, lowered by 0.08 after each tenth of the training" in TEXT
    config = settings.preset("paper")
    schedule = config.temperature_start, config.temperature_end, config.temperature_steps
    for n in range(10):
        assert gumbel.temperature((n + 0.5) / 10, *schedule) == pytest.approx(1 - 0.08 * n)


def test_it_takes_about_as_long_as_ours():
    assert "That takes about as long as the" in TEXT
    theirs, ours = (
        np.mean([records.read_lattice(name).training_seconds for name in names])
        for names in (page.FAMILIES, published.DEFAULT)
    )
    assert theirs / ours == pytest.approx(1, rel=0.3)


def one_cycle_mean(steps: int = 2000) -> float:
    """Mean of the rate over a training, as a share of its peak."""
    network, rates = torch.nn.Linear(2, 2), []
    optimizers = Optimizers(network, settings.preset("paper"), steps)
    for _ in range(steps):
        rates.append(optimizers.learning_rate)
        optimizers.step()
    return np.mean(rates) / settings.preset("paper").learning_rate


# Have data a say?


def test_choices_are_compared_one_by_one():
    found = page.unlike(published.KAPPA[:2])
    assert found["with images"].tolist() == 4 * [0] and found["without"].tolist() == [0, 1, 0, 1]
    for name, own in zip(published.KAPPA[:2], (found[:2], found[2:]), strict=True):
        points, alone = records.read_lattice(name).points, price_alone.choices(name)
        for _, line in own.iterrows():
            pairs = zip(points, alone[line["without"]], strict=True)
            differ = sum(a != b for point, other in pairs for a, b in zip(point.choice, other, strict=True))
            assert line["differ"] == differ and line["choices"] == 28 * 21
            assert line["share"] == pytest.approx(differ / 588)


def test_data_have_hardly_a_say():
    found = page.unlike()
    same, known = found["with images"] == found["without"], page.numbers()
    assert same.sum() == len(page.FAMILIES) and (found.loc[same, "share"] < 0.001).all()
    assert known["published_method.other.seed"] == f"{100 * found.loc[~same, 'share'].min():.0f}"
    assert (found.loc[~same, "share"] > 0.5).all() and "readings of one hypernetwork, and far from independent" in TEXT
    points = records.read_lattice(page.FAMILIES[0]).points
    near = [[a.choice, b.choice] for a, b in pairwise(points) if np.allclose(a.S, b.S, atol=0.0501)]
    assert np.equal(*np.swapaxes(near, 0, 1)).mean() > 0.9 and "nearby S share most of them" in TEXT
    assert page.numbers()["published_method.choices"] == "6,468" == f"{28 * 231:,}"
    assert page.alike()["choices"].tolist() == len(found) * ["6,468"] and len(found) == 2 * len(page.FAMILIES)
    assert page.alike()["%"].tolist()[0] == f"{100 * found['share'][0]:.2g}"


# A smaller kappa


def test_columns_of_kappa_are_the_short_trainings():
    found = page.kappa().set_index("κ")
    assert found.columns.tolist() == ["0", "0.1", "1", "5", "50"]
    for name, column in zip(published.KAPPA, found, strict=True):
        points = records.read_lattice(name).points
        for operation, rho in analysis.steering_correlations(points).items():
            assert found.loc[f"ρ, {operation}", column] == f"{rho:.2f}"
        sizes = [point.edge_parameters for point in points]
        least, most = found.loc["edge parameters, thousands", column].split(" to ")
        assert [int(least), int(most)] == pytest.approx([min(sizes) / 1e3, max(sizes) / 1e3], abs=0.5)
        assert found.loc["architectures", column] == len({point.choice for point in points})
        chosen, alone = np.array([point.choice for point in points]), price_alone.choices(name)[0]
        assert found.loc["unlike the price alone, %", column] == f"{100 * (chosen != alone).mean():.1f}"


def test_what_the_page_says_of_kappa():
    shares, sizes = page.shares(), [point.edge_parameters for point in records.read_lattice(published.KAPPA[0]).points]
    assert shares == sorted(shares, reverse=True) and max(shares[2:]) < 0.01
    known = page.numbers()
    assert known["published_method.moved.none"] == f"{100 * shares[0]:.0f}"
    assert known["published_method.moved.weak"] == f"{100 * shares[1]:.0f}"
    networks = {point.choice for point in records.read_lattice(published.KAPPA[0]).points}
    assert "S then moves next to nothing" in TEXT and len(networks) < 10
    assert max(sizes) / min(sizes) < 1.05 and known["published_method.none.networks"] == str(len(networks))
    assert [known[f"published_method.none.{end}"] for end in ("least", "most")] == [
        f"{min(sizes):,}",
        f"{max(sizes):,}",
    ]
    steps = [settings.preset("paper", train_images=27_500, epochs=1).steps, settings.preset("paper").steps]
    assert steps[0] / steps[1] == pytest.approx(0.1, abs=0.001), "half an epoch, a tenth of the steps"
    config = records.read_lattice(published.KAPPA[0]).config
    rate = "hypernetwork_learning_rate"
    assert config[rate] == pytest.approx(10 * getattr(settings.preset("paper"), rate))


def test_convolutions_without_a_price():
    lattice = records.read_lattice(published.KAPPA[0])
    before, after = page.convolutions()
    assert after == pytest.approx(np.mean([point.operations["convolution"] for point in lattice.points]))
    assert before == pytest.approx(np.mean(np.sum(price_alone.choices(lattice.family)[0] == 2, axis=1)))
    assert after > before and "towards convolution" in TEXT


def test_mean_accuracy_follows_mean_size():
    means = [
        [np.mean([p.edge_parameters for p in points]), np.mean([p.accuracy.test for p in points])]
        for points in (records.read_lattice(name).points for name in published.KAPPA)
    ]
    (size, accuracy) = np.transpose(means)
    assert np.corrcoef(size, accuracy)[0, 1] > 0.9


# Six ways to measure


def test_ways_are_those_of_the_files(trained):
    found = page.ways().set_index("network, statistics")
    assert len(found) == 7 and "six ways" in TEXT
    assert found.loc["the paper's, not said", list(PAPER)].tolist() == ["82.5", "79.2", "85.0", "81.4"]
    for words, line in found.iloc[1:].iterrows():
        way = words.removesuffix(", new").replace(", old", ", statistics of training")
        tests = {name: [100 * point["ways"][way]["test"] for point in own] for name, own in trained.items()}
        for name, own in tests.items():
            assert line[name] == f"{np.mean(own):.1f} ± {np.std(own, ddof=1):.1f}"
        spreads = [max(own) - min(own) for own in zip(*tests.values(), strict=True)]
        assert line["spread"] == f"{np.mean(spreads):.1f} ± {np.std(spreads, ddof=1):.1f}"


def test_what_the_page_says_of_ways():
    measured = [point.ways for own in page.points().values() for point in own]
    apart = [max(w.test for w in ways.values()) - min(w.test for w in ways.values()) for ways in measured]
    lost = [ways["discrete"].test - ways["discrete, statistics of training"].test for ways in measured]
    known = page.numbers()
    assert max(apart) <= float(known["published_method.apart"]) / 100 < max(apart) + 0.01
    assert max(lost) <= float(known["published_method.lost"]) / 100 < max(lost) + 0.001
    spreads = [each for own in page.spread().values() for each in own]
    assert min(spreads) < 0.850 - 0.792 < max(spreads) and "that of the author's models lies among ours" in TEXT


def test_how_far_ahead_and_how_much_larger(trained):
    known = page.numbers()
    ahead = [100 * (w["test"] - PAPER[n][1]) for n, own in trained.items() for p in own for w in p["ways"].values()]
    shown = [known["published_method.ahead.least"], known["published_method.ahead.most"]]
    assert shown == [f"{min(ahead):.0f}", f"{max(ahead):.0f}"]
    larger = [p["edge_parameters"] / PAPER[n][2] for n in "ABD" for p in trained[n]]
    shown = [known[f"published_method.larger.{end}"] for end in ("least", "most")]
    assert shown == [f"{min(larger):.1f}", f"{max(larger):.1f}"]
    assert all(abs(p["edge_parameters"] / 143_488 - 1) < 0.1 for p in trained["C"]), "only at C do sizes match"
    assert PAPER["C"][2] == 143_488 and min(larger) > 2
    assert "and larger, at C hardly" in TEXT
    assert all(p["edge_parameters"] > PAPER[n][2] for n, own in trained.items() for p in own)


# The control


def test_the_control_has_the_same_networks_with_all_weights():
    found = page.control()
    drawn = found[found["draw"] > 0]
    assert (
        len(drawn) == 4 * 3 * (len(published.DEFAULT) + len(page.FAMILIES))
        and (drawn.groupby(["S", "draw"])["edge_parameters"].nunique() == 1).all()
    )
    rows = {row["name"]: row["control"]["runs"] for row in tables.table()}
    for name, own in page.points().items():
        for point in own:
            for run in rows[name]:
                assert [each["macs"] for each in run["runs"]] == [each.macs for each in point.control]
        tests = [[each["accuracy"]["test"] for each in run["runs"]] for run in rows[name]]
        ours = drawn[(drawn["S"] == name) & (drawn["weights"] == "ours")].pivot(
            index="seed", columns="draw", values="test"
        )
        assert np.allclose(ours, tests)


def test_each_row_of_marks_is_a_network():
    (ax,) = page.whose_weights().axes
    found, names = page.control(), [label.get_text().split() for label in ax.get_yticklabels()]
    assert len(names) == 12 + sum(len({point.edge_parameters for point in own}) for own in page.points().values())
    places = np.concatenate([collection.get_offsets() for collection in ax.collections])
    for row, (S, size) in zip(ax.get_yticks(), names, strict=True):
        own = found[(found["S"] == S) & (found["edge_parameters"].map("{:,}".format) == size)]
        shown = 100 * own["test"].to_numpy()
        assert np.isin(places[places[:, 1] == row][:, 0].round(6), shown.round(6)).all()
    assert len(places) == len(found)
    stars = [collection for collection in ax.collections if "own network" in collection.get_label()]
    assert sum(len(each.get_offsets()) for each in stars) == 4 * len(page.FAMILIES)


def made_up() -> pd.DataFrame:
    """Two draws at every S; test accuracies by (weights, seed), and 0.95 of the method's own network."""
    lines = [
        {"S": name, "draw": draw, "weights": weights, "seed": seed, "edge_parameters": 100, "test": test + 0.02 * draw}
        for name in PAPER
        for (weights, seed), test in {("published", 0): 0.80, ("published", 1): 0.82, ("ours", 0): 0.70}.items()
        for draw in (1, 2)
    ]
    lines += [lines[0] | {"S": name, "draw": 0, "test": 0.95} for name in PAPER]
    return pd.DataFrame(lines)


def test_means_and_gains_by_hand(monkeypatch):
    monkeypatch.setattr(page, "control", lambda families: made_up())
    assert page.gains()["C"].ravel().tolist() == pytest.approx([10, 12])


def test_leads_over_the_nearest_in_size_by_hand(monkeypatch):
    draws = [
        tiny.point(edge_parameters=size, accuracy=Accuracy(test)) for size, test in ((90, 0.8), (110, 0.7), (50, 0.6))
    ]
    own = tiny.point(edge_parameters=100, accuracy=Accuracy(0.9), control=tuple(draws))
    monkeypatch.setattr(page, "points", lambda families: {name: [own, own] for name in PAPER})
    assert page.leads()["A"] == pytest.approx([10, 20, 10, 20])


def test_what_the_page_says_of_the_control():
    gains, leads = page.gains(), page.leads()
    elsewhere = np.concatenate([gains[name].ravel() for name in "ACD"])
    assert elsewhere.min() > 0 > gains["B"].max(), "the first does not explain B"
    for own in page.points().values():
        for point in own:
            assert point.accuracy.test > max(each.accuracy.test for each in point.control), "ahead of all their draws"
    assert min(min(each) for each in leads.values()) > 0


def test_functions_take_several_trainings():
    twice = 2 * published.PAPER
    once = page.numbers()
    assert page.numbers(twice) == once
    mean = page.ways(published.PAPER)["A"].iloc[-1].split(" ± ")[0]
    assert page.ways(twice)["A"].iloc[-1].startswith(f"{mean} ± ")
    assert len(page.alike(twice)) == 2 * len(page.alike(published.PAPER))
    squares = [line for line in page.against_the_price(twice).axes[0].lines if line.get_marker() == "s"]
    assert all(len(line.get_xdata()) == len(twice) for line in squares)


def test_every_number_stands_on_the_page():
    elsewhere = unsaid(page.numbers(), "published_method")
    assert unsaid(elsewhere, "experiments") == set()
