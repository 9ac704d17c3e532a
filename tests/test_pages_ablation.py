"""The page `ablation`: its tables and figures by other routes, and what its prose says of them.

Families trained anew may turn a sentence over: then a test fails, and the page has to say so.
"""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from pages import prose, unsaid

from simplexnas.io import records
from simplexnas.measure import evaluation
from simplexnas.methods import settings
from simplexnas.report import analysis, names, published, tables
from simplexnas.report.names import UNCHANGED
from simplexnas.report.pages import ablation as page
from simplexnas.report.paper import PAPER
from simplexnas.tasks import fashion_mnist
from simplexnas.training import optimizers

TEXT = prose("ablation")
SMALL, D, A, C = page.SIZES  # within B's, D's, A's and C's edge parameters


def change(setting: str) -> str:
    return published.ABLATED[f"quick-epochs=2-{setting}"]


MUON, SANDWICH, SHIFTS = map(change, ("matrix_learning_rate=0", "sandwich=true", "shift=2"))
WIDE, STILL, UNPRICED = map(change, ("spread=0.3", "policy_until=0", "parameter_price=0"))


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return page.measured()


@pytest.fixture(scope="module")
def means(runs) -> pd.DataFrame:
    return runs.groupby("change").mean()


@pytest.fixture(scope="module")
def timed() -> pd.DataFrame:
    return page.measured(page.TIMED)


@pytest.fixture(scope="module")
def forms() -> pd.DataFrame:
    return page.forms()


@pytest.fixture(scope="module")
def known() -> dict[str, str]:
    return {name.removeprefix("ablation."): value for name, value in page.numbers().items()}


def test_every_number_stands_on_the_page(known):
    assert not unsaid((f"ablation.{name}" for name in known), "ablation")


# How it was measured


def test_the_trainings_are_what_the_page_says(runs):
    assert "We trained two epochs instead of" in TEXT and "with seeds 0 and 1" in TEXT and "on 15 points S" in TEXT
    assert set(runs["epochs"]) == {2} and runs["seed"].tolist() == [0, 1] * len(published.ABLATED)
    for name in (*names.with_seeds(page.TIMED), *names.with_seeds(published.FORMS)):
        assert len(records.read_lattice(name).points) == 15
    assert "It is that of the presets `default` and `quick`" in TEXT and "which differ in epochs alone" in TEXT
    default, quick = (settings.preset(name).to_dict() for name in ("default", "quick"))
    assert {key for key in default if default[key] != quick[key]} == {"preset", "epochs"}
    assert "standard error of 85 % is 0.5 percentage points" in TEXT and "on the 5,000 validation images" in TEXT
    assert fashion_mnist.VALIDATION_SIZE == 5000
    assert round(100 * (0.85 * 0.15 / 5000) ** 0.5, 1) == 0.5


def test_measured_by_another_route(runs):
    name = "quick-epochs=2-kappa=0.0002-tau=5e-06"
    own = runs[runs["change"] == published.ABLATED[name]]
    for seed, line in zip((0, 1), own.to_dict("records"), strict=True):
        record = records.read_lattice(f"{name}-seed{seed}")
        space = analysis.space_of(record)
        assert line["seed"] == seed and line["seconds"] == record.training_seconds
        assert line["test"] == pytest.approx(100 * analysis.hypervolume(record.points, space))
        assert line["hypervolume"] == pytest.approx(100 * analysis.hypervolume(record.points, space, "validation"))
        assert line["networks"] == len(np.unique([point.choice for point in record.points], axis=0))


# One change at a time


def test_three_differences_are_resolved(runs, means, known):
    p = page.p_values(runs)
    assert (
        "**Three differences are resolved** if *twice the spread* is left out (P-value < 0.05), on validation" in TEXT
        and "With all changes tested, one is resolved" in TEXT
    )
    assert page.resolved(p) == {MUON, SANDWICH, SHIFTS}
    assert page.resolved(page.p_values(runs, "test")) == {MUON, SANDWICH, SHIFTS}
    gains = means["hypervolume"] - means.loc[UNCHANGED, "hypervolume"]
    assert gains[SANDWICH] > 0 > gains[SHIFTS] and gains[MUON] < 0
    assert "Muon optimiser gains" in TEXT and "random shifts of the images cost" in TEXT
    assert [round(abs(gains[name])) for name in (MUON, SHIFTS)] == [int(known[name]) for name in ("muon", "shifts")]
    assert float(known["others.most"]) < float(known["resolved.least"])
    assert known["tested"] == f"{len(p)}"


