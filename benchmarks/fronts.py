"""Do the fronts of three families hold where they are timed? Writes data/results/fronts_measured.json.

    python benchmarks/fronts.py

The members that are best within budgets of time, as this machine's table predicts it, are timed end to end, all in the
same rounds. The family priced by time may have been trained with another machine's times.
"""

from simplexnas import latency
from simplexnas.io import records
from simplexnas.io.paths import RESULTS, relative
from simplexnas.io.provenance import computed
from simplexnas.network.architecture import Architecture
from simplexnas.report import analysis, published
from simplexnas.space.search_space import SearchSpace

FAMILIES = (published.LATENCY[0], published.UNIT[0], published.QUICK[0])
SPACE, RUNTIME = SearchSpace(), "torch"
BATCH, BUDGETS_MS = 64, (40, 45, 50, 60, 75)


def main() -> None:
    chosen, networks = [], {}
    table = latency.LatencyTable.load(latency.machine_name(RUNTIME), SPACE, here=True)
    for name in FAMILIES:
        record = records.read_lattice(name)
        points = table.with_predictions(record.points, BATCH)
        for budget in BUDGETS_MS:
            if min(point.latency_ms for point in points) > budget:
                continue  # the family has no member so fast
            best = analysis.best_within(points, budget, "latency_ms")
            key = f"{name} {best.choice}"
            networks[key] = Architecture(SPACE, best.choice).build()
            chosen.append((key, {"family": name, "sha256": record.sha256, "budget_ms": budget}, best))
    times = latency.time_calls(latency.network_calls(networks, BATCH, runtime=RUNTIME), title="networks")
    points = [
        about
        | {"S": best.S, "choice": best.choice, "accuracy": best.accuracy.to_dict()}
        | {"predicted_ms": best.latency_ms}
        | times[key]
        for key, about, best in chosen
    ]
    content = {
        "table": table.name,
        "batch": BATCH,
        **computed(threads=1),
        "points": points,
    }
    print(relative(records.save(RESULTS / "fronts_measured.json", content)))
    for point in points:
        print(
            f"{point['family']:<48} within {point['budget_ms']} ms: predicted {point['predicted_ms']:.1f}, "
            f"measured {point['median_ms']:.1f} ms, test accuracy {100 * point['accuracy']['test']:.1f} %"
        )


if __name__ == "__main__":
    main()
