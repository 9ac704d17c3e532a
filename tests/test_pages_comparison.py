"""The page `comparison`: its tables and figures, of methods made by hand; the result files are still to come."""

from dataclasses import replace
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import tiny

from simplexnas.io import paths, records
from simplexnas.io.records import Accuracy, Point
from simplexnas.measure.retraining import spaced_by_size
from simplexnas.network.architecture import Architecture
from simplexnas.report import analysis, comparison, figures, versus
from simplexnas.report.comparison import Variant
from simplexnas.report.pages import comparison as page
from simplexnas.report.versus import ALONE, INHERITED, RANDOM, Run, Seconds

SMALLEST, LARGEST = 20_506, 199_258
MIDDLE = (SMALLEST * LARGEST) ** 0.5
COST = {"epochs": 3.25, "step_ms": 54.6, "memory_mb": 1234, "module_lines": 120}


def made(size: float, inherited: float, alone: float, **known) -> Point:
    """A network of which test and validation accuracy are the same; each size is an architecture of its own."""
    about = {"choice": (size,), "edge_parameters": size, "total_parameters": size, "macs": 400 * size}
    about |= {"latency_ms": size / 20_000, "operations": {"pool": 3, "convolution": 1}}
    accuracies = {"accuracy": Accuracy(inherited, inherited), "retrained": Accuracy(alone, alone)}
    return tiny.point(**about | accuracies | known)


def of(*points: Point, random: tuple[Point, ...] = ()) -> Run:
    """A run whose members were all trained alone."""
    return Run(0, points, points, random)


def method(*runs: Run, family: bool = True, rising: bool = False, trainings: int = 2) -> page.Method:
    return page.Method(family, rising, trainings, COST, runs)


@pytest.fixture
def three() -> dict[str, page.Method]:
    """A family, one architecture a training, and the method with random architectures; two runs each."""
    middle, large = made(MIDDLE, 0.875, 0.95, S=(1.0, 0.0)), made(LARGEST, 0.6, 0.91, S=(0.0, 1.0))
    ends = made(SMALLEST, 0.5, 0.9, knob=0.0), made(LARGEST, 0.6, 0.92, knob=1.0)
    return {
        "family": method(of(middle, large), of(middle)),
        "single": method(of(made(MIDDLE, 0.83, 0.92)), of(made(MIDDLE, 0.5, 0.86)), family=False),
        "search": method(of(*ends, random=ends), of(*ends), rising=True),
    }


@cache
def fourteen() -> dict[str, page.Method]:
    """All methods of data/comparison.json, with as many trainings as it asks for; accuracies are drawn."""
    random, found = np.random.default_rng(0), {}
    single = {"DARTS, first order", "DARTS, second order", "FBNet"}

    def drawn(n: int) -> tuple[Point, ...]:
        sizes = np.geomspace(SMALLEST, LARGEST, n + 2)[1:-1] * random.uniform(0.9, 1.1, n)
        tests = 0.86 + 0.03 * np.log(sizes / SMALLEST) + random.normal(0, 0.003, n)
        return tuple(made(*row) for row in zip(sizes, tests, tests + 0.01, strict=True))

    for name in dict.fromkeys(variant.method for variant in comparison.variants()):
        family = not (name in single or name.startswith("Proxyless"))
        runs = []
        for seed in comparison.SEEDS:
            members = drawn(8 if family else 1)
            alone = tuple(spaced_by_size(analysis.front(members), 3))
            runs.append(Run(seed, members, alone, drawn(3) if name.startswith("random search") else ()))
        found[name] = method(*runs, family=family, trainings=3)
    return found


# Result files


