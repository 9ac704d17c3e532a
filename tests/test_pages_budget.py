"""The page `budget`: menu, example and promises by other routes, and what its prose says of them."""

import gzip
import re

import numpy as np
import onnxruntime
import pytest
from pages import prose
from scipy import stats

from simplexnas.family import describe
from simplexnas.io import paths, records
from simplexnas.io.files import read_json
from simplexnas.latency.table import LatencyTable
from simplexnas.report import published
from simplexnas.report.pages import budget as page
from simplexnas.use.menu import menu

TEXT = prose("budget")


@pytest.fixture(scope="module")
def members() -> list[dict]:
    return menu(describe(page.FAMILY), LatencyTable.load(published.ONNXRUNTIME_TABLE))


@pytest.fixture(scope="module")
def model() -> dict:
    return read_json(page.MODEL / "model.json")


def test_menu_has_a_numbered_line_for_each_member(members):
    found = page.menu(members)
    assert found["no."].tolist() == list(range(1, len(members) + 1))
    edge, total = (found[kind].str.replace(",", "").astype(int) for kind in ("edge", "total"))
    assert set(total - edge) == {20_506} and total.is_monotonic_increasing
    assert found["val."].astype(float).is_monotonic_increasing, "the larger, the better"
    last = members[-1]
    assert found.iloc[-1]["ms"] == f"{last['predicted_ms']:.2f}"
    assert found.iloc[-1]["test"] == f"{100 * last['accuracy']['test']:.1f}"
    assert [float(x) for x in found.iloc[-1]["S"].split(",")] == last["S"]


def test_figure_numbers_the_members_of_the_menu(members):
    (ax,) = page.front().axes
    others, marked = ax.collections
    assert others.get_paths()[0].vertices.shape != marked.get_paths()[0].vertices.shape, "another marker"
    assert np.allclose(marked.get_offsets(), [(m["predicted_ms"], 100 * m["accuracy"]["test"]) for m in members])
    assert [text.get_text() for text in ax.texts] == list(map(str, range(1, len(members) + 1)))
    assert len(others.get_offsets()) == len({point.choice for point in records.read_lattice(page.FAMILY).points})


def test_numbers_are_those_of_the_menu(members):
    found, tests = page.numbers(), [100 * member["accuracy"]["test"] for member in members]
    assert found["budget.members"] == str(len(members))
    assert [found["budget.least"], found["budget.most"]] == [f"{min(tests):.0f}", f"{max(tests):.0f}"]
    times = [member["predicted_ms"] for member in members]
    assert found["budget.slowest"] == f"{max(times):.1f}"


def test_how_certain_an_accuracy_and_a_step_are(members):
    tests = np.array([100 * member["accuracy"]["test"] for member in members])
    steps = np.abs(np.diff(tests))
    assert page.numbers()["budget.step"] == f"{steps[1:].max():.1f}"
    error = np.sqrt(2 * tests * (100 - tests) / 10_000).mean()  # of a difference, if networks erred independently
    assert "about two standard errors of a difference" in TEXT
    assert 1.5 * error < steps[1:].max() < 2.5 * error < steps[0]
    assert "± at most 0.5 (validation) or 0.4 (test)" in TEXT
    for split, images, said in (("validation", 5_000, "0.5"), ("test", 10_000, "0.4")):
        shares = np.array([member["accuracy"][split] for member in members])
        assert f"{100 * np.sqrt(shares * (1 - shares) / images).max():.1f}" == said


def test_examples_of_commands_are_possible(members):
    (S,) = re.findall(r"simplexnas export --S (\S+) --output", TEXT)
    assert [float(x) for x in S.split(",")] in [member["S"] for member in members], "an S of the menu"
    ms, edges = re.search(r"select --max-latency-ms ([\d.]+) --max-edge-parameters (\d+) \S* ?--output", TEXT).groups()
    fits = [m for m in members if m["predicted_ms"] < 0.95 * float(ms) and m["edge_parameters"] <= int(edges)]
    assert fits and len(fits) < len(members)


def test_one_image_takes_longer_in_pytorch(model):
    assert "One image takes several times as long there" in TEXT
    times = model["latency"]["1"]
    assert times["pytorch"]["median_ms"] > 3 * times["onnxruntime"]["median_ms"]


