"""Fixtures: the real data, a small part of it, and a small family trained on that part."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tiny
import torch

from simplexnas.family import Family
from simplexnas.io import paths, records
from simplexnas.io.paths import DATA
from simplexnas.measure import evaluation, lattice, points
from simplexnas.network.architecture import Architecture
from simplexnas.tasks import fashion_mnist, task
from simplexnas.training.loop import search

# Examples are the same in every run and cost no file; the machine's speed decides nothing.
hypothesis.settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("repeatable")
torch.set_num_threads(1)  # small tensors; parallel tests would only get in each other's way
matplotlib.use("Agg")  # no figure opens a window


@pytest.fixture(autouse=True)
def closed_figures():
    """No figure outlives its test."""
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def splits() -> task.Splits:
    """The real Fashion-MNIST."""
    return fashion_mnist.load(DATA)


@pytest.fixture(scope="session")
def few(splits) -> task.Splits:
    """A few hundred real images of each split."""
    return task.Splits(splits.train.head(600), splits.validation.head(300), splits.test.head(300))


@pytest.fixture(scope="session")
def fewer(splits) -> task.Splits:
    """Real images for tests that evaluate mixtures, which run every operation."""
    return task.Splits(splits.train.head(64), splits.validation.head(32), splits.test.head(32))


@pytest.fixture(scope="session")
def tiny_run(few, tmp_path_factory):
    """Run folder of a tiny family, and its model."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    return folder, search(tiny.config(epochs=1), few.train, folder, progress_bar=False)


@pytest.fixture(scope="session")
def exported(tiny_run, tmp_path_factory):
    """Folder of the tiny family, exported once for all tests: only to be read."""
    return Family("tiny", tiny_run[1]).export(tmp_path_factory.mktemp("families") / "tiny", tiny.SPENT)


@pytest.fixture
def tiny_folder(exported, tmp_path):
    """Folder of the tiny family: a copy of the test's own, where `own_results` looks for families."""
    return shutil.copytree(exported, tmp_path / "families" / "tiny")


@pytest.fixture
def tiny_family(tiny_folder) -> Family:
    return Family.load(tiny_folder)


@pytest.fixture
def own_results(tmp_path, monkeypatch):
    """Families and results lie in a folder of the test's own, not in data/."""
    monkeypatch.setattr(paths, "FAMILIES", tmp_path / "families")
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")


@pytest.fixture(scope="session")
def measured(exported, fewer, tmp_path_factory) -> Path:
    """Folder of results of the tiny family: lattice, 6 points, and paper's points; only to be read."""
    family = Family.load(shutil.copytree(exported, tmp_path_factory.mktemp("measured") / "tiny"))
    lattice.lattice(family, fewer, 0.5)
    points.named_points(family, fewer, tiny.NAMED)
    return family.results


@pytest.fixture
def lattice_path(own_results, tiny_family, measured) -> Path:
    """Lattice file of the tiny family, 6 points."""
    tiny_family.results.mkdir(parents=True)
    return shutil.copy(measured / records.LATTICE, tiny_family.results / records.LATTICE)


@pytest.fixture
def drawn_accuracy(monkeypatch):
    """Accuracy is drawn, not measured: one for each architecture with inherited weights, another for it alone."""

    def accuracies(network, _):
        random = np.random.default_rng([isinstance(network, Architecture), *network.operations])
        return records.Accuracy(*random.uniform(0.7, 1, size=2).tolist())

    monkeypatch.setattr(evaluation, "inherited", lambda family, architecture, _: architecture)
    monkeypatch.setattr(evaluation, "accuracies", accuracies)


@pytest.fixture
def clock(monkeypatch):
    """Stands in for torch's Timer: a call runs once, and takes 1 to 2 ms by this clock, 1 % more or less."""
    random = np.random.default_rng(0)

    class Timer:
        def __init__(self, _, globals, num_threads):
            self.call, self.seconds = globals["call"], 1e-3 * random.uniform(1, 2)

        def timeit(self, runs):
            self.call()
            self.call = lambda: None
            return SimpleNamespace(mean=self.seconds * random.uniform(0.99, 1.01))

    monkeypatch.setattr("torch.utils.benchmark.Timer", Timer)
