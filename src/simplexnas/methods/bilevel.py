"""What methods share whose architecture learns in steps of its own, from images of its own (bilevel).

In each step the logits move first, by `teach`, on a batch of their part of the images; then the weights, by `loss`, on
a batch of theirs. Weights have the optimiser of every method here; logits have Adam, as in the publications.

The publications' rates suit their numbers of steps: Adam moves a logit by at most about rate * steps, and a training of
a tenth of the steps would leave the choice to chance. So `travel`, the product, is the setting here: 5.9 in DARTS, and
so for every method here (in the others' publications it is larger, and noise uses it up).
"""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from simplexnas.io.settings import setting
from simplexnas.methods.config import Config, shuffled
from simplexnas.methods.method import Batch, Method, NoKnob, Step
from simplexnas.network.architecture import Architecture
from simplexnas.network.supernet import Supernet
from simplexnas.space import cost
from simplexnas.space.search_space import genotype_edges

PRICES = ("parameters", "macs", "latency")


@dataclass(frozen=True)
class BilevelConfig(Config):
    """Settings of methods whose architecture learns in steps of its own. An epoch is one of the weights' images."""

    choice_share: float = setting(
        0.5, above=0, below=1, about="share of the images for the choices; the weights have the others"
    )
    travel: float = setting(5.9, above=0, about="learning rate of the logits times the number of their steps")
    choice_beta1: float = setting(0.5, least=0, below=1, about="Adam's decay of the logits' mean gradient")
    choice_decay: float = setting(1e-3, least=0, about="weight decay of the logits, within the gradient")
    price: str = setting("parameters", among=PRICES, about="what a cost term counts")
    latency_batch: int = setting(1, least=1, about="with price latency: images at a time, one of the table's batches")
    latency_table: str = ""  # with price latency: the table's name,
    milliseconds: tuple[tuple[float, ...], ...] = ()  # and LatencyTable.additive: (E, k), not needed before a training,
    other_milliseconds: float = setting(0.0, least=0, about="from the table: what no choice changes")

    def __post_init__(self):
        object.__setattr__(self, "milliseconds", tuple(map(tuple, self.milliseconds)))
        super().__post_init__()

    def _check_together(self) -> None:
        super()._check_together()
        self.allow("milliseconds", "only with price latency", self.price == "latency" or not self.milliseconds)

    @property
    def parts(self) -> tuple[np.ndarray, ...]:
        images = shuffled(self.train_images)
        first = round((1 - self.choice_share) * self.train_images)
        return images[:first], images[first:]

    @property
    def choice_every(self) -> int:
        """Steps of the weights for one of the choices, so that both see their images about equally often."""
        return max(1, round((1 - self.choice_share) / self.choice_share))

    @property
    def choice_warmup(self) -> float:
        """Share of the steps before the first of the choices."""
        return 0.0

    def chooses(self, step: Step) -> bool:
        """Whether the choices learn in this step."""
        return step.progress >= self.choice_warmup and step.number % self.choice_every == 0

    @property
    def choice_learning_rate(self) -> float:
        return self.travel * self.choice_every / ((1 - self.choice_warmup) * self.steps)


class Bilevel(Method):
    """Supernet and what chooses its operations. A subclass makes `chooser`."""

    bilevel = True

    def __init__(self, config: BilevelConfig):
        super().__init__(config)
        self.supernet = Supernet(config.space)
        costs = cost.relative_costs(config.price, config.space, config.milliseconds)
        self.register_buffer("costs", costs, persistent=False)  # a function of the configuration

    @abstractmethod
    def teach(self, batches: list[Batch], step: Step) -> None:
        """Set the gradients of the chooser; leave none where it should rest in this step."""

    def chooser_optimizer(self) -> torch.optim.Optimizer:
        """What moves the chooser after `teach`."""
        config = self.config
        rate, betas = config.choice_learning_rate, (config.choice_beta1, 0.999)
        return torch.optim.Adam(self.chooser.parameters(), lr=rate, betas=betas, weight_decay=config.choice_decay)

    def relative_cost(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Expected cost of the operations, (E, k) -> scalar: 1 at equal probabilities."""
        edges = float(cost.instances(self.config.space).sum())
        return cost.price_term(probabilities[None], self.costs[None], self.config.space)[0] / edges


class OneArchitecture(NoKnob, Bilevel):
    """Of a method that gives one architecture a training: that of its logits."""

    def architecture(self, knob: None = None) -> Architecture:
        return of_logits(self.chooser(), self.config)


class Logits(nn.Module):
    """The logits themselves, (E, k), from zeros."""

    def __init__(self, config: Config):
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(len(genotype_edges(config.space)), config.space.k))

    def forward(self) -> torch.Tensor:
        return self.alpha


def of_logits(logits: torch.Tensor, config: Config) -> Architecture:
    """The architecture with the most probable operation on every edge."""
    return Architecture.from_logits(logits.detach(), config.space)


def said_of(probabilities: torch.Tensor) -> dict[str, float]:
    """For the log: how decided probabilities (E, k) are. Entropy in nats and largest one, means over the edges."""
    p = probabilities.detach()
    return {"entropy": -torch.special.xlogy(p, p).sum(dim=-1).mean(), "most": p.max(dim=-1).values.mean()}


@contextmanager
def still_statistics(network: nn.Module):
    """Batch normalisation by the statistics of the batch, as in training, without a trace in the running ones."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, before, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(tracked)


def set_gradients(parameters: Sequence[nn.Parameter], gradients: Sequence[torch.Tensor | None]) -> None:
    """Give each parameter its gradient; None leaves it at rest."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
