"""The objective as pure functions: cross-entropy + kappa * Lat, and the gradient estimators for hard choices."""

import torch
from torch.nn import functional


def objective(cross_entropy: torch.Tensor, price: torch.Tensor, kappa: float) -> torch.Tensor:
    """L + kappa * Lat, averaged over S (Firsov 2024, slide 3); L a scalar, Lat (n,) for n S."""
    return (cross_entropy + kappa * price).mean()


def score_function_term(
    cross_entropy: torch.Tensor, log_probability: torch.Tensor, baseline: torch.Tensor
) -> torch.Tensor:
    """A term of value zero whose gradient estimates that of E[cross-entropy] with respect to the logits, unbiased.

    cross_entropy: loss of each sampled path (n,); log_probability: log p(choice | S) of each path (n,), with gradient;
    baseline: what the loss is compared with (n,), independent of that path's own choice.
    Source: Williams 1992 (REINFORCE); with `leave_one_out` Kool, van Hoof, Welling 2019.
    """
    advantage = (cross_entropy - baseline).detach()
    return (advantage * (log_probability - log_probability.detach())).mean()


def leave_one_out(losses: torch.Tensor) -> torch.Tensor:
    """Baseline of each of n >= 2 paths drawn for one S: the mean loss of the other paths. (n,) -> (n,)."""
    n = len(losses)
    return (losses.sum() - losses) / (n - 1)


def log_probability(logits: torch.Tensor, choice: torch.Tensor) -> torch.Tensor:
    """log p(choice) under independent softmax(logits) on each edge; logits (1 or n, E, k), choice (n, E) -> (n,)."""
    log_p = torch.log_softmax(logits, dim=-1).expand(*choice.shape, -1)
    return log_p.gather(-1, choice[..., None]).squeeze(-1).sum(-1)


def cross_entropy(class_logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy in nats; ln 10 = 2.303 for uniform class probabilities."""
    return functional.cross_entropy(class_logits, labels)
