"""Accuracy of inherited weights, in several ways.

Discrete: the architecture of S with batch-normalisation (BN) statistics re-estimated for it (what we report), or with
the running statistics of training, which mix many architectures. Relaxed, where training is: Gumbel-Softmax mixtures,
drawn per image.
"""

import copy
import time
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn
from tqdm import tqdm

from simplexnas.family import Family
from simplexnas.io.records import Accuracy
from simplexnas.io.seeds import generator
from simplexnas.methods import gumbel
from simplexnas.methods.published import PublishedMethod
from simplexnas.network import onnx_model
from simplexnas.network.architecture import Architecture
from simplexnas.network.supernet import Supernet
from simplexnas.tasks.task import Split, Splits

BATCH = 250
SMALL_BATCH = 16  # of ONNX Runtime: tensors that fit into a core's cache
BATCH_NORM_IMAGES = 5000  # clean training images for the statistics
RELAXED_BATCH_NORM_IMAGES = 1000


@torch.no_grad()
def reestimate_batch_norm(
    network: nn.Module, train: Split, images: int = BATCH_NORM_IMAGES, title: str = ""
) -> nn.Module:
    """Replace all BN statistics by averages over clean training images, in place; returns the network in eval mode.

    train: uint8 training split; its first `images` images are used, in batches of 250, cumulative average. title: of a
    progress bar, if there should be one.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average
    network.train()
    for batch in tqdm(train.head(images).images.split(BATCH), desc=title, disable=not title):
        network(train.task.normalize(batch))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return network.eval()


@torch.no_grad()
def accuracy(network: nn.Module, split: Split) -> float:
    """Share of correct classes, in [0, 1]. The network, in eval mode, maps images to class logits."""
    correct = 0
    for images, labels in zip(split.images.split(BATCH), split.labels.split(BATCH), strict=True):
        correct += int((network(split.task.normalize(images)).argmax(dim=1) == labels).sum())
    return correct / len(split)


def accuracies(network: nn.Module, splits: Splits) -> Accuracy:
    """Accuracy on validation and test of a standalone network in eval mode, as the model that `export` writes.

    ONNX Runtime takes half of PyTorch's time here; the logits differ by rounding.
    """
    model = onnx_model.onnx_model(onnx_model.Classifier(network, splits.task))
    session = onnx_model.session(model)

    def correct(batch: tuple[torch.Tensor, torch.Tensor]) -> int:
        (logits,) = session.run(None, {onnx_model.INPUT: batch[0].numpy()})
        return int((logits.argmax(axis=1) == batch[1].numpy()).sum())

    def share(split: Split, pool: ThreadPoolExecutor) -> float:
        batches = zip(split.images.split(SMALL_BATCH), split.labels.split(SMALL_BATCH), strict=True)
        return sum(pool.map(correct, batches)) / len(split)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # a batch each: no thread waits for another
        return Accuracy(validation=share(splits.validation, pool), test=share(splits.test, pool))


def inherited(family: Family, architecture: Architecture, train: Split, title: str = "") -> nn.Module:
    """The architecture's network with the family's weights and BN statistics re-estimated for it."""
    return reestimate_batch_norm(family.network(architecture), train, title=title)


class RelaxedNetwork(nn.Module):
    """The supernet under Gumbel-Softmax mixtures drawn per image from logits (E, k) at one temperature."""

    def __init__(self, supernet: Supernet, logits: torch.Tensor, temperature: float, seed: int = 0):
        super().__init__()
        self.supernet = copy.deepcopy(supernet)
        self.logits, self.temperature = logits, temperature
        self.random = generator(seed)

    def forward(self, images):
        logits = self.logits.expand(len(images), -1, -1)
        return self.supernet(images, gumbel.gumbel_softmax(logits, self.temperature, self.random))


def in_all_ways(family: Family, logits: torch.Tensor, splits: Splits) -> dict[str, Accuracy]:
    """Accuracy of the family at logits (E, k), those of an S, by way; of the discrete ones on validation too.

    Discrete, and for the published method, which trains mixtures, relaxed at its first and its last temperature; each
    with the running BN statistics of training, and with statistics re-estimated for it. The relaxed networks run every
    operation, so that theirs come from fewer images.
    """
    architecture, supernet = Architecture.from_logits(logits, family.space), family.model.supernet
    ways = {}
    temperatures = (family.config.temperature_start, family.config.temperature_end)
    for t in temperatures if isinstance(family.model, PublishedMethod) else ():
        relaxed = RelaxedNetwork(supernet, logits, t).eval()
        ways[f"relaxed t = {t:g}, statistics of training"] = Accuracy(test=accuracy(relaxed, splits.test))
        relaxed = reestimate_batch_norm(RelaxedNetwork(supernet, logits, t), splits.train, RELAXED_BATCH_NORM_IMAGES)
        ways[f"relaxed t = {t:g}"] = Accuracy(test=accuracy(relaxed, splits.test))
    ways["discrete, statistics of training"] = accuracies(family.network(architecture), splits)
    ways["discrete"] = accuracies(inherited(family, architecture, splits.train), splits)
    return ways


def evaluate(family: Family, architecture: Architecture, splits: Splits) -> dict:
    """The report of `simplexnas evaluate`: the architecture, its accuracy (discrete, BN re-estimated), seconds."""
    started = time.perf_counter()
    measured = accuracies(inherited(family, architecture, splits.train), splits)
    seconds = round(time.perf_counter() - started, 2)
    return architecture.report() | {"accuracy": measured.to_dict(), "seconds": seconds}
