"""The page `experiments`: the network of an S, and the paper's models beside ours at the paper's S."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, ScalarFormatter

from simplexnas.family import describe
from simplexnas.io import records
from simplexnas.report import figures, published, tables
from simplexnas.report.pages import intro, published_method, triangle
from simplexnas.report.paper import decoded_macs
from simplexnas.report.style import FIGURE_WIDTH, LINE_COLORS
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace

OPERATIONS = "pool / identity / convolution"
SAME, BEST, PUBLISHED = "ours, same S", "ours, best", "published, by us"
FIXED = cost.fixed_parameters(SearchSpace())
# DARTS-CC on networks of this shape, read off its plot: total parameters, accuracy in percent.
DARTS_CC = ((25_500, 87.4), (57_000, 92.3), (161_000, 94.0))


def compared(theirs: Sequence[str] = published_method.FAMILIES) -> list[dict]:
    """Rows of the table: "name" of the S, and by source what `tables.summary` says, the paper's first.

    theirs: families of the published method.
    """
    trained, rows = intro.trained(theirs), []
    for row in tables.table():
        name, paper = row["name"], row["paper"]
        sizes = {"total_parameters": paper["edge_parameters"] + FIXED, "macs": decoded_macs(name)}
        rows.append(
            {
                "name": name,
                "paper": paper | sizes | {"accuracy": {"test": paper["accuracy"], "sd": None}},
                PUBLISHED: trained[name],
                SAME: row["ours"],
                BEST: row["best"],
            }
        )
    return rows


def table() -> pd.DataFrame:
    """The paper's models beside ours: a line for each S and source; a mean over trainings has its ±."""
    return pd.DataFrame(
        {
            "S": row["name"],
            "network": _unbroken(source),
            "test, %": _percent(measured["accuracy"]),
            "edge parameters": f"{measured['edge_parameters']:,}",
            "M MACs": f"{measured['macs'] / 1e6:.1f}",
            OPERATIONS: _unbroken(" / ".join(f"{edges:g}" for edges in measured["operations"].values())),
        }
        for row in compared()
        for source, measured in row.items()
        if source != "name"
    )


def _percent(accuracy: dict) -> str:
    """Test accuracy in percent, with its standard deviation if it is a mean of several."""
    return _unbroken(tables.percent(accuracy["test"], accuracy.get("sd")))


def _unbroken(words: str) -> str:
    """With spaces at which no line ends, so that a line of a table is one line of text."""
    return words.replace(" ", "\N{NO-BREAK SPACE}")


def same_S() -> Figure:
    """Accuracy against size at the paper's S, a panel for each: its model, the published method, our variant."""
    figure, axes = plt.subplots(2, 2, figsize=(FIGURE_WIDTH, 4), layout="constrained", sharex=True, sharey=True)
    black, blue, orange = LINE_COLORS[:3]
    trainings = triangle.number_word(len(published.DEFAULT))
    sources = {
        "paper": ("the paper's", {"fmt": "X", "color": black, "markersize": 8}),
        PUBLISHED: ("published method, trained by us", {"fmt": "s", "color": orange, "markersize": 7}),
        SAME: (f"ours, {trainings} trainings: mean ± SD", {"fmt": "o", "color": blue, "markersize": 7}),
    }
    for ax, row in zip(axes.flat, compared(), strict=True):
        places = [(row[source]["total_parameters"] / 1e3, 100 * row[source]["accuracy"]["test"]) for source in sources]
        ax.plot(*np.transpose(places), color="#767676", linewidth=1, linestyle=":")
        for (source, (label, style)), place in zip(sources.items(), places, strict=True):
            sd = row[source]["accuracy"]["sd"]
            ax.errorbar(*place, sd and 100 * sd, label=label, linewidth=1.2, **style)
        ax.set_title(row["name"], weight="bold")
        ax.spines[["top", "right"]].set_visible(False)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator([25, 50, 100, 200]))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.minorticks_off()
    ax.margins(0.1)
    figure.supxlabel("parameters of the network, thousands")
    figure.supylabel("test accuracy, %")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper left", frameon=False, borderpad=0)
    return figure


