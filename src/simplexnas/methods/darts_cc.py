"""DARTS-CC: a family of architectures, one for each price of a parameter, from relaxed samples and a hypernetwork.

Source: Yakovlev, Grebenkova, Bakhteev, Strijov 2022, by the authors' public code; the paper's text was not seen.
lambda = least * (most / least)^h is what a parameter costs, in nats; h, its place, is uniform on [0, 1] and the knob.
Logits are piecewise linear in h: alpha(h) = (1 - u) T_j + u T_(j+1), j = min(floor(4 h), 3), u = 4 h - j, T_0 to T_4
tables (E, k). On an edge all operations run, weighted by gates = softmax((alpha(h) + G) / t), G Gumbel noise of each
image. In two levels, as DARTS (`darts`), at one h for both:
T minimises CE_val(gates) + lambda * sum over cells, edges and operations of softmax(alpha(h)) * parameters,
weights minimise CE_train(gates). The softmax of the price has no temperature.

Published: lambda from 1e-8 to 1e-4, one in a step; halves of the images, batches of 64, 50 epochs; tables by Adam, rate
1e-3, betas (0.5, 0.999), weight decay 1e-3; weights by SGD, 0.025 to 0.001; second order; t = 1 - 0.016 epoch, 0.216 in
the last one; 8 operations, one of them zero; architectures at the five knots, each trained alone. The knots are trained
too, while j is found as above, so that alpha can jump; weights and bias of the classifier are piecewise linear in h.

Here: knots do not move. One classifier for all h. Tables from zeros, their rate from `travel` (`bilevel`): the
published one is about 23, and an inner table has a gradient in half of the steps. t falls in a line, to 0.2. First
order by default. In second order all passes of a step see the same noise; in the published code each draws its own,
and the difference of two of them is then mostly noise. The step that is looked through is that of `darts`. Weights by
the optimiser of every method here. With price macs or latency, these are rescaled so that a network of equal
probabilities costs what it costs by its parameters: lambda means the same in all three.
"""

import math
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import nn

from simplexnas.io.seeds import generator
from simplexnas.io.settings import setting
from simplexnas.methods import gumbel, objective
from simplexnas.methods.bilevel import Bilevel, BilevelConfig, of_logits, said_of, set_gradients, still_statistics
from simplexnas.methods.darts import cosine, unrolled
from simplexnas.methods.method import Batch, Entry, KnobOfNumber, Step
from simplexnas.network.architecture import Architecture
from simplexnas.space import cost
from simplexnas.space.search_space import genotype_edges

PIECES = 4  # between five knots: with the published range one for each power of ten
XI_START, XI_END = 0.025, 0.001  # size of the weights' step that the second order looks through
PLACE, NOISE = 0, 1  # keys of what a step draws


@dataclass(frozen=True)
class DartsCCConfig(BilevelConfig):
    """Settings of DARTS-CC."""

    order: int = setting(1, among=(1, 2), about="of the gradient of the tables; 2 takes several times as long")
    lambda_least: float = setting(1e-8, above=0, about="price of a parameter in nats, at knob 0")
    lambda_most: float = setting(1e-4, above=0, about="price of a parameter in nats, at knob 1")

    def _check_together(self) -> None:
        super()._check_together()
        self.allow("lambda_most", f"from lambda_least, {self.lambda_least}", self.lambda_most >= self.lambda_least)


class PiecewiseLogits(nn.Module):
    """Logits (E, k) of a place from 0 to 1, linear between evenly spaced knots."""

    def __init__(self, config: DartsCCConfig):
        super().__init__()
        edges = len(genotype_edges(config.space))
        self.tables = nn.Parameter(torch.zeros(PIECES + 1, edges, config.space.k))

    def forward(self, place: float) -> torch.Tensor:
        left = min(int(PIECES * place), PIECES - 1)
        return torch.lerp(self.tables[left], self.tables[left + 1], PIECES * place - left)


def place_of(step: Step) -> float:
    """Where a step's lambda lies, uniform on [0, 1): the same whenever it is asked for, whatever else was drawn."""
    return torch.rand((), generator=generator(step.random.initial_seed(), PLACE)).item()


def xi(progress: float) -> float:
    """Size of the step of the weights that the second order looks through, in a cosine."""
    return cosine(progress, XI_START, XI_END)


class DartsCC(KnobOfNumber, Bilevel):
    """Supernet and tables of logits. See `method.Method`."""

    KNOB = "0 to 1, the place of log lambda between its ends"

    def __init__(self, config: DartsCCConfig):
        super().__init__(config)
        self.chooser = PiecewiseLogits(config)
        self.even = cost.edge_parameters(config.space).sum().item() / config.space.k  # parameters at equal p

    def price(self, place: float) -> float:
        """lambda, nats for a parameter."""
        least, most = math.log(self.config.lambda_least), math.log(self.config.lambda_most)
        return math.exp(least + place * (most - least))

    def penalty(self, place: float) -> torch.Tensor:
        """lambda times the expected cost of the operations, in nats."""
        return self.price(place) * self.even * self.relative_cost(torch.softmax(self.chooser(place), dim=-1))

    def cross_entropy(self, batch: Batch, logits: torch.Tensor, step: Step) -> torch.Tensor:
        """Of relaxed samples, logits (E, k); in all passes of a step the noise is the same."""
        noise = generator(step.random.initial_seed(), NOISE)
        each = logits.expand(len(batch.labels), -1, -1)
        gates = gumbel.gumbel_softmax(each, gumbel.temperature(step.progress), noise)
        return objective.cross_entropy(self.supernet(batch.images, gates), batch.labels)

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """Cross-entropy of relaxed samples on the weights' images; the tables rest."""
        place = place_of(step)
        logits = self.chooser(place).detach()
        loss = self.cross_entropy(batches[0], logits, step)
        p = torch.softmax(logits, dim=-1)
        said = {"place": place, "cost": self.relative_cost(p)}
        return {"loss": loss, "cross_entropy": loss.detach()} | said | said_of(p)

    def teach(self, batches: list[Batch], step: Step) -> None:
        if self.config.chooses(step):
            with still_statistics(self.supernet):
                gradient = self.gradient(batches[0], batches[1], step)
            set_gradients([self.chooser.tables], [gradient])

    def gradient(self, train: Batch, validation: Batch, step: Step) -> torch.Tensor:
        """Of the validation loss and the penalty for the tables, (5, E, k). The weights are afterwards what they were.

        The penalty does not depend on the weights, so that the step of the weights is looked through without it.
        """
        place, tables = place_of(step), self.chooser.tables
        of_step = SimpleNamespace(loss_of=lambda batch: self.cross_entropy(batch, self.chooser(place), step))
        size = xi(step.progress) if self.config.order == 2 else 0.0
        (gradient,) = unrolled(of_step, list(self.supernet.parameters()), [tables], train, validation, size)
        return gradient + torch.autograd.grad(self.penalty(place), tables)[0]

    def architecture(self, knob: float) -> Architecture:
        return of_logits(self.chooser(knob), self.config)


METHOD = Entry(
    "darts_cc",
    "DARTS-CC (Yakovlev et al. 2022): a family by the price of a parameter; --set order=2 for the second order",
    DartsCC.KNOB,
    DartsCCConfig,
    DartsCC,
    {"default": DartsCCConfig(preset="default")},
)
