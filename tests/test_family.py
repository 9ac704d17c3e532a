"""Export and load; damaged folders; what the published family answers to S."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import tiny
import torch
from scipy import stats

from simplexnas import family
from simplexnas.family import Family, describe
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.weights import WEIGHTS
from simplexnas.methods import penalties
from simplexnas.methods.settings import SearchConfig

S = (0.2, 0.5, 0.3)


@pytest.fixture(scope="module")
def published() -> Family:
    return Family.load("default-seed0")


@pytest.fixture
def copy(tiny_folder, tmp_path):
    """A copy of the tiny family, to be damaged."""
    return shutil.copytree(tiny_folder, tmp_path / "copy")


def refused(folder, match: str) -> None:
    with pytest.raises(SimplexNASError, match=match) as error:
        Family.load(folder)
    assert len(str(error.value).splitlines()) == 1


def edit(folder, **changes) -> None:
    path = folder / family.DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# Export and load


def test_export_then_load_gives_the_same_answers(tiny_run, tiny_folder):
    trained, loaded = Family("tiny", tiny_run[1].eval()), Family.load(tiny_folder)
    assert loaded.config == trained.config and loaded.name == "tiny"
    assert loaded.model.state_dict().keys() == trained.model.state_dict().keys()
    for S in penalties.lattice(3, 0.5):
        assert torch.equal(loaded.logits(S), trained.logits(S))
        architecture = loaded.architecture(S)
        assert architecture == trained.architecture(S)
        outputs = [f.network(architecture)(tiny.images(4)) for f in (loaded, trained)]
        assert torch.equal(*outputs)


def test_network_holds_the_weights_of_the_supernet(tiny_family):
    architecture = tiny_family.architecture(S)
    alone = tiny_family.network(architecture)(tiny.images(4))
    together = tiny_family.model.supernet(tiny.images(4), architecture.operations)
    torch.testing.assert_close(alone, together)


def test_description(tiny_folder):
    content = json.loads((tiny_folder / family.DESCRIPTION).read_text())
    weights = (tiny_folder / WEIGHTS).read_bytes()
    assert content["sha256"] == hashlib.sha256(weights).hexdigest()
    assert content["tensors"] == {n: list(t.shape) for n, t in safetensors.torch.load(weights).items()}
    assert content["config"] == json.loads(json.dumps(tiny.config(epochs=1).to_dict()))
    assert set(content["versions"]) == {"simplexnas", "torch", "numpy", "python"}
    assert sorted(path.name for path in tiny_folder.iterdir()) == [family.DESCRIPTION, WEIGHTS]


def test_logits_are_the_hypernetwork_times_the_gain(tiny_family):
    penalties = torch.tensor([S])
    gain = tiny_family.config.gain
    torch.testing.assert_close(tiny_family.logits(S), gain * tiny_family.model.hypernetwork(penalties)[0])


def test_bad_S_is_refused(tiny_family):
    with pytest.raises(SimplexNASError, match=r"S = 0\.5,0\.6"):
        tiny_family.architecture("0.5,0.6")


# Damage


def test_flipped_byte(copy):
    content = bytearray((copy / WEIGHTS).read_bytes())
    content[-100] ^= 1
    (copy / WEIGHTS).write_bytes(content)
    refused(copy, f"{WEIGHTS} is damaged: its SHA-256")


@pytest.mark.parametrize("length", [0, 1000])
def test_truncated_weights(copy, length):
    (copy / WEIGHTS).write_bytes((copy / WEIGHTS).read_bytes()[:length])
    refused(copy, f"{WEIGHTS} is damaged")


@pytest.mark.parametrize("content", [b"foreign", b"", b"\xff" * 100])
def test_foreign_weights_with_the_right_hash(copy, content):
    (copy / WEIGHTS).write_bytes(content)
    edit(copy, sha256=hashlib.sha256(content).hexdigest())
    refused(copy, "do not fit together")


@pytest.mark.parametrize("name", [WEIGHTS, family.DESCRIPTION])
def test_missing_file(copy, name):
    (copy / name).unlink()
    refused(copy, rf"{name} (cannot be read \(No such file|does not exist)")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\x80"])
def test_damaged_description(copy, content):
    (copy / family.DESCRIPTION).write_bytes(content)
    refused(copy, family.DESCRIPTION)


@pytest.mark.parametrize("change", [{"format": "other"}, {"version": 3}])
def test_foreign_description(copy, change):
    edit(copy, **change)
    refused(copy, f"{family.DESCRIPTION}: expected format 'simplexnas family' version {family.VERSION}")


@pytest.mark.parametrize(
    "space", [{"channels": 8}, {"nodes": 3}, {"cells": 4}, {"operations": ["max_pool", "identity"]}]
)
def test_config_of_other_shapes(copy, space):
    config = tiny.config(epochs=1).to_dict()
    edit(copy, config=config | {"space": config["space"] | space})
    refused(copy, "do not fit together")


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({}, "copy/family.json: the setting 'batch_size' is missing"),
        (None, "SearchConfig = 'None'; allowed: an object of settings"),
        ("abc", "SearchConfig = 'abc'; allowed: an object of settings"),
        (SearchConfig("default").to_dict() | {"space": 3}, "SearchSpace = '3'; allowed: an object of settings"),
        ({"preset": "default", "colour": 1}, "unknown setting 'colour'"),
        (SearchConfig(preset="default").to_dict() | {"epochs": 0}, "epochs = 0"),
    ],
)
def test_damaged_config(copy, config, match):
    edit(copy, config=config)
    refused(copy, match)


@pytest.mark.parametrize("key", ["config", "sha256", "training_seconds"])
def test_description_without_a_key(key, copy):
    path = copy / family.DESCRIPTION
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))
    refused(copy, f"{family.DESCRIPTION}: the key '{key}' is missing")


@pytest.mark.parametrize("name", ["no-such-family", "", "./no-such-family"])
def test_unknown_name(name):
    refused(name, rf"family = '{name}'; allowed: a name under data/families \(.*default-seed0.*\), .*write \./NAME$")


# Names and paths


@pytest.fixture
def two(tiny_folder, tmp_path, own_results, monkeypatch):
    """The family "tiny" under data/families, and another one of that name in the working folder."""
    monkeypatch.chdir(tmp_path)
    edit(shutil.copytree(tiny_folder, tmp_path / "tiny"), training_seconds=2.0)
    shutil.copytree(tmp_path / "tiny", tmp_path / "elsewhere")
    return tmp_path


def test_a_name_is_that_of_a_published_family_and_a_path_that_of_a_folder(two, monkeypatch):
    here = ["./tiny", two / "tiny", Path("tiny"), str(two / "tiny"), "elsewhere/../tiny", "../" + two.name + "/tiny"]
    assert [describe(value).folder for value in ("tiny", *here)] == [two / "families" / "tiny"] + 6 * [two / "tiny"]
    assert describe("tiny").training_seconds == tiny.SPENT.seconds == 1.0 and describe("./tiny").training_seconds == 2.0
    assert Family.load("./tiny").description == describe("./tiny")
    refused("elsewhere", "family = 'elsewhere'; allowed: a name under data/families \\(tiny\\), or a folder; .* ./NAME")
    monkeypatch.setenv("HOME", str(two))
    assert describe("~/tiny").folder == two / "tiny"
    monkeypatch.chdir("elsewhere")
    assert (describe(".").name, describe(".").folder) == ("elsewhere", two / "elsewhere")


def test_results_lie_under_data_or_in_the_folder_of_a_family_elsewhere(two, monkeypatch):
    for value in ("tiny", "./families/tiny"):
        found = describe(value)
        assert (found.results, found.runs) == (two / "results" / "tiny", two / "runs" / "tiny")
    found = Family.load("./tiny")
    assert (found.results, found.runs) == (two / "tiny" / "results", two / "tiny" / "runs")


def test_a_description_needs_no_weights(copy):
    (copy / WEIGHTS).unlink()
    found = describe(copy)
    assert (found.name, found.space, found.config) == ("copy", tiny.SPACE, tiny.config(epochs=1))
    assert len(found.sha256) == 64


# The published family


def shares(published, points) -> np.ndarray:
    """Number of edges of each operation at each S: (n, 3)."""
    return np.array([list(published.architecture(point).counts().values()) for point in points])


def test_published_family_is_the_default_preset(published):
    config = published.config
    assert (config.preset, config.seed, config.train_images) == ("default", 0, 55_000) and config.epochs >= 8


def test_operation_of_large_penalty_is_hardly_chosen(published):
    assert published.architecture((0.15, 0.15, 0.70)).counts()["convolution"] <= 2
    assert published.architecture((0.70, 0.15, 0.15)).counts()["pool"] <= 2


def test_share_of_an_operation_falls_as_its_penalty_rises(published):
    lattice = penalties.lattice(3, 0.05)
    counts = shares(published, lattice)
    for m in range(3):
        assert stats.spearmanr(lattice[:, m], counts[:, m]).statistic <= -0.85


def test_count_of_an_operation_never_rises_on_the_way_to_its_corner(published):
    for m, start in ((0, (0, 0.5, 0.5)), (1, (0.5, 0, 0.5)), (2, (0.5, 0.5, 0))):
        way = [(1 - share) * np.array(start) + share * np.eye(3)[m] for share in np.linspace(0, 1, 21)]
        counts = shares(published, way)[:, m]
        assert (np.diff(counts) <= 0).all() and counts[-1] == 0 and counts[0] > 0


def test_random_S_give_different_architectures(published):
    points = penalties.sample(10, 3, generator=torch.Generator().manual_seed(0)).numpy()
    assert len({published.architecture(point) for point in points}) >= 5
