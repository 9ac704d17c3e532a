"""Presets, the round trip through a dictionary, and refusals."""

import dataclasses
import json

import numpy as np
import pytest
import tiny

from simplexnas.io.errors import SimplexNASError
from simplexnas.methods import settings
from simplexnas.space.operations import DEFAULT_OPERATIONS
from simplexnas.space.search_space import SearchSpace

DARTS = settings.preset("default", "darts")


def refused(match: str, call, *arguments, **changes) -> None:
    with pytest.raises(SimplexNASError, match=match) as error:
        call(*arguments, **changes)
    assert "\n" not in str(error.value)


def test_presets():
    paper, default, quick = (settings.preset(name) for name in ("paper", "default", "quick"))
    assert [c.preset for c in (paper, default, quick)] == list(settings.PRESETS) == ["paper", "default", "quick"]
    assert {c.space for c in (paper, default, quick)} == {SearchSpace(DEFAULT_OPERATIONS, 16, 3, 4)}
    assert paper.hypernetwork == "pivot" and paper.parameter_price == 0 and paper.kappa == 50
    assert (paper.temperature_start, paper.temperature_end, paper.temperature_steps) == (1.0, 0.2, 10)
    assert paper.hypernetwork_beta1 == 0.5 and paper.matrix_learning_rate == 0 and not paper.flip
    assert default.hypernetwork == "worth" and default.train_images == 55_000 and default.front_share > 0
    assert default.spread > 0 and default.paths == 1
    changed = {"preset": "quick", "epochs": quick.epochs, "warmup": quick.warmup}
    assert dataclasses.replace(default, **changed) == quick and quick.epochs < default.epochs / 4


@pytest.mark.parametrize("config", [*settings.PRESETS.values(), tiny.config(space=SearchSpace(tiny.FIVE_OPERATIONS))])
def test_round_trip(config):
    assert settings.SearchConfig.from_dict(config.to_dict()) == config
    assert settings.SearchConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_preset_with_changes():
    assert settings.preset("quick", seed=3).seed == 3
    refused("preset = 'fast'; allowed: paper, default, quick", settings.preset, "fast")


def test_unknown_and_missing_keys():
    values = settings.preset("quick").to_dict()
    refused("unknown setting 'lr'.*learning_rate", settings.SearchConfig.from_dict, values | {"lr": 1})
    space = values["space"] | {"width": 3}
    refused("unknown setting 'width'.*channels", settings.SearchConfig.from_dict, values | {"space": space})
    for name in ("preset", "price", "space"):
        rest = {key: value for key, value in values.items() if key != name}
        refused(f"'{name}' is missing", settings.SearchConfig.from_dict, rest)
    rest = {key: value for key, value in values["space"].items() if key != "nodes"}
    refused("'nodes' is missing", settings.SearchConfig.from_dict, values | {"space": rest})


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"batch_size": 1.5},
        {"batch_size": 0},
        {"batch_size": 127, "paths": 2},
        {"train_images": -1},
        {"paths": 0},
        {"paths": 2, "hypernetwork": "pivot", "front_share": 0.0},
        {"seed": -1},
        {"seed": 0.5},
        {"learning_rate": 0},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"seed": 2**63},
        {"shift": 28},
        {"hypernetwork_learning_rate": -1.0},
        {"temperature_end": -0.2},
        {"gain": 0.0},
        {"random_worths": 1},
        {"random_worths": True, "hypernetwork": "pivot", "front_share": 0.0},
        {"spread": 0.2, "hypernetwork": "pivot", "front_share": 0.0},
        {"warmup": 0.3, "hypernetwork": "pivot", "front_share": 0.0},
        {"front_share": 0.5, "hypernetwork": "pivot"},
        {"weight_decay": -1},
        {"kappa": float("nan")},
        {"kappa": float("inf")},
        {"spread": -0.1},
        {"parameter_price": -1},
        {"corner_share": 1.1},
        {"warmup": -0.1},
        {"warmup": 1.0},
        {"kappa": 0.01},
        {"temperature_steps": 0},
        {"hypernetwork_beta1": 0.9},
        {"hypernetwork": "transformer"},
        {"hypernetwork": "utility"},
        {"flip": 1},
        {"ema": 1.0},
        {"matrix_learning_rate": -1.0},
    ],
    ids=str,
)
def test_bad_value_is_one_line_with_name_and_rule(change):
    name, *_ = change
    refused(f"{name} = .*allowed", settings.preset, "default", **change)


