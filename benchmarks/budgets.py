"""Are promised budgets kept? 50 random budgets, each network measured again; writes data/results/budgets….json.

    python benchmarks/budgets.py [family] [onnxruntime|torch]

Needs the latency table of this machine (`simplexnas latency measure`) and the family's lattice. A budget is a random
mix of limits drawn within the range of the family's members; those that no member keeps are counted and drawn again.
Goes on after a stop.
"""

import argparse
from dataclasses import asdict, replace

import numpy as np
from tqdm import tqdm

from simplexnas import latency
from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.io.files import check_new, read_json
from simplexnas.io.paths import RESULTS, relative
from simplexnas.io.provenance import computed, processor, versions
from simplexnas.io.records import Point
from simplexnas.latency import timing
from simplexnas.latency.table import LatencyTable
from simplexnas.network.architecture import Architecture
from simplexnas.use import selection
from simplexnas.use.selection import Budget, InfeasibleBudgetError

BUDGETS, SEED = 50, 0
FILES = {"onnxruntime": "budgets_onnxruntime.json", "torch": "budgets.json"}


def random_budget(members: list[Point], random: np.random.Generator) -> Budget:
    """A limit on time, and each other one with probability one half, between the least and the largest of a member."""

    def between(values) -> float:
        return float(random.uniform(min(values), max(values)))

    limits = {
        "max_latency_ms": between([member.latency_ms for member in members]),
        "max_edge_parameters": between([member.edge_parameters for member in members]),
        "max_macs": between([member.macs for member in members]),
        "min_accuracy": between([member.accuracy.validation for member in members]),
    }
    return Budget(
        **{name: limit for name, limit in limits.items() if name == "max_latency_ms" or random.random() < 0.5}
    )


def patiently(repeats: list, measure, *arguments):
    """What `measure` returns, again where the machine was too busy; each repetition is noted in `repeats`."""
    while True:
        try:
            return measure(*arguments)
        except latency.BusyMachineError as error:
            repeats.append(str(error))
            tqdm.write(str(error))


def again_ms(family: Family, promised: dict) -> float:
    """Median time of a promised network, built and measured once more."""
    network, asked = {"network": family.network(Architecture(family.space, promised["choice"]))}, promised["latency"]
    calls = latency.network_calls(network, asked["batch"], runtime=asked["runtime"])
    return latency.time_calls(calls)["network"]["median_ms"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", nargs="?", default="default-seed0")
    parser.add_argument("runtime", nargs="?", default="onnxruntime", choices=FILES)
    runtime = parser.parse_args().runtime
    family, file = Family.load(parser.parse_args().family), FILES[runtime]
    check_new(RESULTS / file, "move it away to measure again")
    table = LatencyTable.load(latency.machine_name(runtime), family.space, here=True)
    points = records.read_own(family, records.LATTICE).points
    by_choice = {point.choice: point for point in points}
    about = {
        "family": family.name,
        "sha256": family.sha256,
        "table": table.name,
        "table_created": table.content["created"],
        "processor": processor(),
        "seed": SEED,
        "slack": selection.SLACK,
        "rounds": timing.ROUNDS,
        "timed_together": selection.TOGETHER,
        "versions": versions() | {runtime: latency.version(runtime)},
    }
    half = family.runs / file
    before = read_json(half) if half.exists() else {}
    if any(before.get(key) != value for key, value in about.items()):
        before = {}
    drawn = before.get("drawn", [])
    progress = tqdm(total=BUDGETS, desc="budgets")
    kept = [test["kept"] for test in drawn if "kept" in test]
    while len(kept) < BUDGETS:
        progress.update(len(kept) - progress.n)
        random = np.random.default_rng([SEED, len(drawn)])
        batch = int(random.choice(table.batches))
        budget, repeats = random_budget(table.with_predictions(points, batch), random), []
        test = {"batch": batch, "budget": asdict(budget)}
        try:
            promised = patiently(repeats, selection.select, family, budget, batch, table.name)
        except InfeasibleBudgetError as error:
            test["infeasible"] = str(error)
        else:
            again = patiently(repeats, again_ms, family, promised)
            test |= {
                "S": promised["S"],
                "promised_ms": promised["latency"]["median_ms"],
                "predicted_ms": promised["latency"]["predicted_ms"],
                "again_ms": again,
                "kept": budget.excess(replace(by_choice[promised["choice"]], latency_ms=again)) <= 1,
            }
        drawn.append(test | {"repeated_on_a_busy_machine": len(repeats)})
        kept = [test["kept"] for test in drawn if "kept" in test]
        records.save(half, about | {"drawn": drawn})
    progress.close()
    content = (
        computed(threads=1)
        | about
        | {
            "kept": sum(kept),
            "infeasible": len(drawn) - len(kept),
            "repeated_on_a_busy_machine": sum(test["repeated_on_a_busy_machine"] for test in drawn),
            "budgets": [test for test in drawn if "kept" in test],
        }
    )
    print(relative(records.save(RESULTS / file, content)))
    half.unlink()
    print(f"{content['kept']} of {BUDGETS} budgets kept; {content['infeasible']} infeasible ones were drawn on the way")


if __name__ == "__main__":
    main()
