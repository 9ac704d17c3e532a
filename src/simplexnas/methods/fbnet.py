"""FBNet: one architecture from relaxed samples of all operations; the loss is a product of cross-entropy and time.

Source: Wu et al., CVPR 2019, sections 3.2 and 3.3; their numbers are from memory. min over theta, min over w of
L = CE * a * log(Lat(m))^b. On an edge all operations run, weighted by m = softmax((theta + G) / t), G Gumbel noise.
Lat(m) = other + sum over edges and operations of m * time is linear in m: times of operations are measured and assumed
to add up. Hence dL = a * log(Lat)^b * (dCE + CE * b / (Lat * log(Lat)) * dLat): a scales the whole, only b trades, and
what a microsecond weighs fades as CE falls.

Published: a = 0.2, b = 0.6; 90 epochs, of which the first 10 train the weights alone, then in each epoch first the
weights on 80 % of the images (SGD, 0.1 in a cosine, momentum 0.9, weight decay 1e-4), then the logits on 20 % (Adam,
rate 0.01, weight decay 5e-4); t = 5 exp(-0.045 epoch), 0.087 at the end. From memory: batches of 192, 100 classes of
ImageNet; six architectures drawn from softmax(theta), each trained alone.

Here: Lat in microseconds per image, one batch of `latency_batch` images at a time (b depends on the unit, and the
published one is not known). Each image has noise of its own (of two reimplementations one has this, one draws for the
batch), hence Lat and a loss of its own; the products are averaged, not CE and Lat apart: each sample's CE goes with
its own time. Weights and logits take turns step by step, not by epochs; logits from zeros, their rate from `travel`
(`bilevel`); weights by the optimiser of every method here. All edges stay. The architecture has the largest logits.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.settings import setting
from simplexnas.methods import gumbel
from simplexnas.methods.bilevel import (
    BilevelConfig,
    Logits,
    OneArchitecture,
    said_of,
    set_gradients,
    still_statistics,
)
from simplexnas.methods.method import Batch, Entry, Step

HOTTEST, COOLING = 5.0, 4.05  # temperature at the start, and how many times it falls by e


@dataclass(frozen=True)
class FbnetConfig(BilevelConfig):
    """Settings of FBNet."""

    a: float = setting(0.2, above=0, about="scale of the loss")
    b: float = setting(0.6, least=0, about="power of the logarithm of the time")

    def _check_together(self) -> None:
        super()._check_together()
        self.allow("price", "latency, for the loss is made of times", self.price == "latency")

    @property
    def choice_warmup(self) -> float:
        return 0.11


def temperature(progress: float) -> float:
    """t: 5 at the start of a training, progress 0, 0.087 at its end, progress 1."""
    return HOTTEST * math.exp(-COOLING * progress)


class Fbnet(OneArchitecture):
    """Supernet and logits. See `method.Method`.

    Raises `SimplexNASError` without times, and for times so short, or in so large a unit, that log(Lat) could be 0 or
    below, of which there is no power.
    """

    def __init__(self, config: FbnetConfig):
        super().__init__(config)
        self.chooser = Logits(config)
        per_image = 1000 / config.latency_batch  # microseconds per image in a millisecond per batch
        times = per_image * torch.tensor(config.milliseconds)  # (E, k)
        self.register_buffer("microseconds", times, persistent=False)  # a function of the configuration
        self.other = per_image * config.other_milliseconds
        least = self.other + times.min(dim=1).values.sum().item()
        if least <= 1:
            raise SimplexNASError(
                f"milliseconds: the fastest network takes {least:.3g} microseconds per image; "
                "allowed: above 1, where log(Lat) is above 0"
            )

    def gates(self, logits: torch.Tensor, images: int, step: Step) -> torch.Tensor:
        """m, a relaxed sample for each image: logits (E, k) -> (images, E, k), rows sum to 1."""
        return gumbel.gumbel_softmax(logits.expand(images, -1, -1), temperature(step.progress), step.random)

    def latency(self, gates: torch.Tensor) -> torch.Tensor:
        """Lat in microseconds per image: (B, E, k) -> (B,)."""
        return self.other + torch.einsum("bek,ek->b", gates, self.microseconds)

    def product(self, batch: Batch, logits: torch.Tensor, step: Step) -> tuple[torch.Tensor, ...]:
        """L, CE in nats and Lat in microseconds per image, means over the images of a batch."""
        gates = self.gates(logits, len(batch.labels), step)
        outputs = self.supernet(batch.images, gates)
        cross_entropy = functional.cross_entropy(outputs, batch.labels, reduction="none")
        latency = self.latency(gates)
        losses = cross_entropy * self.config.a * latency.log() ** self.config.b
        return losses.mean(), cross_entropy.mean(), latency.mean()

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """The product on the weights' images; the logits rest."""
        logits = self.chooser().detach()
        loss, cross_entropy, latency = self.product(batches[0], logits, step)
        said = {"microseconds": latency, "temperature": temperature(step.progress)}
        return {"loss": loss, "cross_entropy": cross_entropy.detach()} | said | said_of(torch.softmax(logits, dim=-1))

    def teach(self, batches: list[Batch], step: Step) -> None:
        if self.config.chooses(step):
            alpha = self.chooser.alpha
            with still_statistics(self.supernet):
                loss, *_ = self.product(batches[1], self.chooser(), step)
            set_gradients([alpha], torch.autograd.grad(loss, [alpha]))


METHOD = Entry(
    "fbnet",
    "FBNet (Wu et al. 2019): one architecture from relaxed samples; cross-entropy times a * log(latency)^b",
    Fbnet.KNOB,
    FbnetConfig,
    Fbnet,
    {"default": FbnetConfig(preset="default", choice_share=0.2, choice_beta1=0.9, choice_decay=5e-4, price="latency")},
)
