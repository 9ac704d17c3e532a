"""How many epochs fit into a given time: a few steps are timed, here and now."""

import dataclasses
import time

import numpy as np
import torch

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.seeds import generator
from simplexnas.methods.choose import method_of
from simplexnas.methods.config import Config
from simplexnas.methods.method import Step
from simplexnas.tasks.task import Splits
from simplexnas.training.batches import check_images, draw_batches
from simplexnas.training.checkpoint import CHECKPOINT, saved_identity
from simplexnas.training.optimizers import Optimizers

LEAST_EPOCHS = 0.1
PLACES = (0.1, 0.35, 0.6, 0.85)  # of the training: a step may cost more later on
STEPS = 12  # in a row at each place, of which the first is not timed; some methods rest in most of their steps


def step_seconds(config: Config, splits: Splits) -> float:
    """Mean time of a step of the training that a configuration says, from `STEPS` at each of `PLACES`."""
    config = config.timed
    check_images(config, splits.train)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        method = method_of(config).to(memory_format=config.memory_format).train()
    own = method.chooser_optimizer() if method.bilevel else None
    optimizers = Optimizers(method.supernet, config, config.steps, None if method.bilevel else method.chooser, own)
    times = []
    for place in PLACES:
        first = round(place * config.steps)
        for number in range(first, first + STEPS):
            started = time.perf_counter()
            step = Step(min(number, config.steps - 1), config.steps, generator(config.seed, number))
            batches = draw_batches(splits.train, config, step.number, step.random)
            if method.bilevel:
                method.teach(batches, step)
                optimizers.choose()
            method.loss(batches, step)["loss"].backward()
            optimizers.step()
            if number > first:
                times.append(time.perf_counter() - started)
    return float(np.mean(times))


def epochs_within(minutes: float, step_seconds: float, finish_seconds: float, config: Config) -> float:
    """How many epochs so many minutes allow, where a step and what follows the last one take so long."""
    return (60 * minutes - finish_seconds) / step_seconds / config.steps_per_epoch


def within(config: Config, splits: Splits, name: str, resume: bool = False) -> Config:
    """The configuration with as many epochs as its `budget_minutes` allow on this machine now.

    With `resume`, those of the interrupted run of that name, if there is one. Raises `SimplexNASError`, with the least
    budget, for one that is too short for a tenth of an epoch.
    """
    checkpoint = paths.RUNS / name / CHECKPOINT
    if resume and checkpoint.exists():
        return dataclasses.replace(config, epochs=saved_identity(checkpoint)["epochs"])
    long = dataclasses.replace(config, epochs=max(config.epochs, 100 / max(1, config.steps_per_epoch)))
    step, finish = step_seconds(long, splits), method_of(long).seconds_to_finish(splits)
    epochs = epochs_within(config.budget_minutes, step, finish, config)
    if epochs < LEAST_EPOCHS:
        least = (finish + LEAST_EPOCHS * config.steps_per_epoch * step) / 60
        raise SimplexNASError(
            f"budget_minutes = {config.budget_minutes:g}; allowed: from {least:.2g}, a tenth of an epoch here"
        )
    return dataclasses.replace(config, epochs=round(epochs, 3))
