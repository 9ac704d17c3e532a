"""The published method: logits alpha(S) from a hypernetwork that learns by gradient, through relaxed samples.

One step follows the objective of slide 3: sample S -> logits alpha(S) -> sample gamma -> CE + kappa * Lat. Every
operation of every edge runs, times a gate drawn per image.
"""

import numpy as np
import torch
from torch import nn

from simplexnas.io.seeds import generator
from simplexnas.methods import gumbel, objective, penalties
from simplexnas.methods.hypernetwork import PivotHypernetwork
from simplexnas.methods.method import Batch, KnobOfS, Method, Step
from simplexnas.methods.settings import SearchConfig
from simplexnas.network.architecture import Architecture
from simplexnas.network.supernet import Supernet
from simplexnas.space import cost


class PublishedMethod(KnobOfS, Method):
    """Supernet and hypernetwork together; the knob is S. See `method.Method`."""

    def __init__(self, config: SearchConfig):
        super().__init__(config)
        self.supernet = Supernet(config.space)
        costs = cost.relative_costs(config.price, config.space, config.milliseconds)
        self.register_buffer("costs", costs, persistent=False)  # a function of the configuration
        self.hypernetwork = PivotHypernetwork(config.space, generator=generator(config.seed, 0, 0, 1))

    @property
    def chooser(self) -> nn.Module:
        return self.hypernetwork

    def condition(self, random: torch.Generator) -> torch.Tensor:
        """S of a step: (1, k)."""
        return penalties.sample(1, self.config.space.k, self.config.corner_share, random)

    def price(self, S: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Lat under the probabilities of logits (1, E, k) at S (1, k): (1,)."""
        prices = cost.price(S, self.config.space, self.config.parameter_price, self.costs)
        return cost.price_term(torch.softmax(logits, dim=-1), prices, self.config.space)

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """CE + kappa * Lat of one batch at one S, and the temperature."""
        ((images, labels),) = batches
        config = self.config
        temperature = gumbel.temperature(
            step.progress, config.temperature_start, config.temperature_end, config.temperature_steps
        )
        S = self.condition(step.random).to(images)
        logits = self.hypernetwork(S)  # (1, E, k)
        gamma = gumbel.gumbel_softmax(logits.expand(len(images), -1, -1), temperature, step.random)
        cross_entropy = objective.cross_entropy(self.supernet(images, gamma), labels)
        price = self.price(S, logits)
        return {
            "loss": objective.objective(cross_entropy, price, config.kappa),
            "cross_entropy": cross_entropy.detach(),
            "price": price.mean().detach(),
            "temperature": temperature,
        }

    @torch.no_grad()
    def logits(self, S: np.ndarray) -> torch.Tensor:
        """alpha(S) at the end of training: (E, k). S: what `penalties.parse` gives, (k,)."""
        return self.hypernetwork(torch.from_numpy(S)[None].float())[0]

    def architecture(self, knob) -> Architecture:
        """The architecture of S: the operation with the largest logit on every edge."""
        return Architecture.from_logits(self.logits(knob), self.config.space)