def test_read_joins_the_trainings_of_a_scan_and_predicts_times(own_results, tmp_path, monkeypatch):
    listed = [
        Variant("FBNet", "fbnet", ("b=0.6",)),
        Variant("FBNet", "fbnet", ("b=2.4",)),
        Variant("random search", "random_search", ()),
    ]
    monkeypatch.setattr(comparison, "variants", lambda: listed)
    monkeypatch.setattr(comparison, "SEEDS", [0, 1])
    costs = {name: COST | {"epochs": epochs} for name, epochs in (("FBNet", 2.5), ("random search", 4))}
    content = {"seconds": 180.0, "methods": costs}
    monkeypatch.setattr(comparison, "COSTS", records.save(tmp_path / "costs.json", content))
    choices = iter(tiny.choices(page.SPACE, 20))
    written = {}
    for names in comparison.families().values():
        for seed, name in enumerate(names):
            family, other = (made(9, 0.8, 0.9, choice=next(choices), source=source) for source in ("family", "random"))
            member = replace(family, source=None, retrained=None)
            written[name] = family, other
            for file, points in ((records.LATTICE, [member]), (records.COMPARED, [family, other])):
                tiny.record(points, family=name, seed=seed).save(paths.RESULTS / name / file)
    found = page.read()
    assert list(found) == ["FBNet", "random search"]
    scanned, search = found.values()
    assert [each.family for each in found.values()] == [False, True]
    assert [each.rising for each in found.values()] == [False, True]
    assert [each.trainings for each in found.values()] == [4, 2]
    assert [each.cost["epochs"] for each in found.values()] == [2.5, 4]
    for seed, run in enumerate(scanned.runs):
        names = [f"fbnet-b={b}-epochs=2.5-seed{seed}" for b in (0.6, 2.4)]
        assert run.seed == seed and [each.choice for each in run.members] == [written[n][0].choice for n in names]
        assert [each.choice for each in run.random] == [written[n][1].choice for n in names]
        assert [each.retrained.test for each in run.alone] == [0.9, 0.9]
    (own,) = search.runs[1].alone
    assert own.latency_ms == pytest.approx(page.latency_table().predict(Architecture(page.SPACE, own.choice), 1))
    assert page.scores(resamples=10)["method"].tolist() == list(found), "read where nothing is given"


def test_leads_are_paired_by_seed(monkeypatch):
    """A run of one network, so that its hypervolume is one rectangle."""

    def run(seed: int, test: float) -> Run:
        return Run(seed, *2 * ((made(MIDDLE, test, test + 0.03),),), ())

    seeds = {"ours": (0.82, 0.84, 0.86), "better": (0.85, 0.87, 0.89), "noisy": (0.82, 0.81, 0.89), "broken": (0.84,)}
    methods = {name: method(*map(run, range(3), tests)) for name, tests in seeds.items()}
    found = page.leads(methods).set_index("method")
    area = 0.5 * 0.03 / 0.15
    assert found.index.tolist() == ["better", "noisy", "broken"]
    for accuracy in (INHERITED, ALONE):
        assert found.loc["better", accuracy] == pytest.approx(area)
        low, high = found.loc["better", [f"{accuracy}, low", f"{accuracy}, high"]]
        assert low < area < high and low + high == pytest.approx(2 * area)
        assert np.isnan(found.loc["broken", accuracy])
    alone = {name: methods[name] for name in ("ours", "better")}
    row = page.leads(alone).iloc[0]
    assert row["retrained, low"] == pytest.approx(area) == row["retrained, high"], "the same difference in each seed"