def test_changes_from_the_command_line():
    changes = settings.parse_changes(["epochs=3", "flip=false", "gain=1", "price=macs"])
    assert changes == {"epochs": 3, "flip": False, "gain": 1.0, "price": "macs"}
    assert type(changes["gain"]) is float
    assert settings.preset("default", **changes).epochs == 3


def test_settings_of_the_search_space_count_as_settings():
    changes = settings.parse_changes(["mean_nodes=true", "channels=8", "epochs=2"])
    config = settings.preset("quick", **changes)
    assert config.space == SearchSpace(mean_nodes=True, channels=8) and config.epochs == 2
    assert settings.PRESETS["quick"].space == SearchSpace()
    given = settings.preset("quick", space=SearchSpace(nodes=2), mean_nodes=True)
    assert given.space == SearchSpace(nodes=2, mean_nodes=True)


def test_family_names_do_not_depend_on_order_or_spelling():
    spellings = (["warmup=0", "flip=false"], ["flip=false", "warmup=0.0"])
    names = {settings.family_name("quick", 3, settings.parse_changes(changes)) for changes in spellings}
    assert names == {"quick-flip=false-warmup=0-seed3"}
    assert settings.family_name("default", 0, {}) == "default-seed0"
    near = [settings.family_name("quick", 0, {"kappa": kappa}) for kappa in (0.12345678, 0.12345679)]
    assert near[0] != near[1], "two trainings never share a folder"


def test_batch_normalisation_needs_two_images_for_each_network():
    space = SearchSpace(normalise_features=True)
    few = {"space": space, "paths": 2, "batch_size": 2}
    refused("batch_size = 2; allowed: from 4, two images", settings.preset, "default", **few)
    assert settings.preset("default", **few | {"batch_size": 4})
    assert settings.preset("default", paths=2, batch_size=2)


def test_a_misspelt_setting_is_told_the_right_one():
    for assignment, method, said in (
        ("epoch=3", "simplex", "did you mean epochs? `simplexnas settings` lists all"),
        ("lr=1", "simplex", "`simplexnas settings` lists all"),
        ("batchsize=3", "darts", "did you mean batch_size? `simplexnas settings --method darts` lists all"),
    ):
        with pytest.raises(SimplexNASError) as error:
            settings.parse_changes([assignment], method)
        assert str(error.value) == f"--set {assignment}: no setting {assignment.partition('=')[0]!r}; {said}"


@pytest.mark.parametrize("assignment", ["epoch=3", "epochs", "batch_size=1.5", "epochs=true", "flip=1", "seed=1"])
def test_bad_changes_name_the_assignment(assignment):
    with pytest.raises(SimplexNASError, match=f"--set {assignment}: ") as error:
        settings.parse_changes([assignment])
    assert len(str(error.value).splitlines()) == 1


def test_price_latency_needs_times():
    times = [[1.0, 2.0, 3.0]] * 10
    config = tiny.config(price="latency", milliseconds=times)
    assert settings.SearchConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    for wrong in ((), times[1:], [[1.0, 2.0]] * 10, [[0.0, 1.0, 2.0]] * 10):
        refused("milliseconds = .*10 rows of 3 times above 0", tiny.config, price="latency", milliseconds=wrong)
    refused("milliseconds = .*price unit 0 rows", tiny.config, milliseconds=times)
    refused("price = 'watts'; allowed: unit, parameters, macs, latency", tiny.config, price="watts")
    refused("no setting 'milliseconds'", settings.parse_changes, ["milliseconds=1"])


