"""Hypernetworks trained on the price alone: no images, no network, no cross-entropy. What data have a say in is the
difference to them. Their choices are results in files, since each takes thousands of small steps."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, stack_module_state
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed
from simplexnas.io.seeds import generator
from simplexnas.methods import penalties
from simplexnas.methods.hypernetwork import PivotHypernetwork
from simplexnas.methods.published import PublishedMethod
from simplexnas.methods.settings import SearchConfig
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace
from simplexnas.training.optimizers import Optimizers

PRICE_ALONE, WITHOUT_IMAGES = "price_alone.json", "without_images.json"
AUTHORS_STEPS = 4690  # ten epochs of half of the 60,000 images in batches of 64, as in the author's code
AUTHORS_KAPPA = 50
AUTHORS_EPOCHS = (10, 20)  # of his two configurations


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Tensors of a few numbers: more threads than one only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train_on_price(config: SearchConfig) -> nn.Module:
    """The hypernetwork as `search` would train it on kappa * Lat alone, or its moving average where the settings ask.

    Initial values, optimiser and S of every step are those of a search in one process, as far as no augmentation draws
    random numbers before S. Raises `SimplexNASError` for another hypernetwork than the published one, and with flip or
    shift.
    """
    if config.hypernetwork != "pivot":
        raise SimplexNASError(f"hypernetwork = {config.hypernetwork!r}; allowed: pivot, which learns from the price")
    if config.flip or config.shift:
        raise SimplexNASError(f"flip = {config.flip}, shift = {config.shift}; allowed: false, 0")
    torch.manual_seed(config.seed)  # before the initial values, as in `search`
    method = PublishedMethod(config)
    steps = config.steps
    optimizers = Optimizers(nn.Module(), config, steps, method.hypernetwork)
    averaged = None
    if config.ema:
        averaged = AveragedModel(method.hypernetwork, multi_avg_fn=get_ema_multi_avg_fn(config.ema))
    with one_thread():
        for step in range(steps):
            S = method.condition(generator(config.seed, step, 0))
            (config.kappa * method.price(S, method.hypernetwork(S))).sum().backward()
            optimizers.step()
            if averaged is not None:
                averaged.update_parameters(method.hypernetwork)
    return method.hypernetwork if averaged is None else averaged.module


@torch.no_grad()
def price_alone(name: str, seeds: int = 2) -> Path:
    """What the price alone chooses on the lattice of a family, to data/results/<name>/price_alone.json.

    One training with the family's own seed, and one for each of the following. Needs the family's lattice, not the
    family. Raises `SimplexNASError` if the file is there already.
    """
    path = _new(paths.RESULTS / name / PRICE_ALONE)
    lattice, started = records.read_lattice(name), time.perf_counter()
    try:
        config = SearchConfig.from_dict(lattice.config)
    except SimplexNASError as error:
        raise SimplexNASError(f"{relative(paths.RESULTS / name / records.LATTICE)}: {error}") from None
    S = [point.S for point in lattice.points]
    trainings = []
    for seed in range(config.seed, config.seed + seeds):
        with torch.enable_grad():
            hypernetwork = train_on_price(dataclasses.replace(config, seed=seed))
        trainings.append({"seed": seed, "choices": hypernetwork(torch.tensor(S)).argmax(dim=-1).tolist()})
    about = {key: getattr(lattice, key) for key in ("family", "sha256", "seed", "config")}
    seconds = round(time.perf_counter() - started, 1)
    return records.save(path, about | {"seconds": seconds, "S": S, "trainings": trainings} | computed(threads=1))


def choices(name: str) -> dict[int, np.ndarray]:
    """What the price alone chooses on the lattice of the family with that name: by seed, (points, E).

    Raises `SimplexNASError` with the command that writes it if it is missing, or of another lattice.
    """
    path = paths.RESULTS / name / PRICE_ALONE
    hint = f"run `simplexnas price-alone --family {name}`"
    content, lattice = _read(path, hint), records.read_lattice(name)
    if content["sha256"] != lattice.sha256 or content["S"] != [list(point.S) for point in lattice.points]:
        raise SimplexNASError(f"{relative(path)} is of another lattice; move it away and {hint}")
    return {training["seed"]: np.array(training["choices"]) for training in content["trainings"]}


def unlike(name: str) -> dict[int, int]:
    """How many choices of a family's lattice the price alone makes otherwise, by the seed of its training."""
    own = np.array([point.choice for point in records.read_lattice(name).points])
    return {seed: int((alone != own).sum()) for seed, alone in choices(name).items()}


