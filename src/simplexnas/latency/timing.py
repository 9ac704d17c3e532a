"""Timing calls on this machine, and refusing to where it is too busy."""

import importlib
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from math import ceil

import numpy as np
import torch
from scipy import stats
from torch import nn
from tqdm import tqdm

from simplexnas.io.allocator import keep_memory
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.provenance import processor
from simplexnas.network import onnx_model
from simplexnas.tasks import fashion_mnist
from simplexnas.tasks.task import Shape, Task

DEVICES = ("cpu", "cuda")
ONNXRUNTIME, TORCH = RUNTIMES = ("onnxruntime", "torch")
ROUNDS = 15
SECONDS_PER_ROUND = 0.01  # of one call; a slower one is timed once
CANARY = "canary"
NEIGHBOURS = 3  # on each side, of which the slowness of the machine is taken
NOISE_LIMIT = 0.15  # more than an idle machine shared with others showed, less than one with a busy program per core


class BusyMachineError(SimplexNASError):
    """Other programs disturb the measurement."""


def time_calls(
    calls: dict[str, Callable[[], object]],
    *,
    device: str = "cpu",
    threads: int = 1,
    rounds: int | None = None,
    title: str = "",
) -> dict[str, dict[str, float]]:
    """{"median_ms", "iqr_ms"} of each call, in rounds of random order (15 by default); inference mode.

    Other tenants of a shared machine slow it down for a while, and all calls alike: each time is divided by how slow
    the calls before and after it were. One of them is a fixed matrix product, the canary, so that a single call has
    such neighbours too. Raises `BusyMachineError` where the interquartile ranges that are left add up to more than 15 %
    of the medians: then the times say little of the calls.
    """
    # Its import warns of a missing GPU, which nothing here needs.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    from torch.utils.benchmark import Timer  # takes a second to import

    keep_memory()
    matrix = torch.ones(256, 256, device=device)
    calls = {CANARY: lambda: matrix @ matrix} | calls
    timers = {name: Timer("call()", globals={"call": call}, num_threads=threads) for name, call in calls.items()}
    random, timed = np.random.default_rng(0), []  # name, ms
    with torch.inference_mode():
        seconds = {}
        for name, timer in timers.items():
            timer.timeit(2)  # warm up
            seconds[name] = timer.timeit(1).mean
        runs = {name: ceil(SECONDS_PER_ROUND / once) for name, once in seconds.items()}
        runs[CANARY] = ceil(max(SECONDS_PER_ROUND, *seconds.values()) / seconds[CANARY])  # as long as the slowest call
        for _ in tqdm(range(ROUNDS if rounds is None else rounds), desc=title, disable=not title):
            timed += [(name, 1e3 * timers[name].timeit(runs[name]).mean) for name in random.permutation(list(calls))]
    times = _steady(timed)
    measured = {name: {"median_ms": float(np.median(t)), "iqr_ms": float(stats.iqr(t))} for name, t in times.items()}
    noise = sum(own["iqr_ms"] for own in measured.values()) / sum(own["median_ms"] for own in measured.values())
    if noise > NOISE_LIMIT:
        raise BusyMachineError(
            f"the machine is too busy to measure: one and the same call varied by {noise:.0%} "
            f"(allowed: {NOISE_LIMIT:.0%}); close other programs and try again"
        )
    return measured


def _steady(timed: list[tuple[str, float]]) -> dict[str, list[float]]:
    """The times of each call, as if the machine had always been equally fast. timed: names and times, in their order.

    A call's own times do not enter what they are divided by: one that varies alone still does.
    """
    times = {}
    for name, value in timed:
        times.setdefault(name, []).append(value)
    medians = {name: np.median(own) for name, own in times.items()}
    steady = {name: [] for name in times}
    for position, (name, value) in enumerate(timed):
        near = timed[max(0, position - NEIGHBOURS) : position + NEIGHBOURS + 1]
        slowness = np.median([value / medians[other] for other, value in near if other != name] or [1.0])
        steady[name].append(value / slowness)
    return steady


def network_calls(
    networks: dict[str, nn.Module],
    batch: int,
    *,
    runtime: str,
    device: str = "cpu",
    threads: int = 1,
    title: str = "",
) -> dict[str, Callable[[], object]]:
    """A call of each network on one batch of random images, for `time_calls`. The networks are of one search space.

    "onnxruntime": of the model that `export` writes, from pixels to logits. "torch": of the network alone, channels
    last. Both in eval mode.
    """
    shape = next(iter(networks.values())).space.shape
    pixels = np.random.default_rng(0).integers(
        256, size=(batch, shape.channels, shape.size, shape.size), dtype=np.uint8
    )

    def of_onnxruntime(network: nn.Module) -> Callable[[], object]:
        model = onnx_model.onnx_model(onnx_model.Classifier(network, task))
        session = onnx_model.session(model, threads)
        return lambda: session.run(None, {onnx_model.INPUT: pixels})

    def of_torch(network: nn.Module) -> Callable[[], object]:
        network = network.to(device, memory_format=torch.channels_last).eval()
        return lambda: network(images)

    if runtime == ONNXRUNTIME:
        task, call = _any_task(shape), of_onnxruntime
    else:
        images = _any_task(shape).normalize(torch.from_numpy(pixels)).to(device, memory_format=torch.channels_last)
        call = of_torch
    return {name: call(network) for name, network in tqdm(networks.items(), desc=title, disable=not title)}


def _any_task(shape: Shape) -> Task:
    """A task of the shape; which one does not change a time."""
    classes = tuple(map(str, range(shape.classes)))
    mean, std = (shape.channels * (value,) for value in (0.25, 0.5))
    return replace(fashion_mnist.TASK, shape=shape, classes=classes, mean=mean, std=std)


def machine_name(runtime: str = ONNXRUNTIME, device: str = "cpu", threads: int = 1) -> str:
    """Name of this machine's table, made of processor, device, threads and runtime; PyTorch's have no runtime."""
    slug = re.sub(r"[^a-z0-9]+", "-", processor(device).lower()).strip("-")
    runtime = "" if runtime == TORCH else f"-{runtime}"
    return f"{slug}-{device}-{threads}-thread{'s' if threads > 1 else ''}{runtime}"


def version(runtime: str) -> str:
    return importlib.import_module(runtime).__version__


def check_device(device: str, runtime: str = TORCH) -> None:
    """Raise `SimplexNASError` unless the runtime can be timed on the device here; ONNX Runtime is on the CPU alone."""
    if runtime not in RUNTIMES:
        raise SimplexNASError(f"runtime = {runtime!r}; allowed: {', '.join(RUNTIMES)}")
    available = [name for name in DEVICES if name == "cpu" or (runtime == TORCH and torch.cuda.is_available())]
    if device not in available:
        raise SimplexNASError(f"device = {device!r}; allowed here: {', '.join(available)}")
