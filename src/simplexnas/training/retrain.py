"""One architecture trained from scratch: what inherited weights are compared with."""

import torch
from tqdm import tqdm

from simplexnas.io.seeds import generator
from simplexnas.methods import objective
from simplexnas.methods.settings import SearchConfig
from simplexnas.network.architecture import Architecture, StandaloneNetwork
from simplexnas.tasks.task import Split
from simplexnas.training.batches import batch_indices, check_images, make_batch, steps_per_epoch
from simplexnas.training.optimizers import Optimizers


def retrain(
    architecture: Architecture, train: Split, config: SearchConfig, progress_bar: bool = True
) -> StandaloneNetwork:
    """Train a freshly initialised standalone network; returns it in eval mode.

    config: optimiser, epochs, batch size, augmentation and seed, as in a search; what concerns several networks (paths,
    sandwich) or their average (ema) does not apply. Raises `SimplexNASError` if there are fewer images than it uses.
    """
    check_images(config, train)
    torch.manual_seed(config.seed)
    network = architecture.build().to(memory_format=config.memory_format).train()
    steps = config.epochs * steps_per_epoch(config)
    optimizers = Optimizers(network, config, steps)
    for step in tqdm(range(steps), desc="retrain", disable=not progress_bar):
        images, labels = make_batch(train, batch_indices(config, step, 0, 1), config, generator(config.seed, step, 0))
        objective.cross_entropy(network(images), labels).backward()
        optimizers.step()
    return network.eval()
