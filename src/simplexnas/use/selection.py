"""A budget in, a member of the family out: the best that keeps it, measured end to end before it is promised."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from numbers import Real

from tqdm import tqdm

from simplexnas import latency
from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import Point
from simplexnas.latency.table import LatencyTable
from simplexnas.network.architecture import Architecture

SLACK = 1.2  # a prediction may be as much too high: a little above the worst one among promised members
TOGETHER = 5  # members timed in the same rounds, so that a machine that slows down is fair to all
MARGIN = 1.03  # of the time in the nearest feasible budget: timed again, the same network may be a little slower
BROKEN = {
    "max_latency_ms": "no member takes at most {limit} ms; the fastest takes {best}",
    "max_edge_parameters": "no member has at most {limit} edge parameters; the smallest has {best}",
    "max_macs": "no member has at most {limit} MACs; the smallest has {best}",
    "min_accuracy": "no member has validation accuracy {limit}; the best has {best}",
}


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
        if not self.limits:
            raise SimplexNASError(f"a budget needs at least one of {', '.join(map(_option, asdict(self)))}")
        for name, value in self.limits.items():
            if isinstance(value, bool) or not isinstance(value, Real):
                raise SimplexNASError(f"{_option(name)} = {value!r}; allowed: numbers")
            if name == "min_accuracy" and not 0 <= value <= 1:
                raise SimplexNASError(f"{_option(name)} = {value:g}; allowed: 0 to 1 (0.9 is 90 %)")
            if not (math.isfinite(value) and value >= 0):
                raise SimplexNASError(f"{_option(name)} = {value:g}; allowed: numbers from 0")
            if name == "max_latency_ms" and value == 0:
                raise SimplexNASError(f"{_option(name)} = 0; allowed: numbers above 0")

    @property
    def limits(self) -> dict[str, float]:
        """Those that are given, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def needs_latency(self) -> bool:
        """Whether a choice by this budget needs times."""
        return self.max_latency_ms is not None or self.min_accuracy is not None

    def excess(self, member: Point, slack: float = 1.0) -> float:
        """How far a member is from the budget: its largest value over its limit; at most 1 where it keeps all.

        For accuracy, the error over the allowed error. A time that is not known yet breaks no limit. slack: factor on
        the limit of time.
        """
        limits = {
            "latency_ms": None if self.max_latency_ms is None else slack * self.max_latency_ms,
            "edge_parameters": self.max_edge_parameters,
            "macs": self.max_macs,
        }
        known = {key: getattr(member, key) for key, limit in limits.items() if limit is not None}
        ratios = [_ratio(value, limits[key]) for key, value in known.items() if value is not None]
        if self.min_accuracy is not None:
            ratios.append(_ratio(1 - member.accuracy.validation, 1 - self.min_accuracy))
        return max(ratios, default=0.0)

    def order(self, member: Point) -> tuple:
        """What the best member minimises: time if an accuracy is asked for, else the error, then the size."""
        error = 1 - member.accuracy.validation
        return (member.latency_ms, error) if self.min_accuracy is not None else (error, member.edge_parameters)


def _option(name: str) -> str:
    """A limit as the command line spells it."""
    return f"--{name.replace('_', '-')}"


def _ratio(value: float, limit: float) -> float:
    return value / max(limit, 1e-12)  # a limit of 0 is kept by 0 alone


