"""The page `methods`: what the methods that the paper cites run in a step, and what one training of each gives."""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from simplexnas.io.seeds import generator
from simplexnas.methods import settings
from simplexnas.methods.choose import method_of
from simplexnas.methods.config import Config
from simplexnas.methods.method import Method, Step
from simplexnas.report.style import FIGURE_WIDTH, HATCHES, operation_colors
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks import fashion_mnist
from simplexnas.tasks.task import Split
from simplexnas.training.batches import draw_batches

SPACE = SearchSpace(channels=4, nodes=2)
SHOWN = 5  # edges, those of its normal cell
OPERATIONS = labels(SPACE.operations)
FILLS = [  # how a box is filled, by its operation
    {"facecolor": color, "hatch": hatch, "edgecolor": "white", "linewidth": 0}
    for color, hatch in zip(operation_colors(OPERATIONS).values(), HATCHES, strict=True)
]
# Times that FBNet's loss needs; no choice in the figure depends on them.
INVENTED = {"milliseconds": [[1.0] * SPACE.k] * len(genotype_edges(SPACE)), "latency_table": "invented"}


class Kind(NamedTuple):
    """A method as the page shows it: its name on the command line, its preset, what is set otherwise; and in words what
    its training gives, what it is asked by, what teaches its choices, and what its loss pays for."""

    method: str
    preset: str
    changes: dict
    gives: str
    asked: str
    learns: str
    pays: str


ONE, LINE, TRIANGLE = "one architecture", "a line of them", "a triangle of them"
KINDS = {
    "DARTS": Kind("darts", "default", {}, ONE, "–", "gradient of a mixture", "nothing"),
    "FBNet": Kind("fbnet", "default", INVENTED, ONE, "–", "gradient of samples", "time, as a factor"),
    "ProxylessNAS": Kind("proxyless", "default", {}, ONE, "–", "gradient of gates", "nothing, unless set"),
    "DARTS-CC": Kind("darts_cc", "default", {}, LINE, "price of a parameter", "gradient of samples", "parameters"),
    "parametric control": Kind(
        "parametric", "default", {}, LINE, "price of complexity", "spread of the weights", "complexity of weights"
    ),
    "random search": Kind(
        "random_search", "default", {}, "one for each size", "size", "a ranking at the end", "nothing"
    ),
    "Firsov, as published": Kind("simplex", "paper", {}, TRIANGLE, "S", "gradient of samples", "S, for operations"),
    "ours": Kind(  # learned worths would take a training
        "simplex",
        "default",
        {"random_worths": True},
        TRIANGLE,
        "S",
        "a regression of losses",
        "nothing; S prices the draw",
    ),
}
WITHOUT_STEPS = {  # of the choices
    "parametric control": "in the same steps",
    "random search": "ranked at the end",
    "Firsov, as published": "in the same steps",
    "ours": "once, by regression",
}


class Ran(NamedTuple):
    """What one image's edges run in a step, and with which weight.

    weights: (E, k), their rows sum to 1. runs: (E, k), whether an operation is computed at all.
    """

    weights: np.ndarray
    runs: np.ndarray


def config(kind: Kind) -> Config:
    """Settings for a few steps in a small space."""
    few = {"space": SPACE, "train_images": 512, "batch_size": 16, "epochs": 2}
    return settings.preset(kind.preset, kind.method, **few | kind.changes)


def steps(kind: Kind, images: Split) -> tuple[Ran, Ran | None]:
    """A step of the weights, in the middle of a training that has learned nothing; then one of the choices, None where
    they have no steps of their own."""
    method = method_of(config(kind))
    seen: list = []
    watch = method.supernet.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    middle = method.config.steps // 2
    of_weights = _step(method, images, middle, seen, choices=False)
    of_choices = None
    if method.bilevel:
        number = next(n for n in range(middle, method.config.steps) if method.config.chooses(_at(method, n)))
        of_choices = _step(method, images, number, seen, choices=True)
    watch.remove()
    return of_weights, of_choices


def _at(method: Method, number: int) -> Step:
    return Step(number, method.config.steps, generator(method.config.seed, number))


def _step(method: Method, images: Split, number: int, seen: list, choices: bool) -> Ran:
    """What the first image of a step sees."""
    seen.clear()
    step = _at(method, number)
    batches = draw_batches(images, method.config, number, step.random)
    method.teach(batches, step) if choices else method.loss(batches, step)
    first = seen[0]
    if isinstance(first, torch.Tensor):  # a mixture computes all
        weights = first[0].detach().numpy()
        return Ran(weights, np.ones_like(weights, dtype=bool))
    weights = np.eye(SPACE.k)[list(first)]
    return Ran(weights, weights > 0)


def ran() -> Figure:
    """For each method the edges of a normal cell in both kinds of steps: what runs, and with which weight."""
    figure, axes = plt.subplots(
        len(KINDS), 2, figsize=(FIGURE_WIDTH, 6.4), layout="constrained", sharex=True, sharey=True
    )
    images = fashion_mnist.load().train
    for row, (name, kind) in zip(axes, KINDS.items(), strict=True):
        for ax, found in zip(row, steps(kind, images), strict=True):
            ax.set_axis_off()
            if found is None:
                ax.text(SHOWN / 2, 1.5, WITHOUT_STEPS[name], ha="center", va="center", color="#666666")
            else:
                _draw(ax, found)
        row[0].set_title(name, loc="left")
    for ax, title in zip(axes[0], ("weights learn", "choices learn"), strict=True):
        ax.annotate(title, (0.5, 1.75), xycoords="axes fraction", ha="center", weight="bold")
    axes[0, 0].set(xlim=(-0.1, SHOWN), ylim=(-0.15, 3.05))
    handles = [Rectangle((0, 0), 1, 1, label=name, **style) for name, style in zip(OPERATIONS, FILLS, strict=True)]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _draw(ax: plt.Axes, found: Ran) -> None:
    """A column for each edge: three boxes, framed where the operation runs, filled as much as it weighs."""
    for edge in range(SHOWN):
        for m, fill in enumerate(FILLS):
            corner = edge, SPACE.k - 1 - m
            weight, runs = found.weights[edge, m], found.runs[edge, m]
            ax.add_patch(Rectangle(corner, 0.85 * weight, 0.85, **fill))
            style = {"edgecolor": "black", "linewidth": 0.9} if runs else {"edgecolor": "#d0d0d0", "linewidth": 0.5}
            ax.add_patch(Rectangle(corner, 0.85, 0.85, facecolor="none", **style))


def features() -> pd.DataFrame:
    """What each method's training gives, by what it is asked, what teaches its choices, what it pays for."""
    return pd.DataFrame(
        {
            "method": f"{name} (`{kind.preset if kind.method == settings.SIMPLEX else kind.method}`)",
            "a training gives": kind.gives,
            "asked by": kind.asked,
            "choices follow": kind.learns,
            "the loss pays for": kind.pays,
        }
        for name, kind in KINDS.items()
    )
