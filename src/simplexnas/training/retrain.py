"""One architecture trained alone, by the loop of a search."""

from functools import partial
from pathlib import Path

from simplexnas.methods.alone import Alone
from simplexnas.methods.config import Config
from simplexnas.network.architecture import Architecture, StandaloneNetwork
from simplexnas.tasks.task import Split
from simplexnas.training.checkpoint import CHECKPOINT
from simplexnas.training.loop import search


def retrain(
    architecture: Architecture, train: Split, config: Config, folder: Path, progress_bar: bool = True
) -> StandaloneNetwork:
    """Train a freshly initialised standalone network; returns it in eval mode.

    config: see `methods.alone.Alone`. folder: of the run; an interrupted one goes on, a whole one leaves no checkpoint.
    Raises `SimplexNASError` if there are fewer images than the configuration uses, or the folder holds another run.
    """
    make = partial(Alone, architecture=architecture)
    method = search(config, train, folder, make=make, resume=True, progress_bar=progress_bar)
    (folder / CHECKPOINT).unlink()
    return method.supernet.eval()
