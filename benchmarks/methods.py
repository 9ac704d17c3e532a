"""What a step of every search method costs in time and memory, and how many epochs it has in the time of `quick`.

    python benchmarks/methods.py      # about 20 minutes, writes data/results/method_costs.json

Of every method of data/comparison.json the first variant, in a process of its own, on a machine that does nothing else:
a knob that is scanned changes no cost. Time: the mean of steps from all parts of a training (`training.budget`).
Memory: the most that the process had, less what it had before the first step.
"""

import inspect
import json
import resource
import subprocess
import sys

from simplexnas.io import records
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed
from simplexnas.methods.choose import method_of
from simplexnas.report import comparison
from simplexnas.report.comparison import COSTS, Variant
from simplexnas.tasks import fashion_mnist
from simplexnas.training import budget

KILOBYTES = 1024  # ru_maxrss on Linux


def most_memory() -> float:
    """MB that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES


def measure(variant: Variant, seconds_of_all: float) -> dict:
    """Cost of one method, measured here and now.

    seconds_of_all: how long every training is; 0 for as long as its preset says.
    """
    config, splits = variant.config(), fashion_mnist.load()
    before = most_memory()
    seconds = budget.step_seconds(config, splits)
    memory = most_memory() - before
    finish = method_of(config).seconds_to_finish(splits)
    epochs = budget.epochs_within(seconds_of_all / 60, seconds, finish, config) if seconds_of_all else config.epochs
    return {
        "step_ms": round(1e3 * seconds, 1),
        "images": config.batch_size * len(config.parts),
        "finish_seconds": round(finish, 1),
        "memory_mb": round(memory),
        "epochs": round(epochs, 2),
        "seconds": round(config.steps_per_epoch * epochs * seconds + finish, 1),
    }


def code_lines(variant: Variant) -> int:
    """Lines of the method's module."""
    return len(inspect.getsource(inspect.getmodule(type(method_of(variant.config())))).splitlines())


def main() -> None:
    first: dict[str, Variant] = {}
    for variant in comparison.variants():
        first.setdefault(variant.method, variant)
    if sys.argv[1:]:
        print(json.dumps(measure(first[sys.argv[1]], float(sys.argv[2]))))
        return
    found, seconds = {}, 0.0
    yardstick = next(iter(first.values())).start  # ours: its other rows have the same steps
    for each, variant in first.items():
        asked = 0.0 if variant.start == yardstick else seconds
        command = [sys.executable, __file__, each, str(asked)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[each] = json.loads(done.stdout) | {"method": variant.of, "module_lines": code_lines(variant)}
        seconds = seconds or found[each]["seconds"]
        print(f"{each:<32}{found[each]}")
    print(relative(records.save(COSTS, {"seconds": seconds, **computed(), "methods": found})))


if __name__ == "__main__":
    main()
