"""The page `methods`: what runs in a step, against what each method says of itself; its commands and statements."""

import re

import numpy as np
import pytest
from pages import prose

from simplexnas.methods import settings
from simplexnas.methods.choose import method_of
from simplexnas.methods.method import KnobOfS, NoKnob
from simplexnas.report.pages import methods as page
from simplexnas.report.style import HATCHES
from simplexnas.tasks import fashion_mnist

TEXT = prose("methods")
MIXTURES = {"DARTS", "FBNet", "DARTS-CC", "Firsov, as published"}


@pytest.fixture(scope="module")
def steps() -> dict[str, tuple[page.Ran, page.Ran | None]]:
    images = fashion_mnist.load().train
    return {name: page.steps(kind, images) for name, kind in page.KINDS.items()}


def test_every_method_is_shown():
    assert {kind.method for kind in page.KINDS.values()} == set(settings.methods())


def test_what_runs(steps):
    for name, (weights, choices) in steps.items():
        for ran in filter(None, (weights, choices)):
            assert ran.weights.shape == ran.runs.shape == (10, 3)
            assert np.allclose(ran.weights.sum(axis=1), 1, atol=1e-6) and not ran.weights[~ran.runs].any()
        assert weights.runs.all() == (name in MIXTURES), name
        assert (choices is None) == (not method_of(page.config(page.KINDS[name])).bilevel), name
        if name not in MIXTURES:
            assert (weights.runs.sum(axis=1) == 1).all(), "one path"
    assert np.allclose(steps["DARTS"][0].weights, 1 / 3)
    assert steps["parametric control"][0].weights[:, 2].all(), "convolutions alone"
    gates = steps["ProxylessNAS"][1]
    assert gates.runs.all() and ((gates.weights == 1).sum(axis=1) == 1).all(), "all run, one is open"


def test_the_figure_frames_what_runs_and_fills_what_it_weighs(steps):
    axes = np.array(page.ran().axes).reshape(len(steps), 2)
    for row, (name, own) in zip(axes, steps.items(), strict=True):
        for ax, ran in zip(row, own, strict=True):
            if ran is None:
                assert not ax.patches and ax.texts[0].get_text() == page.WITHOUT_STEPS[name]
                continue
            filled, frames = ax.patches[::2], ax.patches[1::2]
            shown = ran.weights[: page.SHOWN].ravel()
            assert [box.get_width() for box in filled] == pytest.approx((0.85 * shown).tolist(), abs=1e-6)
            assert [box.get_hatch() or "" for box in filled] == page.SHOWN * list(HATCHES)
            black = [frame.get_edgecolor()[:3] == (0, 0, 0) for frame in frames]
            assert black == ran.runs[: page.SHOWN].ravel().tolist()


def test_features_are_those_of_the_library():
    for kind in page.KINDS.values():
        knob = settings.find(kind.method).knob
        assert (kind.gives == "one architecture") == (kind.asked == "–") == (knob == NoKnob.KNOB)
        assert (kind.gives == "a triangle of them") == (kind.asked == "S") == (knob == KnobOfS.KNOB)
    assert set(page.WITHOUT_STEPS) == {
        name for name, kind in page.KINDS.items() if not method_of(page.config(kind)).bilevel
    }
    proxyless, darts = (settings.preset("default", name) for name in ("proxyless", "darts"))
    assert proxyless.cost_weight == darts.kappa == 0, "they pay for nothing"


def test_settings_that_the_page_names_are_there():
    for method, words in (
        ("darts", "order=2"),
        ("proxyless", "gradient=two_path"),
        ("proxyless", "gradient=reinforce"),
        ("darts", "kappa=0.1"),
        ("proxyless", "cost_weight=0.1"),
    ):
        assert words.partition("=")[0] + "=" in TEXT
        settings.preset("default", method, **settings.parse_changes([words], method))
    assert set(re.findall(r"--method (\w+)", TEXT)) <= set(settings.methods())
    name = settings.family_name("default", 0, {"budget_minutes": 15.0}, method="darts_cc")
    assert f"lattice --family {name} " in TEXT and f"sample --family {name} " in TEXT


def test_what_the_page_says_of_settings():
    proxyless, fbnet = (
        settings.preset("default", name, **({} if name != "fbnet" else page.INVENTED | {"space": page.SPACE}))
        for name in ("proxyless", "fbnet")
    )
    assert proxyless.choice_every == 9 and "One step of the choices for nine of the weights" in TEXT
    search = settings.preset("default", "random_search")
    assert (search.bins, search.candidates) == (8, 40)
    assert "the best of each of eight sizes, from five candidates of each" in TEXT
    assert (fbnet.b, fbnet.latency_batch) == (0.6, 1) and "the published 0.6" in TEXT
    assert len(method_of(settings.preset("default", "darts_cc")).chooser.tables) == 5 and "five tables" in TEXT
