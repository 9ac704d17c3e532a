"""The page `sampling`: what Gumbel-Softmax draws, and how often."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from simplexnas.methods import gumbel
from simplexnas.report import figures
from simplexnas.report.style import FIGURE_WIDTH, MARKERS, operation_colors
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace

SPACE = SearchSpace()
LOGITS = (1.0, 0.0, 0.5)  # of the example
TEMPERATURES = (1.0, 0.2)  # the first and the last of the paper
SHOWN = 500  # of the samples, as dots


def samples(temperature: float, n: int) -> np.ndarray:
    """Gumbel-Softmax samples (n, k) of the example's logits; the same noise at each temperature."""
    logits = torch.tensor(LOGITS).expand(n, SPACE.k)
    return gumbel.gumbel_softmax(logits, temperature, torch.Generator().manual_seed(0)).numpy()


def clouds() -> Figure:
    """Samples at both temperatures, each in colour and marker of its largest component."""
    names = labels(SPACE.operations)
    figure, axes = plt.subplots(1, len(TEMPERATURES), figsize=(FIGURE_WIDTH, 2.9), layout="constrained")
    for ax, temperature in zip(axes, TEMPERATURES, strict=True):
        places = (drawn := samples(temperature, SHOWN)) @ figures.plain_triangle(names, ax)
        for m, color in enumerate(operation_colors(names).values()):
            own = places[drawn.argmax(axis=1) == m]
            ax.scatter(*own.T, s=9, color=color, marker=MARKERS[m], linewidth=0, alpha=0.8)
        ax.set_title(f"t = {temperature:g}", pad=20)  # above the name of the corner
    return figure


def shares(n: int = 100_000) -> pd.DataFrame:
    """How often each operation is the largest component of a sample, and how often a hard sample, against softmax."""
    drawn = {f"t = {t:g}": samples(t, n).argmax(axis=1) for t in TEMPERATURES}
    logits = torch.tensor(LOGITS)
    drawn["hard"] = gumbel.hard_sample(logits.expand(n, SPACE.k), torch.Generator().manual_seed(1)).numpy()
    lines = {"softmax": torch.softmax(logits, dim=0).numpy()}
    lines |= {name: np.bincount(choices, minlength=SPACE.k) / n for name, choices in drawn.items()}
    table = pd.DataFrame(lines, index=pd.Index(labels(SPACE.operations), name="operation"))
    return table.map("{:.2f}".format).reset_index()


def mean_of_two(d: float) -> float:
    """Mean of the first component of a Gumbel-Softmax sample at t = 1 of two operations with logits d and 0."""
    return float(np.exp(d) * (np.exp(d) - 1 - d) / (np.exp(d) - 1) ** 2)


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name."""
    return {"sampling.mean": f"{mean_of_two(2.0):.2f}", "sampling.limit": f"{1 / (1 + np.exp(-2.0)):.2f}"}
