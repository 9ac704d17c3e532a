"""Means, intervals, tests and rank correlations."""

from collections.abc import Sequence

import numpy as np
from scipy import stats


def mean_and_sd(values: list[float]) -> dict:
    """{"mean", "sd", "n"}; the sample standard deviation is None for a single value."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "n": len(values)}


def mean_and_interval(values: list[float]) -> dict[str, float]:
    """{"mean", "low", "high"}: the 95 % interval of the mean by Student's t; the bounds are nan for a single value."""
    mean, n = float(np.mean(values)), len(values)
    half = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / n**0.5) if n > 1 else np.nan
    return {"mean": mean, "low": mean - half, "high": mean + half}


def prediction_half_width(values: Sequence[float]) -> float:
    """How far from the mean of two values or more another one has to lie, so that their spread does not explain it:
    half the width of the 95 % prediction interval, by Student's t."""
    n = len(values)
    return float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) * (1 + 1 / n) ** 0.5)


def paired_with(values: dict[str, list[float]], control: str) -> dict[str, dict[str, float]]:
    """What each group's mean is ahead of that of the group `control`: {"mean", "low", "high"}, at 95 % for all at once.

    values: the i-th value of each group has the i-th seed; two seeds or more. A value is taken as the sum of its
    group's part, its seed's part and normal noise, whose variance is one for all groups: so few seeds are enough.
    Bonferroni's bound allows for the number of comparisons. For one of them this is the paired t interval.
    """
    table = np.array(list(values.values()))  # (groups, seeds)
    groups, seeds = table.shape
    means = table.mean(axis=1, keepdims=True)
    noise = table - means - table.mean(axis=0) + table.mean()
    freedom = (groups - 1) * (seeds - 1)
    error = (2 / seeds * np.square(noise).sum() / freedom) ** 0.5
    half = float(stats.t.ppf(1 - 0.025 / (groups - 1), freedom) * error)
    ahead = dict(zip(values, (means[:, 0] - np.mean(values[control])).tolist(), strict=True))
    del ahead[control]
    return {name: {"mean": mean, "low": mean - half, "high": mean + half} for name, mean in ahead.items()}


def agreement(inherited: list[float], retrained: list[float]) -> dict[str, float]:
    """How well inherited accuracy stands for retrained accuracy: mean gap in points, and Kendall's tau."""
    gap = 100 * float(np.mean(np.subtract(retrained, inherited)))
    return {"gap": gap, "tau": float(stats.kendalltau(inherited, retrained)[0])}


def resampled_taus(
    predictors: dict[str, Sequence[float]], truth: Sequence[float], strata: Sequence[str], resamples: int = 1000
) -> dict[str, np.ndarray]:
    """Kendall's tau between each predictor and the truth over bootstrap resamples of the n items: (resamples,) each.

    strata: the group of each item. Each resample holds as many of a group as there are, drawn from that group alone:
    groups of a fixed number, such as members and random architectures, are no sample of one population. All predictors
    see the same resamples, so that the difference of two of these arrays compares them in pairs.
    """
    random, strata, truth = np.random.default_rng(0), np.asarray(strata), np.asarray(truth)
    groups = [np.flatnonzero(strata == name) for name in dict.fromkeys(strata.tolist())]
    drawn = np.column_stack([random.choice(group, size=(resamples, len(group))) for group in groups])

    def tau(values: np.ndarray, items: np.ndarray) -> float:
        return stats.kendalltau(values[items], truth[items], method="asymptotic").statistic

    return {name: np.array([tau(np.asarray(values), items) for items in drawn]) for name, values in predictors.items()}


def percentile_interval(resampled: np.ndarray) -> tuple[float, float]:
    """Bounds of the middle 95 % of resampled values."""
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)
