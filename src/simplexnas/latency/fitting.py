"""Times of parts that explain the times of whole networks."""

import numpy as np
from scipy.optimize import nnls

from simplexnas.latency.parts import Part, all_parts, parts
from simplexnas.network.architecture import Architecture

RIDGE = 0.1  # weight of a part's relative distance from its prior, in relative errors of networks
LEAST_MS = 1e-4  # of a part: less than any call takes


def part_times(architectures: list[Architecture], measured_ms: list[float]) -> dict[Part, float]:
    """Time of every part of the search space, ms, above 0: a network's time is their sum over its parts.

    Least squares of the networks' relative errors, with a ridge: without other evidence the time of a part is
    proportional to the number of values that it reads. Parts that all networks have in common share their time so.
    """
    known = all_parts(architectures[0].space)
    counts = np.array([[parts(architecture)[part] for part in known] for architecture in architectures], float)
    measured = np.array(measured_ms)
    values = np.array([_values(part) for part in known], float)
    prior = values * np.median(measured / (counts @ values))
    networks, ridge = counts / measured[:, None], RIDGE * np.diag(1 / prior)
    rows = np.vstack([networks, ridge])
    target = np.concatenate([np.ones(len(measured)), np.full(len(known), RIDGE)]) - rows @ np.full(len(known), LEAST_MS)
    times, _ = nnls(rows, target)
    return dict(zip(known, LEAST_MS + times, strict=True))


def _values(part: Part) -> float:
    """How many values a part reads, for one image; a hundredth of them where it does nothing but hand them on."""
    inputs = {"sum": lambda: int(part.name), "concatenate": lambda: 4}.get(part.kind, lambda: 1)()
    return inputs * part.channels * part.size**2
