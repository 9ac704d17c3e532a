"""Do members of a family pull the weights that they share in different directions? Cosines of their gradients."""

import copy
import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from simplexnas.family import Description, Family
from simplexnas.io import records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_new
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed
from simplexnas.io.records import LATTICE
from simplexnas.measure.retraining import spaced_by_size
from simplexnas.methods import objective
from simplexnas.network.architecture import Architecture
from simplexnas.network.supernet import Supernet
from simplexnas.tasks.task import Split, Splits

GRADIENTS = "gradients.json"
IMAGES, BATCH = 2048, 128
PARTS = ("fixed", "edges")  # stem, preprocessing and classifier, which every member has; operations on edges


def part_of(parameter: str) -> str:
    """The part of the network that a parameter of this name belongs to."""
    return "edges" if "_parts." in parameter else "fixed"


def gradient(supernet: Supernet, architecture: Architecture, images: Split) -> dict[str, torch.Tensor]:
    """Of the mean cross-entropy of the images: by name, of the parameters that the architecture uses.

    Batch normalisation takes the statistics of each batch of 128, as in training; its running ones move.
    """
    supernet.zero_grad()
    supernet.train()
    for pixels, labels in zip(images.images.split(BATCH), images.labels.split(BATCH), strict=True):
        logits = supernet(images.task.normalize(pixels), list(architecture.operations))
        (objective.cross_entropy(logits, labels) * len(labels) / len(images)).backward()
    return {name: weight.grad.clone() for name, weight in supernet.named_parameters() if weight.grad is not None}


def cosine(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor], part: str) -> float | None:
    """Between two gradients over the parameters of a part that both have; None where there is none."""
    shared = [name for name in a if name in b and part_of(name) == part]
    if not shared:
        return None
    first, second = (torch.cat([gradient[name].flatten() for name in shared]) for gradient in (a, b))
    return float(torch.nn.functional.cosine_similarity(first, second, dim=0))


def gradients(family: Family, splits: Splits) -> Path:
    """Cosines between the gradients of 20 members, evenly spaced by size, to data/results/<family>/gradients.json.

    On the family's weights as training left them and its first 2,048 training images. Raises `SimplexNASError` if the
    file is there already.
    """
    path = family.results / GRADIENTS
    check_new(path, "move it away to measure again")
    started = time.perf_counter()
    members = spaced_by_size(records.read_own(family, LATTICE).points)
    images = splits.train.head(IMAGES)
    supernet = copy.deepcopy(family.model.supernet)  # the family keeps its statistics
    found = [
        gradient(supernet, Architecture(family.space, member.choice), images)
        for member in tqdm(members, desc="gradients")
    ]
    cosines = {part: [[_rounded(cosine(a, b, part)) for b in found] for a in found] for part in PARTS}
    about = {"family": family.name, "sha256": family.sha256, "seed": family.config.seed, "images": len(images)}
    about |= {"seconds": round(time.perf_counter() - started, 1), "config": family.config.to_dict()}
    named = [{"S": member.S, "choice": member.choice, "edge_parameters": member.edge_parameters} for member in members]
    return records.save(path, about | {"members": named, "cosines": cosines} | computed())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def read_gradients(family: Description) -> tuple[list[dict], dict[str, np.ndarray]]:
    """The members, and by part their cosines (n, n), NaN where two share nothing.

    Raises `SimplexNASError` with the command that writes them if they are missing, or of another training.
    """
    path = family.results / GRADIENTS
    hint = f"run `simplexnas gradients --family {records.named(family)}`"
    if not path.exists():
        raise SimplexNASError(f"{relative(path)} is missing; {hint}")
    content = records.read(path)
    if content["sha256"] != family.sha256:
        raise SimplexNASError(f"{relative(path)} is not of this family {family.name}; move it away and {hint}")
    return content["members"], {part: np.array(rows, dtype=float) for part, rows in content["cosines"].items()}
