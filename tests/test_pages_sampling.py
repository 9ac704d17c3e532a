"""The page `sampling`: its table and picture against the samples, its mean against sampling."""

import numpy as np
import pytest
import torch
from pages import unsaid

from simplexnas.methods import gumbel
from simplexnas.report.pages import sampling
from simplexnas.space.operations import labels


def test_samples_have_the_shares_of_softmax():
    found = sampling.shares(20_000).set_index("operation").astype(float)
    assert found.index.tolist() == list(labels(sampling.SPACE.operations))
    expected = np.exp(sampling.LOGITS) / np.exp(sampling.LOGITS).sum()
    assert np.allclose(found.to_numpy(), expected[:, None], atol=0.015)


def test_clouds_are_the_samples():
    for ax, temperature in zip(sampling.clouds().axes, sampling.TEMPERATURES, strict=True):
        drawn = sampling.samples(temperature, sampling.SHOWN)
        counts = [len(dots.get_offsets()) for dots in ax.collections]
        assert counts == np.bincount(drawn.argmax(axis=1), minlength=3).tolist()
        height = np.concatenate([dots.get_offsets()[:, 1] for dots in ax.collections])
        assert np.allclose(np.sort(height), np.sort(drawn[:, 0]) * np.sqrt(3) / 2, atol=1e-6)


@pytest.mark.parametrize("d", [-1.0, 2.0])
def test_mean_of_two_operations(d):
    """Against samples, at t = 1 and in the limit."""
    logits = torch.tensor([d, 0.0]).expand(400_000, 2)

    def mean(t: float) -> float:
        return gumbel.gumbel_softmax(logits, t, torch.Generator().manual_seed(0))[:, 0].double().mean().item()

    assert mean(1.0) == pytest.approx(sampling.mean_of_two(d), abs=0.002)
    assert mean(0.01) == pytest.approx(1 / (1 + np.exp(-d)), abs=0.002)


def test_every_number_stands_on_the_page():
    assert unsaid(sampling.numbers(), "sampling") == set()
