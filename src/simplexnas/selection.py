"""A budget in, a member of the family out: the best that keeps it, measured end to end before it is promised."""

import itertools
import math
from dataclasses import asdict, dataclass

from simplexnas import latency, results
from simplexnas.architecture import Architecture
from simplexnas.errors import SimplexNASError
from simplexnas.family import Family
from simplexnas.latency import LatencyTable

SLACK = 1.2  # a prediction may be as much too high: a little above the worst one among promised members
FIRST_ROUNDS = 5  # of timing, to pass over what is clearly too slow
FINALISTS = 5  # members timed to find the fastest


class InfeasibleBudgetError(SimplexNASError):
    """No member of the family keeps the budget; the message has the nearest one that can be kept."""


@dataclass(frozen=True)
class Budget:
    """Limits on a member of the family; None is no limit, at least one is needed.

    max_latency_ms: time for one batch. max_edge_parameters: of the chosen operations. max_macs: per image, of the whole
    network. min_accuracy: on the validation split, 0 … 1.
    """

    max_latency_ms: float | None = None
    max_edge_parameters: float | None = None
    max_macs: float | None = None
    min_accuracy: float | None = None

    def __post_init__(self):
        if all(value is None for value in asdict(self).values()):
            raise SimplexNASError(f"a budget needs at least one of {', '.join(asdict(self))}")
        for name, value in asdict(self).items():
            if name == "min_accuracy" and value is not None and not 0 <= value <= 1:
                raise SimplexNASError(f"min_accuracy = {value:g}; allowed: 0 to 1 (0.9 is 90 %)")
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise SimplexNASError(f"{name} = {value:g}; allowed: numbers from 0")
        if self.max_latency_ms == 0:
            raise SimplexNASError("max_latency_ms = 0; allowed: numbers above 0")

    @property
    def needs_latency(self) -> bool:
        """Whether a choice by this budget needs times."""
        return self.max_latency_ms is not None or self.min_accuracy is not None

    def excess(self, member: dict, slack: float = 1.0) -> float:
        """How far a member is from the budget: its largest value over its limit; at most 1 where it keeps all.

        For accuracy, the error over the allowed error. slack: factor on the limit of time.
        """
        limits = {
            "latency_ms": None if self.max_latency_ms is None else slack * self.max_latency_ms,
            "edge_parameters": self.max_edge_parameters,
            "macs": self.max_macs,
        }
        ratios = [_ratio(member[key], limit) for key, limit in limits.items() if limit is not None]
        if self.min_accuracy is not None:
            ratios.append(_ratio(1 - member["accuracy"]["validation"], 1 - self.min_accuracy))
        return max(ratios)

    def order(self, member: dict) -> tuple:
        """What the best member minimises: time if an accuracy is asked for, else the error, then the size."""
        error = 1 - member["accuracy"]["validation"]
        return (member["latency_ms"], error) if self.min_accuracy is not None else (error, member["edge_parameters"])


def _ratio(value: float, limit: float) -> float:
    return value / max(limit, 1e-12)  # a limit of 0 is kept by 0 alone


def select(family: Family, budget: Budget, batch: int = 1, table: str = "") -> dict:
    """The best member of the family that keeps the budget: the most accurate on validation, or, if `min_accuracy` is
    given, the fastest.

    Members are those of the measured lattice. If the budget concerns time, this machine's table predicts it for each,
    and promising members are timed end to end, in order, also those predicted up to 20 % above the limit; one is
    promised if its median and interquartile range together keep the limit. The fastest is that of the first five.

    Returns "S", "choice", "accuracy" and `Architecture.report`, and if time was asked for "latency" with "batch",
    "device", "threads", "predicted_ms", "median_ms", "iqr_ms". Raises `InfeasibleBudgetError` with the nearest feasible
    budget; `SimplexNASError` if lattice or table is missing or of something else, or the machine is too busy.
    """
    points = results.read_own(family, results.LATTICE)["points"]
    members = list({tuple(point["choice"]): dict(point) for point in points}.values())
    if not budget.needs_latency:
        allowed = [member for member in members if budget.excess(member) <= 1]
        if not allowed:
            raise _infeasible(budget, min(members, key=budget.excess))
        return _report(family, min(allowed, key=budget.order))

    loaded = LatencyTable.load(table, family.space)
    settings = latency.check_machine(loaded)
    members = [member | {"predicted_ms": member["latency_ms"]} for member in loaded.with_predictions(members, batch)]

    def timed(member: dict, rounds: int = latency.ROUNDS) -> dict:
        """The member with its measured time."""
        network = {"network": family.network(Architecture(family.space, member["choice"]))}
        calls = latency.network_calls(network, batch, settings["device"])
        times = latency.time_calls(calls, **settings, rounds=rounds)["network"]
        member["latency_ms"] = times["median_ms"] + times["iqr_ms"]
        return member | times

    promising = sorted((member for member in members if budget.excess(member, SLACK) <= 1), key=budget.order)
    hopeful = (member for member in promising if budget.excess(timed(member, FIRST_ROUNDS)) <= 1)  # saves time
    kept = (member for member in map(timed, hopeful) if budget.excess(member) <= 1)
    finalists = list(itertools.islice(kept, 1 if budget.min_accuracy is None else FINALISTS))
    if not finalists:
        nearest = timed(min(members, key=budget.excess))
        if budget.excess(nearest) > 1:
            raise _infeasible(budget, nearest)
        finalists = [nearest]  # passed over for a few slow rounds
    best = min(finalists, key=budget.order)
    measured = {key: best[key] for key in ("predicted_ms", "median_ms", "iqr_ms")}
    return _report(family, best) | {"latency": {"batch": batch, **settings, **measured}}


def _report(family: Family, member: dict) -> dict:
    architecture = Architecture(family.space, member["choice"])
    own = {"S": member["S"], "choice": architecture.operations, "accuracy": member["accuracy"]}
    return own | architecture.report()


def _infeasible(budget: Budget, nearest: dict) -> InfeasibleBudgetError:
    """What was asked for, and the same limits loosened as far as the nearest member needs."""
    asked = {name: value for name, value in asdict(budget).items() if value is not None}
    loosened = {
        "max_latency_ms": lambda limit: max(limit, math.ceil(1000 * nearest["latency_ms"]) / 1000),
        "max_edge_parameters": lambda limit: max(limit, nearest["edge_parameters"]),
        "max_macs": lambda limit: max(limit, nearest["macs"]),
        "min_accuracy": lambda limit: min(limit, math.floor(1e4 * nearest["accuracy"]["validation"]) / 1e4),
    }
    kept = {name: loosened[name](limit) for name, limit in asked.items()}
    first, second = (", ".join(f"{name} = {value}" for name, value in limits.items()) for limits in (asked, kept))
    return InfeasibleBudgetError(f"no member of the family keeps {first}; the nearest keeps {second}")