def test_promises_counted_again():
    found = page.promises().set_index("runtime, images")
    for column, file, batch in (
        ("PyTorch, 1", "budgets.json", 1),
        ("ONNX, 64", "budgets_onnxruntime.json", 64),
    ):
        own = [test for test in records.read(paths.RESULTS / file)["budgets"] if test["batch"] == batch]
        assert found.loc["kept", column] == f"{sum(test['kept'] for test in own)} of {len(own)}"
        moved = [abs(test["again_ms"] - test["promised_ms"]) / test["promised_ms"] for test in own]
        assert found.loc["off promise, mean", column] == f"{np.mean(moved):.1%}"
        assert found.loc["off promise, worst", column] == f"{max(moved):.0%}"
        off = [abs(test["promised_ms"] - test["predicted_ms"]) / test["predicted_ms"] for test in own]
        assert found.loc["off prediction, mean", column] == f"{np.mean(off):.1%}"
        near = sum(test["again_ms"] > 0.95 * test["budget"]["max_latency_ms"] for test in own)
        assert found.loc["above 0.95 of it", column] == f"{near} of {len(own)}"


def test_intervals_of_kept_promises():
    """At the bounds, what was seen or more (fewer) has a chance of 2.5 %."""
    found = page.numbers()
    for key, tail in (("low", "sf"), ("high", "cdf")):
        kept, share = int(found["budget.onnx.kept"]), float(found[f"budget.onnx.{key}"]) / 100
        chance = getattr(stats.binom, tail)(kept - (tail == "sf"), int(found["budget.onnx.of"]), share)
        assert chance == pytest.approx(0.025, abs=0.005)
    assert float(found["budget.pytorch.low"]) / 100 == pytest.approx(0.025 ** (1 / 50), abs=0.005)
    assert "exact 95 % intervals" in TEXT


def test_what_the_page_says_of_broken_promises():
    numbers = page.numbers()
    assert "held in ONNX Runtime, and all 50" in TEXT and numbers["budget.pytorch.kept"] == numbers["budget.pytorch.of"]
    tests = records.read(paths.RESULTS / "budgets_onnxruntime.json")["budgets"]
    broken = [test for test in tests if not test["kept"]]
    assert int(numbers["budget.onnx.of"]) - int(numbers["budget.onnx.kept"]) == len(broken) == 2
    assert [test["batch"] for test in broken] == [1, 1]
    least, most = sorted(broken, key=lambda test: test["again_ms"] / test["promised_ms"])
    assert "one missed its limit by less than a thousandth" in TEXT
    assert 1 < least["again_ms"] / least["budget"]["max_latency_ms"] < 1.001
    assert "the other network took nearly half again as long" in TEXT
    assert most["again_ms"] / most["promised_ms"] == pytest.approx(1.5, abs=0.06)


def test_training_alone():
    record = records.read_own(describe(page.FAMILY), records.RETRAINED)
    gains = [100 * (p.retrained.test - p.accuracy.test) for p in record.points if p.source == "family"]
    assert page.numbers()["budget.alone"] == f"{np.mean(gains):.1f}" and np.mean(gains) > 0
    minutes = record.seconds / len(record.points) / 60
    assert page.numbers()["budget.alone.minutes"] == f"{minutes:.0f}"
    assert f"takes {record.settings['epochs']} epochs, about" in TEXT


def test_the_file_knows_an_ankle_boot(model):
    """That the page draws, under this word."""
    with gzip.open(page.TEST_IMAGES) as file:
        image = np.frombuffer(file.read()[16 : 16 + 28 * 28], "uint8").reshape(1, 1, 28, 28)
    (logits,) = onnxruntime.InferenceSession(page.MODEL / "model.onnx").run(None, {"images": image})
    assert model["classes"][logits.argmax()] == "Ankle boot" and "the words Ankle boot" in TEXT


def test_a_picture_is_drawn_under_its_name():
    (ax,) = page.picture(np.eye(28), "Ankle boot").axes
    assert ax.get_title() == "Ankle boot" and np.array_equal(ax.get_images()[0].get_array(), np.eye(28))