def test_trainings_that_diverged_are_rows(own_results, tmp_path, monkeypatch):
    """All but the first training of a scan, so that of DARTS nothing is left."""
    listed = [Variant("FBNet", "fbnet", (f"b={b}",)) for b in (0.6, 2.4)] + [Variant("DARTS", "darts", ())]
    monkeypatch.setattr(comparison, "variants", lambda: listed)
    monkeypatch.setattr(comparison, "SEEDS", [0, 1])
    costs = {name: COST | {"epochs": 2.5} for name in ("FBNet", "DARTS")}
    content = {"seconds": 180.0, "methods": costs}
    monkeypatch.setattr(comparison, "COSTS", records.save(tmp_path / "costs.json", content))
    whole, *broken = (name for names in comparison.families().values() for name in names)
    for step, name in enumerate(broken):
        records.save(paths.RESULTS / name / records.DIVERGED, {"step": 200 * (step + 1)})
    point = made(30_000, 0.8, 0.9, choice=(0,) * 28, source="family")
    for file, points in ((records.LATTICE, [point]), (records.COMPARED, [point, replace(point, source="random")])):
        tiny.record(points, family=whole, seed=0).save(paths.RESULTS / whole / file)
    found = page.read()
    assert [[run.seed for run in method.runs] for method in found.values()] == [[0], []]
    table = page.scores_table(page.scores(found, resamples=2)).set_index("method")
    diverged = ["4; 3 diverged, at step 200, 400, 600", "2; 2 diverged, at step 800, 1,000"]
    assert table["trainings"].tolist() == diverged
    assert table.loc["DARTS"].iloc[5:].tolist() == ["–, –", *["–"] * 5]
    assert table.loc["FBNet", "members"] == "1.0, 1.0"
    assert page.collapses(found)["method"].tolist() == ["FBNet"]
    assert page.gaps(found)["of"].tolist() == ["FBNet", RANDOM]
    assert page.measured(found)[versus.SINGLE, ALONE] == 1
    assert list(page.styles(found)) == ["FBNet"]
    assert not comparison.diverged(whole)


def test_noise_is_read_from_the_first_family(own_results, monkeypatch):
    families = {Variant("ours", "quick", ()): ["ours-seed0", "ours-seed1"], Variant("FBNet", "fbnet", ()): ["b", "c"]}
    monkeypatch.setattr(comparison, "families", lambda: families)
    points = [made(9, 0.8, alone, choice=(0,) * 28, seed=seed) for seed, alone in enumerate((0.90, 0.92))]
    tiny.record(points).save(paths.RESULTS / "ours-seed0" / records.NOISE)
    assert page.least_difference() == pytest.approx(2 * 2**0.5)
    assert page.least_difference(points[:1] * 2) == 0


def test_seconds_are_those_of_the_files(own_results, tmp_path, monkeypatch):
    """A network that two values of the knob give was evaluated once."""
    monkeypatch.setattr(comparison, "families", lambda: {Variant("ours", "quick", ()): ["ours-seed0"]})
    monkeypatch.setattr(comparison, "COSTS", records.save(tmp_path / "costs.json", {"seconds": 180.0, "methods": {}}))
    points = [made(9, 0.8, 0.9, choice=choice) for choice in ((0,) * 28, (1,) * 28, (0,) * 28)]
    for file, spent in ((records.LATTICE, 8.0), (records.NOISE, 360.0)):
        tiny.record(points, seconds=spent).save(paths.RESULTS / "ours-seed0" / file)
    assert page.seconds() == Seconds(training=180.0, evaluation=4.0, alone=120.0)


# Accuracy against cost


def marks(ax: plt.Axes, name: str, methods: dict[str, page.Method]) -> np.ndarray:
    """Places (n, 2) of all marks of a method."""
    shape = page.styles(methods)[name]["marker"]
    places = [line.get_xydata() for line in ax.lines if line.get_marker() == shape and line.get_label() != RANDOM]
    return np.concatenate(places)


@pytest.mark.parametrize(("accuracy", "tests"), [(INHERITED, (83, 80)), (ALONE, (92, 86))])
def test_planes_show_one_kind_of_accuracy_against_three_costs(accuracy, tests, three):
    figure = page.planes(three, accuracy)
    of_size = (MIDDLE / 1e3, 400 * MIDDLE / 1e6, MIDDLE / 20_000)
    for ax, (_, label), cost in zip(figure.axes, page.SIZES.values(), of_size, strict=True):
        assert ax.get_xscale() == "log" and ax.get_xlabel() == label
        assert ax.get_ylabel() == f"test accuracy, {page.WORDS[accuracy]}, %"
        assert marks(ax, "single", three) == pytest.approx(np.array([(cost, test) for test in tests]))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert ("≤ 80" in labels) == (80 in tests), "what is below stands there"


