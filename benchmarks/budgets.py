"""Are promised budgets kept? 50 random budgets, each network measured again; writes data/results/budgets.json.

    python benchmarks/budgets.py [family]

Needs the latency table of this machine (`simplexnas latency measure`) and the family's lattice. A budget is a random
mix of limits drawn within the range of the family's members; those that no member keeps are counted and drawn again.
"""

import sys
from dataclasses import asdict
from datetime import UTC, datetime

import numpy as np
from tqdm import tqdm

from simplexnas import latency, results
from simplexnas.architecture import Architecture
from simplexnas.family import Family, versions
from simplexnas.latency import LatencyTable
from simplexnas.paths import RESULTS, relative
from simplexnas.selection import Budget, InfeasibleBudgetError, select

BUDGETS, SEED = 50, 0


def random_budget(members: list[dict], random: np.random.Generator) -> Budget:
    """A limit on time, and each other one with probability one half, between the least and the largest of a member."""

    def between(values) -> float:
        return float(random.uniform(min(values), max(values)))

    limits = {
        "max_latency_ms": between([member["latency_ms"] for member in members]),
        "max_edge_parameters": between([member["edge_parameters"] for member in members]),
        "max_macs": between([member["macs"] for member in members]),
        "min_accuracy": between([member["accuracy"]["validation"] for member in members]),
    }
    return Budget(
        **{name: limit for name, limit in limits.items() if name == "max_latency_ms" or random.random() < 0.5}
    )


def promise_and_measure(family: Family, budget: Budget, batch: int) -> tuple[dict, float]:
    """What `select` promises, and the median time of that network measured again, ms; tries again on a busy machine."""
    while True:
        try:
            promised = select(family, budget, batch)
            network = {"network": family.network(Architecture(family.space, promised["choice"]))}
            return promised, latency.time_calls(latency.network_calls(network, batch))["network"]["median_ms"]
        except latency.BusyMachineError as error:
            tqdm.write(str(error))


def main() -> None:
    family = Family.load(sys.argv[1] if len(sys.argv) > 1 else "default-seed0")
    table, random = LatencyTable.load("", family.space), np.random.default_rng(SEED)
    points = results.read_own(family, results.LATTICE)["points"]
    tested, infeasible = [], 0
    progress = tqdm(total=BUDGETS, desc="budgets")
    while len(tested) < BUDGETS:
        batch = int(random.choice(table.batches))
        budget = random_budget(table.with_predictions(points, batch), random)
        try:
            promised, again = promise_and_measure(family, budget, batch)
        except InfeasibleBudgetError:
            infeasible += 1
            continue
        progress.update()
        tested.append(
            {
                "batch": batch,
                "budget": asdict(budget),
                "S": promised["S"],
                "promised_ms": promised["latency"]["median_ms"],
                "predicted_ms": promised["latency"]["predicted_ms"],
                "again_ms": again,
                "kept": budget.excess(promised | {"latency_ms": again}) <= 1,
            }
        )
    progress.close()
    content = {
        "family": family.name,
        "sha256": family.description["sha256"],
        "table": table.name,
        "seed": SEED,
        "versions": versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "kept": sum(test["kept"] for test in tested),
        "infeasible": infeasible,
        "budgets": tested,
    }
    print(relative(results.save(RESULTS / "budgets.json", content)))
    print(f"{content['kept']} of {BUDGETS} budgets kept; {infeasible} infeasible ones were drawn on the way")


if __name__ == "__main__":
    main()
