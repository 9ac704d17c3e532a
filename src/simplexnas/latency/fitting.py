"""Times of parts that explain the times of whole networks."""

import numpy as np
from scipy.optimize import nnls

from simplexnas.latency.parts import Part, all_parts, parts
from simplexnas.network.architecture import Architecture
from simplexnas.space.search_space import SearchSpace

RIDGE = 0.01  # weight of a part's relative distance from its prior, in relative errors of networks
LEAST_MS = 1e-4  # of a part: less than any call takes


def part_times(architectures: list[Architecture], measured_ms: list[float]) -> dict[Part, float]:
    """Time of every part of the search space, ms, above 0: a network's time is their sum over its parts.

    Least squares of the networks' relative errors, with a ridge: without other evidence the time of a part is
    proportional to the number of values that it reads. Parts that all networks have in common share their time so.
    """
    space = architectures[0].space
    known = all_parts(space)
    counts = np.array([[parts(architecture)[part] for part in known] for architecture in architectures], float)
    measured = np.array(measured_ms)
    values = np.array([_values(part, space) for part in known], float)
    prior = values * np.median(measured / (counts @ values))
    networks, ridge = counts / measured[:, None], RIDGE * np.diag(1 / prior)
    rows = np.vstack([networks, ridge])
    target = np.concatenate([np.ones(len(measured)), np.full(len(known), RIDGE)]) - rows @ np.full(len(known), LEAST_MS)
    times, _ = nnls(rows, target)
    return dict(zip(known, LEAST_MS + times, strict=True))


def _values(part: Part, space: SearchSpace) -> int:
    """How many values a part reads, for one image."""
    inputs = 1
    if part.kind == "sum":
        inputs = int(part.name)
    elif part.kind == "concatenate":
        inputs = space.nodes
    return inputs * part.channels * part.size**2
