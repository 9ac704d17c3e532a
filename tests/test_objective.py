"""The loss functions; the gradient estimator against the exact gradient."""

import itertools
import math

import pytest
import torch

from simplexnas.methods import objective

CHOICES = torch.tensor(list(itertools.product(range(3), repeat=2)))  # all 9 choices of 2 edges


def case(seed: int):
    """Logits (2, 3) and a loss for each of the 9 choices."""
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, generator=random, dtype=torch.float64, requires_grad=True)
    return logits, torch.randn(9, generator=random, dtype=torch.float64)


def test_objective_is_the_mean_of_loss_and_weighted_price():
    assert objective.objective(torch.tensor([1.0, 3.0]), torch.tensor([10.0]), 0.5).item() == 7.0


def test_leave_one_out_is_the_mean_of_the_others():
    assert objective.leave_one_out(torch.tensor([1.0, 2.0, 6.0])).tolist() == [4.0, 3.5, 1.5]


def test_log_probabilities_sum_to_one():
    logits, _ = case(0)
    assert objective.log_probability(logits[None], CHOICES).exp().sum().item() == pytest.approx(1)
    one = objective.log_probability(logits, torch.tensor([2, 0]))
    expected = torch.log_softmax(logits, -1)
    torch.testing.assert_close(one, expected[0, 2] + expected[1, 0])


@pytest.mark.parametrize("seed", range(3))
def test_score_function_term_is_unbiased(seed):
    """Its gradient, averaged over all pairs of sampled choices, is the gradient of the expected loss."""
    logits, losses = case(seed)
    probability = objective.log_probability(logits[None], CHOICES).exp()
    (exact,) = torch.autograd.grad((probability * losses).sum(), logits, retain_graph=True)
    mean = torch.zeros_like(exact)
    for pair in itertools.product(range(9), repeat=2):
        drawn = losses[list(pair)]
        term = objective.score_function_term(
            drawn, objective.log_probability(logits[None], CHOICES[list(pair)]), objective.leave_one_out(drawn)
        )
        assert term.item() == 0
        mean += probability[list(pair)].prod().detach() * torch.autograd.grad(term, logits)[0]
    torch.testing.assert_close(mean, exact)


def test_cross_entropy_of_equal_logits_is_log_10():
    assert objective.cross_entropy(torch.zeros(4, 10), torch.tensor([0, 3, 9, 9])).item() == pytest.approx(math.log(10))
