"""Gumbel-Softmax: relaxed and hard samples of operations, and the temperature schedule.

Sources: Jang, Gu, Poole 2017; Maddison, Mnih, Teh 2017; for `reinmax` Liu et al. 2023.
"""

import math

import torch


def gumbel_noise(shape, generator: torch.Generator | None = None) -> torch.Tensor:
    """Standard Gumbel noise, -log(E) with E ~ Exponential(1)."""
    return -torch.empty(shape).exponential_(generator=generator).log()


def gumbel_softmax(logits: torch.Tensor, temperature: float, generator: torch.Generator | None = None) -> torch.Tensor:
    """Relaxed sample softmax((logits + G) / t): (..., k) -> (..., k), rows sum to 1. t > 0."""
    noise = gumbel_noise(logits.shape, generator).to(logits)
    return torch.softmax((logits + noise) / temperature, dim=-1)


def _with_gradient_of(value: torch.Tensor, surrogate: torch.Tensor) -> torch.Tensor:
    return value + surrogate - surrogate.detach()


def straight_through(logits: torch.Tensor, temperature: float, generator: torch.Generator | None = None):
    """One-hot samples (..., k) with the gradient of the relaxed sample under the same noise (Jang et al. 2017)."""
    soft = gumbel_softmax(logits, temperature, generator)
    return _with_gradient_of(one_hot(soft.argmax(dim=-1), soft), soft)


def reinmax(logits: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """One-hot samples (..., k) with a second-order gradient (Liu et al. 2023, algorithm 2 at temperature 1).

    Its expectation is exact for quadratic functions of the sample.
    """
    sample = one_hot(hard_sample(logits.detach(), generator), logits)
    middle = (sample + torch.softmax(logits.detach(), dim=-1)) / 2
    # A softmax with the value `middle` and its own Jacobian with respect to the logits.
    at_middle = torch.softmax(_with_gradient_of(middle.log(), logits), dim=-1)
    return _with_gradient_of(sample, 2 * at_middle - torch.softmax(logits, dim=-1) / 2)


def one_hot(index: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(...) int64 -> (..., k) of the type of `like`, whose last dimension is k."""
    return torch.nn.functional.one_hot(index, like.shape[-1]).to(like)


def hard_sample(logits: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """Index of the largest logit + G: (..., k) -> (...) int64, distributed as softmax(logits).

    It is the argmax of `gumbel_softmax` at every temperature, so that no temperature enters.
    """
    return (logits + gumbel_noise(logits.shape, generator).to(logits)).argmax(dim=-1)


def temperature(progress: float, start: float = 1.0, end: float = 0.2, steps: int = 0) -> float:
    """From `start` to `end` as progress goes from 0 to 1 (the paper's slide 5: from 1 to 0.2).

    steps: 0 for a line; n for n steps of equal length, the first at `start`, the last one step above `end`, as in the
    author's code, whose temperature changes from epoch to epoch.
    """
    if steps:
        progress = math.floor(progress * steps) / steps
    return start + (end - start) * progress