def test_a_family_is_a_line_through_the_front_of_each_run(three):
    """Trained alone every member has a mark, with inherited weights those on the front."""
    three["family"] = method(of(made(MIDDLE, 0.85, 0.9), made(LARGEST, 0.86, 0.8), made(SMALLEST, 0.8, 0.85)))
    color = page.styles(three)["family"]["color"]
    for accuracy, on_front, marked in (
        (INHERITED, [SMALLEST, MIDDLE, LARGEST], 3),
        (ALONE, [SMALLEST, MIDDLE], 3),
    ):
        ax = page.planes(three, accuracy).axes[0]
        assert len(marks(ax, "family", three)) == marked
        (line,) = (line for line in ax.lines if line.get_linestyle() == "-" and line.get_color() == color)
        assert 1e3 * line.get_xdata() == pytest.approx(on_front)
    three["family"] = method(of(made(MIDDLE, 0.85, 0.9), made(LARGEST, 0.8, 0.95)))
    assert len(marks(page.planes(three, INHERITED).axes[0], "family", three)) == 1


def test_trainings_of_one_architecture_are_not_joined(three):
    three["single"] = method(of(made(SMALLEST, 0.8, 0.9), made(LARGEST, 0.9, 0.92)), family=False)
    for accuracy in (INHERITED, ALONE):
        ax = page.planes(three, accuracy).axes[0]
        assert len(marks(ax, "single", three)) == 2
        assert sum(line.get_linestyle() == "-" for line in ax.lines) == 4, "of the two others"


def test_random_architectures_are_a_cloud(three):
    for accuracy, tests in ((INHERITED, [80, 80]), (ALONE, [90, 92])):
        cloud = page.planes(three, accuracy).axes[0].lines[0]
        assert cloud.get_label() == RANDOM and cloud.get_ydata() == pytest.approx(tests)


def test_fourteen_methods_can_be_told_apart():
    found = page.styles(fourteen())
    assert len(found) == len({style["marker"] for style in found.values()}) == 14
    assert len({(style["color"], style["markerfacecolor"] == "white") for style in found.values()}) == 14
    assert page.CLOUD["color"] not in {style["color"] for style in found.values()}
    with plt.rc_context(figures.BOOK):
        figure = page.planes(fourteen())
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [*found, RANDOM]
    figure.canvas.draw()
    box, (*_, lowest) = legend.get_window_extent(), figure.axes
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y1 <= lowest.get_tightbbox().y0


# Indicators


def test_scores_by_hand(three):
    """The reference is the family's (1/2, 1/2) and the search's (0, 1); trained alone (1/2, 0) and (0, 1/3).

    Others: of single (1/2, 4/5) and (1/2, 1), alone (1/2, 1/5) and (1/2, 3/5); of the search (1, 1), alone (1, 1/5).
    """
    found = page.scores(three, resamples=200).set_index("method")
    cost = [COST[key] for key in ("epochs", "step_ms", "memory_mb", "module_lines")]
    assert found.loc["family", ["trainings", "epochs", "step_ms", "memory_mb", "lines"]].tolist() == [2, *cost]
    expected = {
        f"members, {INHERITED}": [1, 1, 2],
        f"members, {ALONE}": [1, 1, 2],
        f"hypervolume, {INHERITED}": [1 / 4, (1 / 2 * 1 / 5 + 0) / 2, 0],
        f"hypervolume, {ALONE}": [1 / 2, (1 / 2 * 4 / 5 + 1 / 2 * 2 / 5) / 2, 2 / 3],
        f"igd_plus, {INHERITED}": [(0 + 0.5) / 2, ((0.3 + 0.5) / 2 + (0.5 + 0.5) / 2) / 2, (0.5 + 0) / 2],
        f"igd_plus, {ALONE}": [(0 + 0.5) / 2, ((0.2 + 0.5) / 2 + (0.6 + 17 / 30) / 2) / 2, (1 / 3 + 0) / 2],
        "advantage": [((4 - 1) / 2 + 4) / 2, (1 - 5) / 2, 0],
    }
    for column, values in expected.items():
        assert found[column].tolist() == pytest.approx(values), column
        if not column.startswith("members"):
            assert (found[f"{column}, low"] <= found[column] + 1e-9).all()
            assert (found[column] <= found[f"{column}, high"] + 1e-9).all()


