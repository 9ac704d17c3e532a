"""The page `training`: what a step does, and a training in miniature."""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from simplexnas.family import Family
from simplexnas.io.seeds import generator
from simplexnas.measure import evaluation
from simplexnas.methods import settings, worth
from simplexnas.methods.choose import method_of
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.settings import SearchConfig
from simplexnas.methods.worth import WorthMethod
from simplexnas.report import drawing
from simplexnas.report.paper import PAPER
from simplexnas.report.style import MARKERS, operation_colors
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, cell_edges, genotype_edges
from simplexnas.tasks.task import Shape, Splits

LETTERS = 11  # points, so that a figure of 5.6 inches can be read on a phone


class Example(NamedTuple):
    """What one training step drew.

    S: of each path (paths, k). probabilities: of the operations of each edge (paths, E, k). choices: what was drawn
    from them (paths, E).
    """

    S: np.ndarray
    probabilities: np.ndarray
    choices: np.ndarray


def step(method: WorthMethod, batch: Batch, number: int) -> Example:
    """Run a step of a training and look on."""
    config, seen = method.config, []
    watch = method.hypernetwork.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    with torch.no_grad():
        method.loss([batch], Step(number, config.steps, generator(config.seed, number)))
    watch.remove()
    S, logits = seen[-1]
    probabilities = torch.softmax(method.gain * logits, dim=-1).expand(config.paths, -1, -1)
    first = number * config.paths
    choices = method.paths.choices[first : first + config.paths]
    return Example(S.expand(config.paths, -1).numpy(), probabilities.numpy(), choices.numpy())


def example(seed: int = 3) -> tuple[SearchSpace, Example]:
    """The last step of a small training with invented worths; its images are noise, as only the draws are looked at."""
    shape = Shape(channels=1, size=8, classes=10)
    invented = {"random_utilities": True, "kappa": 0.02, "tau": 0.002, "parameter_price": 0.0, "random_share": 0.0}
    small = {"shape": shape, "nodes": 2, "channels": 2, "train_images": 8, "batch_size": 8, "epochs": 10}
    config = settings.preset("quick", seed=seed, hypernetwork="worth", **invented, **small)
    images = torch.randn(8, 1, 8, 8, generator=generator(seed))
    with torch.random.fork_rng(devices=[]):
        method = method_of(config)
    return config.space, step(method, Batch(images, torch.zeros(8, dtype=torch.int64)), config.steps - 1)


def picture() -> str:
    """One step from S to the weights, and from the losses to the worth of operations, for two paths."""
    space, drawn = example()
    parts, left, right = [], 30, 424
    columns = [left + 95, left + 285]
    for number, x in enumerate(columns):
        parts.append(drawing.text(x, 16, f"path {number + 1}", weight="bold"))
        parts.append(_triangle(x, 26, drawn.S[number]))
        parts.append(drawing.text(x, 106, "S = (" + ", ".join(f"{value:.2f}" for value in drawn.S[number]) + ")", 13))
        parts.append(drawing.arrow((x, 113), (x, 132)))
        parts.append(drawing.arrow((x, 182), (x, 204)))
        parts.append(_bars(x, 208, drawn.probabilities[number, : len(cell_edges(space))], space))
        parts.append(drawing.arrow((x, 262), (x, 288)))
        cell = drawing.cell(space, drawn.choices[number, : len(cell_edges(space))], "", letters=30)
        for thin, thick in (('width="3"', 'width="6"'), ("9 4", "20 9"), ("1.5 4", "5 8")):  # it is scaled down
            cell = cell.replace(thin, thick)
        parts.append(drawing.placed(cell, x - 85, 290, 170))
        parts.append(drawing.arrow((x, 384), (x, 408)))
        parts.append(drawing.box(x - 50, 408, 100, 32, f"loss L{'₁₂'[number]}"))
        parts.append(f'<path d="M{x} 440V458" fill="none" stroke="currentColor" stroke-width="1.5"/>')
    parts.append(drawing.box(left, 132, 380, 50, "hypernetwork", "α = gain · (worth / κ − price of S)"))
    middle = sum(columns) / 2
    for y, words in ((198, "softmax"), (278, "draw"), (400, "half of the images")):
        parts.append(drawing.text(middle, y, words, 13))
    parts.append(f'<path d="M{columns[0]} 458H{columns[1]}" fill="none" stroke="currentColor" stroke-width="1.5"/>')
    parts.append(drawing.arrow((columns[0], 458), (columns[0], 482)))
    parts.append(drawing.arrow((columns[1], 458), (columns[1], 482), dashed=True))
    parts.append(drawing.box(left, 482, 182, 50, "weights w", "down the gradient"))
    parts.append(drawing.box(left + 198, 482, 182, 50, "regression", "of L on the choices"))
    parts.append(drawing.arrow((left, 507), (8, 507), (8, 336), (columns[0] - 84, 336)))
    parts.append(drawing.arrow((left + 380, 507), (right + 8, 507), (right + 8, 157), (left + 380, 157), dashed=True))
    parts.append(drawing.text(right + 4, 474, "worth", 13, "end"))
    whole = f'<svg viewBox="0 0 {right + 16} 536">{"".join(parts)}</svg>'
    return drawing.picture("One training step", whole, drawing.legend(space))


def _triangle(x: float, y: float, S: np.ndarray, side: float = 68) -> str:
    """A small triangle with its top at (x, y), and S in it."""
    corners = np.array([(x, y), (x - side / 2, y + side * 0.866), (x + side / 2, y + side * 0.866)])
    outline = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
    a, b = S @ corners
    dot = f'<circle class="S" cx="{a:.1f}" cy="{b:.1f}" r="5" fill="currentColor"/>'
    return f'<polygon points="{outline}" fill="none" stroke="currentColor" stroke-width="1.5"/>{dot}'


