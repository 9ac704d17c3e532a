"""The method of the paper, ours and as published: logits alpha(S) from a hypernetwork, one choice per edge.

One step follows the objective of slide 3: sample S -> logits alpha(S) -> sample gamma -> CE + kappa * Lat.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from simplexnas.io.seeds import generator
from simplexnas.methods import gumbel, objective, penalties
from simplexnas.methods.hypernetwork import MLPHypernetwork, PivotHypernetwork, UtilityHypernetwork
from simplexnas.methods.method import Batch, Entry, KnobOfS, Step
from simplexnas.methods.settings import PRESETS, SIMPLEX, SearchConfig
from simplexnas.methods.worth import WorthMethod
from simplexnas.network.architecture import Architecture
from simplexnas.network.supernet import Supernet
from simplexnas.space import cost

GATES = {
    "relaxed": gumbel.gumbel_softmax,
    "straight_through": gumbel.straight_through,
    "reinmax": lambda logits, _, random: gumbel.reinmax(logits, random),
}


@dataclass(frozen=True)
class Schedule:
    """What changes during training: kappa, the gain of the logits, the temperature, and whether the policy learns."""

    kappa: float
    gain: float
    temperature: float
    policy_learns: bool

    @classmethod
    def at(cls, config: SearchConfig, progress: float) -> "Schedule":
        """progress: share of the training that is done, 0 … 1."""
        ramp = min(1.0, progress / config.warmup) if config.warmup else 1.0
        kappa = ramp * config.kappa
        return cls(
            kappa=kappa,
            gain=kappa / config.tau if config.hypernetwork == "utility" else 1.0,
            temperature=gumbel.temperature(
                progress, config.temperature_start, config.temperature_end, config.temperature_steps
            ),
            policy_learns=progress < config.policy_until,
        )


class SimplexMethod(KnobOfS, nn.Module):
    """Supernet and hypernetwork together; the knob is S. See `method.Method`."""

    bilevel = False

    def __init__(self, config: SearchConfig):
        super().__init__()
        self.config = config
        self.supernet = Supernet(config.space)
        costs = cost.relative_costs(config.price, config.space, config.milliseconds)
        self.register_buffer("costs", costs, persistent=False)  # a function of the configuration
        if config.hypernetwork == "pivot":
            self.hypernetwork = PivotHypernetwork(config.space, generator=generator(config.seed, 0, 0, 1))
        elif config.hypernetwork == "mlp":
            self.hypernetwork = MLPHypernetwork(config.space)
        else:
            self.hypernetwork = UtilityHypernetwork(config.space, config.spread, config.parameter_price, costs)
            if config.random_utilities:
                self.hypernetwork.utility.data.normal_(generator=generator(config.seed, 0, 0, 1))

    @property
    def chooser(self) -> nn.Module:
        return self.hypernetwork

    @property
    def identity(self) -> dict:
        return self.config.to_dict()

    def condition(self, random: torch.Generator) -> torch.Tensor:
        """S of a step: (1, k)."""
        return penalties.sample(1, self.config.space.k, self.config.corner_share, random)

    def forward(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """`loss`: Fabric distributes what `forward` computes."""
        return self.loss(batches, step)

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """CE + kappa * Lat of one batch at one S, and the numbers of the schedule."""
        ((images, labels),) = batches
        config, schedule = self.config, Schedule.at(self.config, step.progress)
        S = self.condition(step.random).to(images)
        logits = schedule.gain * self.hypernetwork(S)  # (1, E, k)
        if not schedule.policy_learns:
            logits = logits.detach()
        prices = cost.price(S, config.space, config.parameter_price, self.costs)
        price = cost.price_term(torch.softmax(logits, dim=-1), prices, config.space)
        if config.estimator == "score_function":
            losses, policy = self._sampled_losses(images, labels, logits, step)
        else:
            losses, policy = self._gated_losses(images, labels, logits, schedule.temperature, step), 0.0
        return {
            "loss": objective.objective(losses, price, schedule.kappa) + policy,
            "cross_entropy": step.everyone(losses).mean(),
            "price": price.mean().detach(),
            "kappa": schedule.kappa,
            "gain": schedule.gain,
            "temperature": schedule.temperature,
        }

    @torch.no_grad()
    def logits(self, S: np.ndarray) -> torch.Tensor:
        """alpha(S) at the end of training: (E, k). S: what `penalties.parse` gives, (k,)."""
        S = torch.from_numpy(S)[None].float()
        return Schedule.at(self.config, 1.0).gain * self.hypernetwork(S)[0]

    def architecture(self, knob) -> Architecture:
        """The architecture of S: the operation with the largest logit on every edge."""
        return Architecture.from_logits(self.logits(knob), self.config.space)

    def _sampled_losses(self, images, labels, logits, step: Step):
        """One hard choice per path, of which alone runs: losses (paths of this process,) and the term that carries the
        policy gradient.

        With `sandwich` the largest network sees all images, and the others, the smallest among them, learn its class
        probabilities (Yu and Huang 2019); losses then holds those two as well. Choices are judged by the cross-entropy
        all the same.
        """
        config = self.config
        choices = step.own(gumbel.hard_sample(logits.expand(config.paths, -1, -1), step.random))  # (paths here, E)
        images, labels = step.own(images), step.own(labels)
        others, first, targets = choices.tolist(), [], labels
        if config.sandwich:
            macs = cost.edge_macs(config.space)
            taught = self.supernet(images, macs.argmax(axis=1).tolist())
            first = [objective.cross_entropy(taught, labels)]
            targets = torch.softmax(taught.detach(), dim=-1)
            others.append(macs.argmin(axis=1).tolist())
        outputs = [
            self.supernet(share, choice) for share, choice in zip(images.tensor_split(len(others)), others, strict=True)
        ]

        def cross_entropies(wanted: torch.Tensor) -> list[torch.Tensor]:
            shares = wanted.tensor_split(len(others))
            return [objective.cross_entropy(output, share) for output, share in zip(outputs, shares, strict=True)]

        losses = cross_entropies(targets)
        sampled = torch.stack((cross_entropies(labels) if config.sandwich else losses)[: len(choices)])
        baselines = step.own(objective.leave_one_out(step.everyone(sampled)))
        policy = objective.score_function_term(sampled, objective.log_probability(logits, choices), baselines)
        return torch.stack(first + losses), policy

    def _gated_losses(self, images, labels, logits, temperature: float, step: Step):
        """Every operation runs, times a gate that carries the gradient, drawn per image if relaxed, else per path."""
        config = self.config
        draw = GATES[config.estimator]
        draws = len(images) if config.estimator == "relaxed" else config.paths
        gamma = draw(logits.expand(draws, -1, -1), temperature, step.random)
        paths = config.paths // step.world
        shares = zip(*(step.own(values).tensor_split(paths) for values in (images, labels, gamma)), strict=True)
        return torch.stack(
            [objective.cross_entropy(self.supernet(share, gates), target) for share, target, gates in shares]
        )


METHOD = Entry(
    SIMPLEX,
    "Firsov 2024, ours and as published (--preset paper): a hypernetwork from penalties S to logits",
    KnobOfS.KNOB,
    SearchConfig,
    lambda config: (WorthMethod if config.hypernetwork == "worth" else SimplexMethod)(config),
    PRESETS,
)
