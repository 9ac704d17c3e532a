"""The page of verdicts: the numbers that its sentences stand on."""

import numpy as np

from simplexnas.family import describe
from simplexnas.io import records
from simplexnas.measure import price_alone
from simplexnas.report import analysis, published, tables
from simplexnas.report.paper import PAPER


def steering(names: list[str]) -> list[float]:
    """Rank correlations of the families between the penalty on an operation and its edges, over the lattice."""
    return [rho for name in names for rho in analysis.steering_correlations(records.read_lattice(name).points).values()]


def architectures(names: list[str]) -> list[int]:
    """How many different networks each family has on the lattice."""
    return [len({point.choice for point in records.read_lattice(name).points}) for name in names]


def numbers() -> dict[str, str]:
    """The numbers of the page."""
    theirs = records.read_lattice(published.PAPER).points
    known = {"verdict.S": f"{len(theirs)}", "verdict.choices": f"{len(theirs) * len(theirs[0].choice):,}"}
    for of, names in (("published", [published.PAPER]), ("ours", list(published.DEFAULT))):
        rho = steering(names)
        known |= {f"verdict.{of}.weakest": f"−{-max(rho):.2f}", f"verdict.{of}.strongest": f"−{-min(rho):.2f}"}
    ours = architectures(list(published.DEFAULT))
    known |= {"verdict.ours.fewest": f"{min(ours)}", "verdict.ours.most": f"{max(ours)}"}
    known["verdict.published.networks"] = f"{architectures([published.PAPER])[0]}"
    known["verdict.unlike"] = f"{price_alone.unlike(published.PAPER)[0]}"
    for point in records.read_own(describe(published.PAPER), records.PAPER_POINTS).points:
        if point.name in ("A", "B"):
            known[f"verdict.published.{point.name}"] = f"{100 * point.ways['discrete'].test:.0f}"
    gaps = [
        100 * (point.retrained.test - point.accuracy.test)
        for point in records.read_own(describe(published.DEFAULT[0]), records.RETRAINED).points
        if point.source == "family"
    ]
    known["verdict.gap"] = f"{np.mean(gaps):.1f}"
    gains = [100 * (row["best"]["accuracy"]["test"] - row["paper"]["accuracy"]) for row in tables.table()]
    known |= {"verdict.gain.least": f"{min(gains):.0f}", "verdict.gain.most": f"{max(gains):.0f}"}
    for name in ("A", "C"):
        within = 100 * analysis.accuracy_within(theirs, PAPER[name][2])
        known[f"verdict.within.{name}"] = f"{within:.1f}"
    return known
