"""The sentences of the page of verdicts, against the result files."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from pages import prose, source, unsaid
from scipy import stats

from simplexnas.family import Family, describe
from simplexnas.io import paths, records
from simplexnas.io.files import read_json
from simplexnas.measure import price_alone
from simplexnas.report import published
from simplexnas.report.pages import verdict

NUMBERS, TEXT = verdict.numbers(), " ".join(re.sub("<!--.*?-->", "", prose("verdict")).split())


def value(name: str) -> float:
    return float(NUMBERS[name].replace("−", "-").replace(",", ""))


def value_of(name: str) -> float:
    """A number of another page, as this one shows it."""
    (said,) = {*re.findall(rf"([\d.]+)<!--={re.escape(name)}-->", source("verdict"))}
    return float(said)


def test_the_figure_says_what_the_table_says():
    lines = re.findall(r"^# \| [\d, ]+ \| (.*) \|$", source("verdict"), re.MULTILINE)
    words = [tuple(re.match(r"\*\*(.*?)\*\*", cell)[1] for cell in line.split(" | ")[1:3]) for line in lines]
    assert words == [tuple(verdicts) for _, *verdicts in verdict.CLAIMS]
    assert {word for pair in words for word in pair} == set(verdict.FILLED)


def test_the_figure_has_a_mark_for_each_verdict():
    ax = verdict.glance((("one", "yes", "in part"), ("two", "not shown", "yes")))
    assert [line.get_fillstyle() for line in ax.lines] == ["full", "left", "none", "full"]
    assert [line.get_ydata()[0] for line in ax.lines] == [0, 0, 1, 1]
    plt.close(ax.figure)


def test_s_steers_both_methods():
    for of in ("published", "ours"):
        assert -1 < value(f"verdict.{of}.strongest") <= value(f"verdict.{of}.weakest") < -0.85
    assert 50 < value("verdict.published.networks") < value("verdict.S")
    assert 50 < value("verdict.ours.fewest") <= value("verdict.ours.most") < value("verdict.S")


def test_data_have_hardly_a_say_in_the_published_method():
    assert value("verdict.unlike") / value("verdict.choices") < 0.001


def test_choices_of_another_seed_differ():
    found = [price_alone.unlike(name) for name in published.PAPER]
    same, other = (np.array([own[seed + later] for seed, own in enumerate(found)]) for later in (0, 1))
    assert same.max() == value("verdict.unlike") and len(found) == 3
    assert value("verdict.seeds") == pytest.approx(100 * other.mean() / value("verdict.choices"), abs=0.5)
    assert value("verdict.choices") == 28 * value("verdict.S")


@pytest.fixture(scope="module")
def alone() -> list:
    return records.read_own(describe(published.DEFAULT[0]), records.RETRAINED).points


def test_random_architectures_beside_the_member_of_their_kind_nearest_in_size(alone):
    """The interval is Student's, and does not exclude that they are level."""

    def kind(point) -> bool:
        return 2 in point.choice[14:]

    members, random = ([p for p in alone if p.source == source] for source in ("family", "random"))
    leads, partners = [], set()
    for point in random:
        alike = [member for member in members if kind(member) == kind(point)]
        nearest = min(alike, key=lambda member: abs(member.edge_parameters - point.edge_parameters))
        partners.add(nearest.choice)
        leads.append(100 * (point.retrained.test - nearest.retrained.test))
    low, high = stats.t.interval(0.95, len(leads) - 1, np.mean(leads), stats.sem(leads))
    assert len(leads) == 10 and low < np.mean(leads) < 0
    assert value("verdict.lead.most") == pytest.approx(-low, abs=0.05)
    assert value("verdict.lead.least") == pytest.approx(abs(high), abs=0.05) and abs(high) < 0.05
    assert "(95 % interval: from 0.4 behind to 0.0," in TEXT
    assert len(partners) == 7 and "the ten comparisons share seven members" in TEXT


def test_ranks_of_members_are_uncertain_and_hardly_better_than_their_macs(alone):
    members = [point for point in alone if point.source == "family"]
    own, macs = (
        stats.kendalltau([of(point) for point in members], [point.retrained.test for point in members]).statistic
        for of in (lambda point: point.accuracy.test, lambda point: point.macs)
    )
    low, high = value("verdict.tau.low"), value("verdict.tau.high")
    assert low < macs < own < high and high - low > 0.2


def test_learned_worths_are_ahead_of_random_ones():
    assert "Learned worths are ahead of random ones by" in TEXT and "over five pairs of short trainings" in TEXT
    low, mean, high = (value_of(f"learning.ahead.{name}") for name in ("low", "mean", "high"))
    assert 0 < low < mean < high and len(published.RANDOM) == len(published.QUICK) == 5


def test_a_convolution_is_worth_more_in_the_reduction_cell():
    assert "In every training a convolution is worth more in the reduction cell than in the normal one" in TEXT
    for name in published.DEFAULT:
        nats = Family.load(name).model.hypernetwork.nats.numpy()
        assert nats[14:, 2].mean() / 2 > nats[:14, 2].mean(), "for each of its two cells"


def test_two_epochs_are_enough():
    assert "five of five families are past the three rows" in TEXT  # counted in test_pages_reproduce


def test_what_differs_in_the_training_of_the_published_method():
    config = read_json(paths.FAMILIES / published.PAPER[0] / "family.json")["config"]
    assert config["matrix_learning_rate"] == 0 and "Ours are the optimiser (AdamW under a one-cycle rate" in TEXT
    assert config["temperature_steps"] == 10 and "relaxed samples, temperatures, batch size" in TEXT
    assert config["train_images"] == 55_000 and "(55,000; his: half of the 60,000)" in TEXT
    assert not config["flip"] and not config["shift"] and "no augmentation" in TEXT


def test_the_table_has_the_slides_with_claims():
    rows = [line.split("|")[1].strip() for line in source("verdict").splitlines() if line.startswith("# | ")][1:]
    assert {slide for row in rows for slide in row.split(", ")} == {"2", "3", "4", "5", "7"}


def test_members_are_past_the_paper_and_close_to_training_alone():
    assert 5 < value("verdict.gain.least") < value("verdict.gain.most")
    assert 0 < value("verdict.gap") < 2


def test_the_published_method_is_past_the_paper_where_it_has_networks():
    assert value("verdict.within.A") > 82.5 and value("verdict.within.C") > 85


def test_every_number_stands_on_the_page():
    assert unsaid(NUMBERS, "verdict") == set()
