"""What every method has in common: one command trains it, every command takes its family, a stop costs nothing."""

import dataclasses
import json

import numpy as np
import pytest
import tiny
import torch
from typer.testing import CliRunner

from simplexnas import cli
from simplexnas.family import Family
from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.seeds import generator
from simplexnas.measure import retraining
from simplexnas.methods import bilevel, settings
from simplexnas.methods.choose import method_of
from simplexnas.methods.config import Config
from simplexnas.methods.method import KnobOfNumber, NoKnob, Step
from simplexnas.network.architecture import Architecture
from simplexnas.network.supernet import Supernet
from simplexnas.report import published
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks.task import Splits
from simplexnas.training import batches, budget, loop
from simplexnas.training.family import train_family

NAMES = tuple(settings.methods())
TIMES = {"milliseconds": [[1.0, 0.5, 2.0]] * 10, "other_milliseconds": 3.0}


def config(name: str, **changes):
    """A training of about a second."""
    small = {"space": tiny.SPACE, "epochs": 4, "batch_size": 16, "train_images": 320}
    fields = {each.name for each in dataclasses.fields(settings.find(name).config)}
    small |= {"candidates": 8, "bins": 2, "validation_images": 50} if "candidates" in fields else {}
    by_time = getattr(settings.find(name).presets["default"], "price", "") == "latency"
    return settings.preset("default", name, **small | (TIMES if by_time else {}) | changes)


@pytest.fixture(scope="module", params=NAMES)
def trained(request, few, tmp_path_factory):
    """A method after its training, and its family's folder."""
    method = loop.search(config(request.param), few.train, tmp_path_factory.mktemp("run"), progress_bar=False)
    method.eval().finish(few)
    folder = Family("tiny", method).export(tmp_path_factory.mktemp("families") / request.param, tiny.SPENT)
    return method, folder


def invoke(*arguments: str):
    return CliRunner().invoke(cli.app, arguments, catch_exceptions=False)


def test_there_are_methods_with_a_line_each():
    lines = invoke("methods").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(NAMES) and len(NAMES) >= 2
    for name, entry in settings.methods().items():
        assert entry.name == name and 20 < len(entry.line) < 110 and "default" in entry.presets
        assert all(preset == kept.preset for preset, kept in entry.presets.items())
    configs = [entry.config for entry in settings.methods().values()]
    assert len(set(configs)) == len(configs) and Config not in configs, "a configuration tells its method"


@pytest.mark.parametrize("name", NAMES)
def test_settings_go_there_and_back(name):
    ours = config(name, seed=3)
    assert type(ours).from_dict(ours.to_dict()) == ours and settings.method_name(ours) == name
    with pytest.raises(SimplexNASError, match=f"{name} has no setting 'speed'; it has: .*seed"):
        settings.preset("default", name, speed=1)


def test_a_family_of_each_method_comes_back(trained):
    method, folder = trained
    loaded = Family.load(folder)
    assert loaded.description.content["method"] == settings.method_name(method.config)
    knobs = method.knobs(0.5)
    assert knobs and all(loaded.model.architecture(knob) == method.architecture(knob) for knob in knobs)
    chosen = method.architecture(knobs[0])
    assert isinstance(chosen, Architecture) and chosen.space == method.config.space
    images = tiny.images(4)
    with torch.no_grad():
        found = loaded.network(chosen)(images)
    assert found.shape == (4, 10) and torch.isfinite(found).all()


