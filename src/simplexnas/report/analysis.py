"""What is read off the points of result files: steering by S, fronts, hypervolume, intervals. No network runs here.

A point is a dict with "choice", "operations", "edge_parameters", "total_parameters", "accuracy", and mostly "S".
"""

import moocore
import numpy as np
from scipy import stats

from simplexnas.io.errors import SimplexNASError
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace

REFERENCE_ACCURACY = 0.7  # the hypervolume's reference point, with the parameters of the all-convolution network


def best_within(points: list[dict], budget: float, size: str = "edge_parameters") -> dict:
    """The point of highest validation accuracy with at most `budget` of `size`; ties: the smaller one."""
    allowed = [point for point in points if point[size] <= budget]
    if not allowed:
        raise SimplexNASError(f"budget = {budget}; the smallest member of the family is larger")
    return max(allowed, key=lambda point: (point["accuracy"]["validation"], -point[size]))


def accuracy_within(points: list[dict], budget: float, size: str = "edge_parameters", split: str = "test") -> float:
    """Accuracy, 0 … 1 on `split`, of the point that `best_within` chooses; nan if none is that small."""
    if all(point[size] > budget for point in points):
        return np.nan
    return best_within(points, budget, size)["accuracy"][split]


def steering_correlations(points: list[dict]) -> dict[str, float]:
    """Spearman correlation between S_m and the share of operation m, for each operation; -1 is perfect steering.

    0 where the number of edges with the operation never changes.
    """

    def correlation(m: int, name: str) -> float:
        counts = [point["operations"][name] for point in points]
        return float(stats.spearmanr([point["S"][m] for point in points], counts)[0]) if len(set(counts)) > 1 else 0.0

    return {name: correlation(m, name) for m, name in enumerate(points[0]["operations"])}


def sublattice(points: list[dict], step: float) -> list[dict]:
    """The points whose S lies on the coarser lattice with this step."""
    return [point for point in points if np.allclose(np.array(point["S"]) / step, np.rint(np.array(point["S"]) / step))]


def changes_per_step(points: list[dict], step: float) -> dict[str, float]:
    """Edges whose operation changes between neighbours on the lattice: {"mean", "max"}.

    Neighbours: one step moves from one component of S to another.
    """
    by_place = {tuple(np.rint(np.array(point["S"]) / step).astype(int)): point["choice"] for point in points}
    changes = []
    for place, choice in by_place.items():
        for source in range(len(place)):
            for target in range(source + 1, len(place)):  # each pair of neighbours once
                moved = list(place)
                moved[source] -= 1
                moved[target] += 1
                if (other := by_place.get(tuple(moved))) is not None:
                    changes.append(sum(a != b for a, b in zip(choice, other, strict=True)))
    return {"mean": float(np.mean(changes)), "max": int(max(changes))}


def objectives(points: list[dict], split: str) -> np.ndarray:
    """(n, 2), both to be minimised, 0 … 1 up to the reference point (1, 1).

    First log(total parameters), 0 for the smallest network of the default space, 1 for the one of convolutions only;
    then the error on `split`, 1 where the accuracy is 0.7.
    """
    space = SearchSpace()
    smallest = cost.fixed_parameters(space)
    largest = smallest + cost.edge_parameters(space).max(axis=1).sum()
    size = np.log([point["total_parameters"] / smallest for point in points]) / np.log(largest / smallest)
    error = (1 - np.array([point["accuracy"][split] for point in points])) / (1 - REFERENCE_ACCURACY)
    return np.column_stack([size, error])


def front(points: list[dict], size: str = "total_parameters") -> list[dict]:
    """The points that no other beats in both `size` and validation accuracy, by size."""
    kept = moocore.is_nondominated(np.array([[point[size], -point["accuracy"]["validation"]] for point in points]))
    chosen = [point for point, keep in zip(points, kept, strict=True) if keep]
    return sorted(chosen, key=lambda point: point[size])


def hypervolume(points: list[dict], split: str = "test") -> float:
    """Area between the front (chosen on validation, measured on `split`) and the reference point; 0 … 1."""
    return float(moocore.hypervolume(objectives(front(points), split), ref=np.ones(2)))