def test_p_is_that_of_the_table(runs):
    table, p = page.changes_table(runs).set_index("change"), page.p_values(runs)
    shown = pd.to_numeric(table["P-value"], errors="coerce").dropna()
    assert shown.to_dict() == pytest.approx(p, abs=6e-4)
    assert {name for name in shown.index if shown[name] < 0.05} == page.resolved(p)
    assert list(table.columns) == ["hypervolume", "P-value", *page.SIZES, "steering"]
    assert table.index[0] == SANDWICH and table.index[-1] == MUON
    assert table.loc[UNCHANGED, "steering"].startswith("−0.9") and "-" not in "".join(table["steering"])


def test_figure_has_a_row_for_each_change_and_three_in_bold(runs):
    (ax,) = page.dots(runs).axes
    by_label = {page.label(words): words for words in published.ABLATED.values()}
    rows = {by_label[label.get_text()]: label.get_fontweight() for label in ax.get_yticklabels()}
    assert set(rows) == set(published.ABLATED.values())
    assert page.label(SANDWICH) == "also largest and smallest network in\neach step (sandwich)"
    assert {name for name, weight in rows.items() if weight == "bold"} == {MUON, SANDWICH, SHIFTS}
    drawn = sorted(x for cloud in ax.collections for x, _ in cloud.get_offsets())
    assert drawn == pytest.approx(sorted(runs["hypervolume"]))
    order = runs.groupby("change")["hypervolume"].mean().sort_values(ascending=False).index
    assert list(rows) == list(order)


def test_trainings_without_muon_took_longer(runs):
    assert "took four times as long; other work ran at times" in TEXT and "at the one learning rate tried" in TEXT
    seconds = runs.groupby("change")["seconds"].mean()
    assert seconds[MUON] / seconds[UNCHANGED] == pytest.approx(4, abs=0.5)


def test_the_gain_of_the_sandwich_is_of_large_members(means):
    assert "helps large members, only above 12,320 edge parameters" in TEXT and PAPER["D"][2] == 12_320
    gains = means.loc[SANDWICH] - means.loc[UNCHANGED]
    assert gains[SMALL] < 0.1 and gains[D] < 0.1 and gains[A] > 1 and gains[C] > 3


def test_one_line_has_no_p_value(runs, known):
    assert "neither training has a member within 5,120 edge parameters" in TEXT
    assert set(runs["change"]) - page.tested(runs) == {WIDE} and SMALL == "≤ 5,120"
    assert runs.loc[runs["change"] == WIDE, SMALL].isna().all()
    assert (page.changes_table(runs).set_index("change")["P-value"] == "–").sum() == 2, "and nothing changed"
    assert TEXT.lower().count("with it, only muon is resolved") == 1
    assert page.resolved(page.p_values(runs, changes=set(runs["change"]))) == {MUON}
    sds = runs.groupby("change")["hypervolume"].std()
    assert sds.drop(WIDE).max() == pytest.approx(float(known["others.sd"]), abs=0.05) and sds[WIDE] > 4


def test_what_is_not_resolved_may_matter(runs, known):
    assert "which may have drawn low: on validation images" in TEXT
    half = int(known["tested"]) / 2
    assert int(known["above.test"]) < half < int(known["above.validation"])
    assert "it has the choices of the unchanged one, and hardly other weights" in TEXT
    for seed in (0, 1):
        own, same = (
            records.read_lattice(f"{name}-seed{seed}").points for name in ("quick-ema=0.99-epochs=2", page.TWO)
        )
        assert [point.choice for point in own] == [point.choice for point in same]
        apart = [a.accuracy.validation - b.accuracy.validation for a, b in zip(own, same, strict=True)]
        assert np.abs(apart).max() < 0.005


def test_steering_needs_utilities_that_differ(runs, means, known):
    assert "edges switch nearly all at once" in TEXT and "and the points give" in TEXT
    still = runs[runs["change"] == STILL]
    assert still["networks"].nunique() == 1 and still["networks"].max() < runs["networks"].drop(still.index).min()
    assert "With a third of the spread, or a tenth of the hypernetwork's learning rate, it is" in TEXT
    narrow = [means.loc[change(name), "steering"] for name in ("spread=0.05", "hypernetwork_learning_rate=0.001")]
    assert {f"{value:.2f}".replace("-", "−") for value in narrow} == {known["narrow"]}
    assert "learned or random" in TEXT
    random = means.loc[change("policy_until=0-random_utilities=true"), "steering"]
    assert max(random, means.loc[UNCHANGED, "steering"]) < min(narrow) < max(narrow) < means.loc[STILL, "steering"]


def test_the_price_of_parameters_moves_accuracy(means):
    assert "moves accuracy from large members to small ones" in TEXT
    assert "percentage points less within B's size, and" in TEXT and "more within C's" in TEXT
    gains = means.loc[UNPRICED] - means.loc[UNCHANGED]
    assert gains[SMALL] < -2 and gains[C] > 2