def _bars(x: float, y: float, probabilities: np.ndarray, space: SearchSpace, height: float = 50) -> str:
    """A bar for each edge, divided in proportion to the probabilities (edges, k), around x with its top at y."""
    parts, colors = [], list(operation_colors(labels(space.operations)).values())
    for number, shares in enumerate(probabilities):
        left, top = x + 29 * (number - len(probabilities) / 2) + 4, y
        for m, share in enumerate(shares):
            place = f'x="{left:.1f}" y="{top:.1f}" width="21" height="{height * share:.1f}"'
            parts.append(f'<rect class="share" data-operation="{m}" {place} fill="{colors[m]}" fill-opacity="0.85"/>')
            top += height * share
        frame = f'x="{left:.1f}" y="{y:.1f}" width="21" height="{height:.1f}"'
        parts.append(f'<rect {frame} fill="none" stroke="currentColor"/>')
    return "".join(parts)


def curves(method: WorthMethod) -> Figure:
    """Losses of all paths of a training, and what each operation was found to be worth, with standard errors."""
    figure, axes = plt.subplots(2, 1, figsize=(5.6, 6), layout="constrained")
    losses(method, axes[0])
    worths(method, axes[1])
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=LETTERS - 1)
    return figure


def losses(method: WorthMethod, ax: plt.Axes) -> None:
    """The loss of each path against its step, and the mean over the 21 steps around."""
    config = method.config
    values, at_random = method.paths.losses.numpy(), method.paths.random.numpy()
    steps = np.arange(len(values)) // config.paths
    for chosen, marker, color, name in ((at_random, "x", "#5c5c5c", "drawn at random"), (~at_random, "o", *BY_S)):
        style = {"marker": marker, "color": color, "s": 12, "linewidth": 0.8 if marker == "x" else 0, "alpha": 0.7}
        ax.scatter(steps[chosen], values[chosen], label=name, **style)
    mean = np.convolve(values.reshape(-1, config.paths).mean(axis=1), np.ones(21) / 21, "valid")
    ax.plot(10 + np.arange(len(mean)), mean, color="black", linewidth=2, label="mean over 21 steps")
    ends = {"warm-up ends": config.warmup, "worth stays": config.policy_until}
    for name, share in ends.items():
        ax.axvline(share * config.steps, color="black", linewidth=0.8, linestyle=":")
        place = (share * config.steps, 0.02)
        ax.annotate(name, place, (4, 0), xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=10)
    ax.set_yscale("log")
    ax.set_xlabel("step", fontsize=LETTERS)
    ax.set_ylabel("loss of a path, nats", fontsize=LETTERS)
    legend = {"frameon": False, "ncols": 2, "fontsize": LETTERS, "handletextpad": 0.2, "columnspacing": 1}
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0, markerscale=1.8, **legend)


BY_S = ("#0072B2", "drawn by S")  # colour and name of such paths


def worths(method: WorthMethod, ax: plt.Axes) -> None:
    """What each operation is worth on each edge, plus and minus a standard error."""
    space = method.config.space
    edges = np.arange(len(genotype_edges(space)))
    for m, (name, color) in enumerate(operation_colors(labels(space.operations)).items()):
        nats, error = method.hypernetwork.nats[:, m].numpy(), method.hypernetwork.error[:, m].numpy()
        style = {"fmt": MARKERS[m], "color": color, "markersize": 6, "linewidth": 1.2, "label": name}
        ax.errorbar(edges + 0.22 * (m - 1), nats, error, **style)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.axvline(len(edges) / 2 - 0.5, color="black", linewidth=0.8, linestyle=":")
    names = [f"{edge.source}→{edge.target}" for edge in genotype_edges(space)]
    ax.set_xticks(edges, names)
    ax.set_xlabel("edge (nodes), normal cell | reduction cell", fontsize=LETTERS)
    ax.set_ylabel("worth, nats", fontsize=LETTERS)
    legend = {"frameon": False, "ncols": 3, "fontsize": LETTERS, "handletextpad": 0.1, "columnspacing": 0.8}
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0, **legend)


def members(method: WorthMethod, splits: Splits) -> pd.DataFrame:
    """The members of a training at the paper's four S: operations, edge parameters, test accuracy."""
    family, lines = Family("miniature", method, task=splits.task), []
    for name, (S, *_) in PAPER.items():
        architecture = family.architecture(S)
        network = evaluation.inherited(family, architecture, splits.train)
        accuracy = evaluation.accuracy(network, splits.test)
        sizes = {"parameters": f"{architecture.edge_parameters:,}", "accuracy": f"{100 * accuracy:.1f} %"}
        lines.append({"S": name} | architecture.counts() | sizes)
    return pd.DataFrame(lines)


def ours() -> SearchConfig:
    """Our settings, with the hypernetwork that the page describes."""
    return settings.preset("default", hypernetwork="worth")


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name; shares in percent."""
    config = ours()
    return {
        "training.warmup": f"{100 * config.warmup:.0f}",
        "training.until": f"{100 * config.policy_until:.0f}",
        "training.corner": f"{100 * config.corner_share:.0f}",
        "training.gain": f"{config.kappa / config.tau:.0f}",
        "training.lessons": f"{worth.LESSONS * config.policy_until:.0f}",
        "training.latest": f"{100 * worth.LATEST:.0f}",
    }
