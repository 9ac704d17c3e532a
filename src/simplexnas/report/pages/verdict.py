"""The page of verdicts: its figure, and the numbers that its sentences stand on."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np

from simplexnas.family import describe
from simplexnas.io import records
from simplexnas.measure import price_alone
from simplexnas.report import analysis, published, statistics, tables
from simplexnas.report.names import read_name
from simplexnas.report.pages import sharing
from simplexnas.report.paper import PAPER
from simplexnas.report.style import FIGURE_WIDTH

YES, IN_PART, NOT_SHOWN = "yes", "in part", "not shown"
# The claims in the order of the page's table, in short: how they fare in the published method and in our variant.
CLAIMS = (
    ("accurate within limits", IN_PART, IN_PART),
    ("a family of models", YES, YES),
    ("a vector, not a number", NOT_SHOWN, IN_PART),
    ("S penalises operations", YES, YES),
    ("the hypernetwork maps S to α", YES, YES),
    ("quality of the models", NOT_SHOWN, IN_PART),
    ("control of operation", IN_PART, IN_PART),
    ("S steers", YES, YES),
    ("no fine-tuning", YES, YES),
    ("control of training complexity", NOT_SHOWN, NOT_SHOWN),
    ("control of hardware limits", NOT_SHOWN, IN_PART),
    ("experiments confirm it", IN_PART, IN_PART),
    ("flexible", IN_PART, YES),
)
FILLED = {YES: "full", IN_PART: "left", NOT_SHOWN: "none"}


def glance(claims: Sequence[tuple[str, str, str]] = CLAIMS) -> plt.Axes:
    """A row for each claim, with a mark for each method: full, half or empty, and the word beside it."""
    ax = plt.subplots(figsize=(FIGURE_WIDTH, 0.23 * len(claims) + 0.4), layout="constrained")[1]
    places = (2.6, 3.75)
    for row, (claim, *verdicts) in enumerate(claims):
        ax.text(0, row, claim, va="center")
        for x, verdict in zip(places, verdicts, strict=True):
            mark = {"fillstyle": FILLED[verdict], "markersize": 9, "color": "black", "markerfacecoloralt": "none"}
            ax.plot(x, row, "o", **mark)
            ax.text(x + 0.13, row, verdict, va="center")
    for x, method in zip(places, ("published", "ours"), strict=True):
        ax.text(x - 0.08, -1, method, va="center", weight="bold")
    ax.set(xlim=(0, 4.75), ylim=(len(claims) - 0.5, -1.6))
    ax.axis("off")
    return ax


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
    unlike = {name: price_alone.unlike(name) for name in published.PAPER}
    known["verdict.unlike"] = f"{max(own[read_name(name)[2]] for name, own in unlike.items())}"
    others = [value for name, own in unlike.items() for seed, value in own.items() if seed != read_name(name)[2]]
    known["verdict.seeds"] = f"{100 * np.mean(others) / (len(theirs[0]) * len(theirs[0][0].choice)):.0f}"
    measured = [records.read_own(describe(name), records.PAPER_POINTS).points for name in published.PAPER]
    for name in ("A", "B"):
        tests = [point.ways["discrete"].test for own in measured for point in own if point.name == name]
        known[f"verdict.published.{name}"] = f"{100 * np.mean(tests):.0f}"
    retrained = records.read_own(describe(published.DEFAULT[0]), records.RETRAINED).points
    members = [point for point in retrained if point.source == "family"]
    inherited, alone = ([of(point).test for point in members] for of in (lambda p: p.accuracy, lambda p: p.retrained))
    known["verdict.gap"] = f"{statistics.agreement(inherited, alone)['gap']:.1f}"
    taus = statistics.resampled_taus({"inherited": inherited}, alone, ["member"] * len(members))["inherited"]
    low, high = statistics.percentile_interval(taus)
    known |= {"verdict.tau.low": f"{low:.2f}", "verdict.tau.high": f"{high:.2f}"}
    lead = statistics.mean_and_interval(sharing.opponents()["lead"].tolist())
    known |= {"verdict.lead.most": f"{-lead['low']:.1f}", "verdict.lead.least": f"{abs(lead['high']):.1f}"}
    gains = [100 * (row["best"]["accuracy"]["test"] - row["paper"]["accuracy"]) for row in tables.table()]
    known |= {"verdict.gain.least": f"{min(gains):.0f}", "verdict.gain.most": f"{max(gains):.0f}"}
    for name in ("A", "C"):
        within = [analysis.accuracy_within(points, PAPER[name][2]) for points in theirs]
        known[f"verdict.within.{name}"] = f"{100 * np.mean(within):.1f}"
    return known