@pytest.mark.parametrize("change", [{"epochs": True}, {"seed": False}, {"kappa": True}, {"flip": 1}, {"paths": 2.0}])
def test_a_value_of_another_kind_is_refused(change):
    (name,) = change
    refused(f"{name} = {change[name]}; allowed: ", settings.preset, "default", **change)


def test_an_epoch_may_be_a_part():
    config = tiny.config(epochs=1.3)  # of 8 steps
    assert config.steps == 10
    assert settings.family_name("quick", 0, settings.parse_changes(["epochs=3"])) == "quick-epochs=3-seed0"


def test_another_method_has_settings_of_its_own():
    assert next(iter(settings.methods())) == "simplex" and settings.methods()["darts"].config is type(DARTS)
    assert settings.method_name(DARTS) == "darts" and settings.method_name(settings.preset("quick")) == "simplex"
    assert settings.preset("default", "darts", order=2, channels=8).space.channels == 8
    refused("method = 'drats'; allowed: simplex, .*darts", settings.preset, "default", "drats")
    refused("preset = 'quick'; allowed: default", settings.preset, "quick", "darts")
    refused("darts has no setting 'paths'; it has: .*xi_start", settings.preset, "default", "darts", paths=2)
    assert settings.parse_changes(["order=2"], "darts") == {"order": 2}
    refused("paths=2: no setting 'paths'; `simplexnas settings --method", settings.parse_changes, ["paths=2"], "darts")
    assert settings.family_name("default", 1, {"order": 2}, method="darts") == "darts-order=2-seed1"
    assert settings.family_name("default", 1, {}, "digits", "darts") == "digits-darts-seed1"


def test_the_two_parts_of_the_images_are_all_of_them():
    config = settings.preset("default", "darts", choice_share=0.3, train_images=1000)
    weights, choices = config.parts
    assert sorted([*weights, *choices]) == list(range(1000)) and len(choices) == 300
    assert sorted(weights) != list(weights), "classes may come in a row"
    assert np.array_equal(weights, dataclasses.replace(config, seed=5).parts[0])
    assert config.steps_per_epoch == 700 // 64


def test_many_changes_make_a_short_name_of_their_own():
    several = ("corner_share", "ema", "gain", "kappa", "learning_rate", "spread", "warmup", "weight_decay")
    changes = {name: 0.123456 for name in several}
    names = {settings.family_name("quick", 1, changes | {"parameter_price": value}) for value in (0.1, 0.2)}
    assert len(names) == 2 and all(len(name) < 40 and name.startswith("quick-") for name in names)
    assert all(name.endswith("-seed1") for name in names)


def test_other_data_come_first_in_a_name():
    assert settings.family_name("quick", 0, {}, "digits") == "digits-quick-seed0"
    assert settings.family_name("quick", 0, {}, "fashion-mnist") == "quick-seed0"


@pytest.mark.parametrize("name", settings.methods())
def test_every_setting_says_what_it_is(name):
    lines = settings.described("default", name)
    assert [line[0] for line in lines] == [each.name for each in settings.settable(name)]
    for *cells, about in lines:
        assert all(cells) and 5 < len(about) < 150 and "\n" not in about
    config = settings.preset("default", name)
    for key, value, *_ in lines:  # what is shown is what the command line takes
        of = config if hasattr(config, key) else config.space
        assert settings.parse_changes([f"{key}={value}"], name) == {key: getattr(of, key)}


def test_a_network_alone_takes_what_all_methods_have():
    assert settings.parse_recipe(["flip=false", "batch_size=16"]) == {"flip": False, "batch_size": 16}
    for name in ("paths", "channels", "train_images", "seed", "budget_minutes", "epochs"):
        refused(
            f"--set {name}=1: no setting '{name}'; allowed for a network alone: ", settings.parse_recipe, [f"{name}=1"]
        )
