"""What operations are worth, from invented losses of paths."""

import numpy as np
import pytest
import torch

from simplexnas.methods import regression
from simplexnas.space.search_space import SearchSpace, genotype_edges

SPACE = SearchSpace()
EDGES = len(genotype_edges(SPACE))


def invented(n: int, noise: float, own: float, seed: int = 0):
    """Choices, losses, and the truth: nats (E, k), a convolution being worth more in the second cell type."""
    random = np.random.default_rng(seed)
    nats = np.repeat([[-0.5, -1.5, 2.0], [-5.0, -4.0, 9.0]], EDGES // 2, axis=0) + own * random.normal(size=(EDGES, 3))
    nats = 1e-3 * (nats - nats.mean(axis=1, keepdims=True))
    choices = random.integers(3, size=(n, EDGES))
    time = np.linspace(0, 1, n)
    losses = 1.2 - time + 0.5 * time**2 - nats[np.arange(EDGES), choices].sum(axis=1) + noise * random.normal(size=n)
    return choices, losses, nats


def test_worth_of_noiseless_losses_is_the_truth():
    *known, nats = invented(2000, 0.0, own=2.0)
    found = regression.worth(*known, SPACE)
    assert np.allclose(found.nats, nats, atol=1e-6) and found.error.max() < 1e-5
    assert np.allclose(found.nats.sum(axis=1), 0)


def test_errors_say_how_far_the_truth_is():
    deviations = []
    for seed in range(5):
        *known, nats = invented(8000, 0.1, own=2.0, seed=seed)
        found = regression.worth(*known, SPACE)
        deviations.append((found.nats - nats) / found.error)
    assert 0.8 < np.std(deviations) < 1.25 and np.mean(np.abs(deviations) < 1.96) == pytest.approx(0.95, abs=0.04)
    cells = found.nats.reshape(2, -1, 3).mean(axis=1)
    assert np.allclose(cells, nats.reshape(2, -1, 3).mean(axis=1), atol=1.5e-3)


def test_edges_that_do_not_differ_are_not_told_apart():
    same, differing = (
        regression.worth(*invented(4000, 0.1, own=own)[:2], SPACE).nats.reshape(2, -1, 3).std(axis=1).max()
        for own in (0.0, 4.0)
    )
    assert same < 0.5 * differing


def test_path_losses_are_kept_in_their_places():
    kept = regression.PathLosses(SPACE, 4)
    choices = torch.randint(3, (2, EDGES))
    kept.record(1, choices, torch.tensor([0.5, 0.25]))
    assert torch.equal(kept.choices[1:3].long(), choices) and kept.losses.tolist() == [0, 0.5, 0.25, 0]
    assert {name for name, _ in kept.named_buffers()} == {"choices", "losses"}
    drawn, losses = kept.latest()
    assert losses.tolist() == [0.25, 0] and np.array_equal(drawn[0], choices[1])
