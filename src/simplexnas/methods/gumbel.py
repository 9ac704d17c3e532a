"""Gumbel-Softmax: relaxed and hard samples of operations, and the temperature schedule.

Sources: Jang, Gu, Poole 2017; Maddison, Mnih, Teh 2017.
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
