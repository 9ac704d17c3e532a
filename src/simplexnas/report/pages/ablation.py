"""The page `ablation`: what each part of the recipe is worth, in short trainings of which each changes one.

A *change* is what was changed, in words of `data/published.json`; its trainings differ in their seeds. Hypervolumes are
times 100.
"""

import textwrap
from collections.abc import Iterator

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from simplexnas.report import figures, published, tables
from simplexnas.report.names import UNCHANGED
from simplexnas.report.style import FIGURE_WIDTH

NAMED = {  # in the names of the page's numbers: the setting that is changed
    "muon": "matrix_learning_rate=0",
    "flips": "flip=false",
    "front": "front_share=0",
    "warmup": "warmup=0.15",
    "narrow": "spread=0.15",
    "wide": "spread=0.6",
    "soft": "gain=40",
    "batches": "batch_size=64",
}


def measured() -> pd.DataFrame:
    """`tables.ablation` of the trainings that the book shows."""
    return tables.ablation(published.ABLATED)


def resolved(differences: pd.DataFrame) -> list[str]:
    """The changes whose interval does not hold 0; of `tables.ablation_differences`."""
    return differences.loc[differences["low"] * differences["high"] > 0, "change"].tolist()


def intervals(runs: pd.DataFrame) -> Figure:
    """`figures.ablation` of `measured`, for a narrow screen; what is resolved in bold."""
    differences = tables.ablation_differences(runs)
    figure, ax = plt.subplots(figsize=(FIGURE_WIDTH, 0.4 * len(differences) + 0.8), layout="constrained")
    figures.ablation(differences, ax)
    ax.set_yticks(ax.get_yticks(), [textwrap.fill(change, 22) for change in differences["change"]])
    for words, change in zip(ax.get_yticklabels(), differences["change"], strict=True):
        words.set_fontweight("bold" if change in resolved(differences) else "normal")
    ax.set_xlabel("difference in hypervolume × 100")
    return figure


# Numbers


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name."""
    return {f"ablation.{name}": value for name, value in _of_changes(measured())}


def changed(setting: str) -> str:
    """The change of one setting, in words."""
    return published.ABLATED[f"quick-{setting}"]


def _of_changes(runs: pd.DataFrame) -> Iterator[tuple[str, str]]:
    means, differences = runs.groupby("change").mean(), tables.ablation_differences(runs)
    yield "base", f"{means.loc[UNCHANGED, 'hypervolume']:.0f}"
    yield "changes", f"{len(differences)}"
    yield "resolved", f"{len(resolved(differences))}"
    yield "half", f"{(differences['high'] - differences['mean']).mean():.1f}"
    found = differences.set_index("change")["mean"]
    for name, setting in NAMED.items():
        yield name, _signed(found[changed(setting)], "+.1f")
    for name in ("narrow", "wide"):
        yield f"{name}.steering", _signed(means.loc[changed(NAMED[name]), "steering"], ".2f")


def _signed(value: float, form: str) -> str:
    return f"{value:{form}}".replace("-", "−")
