"""A budget in, a member of the family out: the best that keeps it, measured end to end before it is promised."""

import math
from dataclasses import asdict, dataclass

from simplexnas import latency, results
from simplexnas.architecture import Architecture
from simplexnas.errors import SimplexNASError
from simplexnas.family import Family
from simplexnas.latency import LatencyTable


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

    @property
    def needs_latency(self) -> bool:
        """Whether a choice by this budget needs predicted times."""
        return self.max_latency_ms is not None or self.min_accuracy is not None

    def excess(self, member: dict) -> float:
        """How far a member is from the budget: its largest value over its limit; at most 1 where it keeps all.

        For accuracy, the error over the allowed error.
        """
        ratios = []
        for name, key in (
            ("max_latency_ms", "latency_ms"),
            ("max_edge_parameters", "edge_parameters"),
            ("max_macs", "macs"),
        ):
            if (limit := getattr(self, name)) is not None:
                ratios.append(_ratio(member[key], limit))
        if self.min_accuracy is not None:
            ratios.append(_ratio(1 - member["accuracy"]["validation"], 1 - self.min_accuracy))
        return max(ratios)

    def order(self, member: dict) -> tuple:
        """What the best member minimises: time if an accuracy is asked for, else the error, then the size."""
        error = 1 - member["accuracy"]["validation"]
        return (member["latency_ms"], error) if self.min_accuracy is not None else (error, member["edge_parameters"])


def _ratio(value: float, limit: float) -> float:
    return value / limit if limit else (math.inf if value else 1.0)


def select(family: Family, budget: Budget, batch: int = 1, table: str = "") -> dict:
    """The best member of the family that keeps the budget: the most accurate on validation, or, if `min_accuracy` is
    given, the fastest.

    Members are those of the measured lattice. If the budget concerns time, a table (by default this machine's) predicts
    it for each, and the chosen one is timed end to end; if its median and interquartile range together exceed the
    limit, the next is tried.

    Returns "S", "choice", "accuracy" and `Architecture.report`, and if time was asked for "latency" with "batch",
    "device", "threads", "predicted_ms", "median_ms", "iqr_ms". Raises `SimplexNASError` for an infeasible budget, with
    the nearest feasible one.
    """
    points = results.read_own(family, results.LATTICE)["points"]
    members = list({tuple(point["choice"]): dict(point) for point in points}.values())
    loaded = LatencyTable.load(table, family.space) if budget.needs_latency else None
    if loaded is not None:
        for member in members:
            member["latency_ms"] = loaded.predict(Architecture(family.space, member["choice"]), batch)
    for member in sorted(members, key=budget.order):
        if budget.excess(member) > 1:
            continue
        architecture = Architecture(family.space, member["choice"])
        report = {"S": member["S"], "choice": architecture.operations, "accuracy": member["accuracy"]}
        report |= architecture.report()
        if loaded is None:
            return report
        settings = {key: loaded.content[key] for key in ("device", "threads")}
        network = {"network": family.network(architecture)}
        measured = latency.time_networks(network, batch, **settings)["network"]
        report["latency"] = {"batch": batch, **settings, "predicted_ms": member["latency_ms"], **measured}
        member["latency_ms"] = measured["median_ms"] + measured["iqr_ms"]
        if budget.excess(member) <= 1:
            return report
    raise SimplexNASError(_infeasible(budget, members))


def _infeasible(budget: Budget, members: list[dict]) -> str:
    """One line: what was asked for, and what of it the nearest member has."""
    nearest = min(members, key=budget.excess)
    asked = ", ".join(f"{name} = {value:g}" for name, value in asdict(budget).items() if value is not None)
    has = {
        "max_latency_ms": f"{nearest.get('latency_ms', 0):.3g} ms",
        "max_edge_parameters": f"{nearest['edge_parameters']:,} edge parameters",
        "max_macs": f"{nearest['macs']:,} MACs",
        "min_accuracy": f"{100 * nearest['accuracy']['validation']:.1f} % on validation",
    }
    found = ", ".join(text for name, text in has.items() if getattr(budget, name) is not None)
    return f"no member of the family keeps {asked}; the nearest has {found}"
