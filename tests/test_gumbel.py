"""Gumbel-Softmax: what its samples are distributed as, at every temperature and in the limit."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from simplexnas.methods import gumbel

LOGITS = torch.tensor([1.2, -0.4, 0.5, 0.0], dtype=torch.float64)
P = torch.softmax(LOGITS, dim=0)
N = 40_000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def relaxed(logits: torch.Tensor, temperature: float, n: int = N) -> torch.Tensor:
    return gumbel.gumbel_softmax(logits.expand(n, -1), temperature, generator())


def test_noise_is_gumbel():
    noise = gumbel.gumbel_noise((5_000,), generator()).numpy()
    assert stats.kstest(noise, "gumbel_r").pvalue > 0.01


@pytest.mark.parametrize("temperature", [1.0, 0.2, None], ids=["t=1", "t=0.2", "hard"])
def test_frequencies_equal_softmax_at_every_temperature(temperature):
    if temperature is None:
        chosen = gumbel.hard_sample(LOGITS.expand(N, -1), generator())
    else:
        chosen = relaxed(LOGITS, temperature).argmax(dim=-1)
    counts = torch.bincount(chosen, minlength=4).numpy()
    assert stats.chisquare(counts, N * P.numpy()).pvalue > 0.01


def test_hard_sample_is_the_argmax_of_the_relaxed_one():
    hard = gumbel.hard_sample(LOGITS.expand(N, -1), generator())
    for temperature in (1.0, 0.2):
        assert torch.equal(relaxed(LOGITS, temperature).argmax(dim=-1), hard)


@pytest.mark.parametrize("temperature", [1.0, 0.2])
def test_relaxed_samples_lie_on_the_simplex(temperature):
    gamma = relaxed(LOGITS, temperature)
    assert (gamma >= 0).all()
    torch.testing.assert_close(gamma.sum(dim=-1), torch.ones(N, dtype=torch.float64))


def test_limit_of_small_temperature_is_a_random_vertex():
    """E f(gamma(t)) -> sum_j softmax(alpha)_j f(e_j), which is neither f(softmax) nor f(e_argmax)."""

    def f(gamma):
        return (gamma * torch.tensor([1.0, 3.0, -2.0, 0.5], dtype=torch.float64)).sum(-1).square()

    limit = (P * f(torch.eye(4, dtype=torch.float64))).sum()
    values = f(relaxed(LOGITS, 0.001))
    assert abs(values.mean() - limit) < 4 * values.std() / math.sqrt(N)
    assert abs(f(P) - limit) > 1 and abs(f(torch.eye(4, dtype=torch.float64)[0]) - limit) > 1
    assert abs(f(relaxed(LOGITS, 1.0)).mean() - limit) > 1, "far from the limit at t = 1"


def test_mean_of_two_operations_at_temperature_1():
    """d = 2: E gamma_1 = e^d (e^d - 1 - d) / (e^d - 1)^2 = 0.7945, while softmax gives 0.8808."""
    d = 2.0
    exact = math.exp(d) * (math.exp(d) - 1 - d) / (math.exp(d) - 1) ** 2
    first = relaxed(torch.tensor([d, 0.0], dtype=torch.float64), 1.0)[:, 0]
    assert exact == pytest.approx(0.7945, abs=5e-5)
    assert 1 / (1 + math.exp(-d)) == pytest.approx(0.8808, abs=5e-5)
    assert abs(first.mean() - exact) < 4 * first.std() / math.sqrt(N)


def test_temperature_schedule():
    assert gumbel.temperature(0.0) == 1.0
    assert gumbel.temperature(1.0) == pytest.approx(0.2)
    assert gumbel.temperature(0.25, 2.0, 1.0) == 1.75
    epochs = [gumbel.temperature((epoch + part) / 10, steps=10) for epoch in range(10) for part in (0.01, 0.99)]
    assert epochs == pytest.approx(np.repeat(1 - 0.08 * np.arange(10), 2)), "the author's code"


def test_generator_decides_the_samples():
    assert torch.equal(
        gumbel.gumbel_softmax(LOGITS, 0.5, generator(3)), gumbel.gumbel_softmax(LOGITS, 0.5, generator(3))
    )
    assert not torch.equal(relaxed(LOGITS, 0.5)[0], relaxed(LOGITS, 0.5)[1])
