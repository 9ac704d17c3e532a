"""DARTS: one architecture from a mixture of all operations, by gradient, in two levels.

Source: Liu, Simonyan, Yang, ICLR 2019, sections 2.1 to 2.3. min over alpha of L_val(w*(alpha), alpha), w*(alpha) =
argmin over w of L_train(w, alpha). On an edge all operations run, weighted by p = softmax(alpha). First order takes w
for w*; second order takes one step, w' = w - xi grad_w L_train, and differentiates through it:
grad_alpha L_val(w', alpha) - xi * (grad_alpha L_train(w+, alpha) - grad_alpha L_train(w-, alpha)) / (2 eps),
w± = w ± eps v, v = grad_w' L_val(w', alpha), eps = 0.01 / |v|.

Published: halves of the images, batches of 64, 50 epochs, logits by Adam, rate 3e-4, betas (0.5, 0.999), weight decay
1e-3, from 1e-3 times normal noise; weights by SGD, 0.025 to 0.001 in a cosine, with momentum; xi is their rate.

Here: logits from zeros; weights by the optimiser of every method here, which has no plain step, so that w' is a plain
gradient step of size xi, 0.025 to 0.001; the logits' rate from `travel` (`bilevel`). All edges stay, and there is no
zero operation. `kappa` adds kappa * (expected cost / that of equal probabilities): not in DARTS, "DARTS + kappa".
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from simplexnas.io.settings import setting
from simplexnas.methods import objective
from simplexnas.methods.bilevel import (
    BilevelConfig,
    Logits,
    OneArchitecture,
    said_of,
    set_gradients,
    still_statistics,
)
from simplexnas.methods.method import Batch, Entry, Step

EPSILON = 0.01  # length of the difference that stands for the second derivative


@dataclass(frozen=True)
class DartsConfig(BilevelConfig):
    """Settings of DARTS."""

    order: int = setting(1, among=(1, 2), about="of the gradient of the logits; 2 takes several times as long")
    xi_start: float = setting(
        0.025, least=0, about="size of the weights' step that the second order looks through, at the start"
    )
    xi_end: float = setting(0.001, least=0, about="the same at the end; between them a cosine")
    kappa: float = setting(
        0.0, least=0, about="ours: weight of the expected cost, in nats for that of equal probabilities"
    )


class Darts(OneArchitecture):
    """Supernet and logits. See `method.Method`."""

    def __init__(self, config: DartsConfig):
        super().__init__(config)
        self.chooser = Logits(config)

    def loss_of(self, batch: Batch) -> torch.Tensor:
        """Cross-entropy of the mixture."""
        gates = torch.softmax(self.chooser(), dim=-1).expand(len(batch.labels), -1, -1)
        return objective.cross_entropy(self.supernet(batch.images, gates), batch.labels)

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """Cross-entropy of the mixture on the weights' images; the logits rest."""
        self.chooser.requires_grad_(False)
        loss = self.loss_of(batches[0])
        self.chooser.requires_grad_(True)
        return {"loss": loss, "cross_entropy": loss.detach()} | said_of(torch.softmax(self.chooser(), dim=-1))

    def teach(self, batches: list[Batch], step: Step) -> None:
        if self.config.chooses(step):
            with still_statistics(self.supernet):
                gradient = self.gradient(batches[0], batches[1], self.xi(step.progress))
            set_gradients([self.chooser.alpha], [gradient])

    def xi(self, progress: float) -> float:
        """Size of the step that the gradient of the logits looks through; 0 in first order."""
        return 0.0 if self.config.order == 1 else cosine(progress, self.config.xi_start, self.config.xi_end)

    def gradient(self, train: Batch, validation: Batch, xi: float) -> torch.Tensor:
        """Of the validation loss, with respect to the logits, (E, k). The weights are afterwards what they were."""
        alpha, kappa = self.chooser.alpha, self.config.kappa
        gradient = unrolled(self, list(self.supernet.parameters()), [alpha], train, validation, xi)[0]
        if kappa:
            gradient = gradient + kappa * torch.autograd.grad(self.relative_cost(torch.softmax(alpha, -1)), alpha)[0]
        return gradient


def cosine(progress: float, start: float, end: float) -> float:
    """From start to end along half a cosine, as progress goes from 0 to 1."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def unrolled(
    method: nn.Module,
    weights: list[nn.Parameter],
    choices: list[nn.Parameter],
    train: Batch,
    validation: Batch,
    xi: float,
    epsilon: float = EPSILON,
) -> list[torch.Tensor]:
    """Gradient of `method.loss_of(validation)` with respect to the choices, through a step of size xi of the weights.

    The step is plain gradient descent of `method.loss_of(train)`. With xi = 0 it is the gradient of the first order.
    epsilon: length of the difference of the weights by which the second derivative is approximated. `loss_of` has to
    draw the same random numbers each time.
    """
    if not xi:
        return list(torch.autograd.grad(method.loss_of(validation), choices))
    kept = [weight.detach().clone() for weight in weights]

    def shifted(directions: list[torch.Tensor | None], size: float) -> None:
        with torch.no_grad():
            for weight, own, direction in zip(weights, kept, directions, strict=True):
                weight.copy_(own if direction is None else own + size * direction)

    shifted(torch.autograd.grad(method.loss_of(train), weights, allow_unused=True), -xi)
    found = torch.autograd.grad(method.loss_of(validation), [*choices, *weights], allow_unused=True)
    first, v = found[: len(choices)], found[len(choices) :]
    size = epsilon / torch.cat([each.flatten() for each in v if each is not None]).norm().item()
    ends = []
    for sign in (1, -1):
        shifted(v, sign * size)
        ends.append(torch.autograd.grad(method.loss_of(train), choices))
    shifted([None] * len(weights), 0.0)
    return [of_first - xi * (plus - minus) / (2 * size) for of_first, plus, minus in zip(first, *ends, strict=True)]


METHOD = Entry(
    "darts",
    "DARTS (Liu et al. 2019): one architecture from a mixture of all operations; --set order=2: second order",
    Darts.KNOB,
    DartsConfig,
    Darts,
    {"default": DartsConfig(preset="default")},
)
