"""What is read off the points of result files: steering by S, fronts, hypervolume, intervals. No network runs here."""

from collections.abc import Sequence

import moocore
import numpy as np
from scipy import stats

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import Point, Record
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace

REFERENCE_ACCURACY = 0.7  # the hypervolume's reference point, with the parameters of the largest network


def space_of(record: Record) -> SearchSpace:
    """The search space of the points of a record."""
    return SearchSpace.from_dict(record.config["space"])


def _first(point: Point) -> tuple:
    """Order of points that are level in size and validation accuracy: the operations of their edges, then S."""
    return point.choice or (), point.S or ()


def best_within(points: Sequence[Point], budget: float, size: str = "edge_parameters") -> Point:
    """The point of highest validation accuracy with at most `budget` of `size`.

    Ties: the smaller one, then the one whose operations, as numbers edge by edge, come first.
    """
    allowed = [point for point in points if getattr(point, size) <= budget]
    if not allowed:
        raise SimplexNASError(f"budget = {budget}; the smallest member of the family is larger")
    return min(allowed, key=lambda point: (-point.accuracy.validation, getattr(point, size), _first(point)))


def accuracy_within(
    points: Sequence[Point], budget: float, size: str = "edge_parameters", split: str = "test"
) -> float:
    """Accuracy, 0 … 1 on `split`, of the point that `best_within` chooses; nan if none is that small."""
    if all(getattr(point, size) > budget for point in points):
        return np.nan
    return getattr(best_within(points, budget, size).accuracy, split)


def steering_correlations(points: Sequence[Point]) -> dict[str, float]:
    """Spearman correlation between S_m and the share of operation m, for each operation; -1 is perfect steering.

    0 where the number of edges with the operation never changes.
    """

    def correlation(m: int, name: str) -> float:
        counts = [point.operations[name] for point in points]
        return float(stats.spearmanr([point.S[m] for point in points], counts)[0]) if len(set(counts)) > 1 else 0.0

    return {name: correlation(m, name) for m, name in enumerate(points[0].operations)}


def changes_per_step(points: Sequence[Point], step: float) -> dict[str, float]:
    """Edges whose operation changes between neighbours on the lattice: {"mean", "max"}.

    Neighbours: one step moves from one component of S to another.
    """
    by_place = {tuple(np.rint(np.array(point.S) / step).astype(int)): point.choice for point in points}
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


def objectives(points: Sequence[Point], space: SearchSpace, split: str) -> np.ndarray:
    """(n, 2), both to be minimised, 0 … 1 up to the reference point (1, 1).

    First log(total parameters), 0 for the smallest network of the space, 1 for the largest (0 for all where no
    operation has more parameters than another); then the error on `split`, 1 where the accuracy is 0.7.
    """
    edges, fixed = cost.edge_parameters(space), cost.fixed_parameters(space)
    smallest, largest = fixed + edges.min(axis=1).sum(), fixed + edges.max(axis=1).sum()
    span = np.log(largest / smallest) or 1.0
    size = np.log([point.total_parameters / smallest for point in points]) / span
    error = (1 - np.array([getattr(point.accuracy, split) for point in points])) / (1 - REFERENCE_ACCURACY)
    return np.column_stack([size, error])


def front(points: Sequence[Point], size: str = "total_parameters") -> list[Point]:
    """The points that no other beats in both `size` and validation accuracy, by size.

    Of those level in both, the one whose operations, as numbers edge by edge, come first.
    """
    ordered = sorted(points, key=_first)
    kept = moocore.is_nondominated(
        np.array([[getattr(point, size), -point.accuracy.validation] for point in ordered]), keep_weakly=False
    )
    chosen = [point for point, keep in zip(ordered, kept, strict=True) if keep]
    return sorted(chosen, key=lambda point: getattr(point, size))


def hypervolume(points: Sequence[Point], space: SearchSpace, split: str = "test") -> float:
    """Area between the front (chosen on validation, measured on `split`) and the reference point; 0 … 1."""
    return float(moocore.hypervolume(objectives(front(points), space, split), ref=np.ones(2)))