def test_random_utilities_do_no_worse(means):
    assert (
        "**Random utilities that are never learned do no worse here**" in TEXT
        and "Neither do utilities learned" in TEXT
    )
    for name in ("policy_until=0-random_utilities=true", "kappa=0.0002-tau=5e-06"):
        assert means.loc[change(name), "hypervolume"] > means.loc[UNCHANGED, "hypervolume"]
    ours, less = (
        records.read_lattice(f"{name}-seed0").config for name in (page.TWO, f"{page.TWO}-kappa=0.0002-tau=5e-06")
    )
    assert ours["kappa"] / less["kappa"] == pytest.approx(100)
    assert ours["kappa"] / ours["tau"] == pytest.approx(less["kappa"] / less["tau"])


# For the same time


def test_the_sandwich_for_the_same_time(timed):
    assert "In half its time, with three epochs, the unchanged recipe is as good" in TEXT
    by = timed.groupby(["change", "epochs"]).mean()
    three, sandwich = by.loc[(UNCHANGED, 3), :], by.loc[(SANDWICH, 2), :]
    assert three["seconds"] / sandwich["seconds"] == pytest.approx(1 / 2, abs=0.06)
    assert -0.5 < three["hypervolume"] - sandwich["hypervolume"] < 2
    assert "neither those two networks nor another gradient estimator brings more hypervolume" in TEXT
    assert "Within C's size the sandwich stays ahead" in TEXT and sandwich[C] > three[C] + 1


def test_estimators_for_the_same_epochs_and_the_same_time(timed, known):
    assert "After one epoch all three are ahead (P-value < 0.05" in TEXT
    one = timed[timed["epochs"] == 1]
    p = page.p_values(one)
    assert len(p) == 3 and page.resolved(p) == set(p)
    means = one.groupby("change")[["hypervolume", "seconds"]].mean()
    others = means.drop(UNCHANGED)
    gains = others["hypervolume"] - means.loc[UNCHANGED, "hypervolume"]
    assert gains.min() > 0 and "straight-through and the published relaxed samples by" in TEXT
    straight = published.ESTIMATORS["quick-epochs=1-estimator=straight_through"]
    assert f"{gains[straight]:.0f}" == known["relaxed"], "one number for both"
    assert "their epoch takes nearly four times as long" in TEXT
    ratios = others["seconds"] / means.loc[UNCHANGED, "seconds"]
    assert ratios.min() > 3.5 and ratios.max() < 4
    assert "in less time ours is ahead of them, with three epochs" in TEXT
    ours = timed[(timed["change"] == UNCHANGED) & (timed["epochs"] == 3)]
    theirs = one[one["change"] != UNCHANGED]
    assert ours["seconds"].max() < theirs["seconds"].min()
    assert ours["hypervolume"].min() > theirs["hypervolume"].max()


def test_figure_and_table_of_time(timed):
    (ax,) = page.over_time(timed).axes
    places = sorted(tuple(place) for cloud in ax.collections for place in cloud.get_offsets())
    assert np.allclose(places, sorted(zip(timed["seconds"], timed["hypervolume"], strict=True)))
    (line,) = ax.lines
    by = timed[timed["change"] == UNCHANGED].groupby("epochs")[["seconds", "hypervolume"]].mean()
    assert line.get_xydata() == pytest.approx(by.to_numpy())
    labels = [cloud.get_label() for cloud in ax.collections]
    assert labels[:2] == [f"{UNCHANGED}, 1 to 3 epochs", "sandwich, 2 epochs"] and labels[2].endswith(", 1 epoch")
    table = page.time_table(timed)
    assert table["epochs"].tolist() == ["1", "2", "3", "2", "1", "1", "1"]
    assert table["P-value"].tolist()[:4] == ["–"] * 4 and (table["P-value"][4:].astype(float) < 0.05).all()
    whole = tables.ablation_table(tables.ablation(published.ABLATED)).set_index("change").loc[UNCHANGED]
    assert table.iloc[1][["hypervolume", *page.SIZES]].tolist() == whole[["hypervolume", *page.SIZES]].tolist()
    seconds = [records.read_lattice(f"quick-seed{seed}").training_seconds for seed in (0, 1)]
    assert table.loc[2, "seconds"] == f"{seconds[0]:.0f}, {seconds[1]:.0f}"


# Other hypernetworks


