"""Images per second of a training step: our arm against the paper's, in one process, step by step in turn.

The yardstick is the `paper` preset: every operation on every edge, a Gumbel-Softmax sample per image, nothing shared
between the edges that leave a node, in PyTorch's usual memory format. A second row gives the same scheme in
channels-last format. Each has the batch of its preset. A step is sampling, forward, backward and optimizer, and in our
arm the augmentation too. At the start of training, which this measures, the operations of our arm are random. A profile
says where the time of a step goes.

    python benchmarks/search_throughput.py      # about two minutes, writes data/results/throughput.json
"""

import dataclasses
import statistics
import time

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.profiler import ProfilerActivity, profile

from simplexnas.io import records
from simplexnas.io.allocator import keep_memory
from simplexnas.io.paths import RESULTS, relative
from simplexnas.io.provenance import computed
from simplexnas.io.seeds import generator
from simplexnas.methods import settings
from simplexnas.methods.choose import method_of
from simplexnas.methods.method import Step
from simplexnas.methods.settings import SearchConfig
from simplexnas.tasks import fashion_mnist
from simplexnas.tasks.task import Split
from simplexnas.training.batches import make_batch
from simplexnas.training.loop import make_fabric
from simplexnas.training.optimizers import Optimizers

STEPS = 15
WARMUP = 3
PROFILED_STEPS, PROFILE_LINES = 5, 8


class Arm:
    def __init__(self, config: SearchConfig, train: Split, fabric: Fabric):
        torch.manual_seed(config.seed)
        self.config, self.train, self.fabric = config, train, fabric
        method = method_of(config).to(memory_format=config.memory_format).train()
        self.method = fabric.setup_module(method)
        self.optimizers = Optimizers(method.supernet, config, 1000, method.chooser)

    def step(self, number: int) -> float:
        """Seconds of one training step."""
        started = time.perf_counter()
        random = generator(0, number)
        batch = self.fabric.to_device(make_batch(self.train, np.arange(self.config.batch_size), self.config, random))
        self.fabric.backward(self.method([batch], Step(0, self.config.steps, random))["loss"])
        self.optimizers.step()
        if self.fabric.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started


def rates(train: Split, fabric: Fabric, steps: int = STEPS) -> tuple[dict[str, Arm], dict[str, float]]:
    """The arms, and images per second of each: of the median step, the arms in turn."""
    paper = settings.preset("paper")
    configs = {
        "paper": dataclasses.replace(paper, channels_last=False),
        "paper, channels last": paper,
        "default": settings.preset("default"),
    }
    arms = {name: Arm(value, train, fabric) for name, value in configs.items()}
    times = {name: [] for name in arms}
    for number in range(WARMUP + steps):
        for name, arm in arms.items():
            times[name].append(arm.step(number))
    medians = {name: statistics.median(seconds[WARMUP:]) for name, seconds in times.items()}
    return arms, {name: arms[name].config.batch_size / median for name, median in medians.items()}


def compared(found: dict[str, float]) -> dict:
    """The rates for a result file, rounded, and how many times the paper's each is."""
    return {
        "images_per_second": {name: round(rate, 1) for name, rate in found.items()},
        "ratio_to_paper": {name: round(rate / found["paper"], 2) for name, rate in found.items()},
    }


def profiled(arm: Arm) -> dict[str, float]:
    """Milliseconds of one step within each of PyTorch's operators, without those that it calls; the largest first."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for number in range(PROFILED_STEPS):
            arm.step(number)
    own = {event.key: event.self_cpu_time_total / 1000 / PROFILED_STEPS for event in found.key_averages()}
    largest = sorted(own, key=own.get, reverse=True)[:PROFILE_LINES]
    rest = sum(own.values()) - sum(own[name] for name in largest)
    return {name: round(own[name], 1) for name in largest} | {"all others": round(rest, 1)}


def main() -> None:
    keep_memory()
    arms, found = rates(fashion_mnist.load().train, make_fabric())
    content = compared(found) | {
        "batch_size": {name: arm.config.batch_size for name, arm in arms.items()},
        "steps": STEPS,
        "profile_ms_per_step": {name: profiled(arm) for name, arm in arms.items()},
        "seed": arms["paper"].config.seed,
    }
    content |= computed()
    for name in arms:
        print(f"{name:<22}{found[name]:>8.0f} images/s  {found[name] / found['paper']:>5.2f} x")
        for operator, ms in content["profile_ms_per_step"][name].items():
            print(f"    {operator:<50}{ms:>8.1f} ms")
    print(relative(records.save(RESULTS / "throughput.json", content)))


if __name__ == "__main__":
    main()
