"""Weights in a file, whose hash stands in a description beside it: no pickle, and damage is seen."""

import hashlib
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import write_atomically
from simplexnas.io.paths import relative

WEIGHTS = "weights.safetensors"


def save_weights(folder: Path, module: nn.Module) -> dict:
    """Write the module's state; returns {"sha256", "tensors"} for the description."""
    tensors = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    content = safetensors.torch.save(tensors)
    write_atomically(folder / WEIGHTS, content)
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    return {"sha256": hashlib.sha256(content).hexdigest(), "tensors": shapes}


def load_weights(folder: Path, module: nn.Module, sha256: str) -> None:
    """Put the weights into the module. A missing, damaged or foreign file raises `SimplexNASError` that names it."""
    place = relative(folder / WEIGHTS)
    try:
        content = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise SimplexNASError(f"{place} cannot be read ({error.strerror})") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise SimplexNASError(f"{place} is damaged: its SHA-256 is not the one in the description beside it")
    try:
        tensors: dict[str, torch.Tensor] = safetensors.torch.load(content)
        module.load_state_dict(tensors)
    except (RuntimeError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise SimplexNASError(f"{relative(folder)}: weights and config do not fit together ({reason})") from None
