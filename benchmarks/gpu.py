"""Does a GPU train the same family, and how much faster? Trains the `quick` preset there, measures it, times a step.

The accuracy of the family over 66 points S has to lie where another training on a CPU would: within the 95 % prediction
interval of the published `quick` families, which differ in their seeds. A step is timed against the published scheme.

    python benchmarks/gpu.py                            # under five minutes, writes data/results/gpu.json
    python benchmarks/gpu.py --accelerator cpu --few    # tries the command on 512 images, writes nothing
"""

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from search_throughput import compared, rates

from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.io.allocator import keep_memory
from simplexnas.io.paths import RESULTS, relative
from simplexnas.io.provenance import computed
from simplexnas.measure.lattice import lattice
from simplexnas.methods.settings import preset
from simplexnas.report import analysis, published, statistics
from simplexnas.tasks import fashion_mnist
from simplexnas.tasks.task import Splits
from simplexnas.training.checkpoint import spent
from simplexnas.training.loop import make_fabric, search

STEP = 0.1  # of the lattice, as for the published families
FEW = 512


def mean_accuracy(record: records.Record) -> float:
    """Test accuracy, the mean over the points S."""
    return float(np.mean([point.accuracy.test for point in record.points]))


def expected() -> tuple[float, float]:
    """Bounds of the 95 % prediction interval of that mean, from the published families of the `quick` preset."""
    values = [mean_accuracy(records.read_lattice(name)) for name in published.QUICK]
    half = statistics.prediction_half_width(values)
    return float(np.mean(values) - half), float(np.mean(values) + half)


def main(
    accelerator: Annotated[str, typer.Option(help="gpu, cpu, or auto.")] = "gpu",
    few: Annotated[bool, typer.Option("--few", help="Only try the command: 512 images, nothing is written.")] = False,
) -> None:
    """Train `quick` on a GPU, and compare accuracy and speed."""
    keep_memory()
    splits = fashion_mnist.load()
    config = preset("quick")
    if few:
        splits = Splits(*(split.head(FEW) for split in (splits.train, splits.validation, splits.test)))
        config = preset("quick", warmup=0.6, train_images=FEW)
    fabric = make_fabric(accelerator)
    with tempfile.TemporaryDirectory() as place:
        run = Path(place) / "run"
        method = search(config, splits.train, run, fabric=fabric)
        time = spent(run)
        family = Family("quick", method.cpu(), task=splits.task)
        family = Family.load(family.export(Path(place) / "quick", time, fabric.device.type))
        record = records.read_record(lattice(family, splits, 1.0 if few else STEP))
    accuracy, (low, high) = mean_accuracy(record), expected()
    arms, found = rates(splits.train, fabric, steps=2 if few else 30)
    typer.echo(f"training {time.seconds:.0f} s; accuracy {accuracy:.2%}, on a CPU {low:.2%} to {high:.2%}")
    for name, rate in found.items():
        typer.echo(f"{name:<22}{rate:>8.0f} images/s  {rate / found['paper']:>5.2f} x")
    if few:
        return
    content = {
        "training_seconds": round(time.seconds, 1),
        "hypervolume": analysis.hypervolume(record.points, family.space),
        "accuracy": accuracy,
        "accuracy_on_a_cpu": [low, high],
        "same": low <= accuracy <= high,
        "batch_size": {name: arm.config.batch_size for name, arm in arms.items()},
        "seed": config.seed,
        "config": config.to_dict(),
    }
    content |= compared(found) | computed(fabric.device.type)
    typer.echo(relative(records.save(RESULTS / "gpu.json", content)))


if __name__ == "__main__":
    typer.run(main)
