"""The page `training`: what a step does, and a training in miniature."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from simplexnas.family import Family
from simplexnas.io.seeds import generator
from simplexnas.measure import evaluation
from simplexnas.methods import settings
from simplexnas.methods.choose import method_of
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.simplex import FRONT_DRAWS, SimplexMethod
from simplexnas.report import drawing
from simplexnas.report.paper import PAPER
from simplexnas.report.style import FIGURE_WIDTH, MARKERS, operation_colors
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, cell_edges, genotype_edges
from simplexnas.tasks.task import Shape, Splits


class Example(NamedTuple):
    """What training steps of one path drew.

    S: of each step (steps, k). probabilities: of the operations of each edge (steps, E, k). choices: what was drawn
    from them (steps, E).
    """

    S: np.ndarray
    probabilities: np.ndarray
    choices: np.ndarray


def look(method: SimplexMethod, batch: Batch, numbers: Sequence[int]) -> Example:
    """Run steps of a training, after its warm-up, on one batch, and look on."""
    config, asked, chosen = method.config, [], []
    watches = [
        method.hypernetwork.register_forward_hook(lambda _, inputs, output: asked.append((inputs[0], output))),
        method.supernet.register_forward_pre_hook(lambda _, inputs: chosen.append(inputs[1])),
    ]
    S, logits = [], []
    with torch.no_grad():
        for number in numbers:
            method.loss([batch], Step(number, config.steps, generator(config.seed, number)))
            S.append(asked[-1][0])
            logits.append(asked[-1][1])
    for watch in watches:
        watch.remove()
    probabilities = torch.softmax(config.gain * torch.cat(logits), dim=-1)
    return Example(torch.cat(S).numpy(), probabilities.numpy(), np.array(chosen))


def example(seed: int = 5) -> tuple[SearchSpace, Example]:
    """The last two steps of a small training with invented worths; its images are noise, as the draws alone matter."""
    shape = Shape(channels=1, size=8, classes=10)
    invented = {"random_worths": True, "gain": 10.0, "parameter_price": 0.0, "front_share": 0.0}
    small = {"shape": shape, "nodes": 2, "channels": 2, "train_images": 8, "batch_size": 8, "epochs": 10}
    config = settings.preset("default", seed=seed, **invented, **small)
    images = torch.randn(8, 1, 8, 8, generator=generator(seed))
    with torch.random.fork_rng(devices=[]):
        method = method_of(config)
    batch = Batch(images, torch.zeros(8, dtype=torch.int64))
    return config.space, look(method, batch, range(config.steps - 2, config.steps))


def picture() -> str:
    """Two steps from S to the weights, and from the losses to the worth of operations."""
    space, drawn = example()
    parts, left, right = [], 30, 424
    columns = [left + 95, left + 285]
    for number, x in enumerate(columns):
        parts.append(drawing.text(x, 16, ("a step", "the next")[number], weight="bold"))
        parts.append(_triangle(x, 26, drawn.S[number]))
        parts.append(drawing.text(x, 134, "S = (" + ", ".join(f"{value:.2f}" for value in drawn.S[number]) + ")", 13))
        parts.append(drawing.arrow((x, 141), (x, 160)))
        parts.append(drawing.arrow((x, 210), (x, 232)))
        parts.append(_bars(x, 236, drawn.probabilities[number, : len(cell_edges(space))], space))
        parts.append(drawing.arrow((x, 290), (x, 316)))
        cell = drawing.cell(space, drawn.choices[number, : len(cell_edges(space))], "", letters=30)
        for thin, thick in (('width="3"', 'width="6"'), ("9 4", "20 9"), ("1.5 4", "5 8")):  # it is scaled down
            cell = cell.replace(thin, thick)
        parts.append(drawing.placed(cell, x - 85, 318, 170))
        parts.append(drawing.arrow((x, 412), (x, 436)))
        parts.append(drawing.box(x - 50, 436, 100, 32, f"loss L{'₁₂'[number]}"))
        parts.append(f'<path d="M{x} 468V486" fill="none" stroke="currentColor" stroke-width="1.5"/>')
    parts.append(drawing.box(left, 160, 380, 50, "hypernetwork", "α = g · (worth / κ − price of S)"))
    middle = sum(columns) / 2
    for y, words in ((226, "softmax"), (306, "draw"), (428, "a batch of images")):
        parts.append(drawing.text(middle, y, words, 13))
    parts.append(f'<path d="M{columns[0]} 486H{columns[1]}" fill="none" stroke="currentColor" stroke-width="1.5"/>')
    parts.append(drawing.arrow((columns[0], 486), (columns[0], 510)))
    parts.append(drawing.arrow((columns[1], 486), (columns[1], 510), dashed=True))
    parts.append(drawing.box(left, 510, 182, 50, "weights w", "down the gradient"))
    parts.append(drawing.box(left + 198, 510, 182, 50, "regression", "of L on the choices"))
    parts.append(drawing.arrow((left, 535), (8, 535), (8, 364), (columns[0] - 84, 364)))
    parts.append(drawing.arrow((left + 380, 535), (right + 8, 535), (right + 8, 185), (left + 380, 185), dashed=True))
    parts.append(drawing.text(right + 4, 502, "worth", 13, "end"))
    whole = f'<svg viewBox="0 0 {right + 16} 564">{"".join(parts)}</svg>'
    return drawing.picture("Two training steps", whole, drawing.legend(space, bars=True))


def _triangle(x: float, y: float, S: np.ndarray, side: float = 100) -> str:
    """A small triangle with its top at (x, y), the paper's S in it with their names, and S, larger."""
    corners = np.array([(x, y), (x - side / 2, y + side * 0.866), (x + side / 2, y + side * 0.866)])
    outline = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
    parts = [f'<polygon points="{outline}" fill="none" stroke="currentColor" stroke-width="1.5"/>']
    for name, (named, *_) in PAPER.items():
        a, b = np.array(named) / sum(named) @ corners
        parts.append(f'<circle class="named" cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="currentColor"/>')
        parts.append(drawing.text(a + 5, b + 5, name, 13, "start", "bold"))
    a, b = S @ corners
    parts.append(f'<circle class="S" cx="{a:.1f}" cy="{b:.1f}" r="5" fill="currentColor"/>')
    return "".join(parts)