def test_forms_by_another_route(forms):
    found = tables.steering_table(names.with_seeds(published.FORMS), ["hypernetwork", "seed"])
    assert forms["networks"].tolist() == found["architectures"].tolist()
    text = page.forms_table(forms)
    assert text["edge parameters"].tolist() == found["edge parameters"].tolist()
    weakest = found.filter(like="S and ").astype(float).max(axis=1)
    assert [float(value.replace("−", "-")) for value in text["steering"]] == weakest.tolist()
    record = records.read_lattice(f"{published.FORMS[1]}-seed0")
    members = np.unique([point.choice for point in record.points], axis=0)
    unlike = [(a != b).sum() for a, b in combinations(members, 2)]
    assert forms.loc[2, "apart"] == pytest.approx(np.mean(unlike))
    fits = [point.accuracy.validation for point in record.points if point.edge_parameters <= PAPER["A"][2]]
    assert forms.loc[2, "within A"] == pytest.approx(100 * max(fits))
    assert forms.loc[2, "hypernetwork"] == page.FORMS[record.config["hypernetwork"]]


def test_what_the_page_says_of_other_hypernetworks(forms):
    for name in published.FORMS[1:]:
        config = records.read_lattice(f"{name}-seed0").config
        assert config["kappa"] == 0.1 and config["parameter_price"] > 0
    assert "The price of parameters is in the loss of these hypernetworks" in TEXT
    assert "need a larger $\\kappa$, 0.1" in TEXT
    ours = forms["hypernetwork"] == page.FORMS["utility"]
    ours, others = forms[ours], forms[~ours]
    assert len(ours) == 2 and len(others) == 4 and "three of their four trainings" in TEXT
    assert "Their members may be trained better" in TEXT and others["within A"].min() > ours["within A"].max() + 1
    assert "In hypervolume three of their four trainings are ahead of ours, and one is far behind" in TEXT
    assert (others["hypervolume"] > ours["hypervolume"].max()).sum() == 3
    assert others["hypervolume"].min() < ours["hypervolume"].min() - 5
    assert "Three of the four have no network within D's size, and S steers less" in TEXT
    assert (others["smallest"] > PAPER["D"][2]).sum() == 3
    assert others["steering"].min() > ours["steering"].max() + 0.05
    assert "Their members are alike" in TEXT and others["apart"].max() < ours["apart"].min() - 5


def test_the_published_method_as_a_whole_is_behind_within_a():
    assert "The published method as a whole is far behind ours within A's size" in TEXT
    theirs, *ours = (
        analysis.accuracy_within(records.read_lattice(name).points, PAPER["A"][2])
        for name in (*published.PAPER, *published.DEFAULT)
    )
    assert theirs < min(ours) - 0.04


# The recipe


OURS, PUBLISHED = settings.preset("default"), settings.preset("paper")


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        ("price of parameters, 0.4 | none", (OURS.parameter_price, PUBLISHED.parameter_price) == (0.4, 0)),
        ("spread of the utilities, 0.15 |", OURS.spread == 0.15),
        ("| gain 40 |", OURS.kappa / OURS.tau == pytest.approx(40)),
        (
            "S uniform, a quarter from Dirichlet(1/2) | uniform",
            (OURS.corner_share, PUBLISHED.corner_share) == (0.25, 0),
        ),
        ("one operation on each edge, two paths in each step", OURS.paths == 2),
        (
            "score function, the other path as baseline | through the mixture",
            (OURS.estimator, PUBLISHED.estimator) == ("score_function", "relaxed"),
        ),
        ("= 0.02 | 50 in the code", (OURS.kappa, PUBLISHED.kappa) == (0.02, 50)),
        ("rise from 0 over 20 % of the steps | constant", (OURS.warmup, PUBLISHED.warmup) == (0.2, 0)),
        ("limited together, to norm 5", optimizers.MAX_GRADIENT_NORM == 5),
        ("frozen after 60 % of the steps | never", (OURS.policy_until, PUBLISHED.policy_until) == (0.6, 1)),
        ("55,000 training images, horizontal flips", (OURS.train_images, OURS.flip, OURS.shift) == (55_000, True, 0)),
        ("statistics re-estimated on 5,000 training images", evaluation.BATCH_NORM_IMAGES == 5000),
        ("epochs, batches of 64 | 10 epochs", OURS.batch_size == 64),
        ("weight decay 0.0001", OURS.weight_decay == 1e-4),
        (
            "peaks 0.02 (Muon), 0.003 (AdamW), 0.01 (hypernetwork)",
            (OURS.matrix_learning_rate, OURS.learning_rate, OURS.hypernetwork_learning_rate) == (0.02, 0.003, 0.01),
        ),
        (
            "sums at nodes, classifier's input not normalised | the same",
            not (OURS.space.mean_nodes or OURS.space.normalise_features),
        ),
    ],
)
def test_the_recipe_is_that_of_the_presets(words, holds):
    assert words in TEXT and holds
