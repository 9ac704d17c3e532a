"""One architecture trained alone and measured: a point or more above its inherited weights."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed
from simplexnas.measure import evaluation
from simplexnas.methods.alone import Alone
from simplexnas.methods.config import Config
from simplexnas.network.architecture import Architecture
from simplexnas.network.trained import DESCRIPTION, TrainedNetwork
from simplexnas.tasks.task import Splits
from simplexnas.training.checkpoint import CHECKPOINT, spent
from simplexnas.training.loop import search


def train_alone(
    architecture: Architecture, config: Config, splits: Splits, folder: Path, progress_bar: bool = True
) -> TrainedNetwork:
    """Train the architecture from scratch on all training images, re-estimate its BN statistics, measure it, save it.

    config: see `methods.alone.Alone`. folder: a new one, or that of such a training that was interrupted, which goes
    on. Raises `SimplexNASError` if it holds another network, or if the data are not of the architecture's shape.
    """
    folder = Path(folder)
    if (folder / DESCRIPTION).exists():
        raise SimplexNASError(f"{relative(folder)} holds a trained network; move it away, or name another folder")
    if architecture.space.shape != splits.task.shape:
        raise SimplexNASError(
            f"the architecture is for {architecture.space.shape}, the data of {splits.task.name} are of "
            f"{splits.task.shape}"
        )
    config = replace(config, space=architecture.space, train_images=len(splits.train))
    make = partial(Alone, architecture=architecture)
    method = search(config, splits.train, folder, make=make, resume=True, progress_bar=progress_bar)
    network = evaluation.reestimate_batch_norm(method.supernet, splits.train)
    accuracy = evaluation.accuracies(network, splits).to_dict()
    about = {
        "config": config.to_dict(),
        "accuracy": accuracy,
        "training_seconds": round(spent(folder).seconds, 1),
    } | computed()
    trained = TrainedNetwork(architecture, network, splits.task, about)
    trained.save(folder)
    (folder / CHECKPOINT).unlink()  # the network holds the weights
    return trained