def test_every_knob_is_said_and_foreign_ones_are_refused(trained):
    method, _ = trained
    assert settings.find(settings.method_name(method.config)).knob == method.KNOB
    for knob in method.knobs(0.5):
        assert set(method.said(knob)) <= {"S", "knob"}
    for value in ("x", "2", "nan", "0.2,0.3"):
        with pytest.raises(SimplexNASError) as error:
            method.knob(value)
        assert value in str(error.value) and len(str(error.value).splitlines()) == 1
    if isinstance(method, NoKnob):
        assert method.knob(None) is None and method.knobs(0.5) == [None] and method.said(None) == {}
    else:
        with pytest.raises(SimplexNASError, match=r"^this family's knob is .*: give --(S|knob)$"):
            method.knob(None)
    if isinstance(method, KnobOfNumber):
        assert method.knob("0.5") == 0.5 and method.said(0.5) == {"knob": 0.5}


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_training_repeats_an_uninterrupted_one(name, few, tmp_path, monkeypatch):
    whole = loop.search(config(name), few.train, tmp_path / "whole", progress_bar=False)
    kept, stop = batches.batch_indices, 13

    def interrupted(settings, step, part=0):
        if step == stop:
            raise KeyboardInterrupt
        return kept(settings, step, part)

    with monkeypatch.context() as patch:
        patch.setattr(batches, "batch_indices", interrupted)
        with pytest.raises(KeyboardInterrupt):
            loop.search(config(name), few.train, tmp_path / "half", checkpoint_every=5, progress_bar=False)
    again = loop.search(config(name), few.train, tmp_path / "half", resume=True, progress_bar=False)
    for (key, value), other in zip(whole.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(value, other), key
    assert (tmp_path / "whole" / "log.csv").read_text() == (tmp_path / "half" / "log.csv").read_text()


def test_a_run_of_another_method_is_refused_by_name(few, tmp_path):
    loop.search(config("simplex", epochs=1, warmup=0.5), few.train, tmp_path, progress_bar=False)
    with pytest.raises(SimplexNASError, match=r"method.*simplex.*darts|method.*darts.*simplex"):
        loop.search(config("darts"), few.train, tmp_path, resume=True, progress_bar=False)


@pytest.mark.parametrize("name", NAMES)
def test_cells_of_a_kind_choose_alike(name):
    """The two reduction cells have one genotype: an architecture says each of its edges once."""
    method = method_of(config(name))
    edges = len(genotype_edges(method.config.space))
    assert edges == 10
    if method.bilevel:
        for parameter in method.chooser.parameters():
            assert edges in parameter.shape and 3 in parameter.shape


@pytest.mark.parametrize("name", [name for name in NAMES if len(settings.preset("default", name).parts) > 1])
def test_what_learns_from_which_images(name, few, monkeypatch):
    """Each part of the images teaches its own: the weights' never meet the choices' in a training."""
    ours = config(name)
    weights, choices = (set(part.tolist()) for part in ours.parts)
    assert not weights & choices and len(weights | choices) == 320
    for step in range(0, ours.steps, 7):
        assert set(batches.batch_indices(ours, step).tolist()) <= weights
        assert set(batches.batch_indices(ours, step, 1).tolist()) <= choices


def test_still_statistics_leave_no_trace():
    network = tiny.awake(Supernet(tiny.SPACE)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with bilevel.still_statistics(network):
        one = network(tiny.images(8), [0] * 10)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    other = network(tiny.images(8), [0] * 10)
    assert torch.equal(one, other), "as in training"
    assert any(not torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_budget_sets_the_epochs(few, tmp_path, monkeypatch, own_results):
    times = iter(np.arange(0, 1e6, 0.5))
    monkeypatch.setattr("simplexnas.training.budget.time.perf_counter", lambda: next(times))
    ours = config("darts", budget_minutes=1.0)
    found = budget.within(ours, few, "x")
    assert found.epochs * ours.steps_per_epoch == pytest.approx(60 / 0.5, rel=0.01)
    with pytest.raises(SimplexNASError, match=r"budget_minutes = 0.001; allowed: from 0.0\d+, a tenth"):
        budget.within(dataclasses.replace(ours, budget_minutes=0.001), few, "x")


def test_a_budget_of_few_images_is_no_warm_up_of_few_steps(few, own_results):
    few = Splits(*(split.head(64) for split in (few.train, few.validation, few.test)))
    short = tiny.config("quick", epochs=2, train_images=64, budget_minutes=0.05, paths=1)
    with pytest.raises(SimplexNASError, match="paths to learn from"):
        method_of(short)
    assert budget.within(short, few, "x").epochs > 2


def test_steps_are_timed_at_networks_like_those_of_a_trained_family():
    """Of an untrained one, S asks for pooling nearly everywhere."""
    family, macs = Family.load(published.DEFAULT[0]), cost.edge_macs(SearchSpace())

    def mean(config, learned: bool) -> float:
        method = method_of(config)
        if learned:
            method.load_state_dict(family.model.state_dict())
        steps = [Step(config.steps // 2, config.steps, generator(0, number)) for number in range(300)]
        drawn = [method.choice(method.condition(step.random), step)[0] for step in steps]
        return float(np.mean([macs[range(28), choice].sum() for choice in drawn]))

    trained, fresh = mean(family.config, learned=True), mean(family.config, learned=False)
    assert mean(family.config.timed, learned=False) == pytest.approx(trained, rel=0.2) and fresh < 0.5 * trained


def test_a_resumed_budget_keeps_its_epochs(few, own_results, monkeypatch):
    ours = config("darts", epochs=1.5, budget_minutes=1.0)
    with monkeypatch.context() as patch:
        patch.delattr("simplexnas.training.family.Family")  # ends before the family is written
        with pytest.raises(NameError):
            train_family("x", ours, few, progress_bar=False)
    monkeypatch.setattr(budget, "step_seconds", lambda *_: pytest.fail("timed again"))
    assert budget.within(dataclasses.replace(ours, epochs=24), few, "x", resume=True).epochs == 1.5


def test_a_training_that_diverges_leaves_the_step_until_one_ends_well(few, own_results, monkeypatch):
    ours, file = config("darts", epochs=1), paths.RESULTS / "x" / records.DIVERGED
    with monkeypatch.context() as patch:
        patch.setattr("simplexnas.methods.objective.cross_entropy", lambda logits, _: logits.sum() * float("nan"))
        with pytest.raises(SimplexNASError, match=f"the loss is nan at step {ours.steps}; lower learning_rate"):
            train_family("x", ours, few, progress_bar=False)
    content = records.read(file)
    assert content["step"] == ours.steps and content["family"] == "x"
    assert content["config"] == json.loads(json.dumps(ours.to_dict()))
    assert "the loss is nan" in content["reason"] and {"revision", "created", "versions"} <= content.keys()
    train_family("x", ours, few, progress_bar=False)
    assert not file.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "simplex"])
def test_every_command_takes_a_family(name, few, own_results, tmp_path, monkeypatch):
    """From the search to a file to deploy, by the commands alone."""
    monkeypatch.setattr("simplexnas.tasks.load_of", lambda *_: few)
    folder, _ = train_family("one", config(name, epochs=1), few, progress_bar=False)
    step = () if isinstance(Family.load(folder).model, NoKnob) else ("--step", "0.5")
    invoke("lattice", "--family", "one", *step)
    members = json.loads(invoke("front", "--family", "one", "--json").stdout)["members"]
    assert members and all(set(member) & {"S", "knob"} == ({"knob"} if step else set()) for member in members)
    assert "M MACs" in invoke("front", "--family", "one").stdout
    knob = ("--knob", str(members[-1]["knob"])) if step else ()
    file = str(tmp_path / "a.json")
    shown = json.loads(invoke("sample", "--family", "one", *knob, "--json", "--output", file).stdout)
    assert shown["edge_parameters"] == members[-1]["edge_parameters"] and shown.get("knob") == members[-1].get("knob")
    measured = json.loads(invoke("evaluate", "--family", "one", *knob, "--json").stdout)
    assert measured["accuracy"] == members[-1]["accuracy"]
    chosen = json.loads(invoke("select", "--family", "one", "--max-macs", "1e9", "--json").stdout)
    assert chosen["accuracy"]["validation"] == max(member["accuracy"]["validation"] for member in members)
    invoke("export", "--architecture", file, "--output", str(tmp_path / "model"), "--no-timing")
    assert (tmp_path / "model" / "model.onnx").exists()
    for command in (["points"], ["baselines"], ["evaluate", *knob, "--ways"]):
        with pytest.raises(SimplexNASError, match=f"family one is of method {name}, which has no S"):
            invoke(*command, "--family", "one")
    if not step:
        with pytest.raises(SimplexNASError, match=r"knob = 0.5; this family has none"):
            invoke("sample", "--family", "one", "--knob", "0.5")


def test_networks_of_all_methods_are_trained_alone_alike(few):
    """By one recipe, on all images, also where a search divided them."""
    recipes = [retraining.recipe(Family("x", method_of(config(name)))) for name in NAMES]
    for found in recipes:
        assert list(found.parts[0]) == list(range(320)) and found.space == tiny.SPACE
    rates = {(found.learning_rate, found.matrix_learning_rate, found.weight_decay, found.flip) for found in recipes}
    assert len(rates) == 1
    own = config("simplex", learning_rate=1e-3)
    assert retraining.recipe(Family("x", method_of(own))) == own
    still = retraining.recipe(Family("x", method_of(config("darts", flip=False, shift=2))))
    assert (still.flip, still.shift) == (False, 2), "what suits the data stays"


def test_too_few_images_for_a_batch_of_the_choices_are_refused(few):
    """A tenth of the images teaches the choices of this method: 160 are one batch of 16."""
    message = "^batch_size = 16; allowed: up to 10, the smaller part of train_images = 100$"
    with pytest.raises(SimplexNASError, match=message):
        batches.check_images(config("proxyless", train_images=100), few.train)
    batches.check_images(config("proxyless", train_images=160), few.train)


def test_random_streams_of_the_two_batches_differ(few):
    ours = config("darts")
    first, second = batches.draw_batches(few.train, ours, 0, generator(0))
    assert len(first.labels) == len(second.labels) == 16 and not torch.equal(first.images, second.images)
    assert Step(0, 10, generator(0)).progress == 0