def _bars(x: float, y: float, probabilities: np.ndarray, space: SearchSpace, height: float = 50) -> str:
    """A bar for each edge, divided in proportion to the probabilities (edges, k), around x with its top at y."""
    parts = []
    for number, shares in enumerate(probabilities):
        left, top = x + 29 * (number - len(probabilities) / 2) + 4, y
        for m, share in enumerate(shares):
            parts.append(drawing.bar(space, m, left, top, 21, height * share))
            top += height * share
        frame = f'x="{left:.1f}" y="{y:.1f}" width="21" height="{height:.1f}"'
        parts.append(f'<rect {frame} fill="none" stroke="currentColor"/>')
    return "".join(parts)


def curves(method: SimplexMethod) -> Figure:
    """Losses of the warm-up of a training, one path a step, and what each operation is worth, with standard errors."""
    figure, axes = plt.subplots(2, 1, figsize=(FIGURE_WIDTH, 5.6), layout="constrained")
    losses(method, axes[0])
    worths(method, axes[1])
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def losses(method: SimplexMethod, ax: plt.Axes) -> None:
    """The loss of each path of the warm-up against its step, and the mean over the 21 steps around."""
    values = method.paths.losses.numpy()
    steps = np.arange(len(values)) // method.config.paths
    taught = np.arange(len(values)) >= len(values) - len(method.paths.latest()[1])
    for chosen, marker, color, name in ((~taught, "x", "#5c5c5c", "seen by none"), (taught, "o", *TEACHES)):
        style = {"marker": marker, "color": color, "s": 12, "linewidth": 0.8 if marker == "x" else 0, "alpha": 0.7}
        ax.scatter(steps[chosen], values[chosen], label=name, **style)
    mean = np.convolve(values, np.ones(21) / 21, "valid")
    ax.plot(10 + np.arange(len(mean)), mean, color="black", linewidth=2, label="mean over 21 steps")
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.minorticks_off()
    ax.set_xlabel("step of the warm-up")
    ax.set_ylabel("loss of a path, nats")
    legend = {"frameon": False, "ncols": 2, "handletextpad": 0.2, "columnspacing": 1}
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0, markerscale=1.8, **legend)


TEACHES = ("#0072B2", "seen by the regression")  # colour and name of such paths


def worths(method: SimplexMethod, ax: plt.Axes) -> None:
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
    ax.set_xlabel("edge (nodes), normal cell | reduction cell")
    ax.set_ylabel("worth, nats")
    legend = {"frameon": False, "ncols": 3, "handletextpad": 0.1, "columnspacing": 0.8}
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0, **legend)


def members(method: SimplexMethod, splits: Splits) -> pd.DataFrame:
    """The members of a training at the paper's four S: operations, edge parameters, test accuracy."""
    family, lines = Family("miniature", method, task=splits.task), []
    for name, (S, *_) in PAPER.items():
        architecture = family.architecture(S)
        network = evaluation.inherited(family, architecture, splits.train)
        accuracy = evaluation.accuracy(network, splits.test)
        sizes = {"parameters": f"{architecture.edge_parameters:,}", "accuracy": f"{100 * accuracy:.1f} %"}
        lines.append({"S": name} | architecture.counts() | sizes)
    return pd.DataFrame(lines)


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name; shares in percent."""
    config = settings.preset("default")
    return {
        "training.images": f"{config.batch_size}",
        "training.warmup": f"{100 * config.warmup:.0f}",
        "training.front": f"{100 * config.front_share:.0f}",
        "training.corner": f"{100 * config.corner_share:.0f}",
        "training.draws": f"{FRONT_DRAWS:,}",
        "training.spread": f"{config.spread:g}",
        "training.gain": f"{config.gain:g}",
        "training.epochs": f"{config.epochs:g}",
    }
