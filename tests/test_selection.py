"""Budgets: which member is chosen, what is promised, what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from test_latency import invented

from simplexnas import latency
from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.provenance import processor
from simplexnas.io.records import Accuracy, Point
from simplexnas.latency import timing
from simplexnas.network.architecture import Architecture
from simplexnas.report import published
from simplexnas.use import selection
from simplexnas.use.selection import Budget

TABLE = invented(tiny.SPACE)
TABLE.content.update(device="cpu", threads=1, processor=processor())


def members(n: int = 12) -> list[Point]:
    """Points of an invented lattice: accuracy rises with the number of convolutions, not strictly."""
    points = []
    for seed, choice in enumerate(tiny.choices(tiny.SPACE, n)):
        architecture = Architecture(tiny.SPACE, choice)
        accuracy = 0.6 + 0.02 * architecture.counts()["convolution"] + 0.001 * seed
        points.append(
            Point(
                S=(0.2, 0.3, 0.5),
                choice=choice,
                **architecture.sizes(),
                accuracy=Accuracy(validation=accuracy, test=0.5),
            )
        )
    return points


@pytest.fixture
def family(tiny_family, monkeypatch):
    """A family with invented members; a network takes what the table predicts, times its `slow`, with IQR `spread`.

    Times differ by up to `jitter` from one measurement to the next; there are as many busy moments as `busy` messages.
    """
    tiny_family.slow, tiny_family.spread, tiny_family.jitter = {}, 0.0, 0.0
    tiny_family.timed, tiny_family.busy = [], []

    def time_calls(networks, device, threads):
        tiny_family.timed.append([network.operations for network in networks.values()])
        if tiny_family.busy:
            raise latency.BusyMachineError(tiny_family.busy.pop())

        def time_of(operations) -> float:
            predicted = TABLE.predict(Architecture(tiny.SPACE, operations), 2)
            return predicted * tiny_family.slow.get(operations, 1) * random.uniform(1 - jitter, 1 + jitter)

        random, jitter = np.random.default_rng(len(tiny_family.timed)), tiny_family.jitter
        return {
            name: {"median_ms": time_of(network.operations), "iqr_ms": tiny_family.spread}
            for name, network in networks.items()
        }

    monkeypatch.setattr(records, "read_own", lambda family, name: tiny.record(members()))
    tiny_family.asked = []

    def network_calls(networks, batch, **settings):
        tiny_family.asked.append(settings)
        return networks

    monkeypatch.setattr(latency, "network_calls", network_calls)
    monkeypatch.setattr(latency, "time_calls", time_calls)
    monkeypatch.setattr(selection.LatencyTable, "load", lambda *_, **__: TABLE)
    return tiny_family


def time(point) -> float:
    return TABLE.predict(Architecture(tiny.SPACE, point.choice), 2)


def select(family, batch: int = 1, table: str | None = None, **limits) -> dict:
    return selection.select(family, Budget(**limits), batch, table)


def test_most_accurate_within_parameters(family):
    limit = sorted(point.edge_parameters for point in members())[6]
    allowed = [point for point in members() if point.edge_parameters <= limit]
    best = max(allowed, key=lambda point: point.accuracy.validation)
    found = select(family, max_edge_parameters=limit)
    assert found["choice"] == best.choice and found["accuracy"] == best.accuracy.to_dict()
    assert "latency" not in found and family.timed == []
    assert found["family"] == family.name and found["sha256"] == family.sha256
    assert found["budget"] == {"max_edge_parameters": limit}
    with pytest.raises(SimplexNASError, match="--table nonsense: only with --max-latency-ms or --min-accuracy"):
        select(family, max_edge_parameters=limit, table="nonsense")


def test_fastest_with_an_accuracy(family):
    least = sorted(point.accuracy.validation for point in members())[5]
    allowed = [point for point in members() if point.accuracy.validation >= least]
    best = min(allowed, key=time)
    found = select(family, min_accuracy=least, batch=2)
    assert found["choice"] == best.choice
    times = {"predicted_ms": pytest.approx(time(best)), "median_ms": pytest.approx(time(best)), "iqr_ms": 0.0}
    of = {"table": "invented", "processor": processor(), "device": "cpu", "threads": 1, "batch": 2}
    assert found["latency"].items() >= (of | times).items()
    together, alone = family.timed
    assert together == [point.choice for point in sorted(allowed, key=time)[: selection.TOGETHER]]
    assert alone == [best.choice]


@pytest.mark.parametrize("runtime", latency.RUNTIMES)
def test_promises_are_of_the_runtime_of_the_table(runtime, family, monkeypatch):
    monkeypatch.setitem(TABLE.content, "runtime", runtime)
    found = select(family, max_latency_ms=1000, batch=2)["latency"]
    assert found["runtime"] == runtime and found[runtime] == latency.version(runtime)
    assert family.asked == 2 * [{"runtime": runtime, "device": "cpu", "threads": 1}]


def test_a_slower_network_than_predicted_is_not_promised(family):
    limit = sorted(map(time, members()))[6]
    first = select(family, max_latency_ms=limit, batch=2)
    family.slow[first["choice"]] = 10
    second = select(family, max_latency_ms=limit, batch=2)
    assert second["choice"] != first["choice"] and second["latency"]["median_ms"] <= limit
    assert second["accuracy"]["validation"] <= first["accuracy"]["validation"]


def test_a_spread_beyond_the_limit_is_not_promised(family):
    fastest = min(members(), key=time)
    limit = 1.1 * time(fastest)
    family.spread = 0.0999 * time(fastest)  # only the fastest fits
    assert select(family, max_latency_ms=limit, batch=2)["choice"] == fastest.choice


def test_a_faster_network_than_predicted_is_found(family):
    least = min(map(time, members()))
    fastest = next(point for point in members() if time(point) == least)
    family.slow[fastest.choice] = 0.93
    assert select(family, max_latency_ms=0.94 * least, batch=2)["choice"] == fastest.choice


def test_the_fastest_is_measured_not_predicted(family):
    by_time = sorted(members(), key=time)
    family.slow[by_time[1].choice] = 0.1
    assert select(family, min_accuracy=0.1, batch=2)["choice"] == by_time[1].choice


def test_infeasible_names_the_nearest(family):
    smallest = min(point.edge_parameters for point in members())
    with pytest.raises(selection.InfeasibleBudgetError) as error:
        select(family, max_edge_parameters=smallest / 2)
    assert str(error.value) == (
        f"no member has at most {smallest / 2:,g} edge parameters; the smallest has {smallest:,}: "
        f"--max-edge-parameters {smallest}"
    )


def test_infeasible_keeps_the_limits_that_are_no_obstacle(family):
    with pytest.raises(selection.InfeasibleBudgetError) as error:
        select(family, max_edge_parameters=1e6, max_macs=1)
    fewest = min(point.macs for point in members())
    assert str(error.value) == (
        f"no member has at most 1 MACs; the smallest has {fewest:,}; "
        f"the nearest keeps --max-edge-parameters 1000000 --max-macs {fewest}"
    )


def test_limits_that_are_kept_by_others_alone(family):
    """The smallest member and the best one are two: each limit can be kept, both cannot."""
    by_size = sorted(members(), key=lambda point: point.edge_parameters)
    best = max(members(), key=lambda point: point.accuracy.validation)
    assert best.edge_parameters > by_size[0].edge_parameters
    with pytest.raises(selection.InfeasibleBudgetError, match="no member keeps all these limits; the nearest keeps --"):
        select(family, max_edge_parameters=by_size[0].edge_parameters, min_accuracy=best.accuracy.validation)


@pytest.mark.parametrize("others", [{}, {"max_edge_parameters": 1e6}, {"max_latency_ms": 1000}], ids=str)
def test_what_no_time_can_help_is_said_before_a_table_is_asked_for(others, family, monkeypatch):
    best = max(point.accuracy.validation for point in members())
    monkeypatch.setattr(selection.LatencyTable, "load", lambda *_, **__: pytest.fail("asked for times"))
    with pytest.raises(selection.InfeasibleBudgetError) as error:
        select(family, min_accuracy=0.99, **others)
    assert str(error.value).startswith(f"no member has validation accuracy 0.99; the best has {best:g}")


def test_no_member_is_fast_enough(family):
    fastest = min(members(), key=time)
    with pytest.raises(selection.InfeasibleBudgetError) as error:
        select(family, max_latency_ms=0.001, batch=2)
    (value,) = re.findall(r"no member takes at most 0.001 ms; the fastest takes ([0-9.]+): ", str(error.value))
    assert str(error.value).endswith(f": --max-latency-ms {value}")
    assert float(value) == pytest.approx(selection.MARGIN * time(fastest), abs=1e-3)


def test_the_hint_about_times_names_the_family(family, monkeypatch):
    asked = []
    monkeypatch.setattr(selection.LatencyTable, "load", lambda *_, **given: asked.append(given["family"]) or TABLE)
    select(family, max_latency_ms=1000, batch=2)
    assert asked == [records.named(family)]


def test_a_member_that_was_fast_by_chance_is_not_promised(family, monkeypatch):
    """The first five are timed together; then the most accurate one, by itself, is slow, and the next is taken."""
    by_accuracy = sorted(members(), key=lambda point: -point.accuracy.validation)
    usual = latency.time_calls

    def time_calls(networks, device, threads):
        if len(family.timed) == 1:
            family.slow[by_accuracy[0].choice] = 10
        return usual(networks, device, threads)

    monkeypatch.setattr(latency, "time_calls", time_calls)
    limit = 1.01 * max(map(time, members()))
    found = select(family, max_latency_ms=limit, batch=2)
    assert found["choice"] == by_accuracy[1].choice
    assert [len(timed) for timed in family.timed] == [selection.TOGETHER, 1, 1]


def test_one_busy_moment_is_no_obstacle(family):
    family.busy = ["once"]
    assert select(family, max_latency_ms=1000, batch=2)
    family.busy = ["twice", "once"]
    with pytest.raises(latency.BusyMachineError, match="twice"):
        select(family, max_latency_ms=1000, batch=2)


def test_a_member_far_slower_than_predicted_is_not_the_nearest(family):
    fastest, second = sorted(members(), key=time)[:2]
    family.slow[fastest.choice] = 10
    with pytest.raises(selection.InfeasibleBudgetError) as error:
        select(family, max_latency_ms=time(fastest) / 2, batch=2)
    nearest = float(re.search(r": --max-latency-ms ([0-9.]+)", str(error.value))[1])
    assert nearest == pytest.approx(selection.MARGIN * time(second), abs=1e-3)


@pytest.mark.parametrize("limits", [{"max_latency_ms": 0.001, "min_accuracy": 0.6}, {"max_macs": 1, "min_accuracy": 1}])
def test_the_nearest_budget_can_be_kept(family, limits):
    family.spread, family.jitter = 0.0123456, 0.01
    with pytest.raises(selection.InfeasibleBudgetError) as error:
        select(family, batch=2, **limits)
    options = re.findall(r"--([\w-]+) ([0-9.]+)", str(error.value).partition("the nearest keeps ")[2])
    nearest = {name.replace("-", "_"): float(value) for name, value in options}
    assert set(nearest) == set(limits)
    assert select(family, batch=2, **nearest)


def test_a_table_of_another_machine_promises_nothing(family, monkeypatch):
    monkeypatch.setitem(TABLE.content, "processor", "another")
    with pytest.raises(SimplexNASError, match="table invented is of another, not of this"):
        select(family, max_latency_ms=1, batch=2)
    monkeypatch.setitem(TABLE.content, "device", "cuda:7")
    with pytest.raises(SimplexNASError, match="device = 'cuda:7'; allowed here: cpu"):
        select(family, max_latency_ms=1, batch=2)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "max_edge_parameters": st.floats(0, 2000),
            "max_macs": st.floats(0, 1e6),
            "min_accuracy": st.floats(0, 1),
        },
    ).filter(bool)
)
def test_excess_says_whether_a_budget_is_kept(limits):
    budget = Budget(**limits)
    for point in members():
        kept = (
            point.edge_parameters <= limits.get("max_edge_parameters", 1e9)
            and point.macs <= limits.get("max_macs", 1e9)
            and 1 - point.accuracy.validation <= 1 - limits.get("min_accuracy", 0)
        )
        assert (budget.excess(point) <= 1) == kept


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({}, "needs at least one of --max-latency-ms, --max-edge-parameters, --max-macs, --min-accuracy"),
        ({"max_macs": -1}, "--max-macs = -1; allowed: numbers from 0"),
        ({"max_latency_ms": 0}, "--max-latency-ms = 0; allowed: numbers above 0"),
        ({"max_latency_ms": float("nan")}, "--max-latency-ms = nan; allowed: numbers from 0"),
        ({"min_accuracy": 90}, "--min-accuracy = 90; allowed: 0 to 1"),
        ({"max_latency_ms": "2"}, "--max-latency-ms = '2'; allowed: numbers"),
    ],
)
def test_refusals(limits, message):
    with pytest.raises(SimplexNASError, match=message) as error:
        Budget(**limits)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "table"),
    [("budgets", published.TIMED_TABLE), ("budgets_onnxruntime", published.ONNXRUNTIME_TABLE)],
)
def test_published_budgets_were_kept(name, table):
    """Counted again from the measurements: at least 48 of 50."""
    content = records.read(paths.RESULTS / f"{name}.json")
    assert content["table"] == table
    now = {"slack": selection.SLACK, "rounds": timing.ROUNDS, "timed_together": selection.TOGETHER}
    assert content.items() >= now.items()
    lattice = records.read_lattice(content["family"])
    assert content["sha256"] == lattice.sha256 and len(content["budgets"]) == 50
    by_S = {point.S: point for point in lattice.points}
    kept = [
        Budget(**test["budget"]).excess(replace(by_S[tuple(test["S"])], latency_ms=test["again_ms"])) <= 1
        for test in content["budgets"]
    ]
    assert sum(kept) == content["kept"] >= 48
