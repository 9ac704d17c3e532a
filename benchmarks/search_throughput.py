"""Images per second of a training step: our arm against the paper's, in one process, step by step in turn.

The yardstick is the `paper` preset: every operation on every edge, a Gumbel-Softmax sample per image, nothing shared
between the edges that leave a node, the usual memory format. A second row gives the same scheme in channels-last
format. A step is sampling, forward, backward and optimizer, and in our arm the augmentation too. At the start of
training, which this measures, the operations of our arm are uniform. A profile says where the time of a step goes.

    python benchmarks/search_throughput.py      # about two minutes, writes data/results/throughput.json
"""

import dataclasses
import statistics
import time

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from simplexnas.io import records
from simplexnas.io.allocator import keep_memory
from simplexnas.io.paths import RESULTS, relative
from simplexnas.io.provenance import computed
from simplexnas.io.seeds import generator
from simplexnas.methods import settings
from simplexnas.methods.simplex import Schedule, SimplexMethod
from simplexnas.tasks import fashion_mnist, task
from simplexnas.training.batches import make_batch
from simplexnas.training.optimizers import Optimizers

BATCH = 128
STEPS = 15
WARMUP = 3
PROFILED_STEPS, PROFILE_LINES = 5, 8


class Arm:
    def __init__(self, settings: settings.SearchConfig, train: task.Split):
        torch.manual_seed(settings.seed)
        self.settings, self.train = settings, train
        self.model = SimplexMethod(settings).to(memory_format=settings.memory_format).train()
        self.optimizers = Optimizers(self.model.supernet, settings, 1000, self.model.hypernetwork)
        self.schedule = Schedule.at(settings, 0.0)

    def step(self, number: int) -> float:
        """Seconds of one training step."""
        started = time.perf_counter()
        random = generator(0, number)
        images, labels = make_batch(self.train, np.arange(BATCH), self.settings, random)
        self.model(images, labels, self.schedule, random)["loss"].backward()
        self.optimizers.step()
        return time.perf_counter() - started


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
    train = fashion_mnist.load().train
    paper = settings.preset("paper", batch_size=BATCH)
    configs = {
        "paper": paper,
        "paper, channels last": dataclasses.replace(paper, channels_last=True),
        "default": settings.preset("default", batch_size=BATCH),
    }
    arms = {name: Arm(value, train) for name, value in configs.items()}
    times = {name: [] for name in arms}
    for number in range(WARMUP + STEPS):
        for name, arm in arms.items():
            times[name].append(arm.step(number))
    rates = {name: BATCH / statistics.median(seconds[WARMUP:]) for name, seconds in times.items()}
    content = {
        "images_per_second": {name: round(rate, 1) for name, rate in rates.items()},
        "ratio_to_paper": {name: round(rate / rates["paper"], 2) for name, rate in rates.items()},
        "batch_size": BATCH,
        "steps": STEPS,
        "profile_ms_per_step": {name: profiled(arm) for name, arm in arms.items()},
        "seed": paper.seed,
    } | computed()
    for name in arms:
        print(f"{name:<22}{rates[name]:>8.0f} images/s  {rates[name] / rates['paper']:>5.2f} x")
        for operator, ms in content["profile_ms_per_step"][name].items():
            print(f"    {operator:<50}{ms:>8.1f} ms")
    print(relative(records.save(RESULTS / "throughput.json", content)))


if __name__ == "__main__":
    main()
