"""The page of verdicts: the numbers that its sentences stand on."""

from collections.abc import Sequence

import numpy as np

from simplexnas.family import describe
from simplexnas.io import records
from simplexnas.measure import price_alone
from simplexnas.report import analysis, published, tables
from simplexnas.report.names import read_name
from simplexnas.report.paper import PAPER


def steering(names: Sequence[str]) -> list[float]:
    """Rank correlations of the families between the penalty on an operation and its edges, over the lattice."""
    return [rho for name in names for rho in analysis.steering_correlations(records.read_lattice(name).points).values()]


def architectures(names: Sequence[str]) -> list[int]:
    """How many different networks each family has on the lattice."""
    return [len({point.choice for point in records.read_lattice(name).points}) for name in names]


def numbers() -> dict[str, str]:
    """The numbers of the page; what is said of the published method as one number is a mean over its trainings."""
    theirs = [records.read_lattice(name).points for name in published.PAPER]
    known = {"verdict.S": f"{len(theirs[0])}", "verdict.choices": f"{len(theirs[0]) * len(theirs[0][0].choice):,}"}
    for of, names in (("published", published.PAPER), ("ours", published.DEFAULT)):
        rho = steering(names)
        known |= {f"verdict.{of}.weakest": f"−{-max(rho):.2f}", f"verdict.{of}.strongest": f"−{-min(rho):.2f}"}
    ours = architectures(published.DEFAULT)
    known |= {"verdict.ours.fewest": f"{min(ours)}", "verdict.ours.most": f"{max(ours)}"}
    known["verdict.published.networks"] = f"{np.mean(architectures(published.PAPER)):.0f}"
    known["verdict.unlike"] = f"{max(price_alone.unlike(name)[read_name(name)[2]] for name in published.PAPER)}"
    measured = [records.read_own(describe(name), records.PAPER_POINTS).points for name in published.PAPER]
    for name in ("A", "B"):
        tests = [point.ways["discrete"].test for own in measured for point in own if point.name == name]
        known[f"verdict.published.{name}"] = f"{100 * np.mean(tests):.0f}"
    gaps = [
        100 * (point.retrained.test - point.accuracy.test)
        for point in records.read_own(describe(published.DEFAULT[0]), records.RETRAINED).points
        if point.source == "family"
    ]
    known["verdict.gap"] = f"{np.mean(gaps):.1f}"
    gains = [100 * (row["best"]["accuracy"]["test"] - row["paper"]["accuracy"]) for row in tables.table()]
    known |= {"verdict.gain.least": f"{min(gains):.0f}", "verdict.gain.most": f"{max(gains):.0f}"}
    for name in ("A", "C"):
        within = [analysis.accuracy_within(points, PAPER[name][2]) for points in theirs]
        known[f"verdict.within.{name}"] = f"{100 * np.mean(within):.1f}"
    return known