def test_members_are_equally_many_where_a_training_gives_a_family():
    found = page.scores(fourteen(), resamples=2).set_index("method")
    families = [name for name, own in fourteen().items() if own.family]
    assert (found.loc[families, f"members, {INHERITED}"] == 3).all()
    assert (found.drop(families)[f"members, {INHERITED}"] == 1).all()


def test_scores_against_other_costs_take_their_bounds(three):
    """Of the family the member in the middle counts, whose error alone is 5 %: so its width is the hypervolume."""
    by_macs, by_time = (page.scores(three, size, resamples=2).set_index("method") for size in ("macs", "latency_ms"))
    macs = [Architecture(page.SPACE, [m] * 28).macs for m in range(page.SPACE.k)]
    times = versus.latency_bounds(page.latency_table())
    for found, cost, (smallest, largest) in (
        (by_macs, 400 * MIDDLE, (min(macs), max(macs))),
        (by_time, MIDDLE / 20_000, times),
    ):
        width = np.log(largest / cost) / np.log(largest / smallest)
        assert found.loc["family", f"hypervolume, {ALONE}"] == pytest.approx(width)


def test_scores_as_text():
    line = {"method": "a", "trainings": 3, "diverged": (), "epochs": 3.25, "step_ms": 54.6}
    line |= {"memory_mb": 1234, "lines": 120}
    for accuracy, members in ((INHERITED, 3), (ALONE, 2.5)):
        line[f"members, {accuracy}"] = members
        for name, value in (("hypervolume", 0.5), ("igd_plus", 0.1)):
            line |= {
                f"{name}, {accuracy}{end}": value + add for end, add in (("", 0), (", low", -0.05), (", high", 0.2))
            }
    lines = pd.DataFrame(
        line | {"advantage": value, "advantage, low": value - 1.5, "advantage, high": value + 0.5}
        for value in (1.2, np.nan)
    )
    first, second = page.scores_table(lines).to_numpy().tolist()
    assert first[:7] == ["a", "3", "3.2", "55", "1,234", "120", "3.0, 2.5"]
    assert first[7:] == [*2 * ["0.50 (0.45 to 0.70)", "0.10 (0.05 to 0.30)"], "+1.2 (−0.3 to +1.7)"]
    assert second[-1] == "–"


def test_collapses_by_hand(three):
    found = page.collapses(three).set_index("method")
    assert found["architectures"].tolist() == [1.5, 1, 2] and found["front"].tolist() == [1, 1, 2]
    assert found.loc["family", ["least", "most"]].tolist() == pytest.approx([MIDDLE, LARGEST])
    assert found["operation"].tolist() == 3 * ["pool"] and found["share"].tolist() == 3 * [0.75]
    assert found[["violations", "pairs"]].to_numpy().tolist() == [[0, 0], [0, 0], [0, 2]]
    falling = page.collapses({"search": three["search"]._replace(rising=False)})
    assert falling[["violations", "pairs"]].to_numpy().tolist() == [[2, 2]]
    (text,) = page.collapses_table(falling).to_numpy().tolist()
    assert text == ["search", "2.0", "2.0", "20,506 to 199,258", "pool, 75 %", "2 of 2"]
    assert page.collapses_table(found.reset_index()).iloc[:, -1].tolist() == ["–", "–", "0 of 2"]


