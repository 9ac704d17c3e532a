"""S, the vector of penalties: a point of the simplex, one component per operation.

S_m >= 0 is the penalty on operation m (order of `SearchSpace.operations`); the components sum to 1.
"""

import re

import numpy as np
import torch

from simplexnas.io.errors import SimplexNASError

SUM_TOLERANCE = 1e-2  # the paper itself writes (0.33, 0.33, 0.33)


def parse(value, operations: tuple[str, ...]) -> np.ndarray:
    """S from the outside world: a string ("0.15,0.15,0.7", "[0.15, 0.15, 0.7]"), list, tuple or array.

    Returns a float64 array (k,), k = len(operations), renormalised to sum 1. Raises `SimplexNASError` unless there
    are k finite numbers, each at least 0, with sum 1 within 0.01.
    """
    k = len(operations)

    def fail(reason: str):
        try:
            shown = " ".join((value if isinstance(value, str) else repr(value)).split())
        except ValueError:  # Python refuses to write whole numbers of more than 4,300 digits
            shown = "(too long to show)"
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        raise SimplexNASError(
            f"S = {shown}: {reason}; S is {k} numbers ({', '.join(operations)}), "
            f"each finite and at least 0, with sum 1 within {SUM_TOLERANCE}"
        )

    parts = value
    if isinstance(value, str):
        text = value.strip()
        bracketed = re.fullmatch(r"\[(.*)\]|\((.*)\)", text, flags=re.DOTALL)
        if bracketed:
            text = next(group for group in bracketed.groups() if group is not None).strip()
        parts = re.split(r"\s*,\s*|\s+", text.removesuffix(",").strip()) if text else []
    elif isinstance(value, (np.ndarray, torch.Tensor)) and value.ndim == 1:
        parts = value.tolist()
    if not isinstance(parts, (list, tuple)):
        fail("not a list of numbers")
    if len(parts) != k:
        fail(f"{len(parts)} component{'' if len(parts) == 1 else 's'}")
    try:
        # `item` turns NumPy's and torch's scalars into Python's, of which `float` refuses the complex ones.
        parts = [part.item() if isinstance(part, (np.generic, np.ndarray, torch.Tensor)) else part for part in parts]
        if any(isinstance(part, bool) for part in parts):
            raise ValueError
        S = np.array([float(part) for part in parts], dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        fail("a component is not a number")
    if not np.isfinite(S).all():
        fail("a component is not finite")
    if (S < 0).any():
        fail("a component is negative")
    total = sum(S.tolist())
    if abs(total - 1) > SUM_TOLERANCE + 1e-9:
        fail(f"the sum is {total:.6g}")
    return S / total


def sample(n: int, k: int, corner_share: float = 0.0, generator: torch.Generator | None = None) -> torch.Tensor:
    """Random penalties (n, k): uniform on the simplex, Dirichlet(1), as in the paper's objective.

    With probability `corner_share` a point comes from Dirichlet(1/2) instead, which visits edges and corners more.
    """
    exponential = torch.empty(n, k).exponential_(generator=generator)  # Gamma(1)
    squared_normal = torch.empty(n, k).normal_(generator=generator).square()  # Gamma(1/2), up to scale
    corner = torch.rand(n, 1, generator=generator) < corner_share
    gamma = torch.where(corner, squared_normal, exponential) + 1e-12
    return gamma / gamma.sum(dim=1, keepdim=True)


def lattice(k: int, step: float) -> np.ndarray:
    """All points of the simplex whose components are multiples of `step`: (n, k), n = C(1/step + k - 1, k - 1).

    `step` divides 1; with k = 3 a step of 0.05 gives 231 points.
    """
    parts = round(1 / step) if step >= 0.001 else 0
    if parts < 1 or abs(parts * step - 1) > 1e-9:
        raise SimplexNASError(f"step = {step}; allowed: 1 divided by a whole number up to 1000, such as 0.05")

    def compositions(total: int, length: int):
        if length == 1:
            yield (total,)
            return
        for first in range(total + 1):
            for rest in compositions(total - first, length - 1):
                yield (first, *rest)

    return np.array(list(compositions(parts, k)), dtype=np.float64) / parts