def asked(report: dict, S: Sequence[float], family: str) -> pd.DataFrame:
    """The answer for an S: a line for each measure; report: of `evaluation.evaluate`."""
    lines = {
        "S: penalty on " + " / ".join(report["operations"]): " / ".join(f"{value:.2f}" for value in S),
        "test accuracy, %": _percent(report["accuracy"]),
        f"edges: {' / '.join(report['operations'])}": " / ".join(map(str, report["operations"].values())),
        "edge parameters": f"{report['edge_parameters']:,}",
        "total parameters": f"{report['total_parameters']:,}",
        "MACs of an image": f"{report['macs']:,}",
    }
    return pd.DataFrame(lines.items(), columns=["family", family])


def operations(edges: dict[str, int]) -> Figure:
    """Edges per operation of the models of the table at the paper's S, and of the network that was asked for."""
    counts = {}
    for row in compared():
        for source, words in {"paper": "paper", PUBLISHED: "published", SAME: "ours"}.items():
            counts[f"{row['name']}  {words}"] = row[source]["operations"]
    counts["asked for"] = edges
    return figures.operation_bars(counts, every=3).figure


def shared_or_alone() -> pd.DataFrame:
    """Accuracy in percent by size: of members, which share their weights, and of networks trained alone."""
    pooling = [100 * point.accuracy.test for point in triangle.pooling_everywhere(published.DEFAULT)]
    lines = [(FIXED, _unbroken("ours, pooling only"), _unbroken(f"{min(pooling):.1f} to {max(pooling):.1f}"), "–")]
    for row in tables.table():
        if row["name"] in "BAC":
            size, test = row["best"]["total_parameters"], 100 * row["best"]["accuracy"]["test"]
            lines.append((size, _unbroken(f"ours, best ({row['name']})"), f"{test:.1f}", "–"))
    for point in largest():
        shared, alone = 100 * point.accuracy.test, 100 * point.retrained.test
        lines.append((point.total_parameters, _unbroken("ours, large"), f"{shared:.1f}", f"{alone:.1f}"))
    lines += [(size, "DARTS\N{NON-BREAKING HYPHEN}CC", "–", f"{test:.1f}") for size, test in DARTS_CC]
    found = pd.DataFrame(sorted(lines), columns=["total parameters", "network", "shared, %", "alone, %"])
    return found.assign(**{"total parameters": found["total parameters"].map("{:,}".format)})


def largest(n: int = 2) -> list[records.Point]:
    """The largest of the members that were also trained alone."""
    points = records.read_own(describe(published.DEFAULT[0]), records.RETRAINED).points
    return sorted((point for point in points if point.source == "family"), key=lambda p: p.total_parameters)[-n:]


def ways() -> pd.DataFrame:
    """Test accuracy of our families at the paper's S, in every way that we measured."""
    return tables.ways(
        {
            row["name"]: [{way: each["test"] for way, each in run["ways"].items()} for run in row["ours"]["runs"]]
            for row in tables.table()
        }
    )


def least_with_reduction_convolution() -> int:
    """Edge parameters of the smallest member of our families with a convolution in the reduction genotype."""
    convolution, half = SearchSpace().operations.index("sep_conv_3x3"), 14
    return min(
        point.edge_parameters
        for name in published.DEFAULT
        for point in records.read_lattice(name).points
        if convolution in point.choice[half:]
    )


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name; accuracies in percent."""
    rows = compared()
    known = {}
    for key, source in {"paper": "paper", "published": PUBLISHED, "best": BEST}.items():
        tests = [100 * row[source]["accuracy"]["test"] for row in rows]
        known |= {f"{key}.least": f"{min(tests):.1f}", f"{key}.most": f"{max(tests):.1f}"}
    at_D = {key: rows[-1][source] for key, source in {"same": SAME, "best": BEST}.items()}
    known |= {f"D.{key}": f"{100 * measured['accuracy']['test']:.1f}" for key, measured in at_D.items()}
    known["reduction"] = f"{least_with_reduction_convolution():,}"
    return {f"experiments.{name}": value for name, value in known.items()}
