"""The page `ablation`: its table and figure by other routes, and what its prose says of them.

Families trained anew may turn a sentence over: then a test fails, and the page has to say so.
"""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from pages import prose, unsaid
from scipy import stats

from simplexnas.io import records
from simplexnas.measure import evaluation
from simplexnas.methods import settings
from simplexnas.report import published, tables
from simplexnas.report.names import UNCHANGED
from simplexnas.report.pages import ablation as page
from simplexnas.tasks import fashion_mnist
from simplexnas.training import optimizers
from simplexnas.training.batches import batch_indices

TEXT = prose("ablation")
OURS, QUICK, PUBLISHED = map(settings.preset, ("default", "quick", "paper"))


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return page.measured()


@pytest.fixture(scope="module")
def differences(runs) -> pd.DataFrame:
    return tables.ablation_differences(runs)


@pytest.fixture(scope="module")
def known() -> dict[str, str]:
    return {name.removeprefix("ablation."): value for name, value in page.numbers().items()}


def test_every_number_stands_on_the_page(known):
    assert not unsaid((f"ablation.{name}" for name in known), "ablation")


def test_every_change_stands_on_the_page():
    changes = [page.changed(setting) for setting in page.NAMED.values()]
    assert sorted([UNCHANGED, *changes]) == sorted(published.ABLATED.values())
    for name in page.NAMED:
        assert f"<!--=ablation.{name}-->" in TEXT.partition("## One change at a time")[2]


# How it was measured


def test_the_trainings_are_what_the_page_says(runs):
    assert "We trained two epochs instead of" in TEXT and "with seeds 0, 1 and 2, and compared" in TEXT
    assert runs["seed"].tolist() == [0, 1, 2] * len(published.ABLATED)
    assert {records.read_lattice(name).config["epochs"] for name in published.ABLATION} == {2}
    assert "on 21 points S" in TEXT and round((1 / tables.ABLATION_STEP + 1) * (1 / tables.ABLATION_STEP + 2) / 2) == 21
    assert "standard error of 85 % is 0.5 percentage points" in TEXT and "on the 5,000 validation images" in TEXT
    assert fashion_mnist.VALIDATION_SIZE == 5000
    assert round(100 * (0.85 * 0.15 / 5000) ** 0.5, 1) == 0.5


def test_the_presets_differ_as_the_page_says():
    assert "`quick`, whose trainings this page shows, has fewer epochs and a longer warm-up, as 15 % of so few" in TEXT
    default, quick = OURS.to_dict(), QUICK.to_dict()
    assert {key for key in default if default[key] != quick[key]} == {"preset", "epochs", "warmup"}
    assert QUICK.epochs < OURS.epochs and QUICK.warmup > OURS.warmup == 0.15


def test_trainings_of_a_seed_see_the_same_images_in_the_same_order():
    assert "see the same images in the same order" in TEXT
    large = dataclasses.replace(QUICK, batch_size=64)
    pair = np.concatenate([batch_indices(QUICK, step) for step in (6, 7)])
    assert np.array_equal(pair, batch_indices(large, 3))


# One change at a time


def test_differences_are_those_of_a_regression_on_change_and_seed(runs, differences):
    """Least squares with a column for each change and each seed; the error from the covariance of the coefficients."""
    changes = [change for change in runs["change"].unique() if change != UNCHANGED]
    columns = [
        np.ones(len(runs)),
        *(runs["change"] == change for change in changes),
        *(runs["seed"] == n for n in (1, 2)),
    ]
    design, values = np.column_stack(columns).astype(float), runs["hypervolume"].to_numpy()
    found, (squares,), *_ = np.linalg.lstsq(design, values)
    freedom = len(values) - design.shape[1]
    covariance = squares / freedom * np.linalg.inv(design.T @ design)
    for place, change in enumerate(changes, start=1):
        (line,) = differences[differences["change"] == change].to_dict("records")
        half = stats.t.ppf(1 - 0.05 / 2 / len(changes), freedom) * covariance[place, place] ** 0.5
        assert line["mean"] == pytest.approx(found[place])
        assert (line["low"], line["high"]) == pytest.approx((found[place] - half, found[place] + half))


def test_numbers_are_those_of_the_differences(runs, differences, known):
    means = differences.set_index("change")["mean"]
    for name, setting in page.NAMED.items():
        assert float(known[name].replace("−", "-")) == pytest.approx(means[page.changed(setting)], abs=0.051)
    assert known["changes"] == f"{len(means)}" and known["resolved"] == f"{len(page.resolved(differences))}"
    by_hand = [line.change for line in differences.itertuples() if not line.low <= 0 <= line.high]
    assert page.resolved(differences) == by_hand


def test_figure_has_a_row_for_each_change_and_what_is_resolved_in_bold(runs, differences):
    (ax,) = page.intervals(runs).axes
    rows = {label.get_text().replace("\n", " "): label.get_fontweight() for label in ax.get_yticklabels()}
    assert list(rows) == differences["change"].tolist()
    assert [change for change, weight in rows.items() if weight == "bold"] == page.resolved(differences)


def test_what_muon_is_worth(differences):
    assert "the largest difference is that of the Muon optimiser" in TEXT
    muon = page.changed(page.NAMED["muon"])
    assert differences.loc[differences["mean"].abs().idxmax(), "change"] == muon and muon in page.resolved(differences)


# The recipe


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        (
            "| sums; classifier's input not normalised | the same |",
            not (OURS.space.mean_nodes or OURS.space.normalise_features),
        ),
        ("| worth minus price | tables", (OURS.hypernetwork, PUBLISHED.hypernetwork) == ("worth", "pivot")),
        ("random paths for 15 % of the steps | none", OURS.warmup == 0.15 and OURS.random_share == 0),
        ("their spread is 0.3 units of S | 50 in the code", (OURS.spread, PUBLISHED.kappa) == (0.3, 50)),
        ("1 for the largest convolution | none", (OURS.parameter_price, PUBLISHED.parameter_price) == (1, 0)),
        (
            "80 % on the predicted front; of the rest a quarter from Dirichlet(1/2) | uniform",
            (OURS.front_share, OURS.corner_share, PUBLISHED.corner_share) == (0.8, 0.25, 0),
        ),
        ("one on each edge, a path for each batch", OURS.paths == 1),
        (
            "gain 400 | temperature falls from 1 to 0.2",
            (OURS.gain, PUBLISHED.temperature_start, PUBLISHED.temperature_end) == (400, 1, 0.2),
        ),
        ("| limit of gradients | norm 5 | the same |", optimizers.MAX_GRADIENT_NORM == 5),
        (
            "peaks 0.02 (Muon) and 0.003 (AdamW); weight decay 0.0001",
            (OURS.matrix_learning_rate, OURS.learning_rate, OURS.weight_decay) == (0.02, 0.003, 1e-4),
        ),
        (
            "epochs, batches of 32 | 10 epochs or about as many steps, batches of 64",
            (OURS.batch_size, PUBLISHED.batch_size) == (32, 64),
        ),
        ("55,000, horizontal flips | half", (OURS.train_images, OURS.flip, OURS.shift) == (55_000, True, 0)),
        ("re-estimated on 5,000 training images", evaluation.BATCH_NORM_IMAGES == 5000),
    ],
)
def test_the_recipe_is_that_of_the_presets(words, holds):
    assert words in TEXT and holds