@torch.no_grad()
def without_images(
    asked: dict[str, tuple[float, ...]],
    trainings: int = 100,
    steps: int = AUTHORS_STEPS,
    space: SearchSpace | None = None,
) -> Path:
    """The published hypernetwork trained many times on kappa * Lat alone, to data/results/without_images.json.

    Adam with rate 0.001, one S for each step, kappa 50, as in the author's code; trainings differ in their initial
    values (seeds from 0) and in the S drawn. steps: of ten epochs; measured then and after twenty.
    asked: names and S. "choices": by name what each training chooses there, (trainings, E); "least_edge_parameters": of
    each training, on the lattice of S with step 0.05. Raises `SimplexNASError` if the file is there already.
    """
    path, started = _new(paths.RESULTS / WITHOUT_IMAGES), time.perf_counter()
    space = space or SearchSpace()
    replicas = [PivotHypernetwork(space, generator=torch.Generator().manual_seed(seed)) for seed in range(trainings)]
    parameters, _ = stack_module_state(replicas)
    logits_of_all = torch.vmap(lambda own, S: functional_call(replicas[0], own, (S[None],))[0])
    parameters_of = cost.edge_parameters(space)
    lattice = torch.from_numpy(penalties.lattice(space.k, 0.05)).float()

    def chosen(S: torch.Tensor) -> np.ndarray:
        return logits_of_all(parameters, S.expand(trainings, space.k)).argmax(-1).numpy()

    optimizer = torch.optim.Adam(parameters.values(), lr=1e-3, betas=(0.5, 0.999), weight_decay=1e-3)
    random, measured = torch.Generator().manual_seed(0), []
    with one_thread():
        for epochs in AUTHORS_EPOCHS:
            for _ in range(steps):
                S = penalties.sample(trainings, space.k, generator=random)
                with torch.enable_grad():
                    probabilities = torch.softmax(logits_of_all(parameters, S), dim=-1)
                    prices = cost.price(S, space)
                    (AUTHORS_KAPPA * cost.price_term(probabilities, prices, space)).sum().backward()
                optimizer.step()
                optimizer.zero_grad()
            sizes = [parameters_of[np.arange(len(parameters_of)), chosen(S)].sum(axis=1) for S in lattice]
            measured.append(
                {
                    "epochs": epochs,
                    "choices": {name: chosen(torch.tensor(S)).tolist() for name, S in asked.items()},
                    "least_edge_parameters": np.min(sizes, axis=0).tolist(),
                }
            )
    about = {"asked": asked, "trainings": trainings, "steps": steps, "kappa": AUTHORS_KAPPA}
    seconds = round(time.perf_counter() - started, 1)
    return records.save(path, about | {"seconds": seconds, "after": measured} | computed(threads=1))


def read_without_images() -> list[dict]:
    """What `without_images` wrote: "epochs", "choices" and "least_edge_parameters", after 10 epochs and after 20."""
    return _read(paths.RESULTS / WITHOUT_IMAGES, "run `simplexnas without-images`")["after"]


def _new(path: Path) -> Path:
    if path.exists():
        raise SimplexNASError(f"{relative(path)} exists; move it away to compute it again")
    return path


def _read(path: Path, hint: str) -> dict:
    if not path.exists():
        raise SimplexNASError(f"{relative(path)} is missing; {hint}")
    return records.read(path)