def select(family: Family, budget: Budget, batch: int = 1, table: str | None = None) -> dict:
    """The best member of the family that keeps the budget: the most accurate on validation, or, if `min_accuracy` is
    given, the fastest.

    Members are those of the measured lattice. If the budget concerns time, this machine's table of ONNX Runtime (or the
    named one, which has to be of this machine) predicts it for each, and promising members are timed end to end in the
    table's runtime, five at a time, in order, also those predicted up to 20 % above the limit. A member keeps a limit
    of time if its median and interquartile range together do, twice: among the others, and then by itself. The answer
    is the best such member of the first five that hold one, with its second time.

    Returns "family", "sha256", "budget", "S", "choice", "accuracy" and `Architecture.report`, and if time was asked for
    "latency" with "table", "runtime", "processor", "device", "threads", "batch", "predicted_ms", "median_ms", "iqr_ms",
    the runtime's version under its name, and "measured". Raises `InfeasibleBudgetError` with the nearest feasible
    budget; `SimplexNASError` if lattice or table is missing or of something else, or the machine is too busy.
    """
    if table is not None and not budget.needs_latency:
        raise SimplexNASError(f"--table {table}: only with {_option('max_latency_ms')} or {_option('min_accuracy')}")
    members = list({point.choice: point for point in records.read_own(family, records.LATTICE).points}.values())
    kept = [member for member in members if budget.excess(member) <= 1]
    if not kept:  # whatever the times, which nobody needs to measure for that
        raise _infeasible(budget, min(members, key=budget.excess), members)
    if not budget.needs_latency:
        return _report(family, budget, min(kept, key=budget.order))

    loaded = LatencyTable.load(table, family.space, here=True, family=records.named(family))
    settings = latency.check_machine(loaded)
    members = {member.choice: member for member in loaded.with_predictions(members, batch)}
    predicted, times = dict(members), {}

    def order(choice: tuple[int, ...]) -> tuple:
        return budget.order(members[choice])

    def excess(choice: tuple[int, ...]) -> float:
        return budget.excess(members[choice])

    def time(some: list[tuple[int, ...]]) -> None:
        """Put measured times in place of the predicted ones."""
        networks = {
            str(number): family.network(Architecture(family.space, choice)) for number, choice in enumerate(some)
        }
        calls = latency.network_calls(networks, batch, runtime=loaded.runtime, **settings)
        try:
            measured = latency.time_calls(calls, **settings)
        except latency.BusyMachineError:  # of many short measurements one may well be disturbed
            measured = latency.time_calls(calls, **settings)
        for number, choice in enumerate(some):
            times[choice] = measured[str(number)]
            promise = times[choice]["median_ms"] + times[choice]["iqr_ms"]
            members[choice] = replace(members[choice], latency_ms=promise)

    def confirmed(some: list[tuple[int, ...]]) -> tuple[int, ...] | None:
        """The best of the timed members that keeps the budget when it is timed once more, by itself.

        Of several, one may have been the fastest by chance.
        """
        for choice in sorted(some, key=order):
            if excess(choice) <= 1:
                time([choice])
                if excess(choice) <= 1:
                    return choice
        return None

    promising = sorted((choice for choice in members if budget.excess(members[choice], SLACK) <= 1), key=order)
    best = None
    with tqdm(total=len(promising), desc="networks timed", leave=False) as progress:
        while promising and best is None:
            some, promising = promising[:TOGETHER], promising[TOGETHER:]
            time(some)
            best = confirmed(some)
            progress.update(len(some))
    while best is None:
        nearest = min(members, key=excess)
        if nearest in times:
            raise _infeasible(budget, members[nearest], list(members.values()))
        time([nearest])
        best = confirmed([nearest])
    measured = {"table": loaded.name, "runtime": loaded.runtime, "processor": loaded.content["processor"]}
    measured |= settings | {"batch": batch}
    measured |= {"predicted_ms": predicted[best].latency_ms}
    measured |= {key: times[best][key] for key in ("median_ms", "iqr_ms")}
    measured |= {loaded.runtime: latency.version(loaded.runtime)}
    measured |= {"measured": datetime.now(UTC).isoformat(timespec="seconds")}
    return _report(family, budget, members[best]) | {"latency": measured}


def _report(family: Family, budget: Budget, member: Point) -> dict:
    architecture = Architecture(family.space, member.choice)
    of = {"family": family.name, "sha256": family.sha256, "budget": budget.limits}
    own = member.origin | {"choice": architecture.operations, "accuracy": member.accuracy.to_dict()}
    return of | own | architecture.report()


def _tightest(member: Point) -> dict[str, float]:
    """The tightest limits that a member keeps, by name; without the limit of a time that is not known yet."""
    by_time = {} if member.latency_ms is None else {"max_latency_ms": math.ceil(1e3 * MARGIN * member.latency_ms) / 1e3}
    return by_time | {
        "max_edge_parameters": member.edge_parameters,
        "max_macs": member.macs,
        "min_accuracy": math.floor(1e4 * member.accuracy.validation) / 1e4,
    }


def _infeasible(budget: Budget, nearest: Point, members: Sequence[Point]) -> InfeasibleBudgetError:
    """Which limits no member keeps, and options with the limits loosened as far as the nearest member needs."""
    broken, options = [], []
    for name, least in _tightest(nearest).items():
        if name in budget.limits:
            limit = budget.limits[name]
            alone = Budget(**{name: limit})
            best = min(members, key=alone.excess)
            if alone.excess(best) > 1:
                broken.append(BROKEN[name].format(limit=f"{limit:,.15g}", best=f"{_tightest(best)[name]:,.15g}"))
            loosened = limit if alone.excess(nearest) <= 1 else least
            options.append(f"{_option(name)} {loosened:.15g}")
    if len(options) == 1:
        return InfeasibleBudgetError(f"{broken[0]}: {options[0]}")
    reason = "; ".join(broken) or "no member keeps all these limits"
    return InfeasibleBudgetError(f"{reason}; the nearest keeps {' '.join(options)}")