def test_gaps_by_hand(three):
    three["few"] = method(of(made(MIDDLE, 0.8, 0.79)))
    found = page.gaps(three).set_index("of")
    assert found.index.tolist() == [*three, RANDOM]
    assert found.loc["single"].tolist() == pytest.approx([2, 66.5, 89, 22.5, 1])
    assert found.loc[RANDOM].tolist() == pytest.approx([2, 55, 91, 36, 1])
    text = page.gaps_table(found.reset_index()).set_index("networks")
    assert text.loc["single (2)"].tolist() == ["66.5", "89.0", "22.5", "1.00"]
    assert text.loc["few (1)"].tolist() == ["80.0", "79.0", "−1.0", "–"]


# Cost


@pytest.fixture
def costs(three) -> pd.DataFrame:
    """A training takes an hour, an evaluation a hundredth of it, a training alone a tenth."""
    three["family"] = method(of(*(made(size, 0.8, 0.9) for size in range(SMALLEST, SMALLEST + 10))))
    return page.costs(Seconds(3600, 36, 360), three)


def test_costs_by_hand(costs):
    """Ten members of a family, two trainings of one architecture, two random architectures were measured."""
    found = page.costs_table(costs).set_index("architectures")
    assert found.columns.tolist() == ["1, minutes", "3, minutes", "10, minutes", "30, minutes"]
    assert found.loc["family, inherited weights"].tolist() == ["61", "62", "66", "78*"]
    assert found.loc["family, trained alone"].tolist() == ["66", "78", "120", "240*"]
    assert found.loc["one architecture a training, trained alone"].tolist() == ["66", "198*", "660*", "1,980*"]
    assert found.loc["random architectures, trained alone"].tolist() == ["6", "18*", "60*", "180*"]


def test_a_cost_that_is_extrapolated_is_hollow(costs):
    (ax,) = page.cost_curve(costs).axes
    drawn = [line for line in ax.lines if line.get_linestyle() == "-"]
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert len(drawn) == len(hollow) == 5
    assert all(line.get_xdata().tolist() == [1, 3, 10, 30] for line in drawn)
    expected = costs[costs["extrapolated"]]
    minutes = np.concatenate([line.get_ydata() for line in hollow])
    assert sorted(minutes) == pytest.approx(sorted(60 * expected["hours"]))
    assert ax.get_xscale() == ax.get_yscale() == "log"


# Numbers


def test_numbers_in_prose():
    """A training takes three minutes, an evaluation six seconds, a training alone two minutes."""
    points = [made(9, 0.8, alone, choice=(0,) * 28, seed=seed) for seed, alone in enumerate((0.90, 0.92))]
    found = page.in_prose(fourteen(), points, Seconds(180, 6, 120))
    said = {name: found[f"comparison.{name}"] for name in ("trainings", "alone", "random", "noise", "least")}
    families = [method for method in fourteen().values() if method.family]
    alone = 3 * (3 * len(families) + 14 - len(families)) + 9
    assert said == {"trainings": "42", "alone": f"{alone}", "random": "9", "noise": "1.41", "least": "2.83"}
    minutes = {name: found[f"comparison.minutes.{name}"] for name in ("training", "inherited", "family")}
    assert minutes == {"training": "3", "inherited": "4", "family": "23"}
    assert [found[f"comparison.minutes.{name}"] for name in ("single", "random")] == ["50", "20"]
    table = page.scores(fourteen()).set_index("method")
    for of, column in {"mean": "advantage", "low": "advantage, low", "high": "advantage, high"}.items():
        expected = table.loc["ours", column]
        assert float(found[f"comparison.ahead.{of}"].replace("−", "-")) == pytest.approx(expected, abs=0.0051)
    volumes = {name: float(found[f"comparison.volume.{short}"]) for short, name in page.SAID.items()}
    assert volumes == pytest.approx(table.loc[[*volumes], f"hypervolume, {ALONE}"].to_dict(), abs=0.0051)
