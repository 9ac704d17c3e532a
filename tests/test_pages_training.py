"""The page `training`: the step that it draws is one of the method's; its miniature learns and steers."""

import dataclasses
import re
from xml.dom import minidom

import numpy as np
import pytest
import torch
from pages import source, unsaid

from simplexnas.io.paths import ROOT
from simplexnas.io.seeds import generator
from simplexnas.methods import settings
from simplexnas.methods.choose import method_of
from simplexnas.methods.config import Config
from simplexnas.methods.hypernetwork import WorthHypernetwork
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.settings import SearchConfig
from simplexnas.report.pages import training
from simplexnas.report.paper import PAPER
from simplexnas.space import cost
from simplexnas.tasks import load
from simplexnas.training.loop import search

TEXT = source("training")


def miniature_config(splits):
    """The settings of the page: what its cell says."""
    cell = re.search(r"config = preset\(.*?^\)$", TEXT, re.DOTALL | re.MULTILINE)[0]
    names = {"preset": settings.preset, "splits": splits}
    exec(cell, names)
    return names["config"]


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def method(digits, tmp_path_factory):
    return search(miniature_config(digits), digits.train, tmp_path_factory.mktemp("run"), progress_bar=False)


def test_the_picture_shows_a_step_of_the_method():
    drawn = training.example()[1]
    steps, edges = drawn.choices.shape
    assert steps == 2 and drawn.S.shape == (steps, 3) and np.allclose(drawn.S.sum(axis=1), 1)
    assert drawn.probabilities.shape == (steps, edges, 3) and np.allclose(drawn.probabilities.sum(axis=2), 1)
    chosen = np.take_along_axis(drawn.probabilities, drawn.choices[..., None].astype(int), axis=2)
    assert chosen.min() > 0.01 and chosen.mean() > 0.5, "drawn from these probabilities"
    picture = training.picture()
    assert training.picture() == picture
    document = minidom.parseString(picture)
    arcs = [path for path in document.getElementsByTagName("path") if path.hasAttribute("data-edge")]
    normal = edges // 2
    assert [int(arc.getAttribute("data-operation")) for arc in arcs] == drawn.choices[:, :normal].ravel().tolist()
    bars = [rect for rect in document.getElementsByTagName("rect") if rect.getAttribute("class") == "bar"]
    bars = bars[: drawn.choices[:, :normal].size * 3]  # the others are the key
    heights = np.array([float(bar.getAttribute("height")) for bar in bars]).reshape(steps, normal, 3)
    assert np.allclose(heights / 50, drawn.probabilities[:, :normal], atol=2e-3)
    circles = document.getElementsByTagName("circle")
    assert [circle.getAttribute("class") for circle in circles if circle.hasAttribute("fill")].count("S") == steps
    named = [circle for circle in circles if circle.getAttribute("class") == "named"]
    places = np.array([[float(circle.getAttribute(key)) for key in ("cx", "cy")] for circle in named])
    words = [text.firstChild.data for text in document.getElementsByTagName("text") if text.firstChild]
    assert len(places) == steps * len(PAPER) and [word for word in words if word in PAPER] == steps * list(PAPER)
    for own in np.split(places, steps):
        A, B, C, D = own
        assert C[1] < A[1] < B[1] == D[1] and D[0] < A[0] == C[0] < B[0], "as in the other triangles"
    assert len({tuple(path) for path in drawn.choices[:, :normal].tolist()}) == 2, "the two steps differ"


def test_the_logits_of_the_picture_are_those_of_the_formula():
    """Worth / kappa - price, here without a price of parameters: the price is S."""
    space = training.example()[0]
    hypernetwork = WorthHypernetwork(space, 0.3, 0.0, cost.relative_costs("unit", space))
    hypernetwork.draw(torch.Generator().manual_seed(0))
    S = torch.tensor([[0.2, 0.3, 0.5]])
    worth = hypernetwork.nats / hypernetwork.instances
    assert torch.allclose(hypernetwork(S)[0], worth / (worth.square().mean().sqrt() / 0.3) - S, atol=1e-6)
    assert "α = g · (worth / κ − price of S)" in training.picture() and "α = g · (worth / κ − price of S)" in TEXT
    assert "a gain of 10" in TEXT


def test_looking_on_changes_no_step(digits):
    config = miniature_config(digits)
    labels = torch.arange(64) % 10
    batch = Batch(torch.randn(64, 1, 8, 8, generator=generator(1)), labels)
    watched, other = (method_of(config) for _ in range(2))
    other.load_state_dict(watched.state_dict())
    seen = training.look(watched, batch, numbers=[700, 701])
    assert not watched.hypernetwork._forward_hooks and not watched.supernet._forward_pre_hooks
    for place, number in enumerate([700, 701]):
        drawn = other.supernet.register_forward_pre_hook(
            lambda _, inputs, place=place: np.testing.assert_array_equal(inputs[1], seen.choices[place])
        )
        found = other.loss([batch], Step(number, config.steps, generator(config.seed, number)))
        drawn.remove()
        prices = cost.price(torch.tensor(seen.S[[place]]), config.space, config.parameter_price)
        lat = cost.price_term(torch.tensor(seen.probabilities[[place]]), prices, config.space)
        assert float(lat) == pytest.approx(float(found["price"]), rel=1e-5), "of the S and the logits looked at"


def test_what_the_page_says_of_the_preset(digits):
    config = settings.preset("default")
    assert config.hypernetwork == "worth" and config.paths == 1, "the page says one path"
    assert config.random_share == 0, "the page says that S chooses after the warm-up"
    assert f"in the warm-up (the first {100 * config.warmup:.0f} % of the steps):" in TEXT
    assert "a warm-up of half of the steps" in TEXT and "all else of the method is the preset's" in TEXT
    miniature = miniature_config(digits)
    own = {field.name for field in dataclasses.fields(SearchConfig)} - {
        field.name for field in dataclasses.fields(Config)
    }
    assert {name for name in own if getattr(miniature, name) != getattr(config, name)} == {"warmup"}
    assert miniature.warmup == 0.5


def test_every_number_stands_on_the_page():
    assert unsaid(training.numbers(), "training") == set()


def test_files_that_the_page_includes_have_what_it_asks_for():
    """A build fails where they have not; this is quicker."""
    blocks = re.findall(r"literalinclude\} \.\./(\S+)\n(.*?)# ```", TEXT, re.DOTALL)
    assert len(blocks) == 6
    for path, options in blocks:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert f":caption: {path}" in options
        for word in re.findall(r":(?:start|end)-at: (.+)", options):
            assert source.count(word) == 1
        for name in re.findall(r":pyobject: (.+)", options):
            assert f"def {name.rpartition('.')[2]}(" in source


def test_pseudocode_has_ten_lines_with_names_of_the_code():
    (block,) = re.findall(r":linenos:\n#\n(.*?)\n# ```", TEXT, re.DOTALL)
    lines = block.splitlines()
    assert len(lines) == 10
    names = [match[1] for line in lines if (match := re.search(r"  (\w+)$", line))]
    code = "".join((ROOT / "src/simplexnas" / path).read_text() for path in ("methods/simplex.py", "training/loop.py"))
    assert names and all(re.search(rf"\b{name}\b", code) for name in names), names


@pytest.mark.slow
def test_the_miniature_learns(method):
    losses = method.paths.losses.numpy()
    assert losses[0] == pytest.approx(np.log(10), abs=1e-4)
    assert losses[-50:].mean() < 0.5
    nats, error = method.hypernetwork.nats.numpy(), method.hypernetwork.error.numpy()
    assert np.allclose(nats.sum(axis=1), 0, atol=1e-6) and (error > 0).all()
    assert (np.abs(nats) < 2 * error).mean() > 0.5, "many are within their errors"
    kappa = re.search(r"here the rule gives ([\d.]+)\.", TEXT)[1]
    assert method.hypernetwork.kappa.item() == pytest.approx(float(kappa), abs=0.0006)


@pytest.mark.slow
def test_members_of_the_miniature(method, digits):
    found = training.members(method, digits).set_index("S")
    assert found.index.tolist() == list(PAPER) and len(digits.test) == 359
    assert found[["pool", "identity", "convolution"]].sum(axis=1).tolist() == [10] * 4
    accuracy = found["accuracy"].str.removesuffix(" %").astype(float)
    assert (accuracy > 85).all()
    assert found.loc["C", "pool"] < found.loc["B", "pool"], "a penalty on pooling against one on convolution"
    assert found.loc["B", "convolution"] <= found.loc["C", "convolution"]


@pytest.mark.slow
def test_curves_show_every_path_of_the_warm_up_and_every_worth(method):
    above, below = training.curves(method).axes
    dots = np.concatenate([group.get_offsets() for group in above.collections])
    assert np.allclose(dots[:, 1], method.paths.losses.numpy())
    assert len(above.collections[1].get_offsets()) == len(method.paths.latest()[1])
    points = [container.lines[0].get_ydata() for container in below.containers]
    assert np.allclose(np.stack(points, axis=1), method.hypernetwork.nats.numpy())
