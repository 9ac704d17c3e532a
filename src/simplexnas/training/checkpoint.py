"""Checkpoint and log of a search: written whole, read back only for the same training."""

import contextlib
import csv
import io
import math
import os
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn

from simplexnas.io.errors import Diverged, SimplexNASError, check_same
from simplexnas.io.files import write_atomically
from simplexnas.io.paths import relative
from simplexnas.io.provenance import Spent

CHECKPOINT_VERSION = 6
CHECKPOINT = "checkpoint.pt"
LOG = "log.csv"


def check_finite(model: nn.Module, loss: float, step: int) -> None:
    """Before every checkpoint, so that a diverged run leaves its last good one; raises `Diverged`."""
    if not math.isfinite(loss):
        raise Diverged(f"the loss is {loss}", step)
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            raise Diverged(f"{name} is no longer finite", step)


def spent(run: Path) -> Spent:
    """Time of the training so far, from its checkpoint."""
    saved = torch.load(Path(run) / CHECKPOINT, weights_only=True, map_location="cpu")
    return Spent(*(saved[key] for key in Spent._fields))


def save(fabric: Fabric, checkpoint: Path, state: dict, identity: dict, position: dict) -> None:
    """Checkpoint and log, each under a temporary name first, so that a killed process leaves whole files.

    state: what Fabric saves and restores. identity: what tells this training from another.
    position: "step", "log" and the fields of `Spent` so far.
    """
    temporary = checkpoint.with_suffix(".tmp")
    content = state | {"version": CHECKPOINT_VERSION, "identity": identity} | position
    try:
        fabric.save(temporary, content)
        if fabric.is_global_zero:
            os.replace(temporary, checkpoint)
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        reason = " ".join(str(error).split())[:200]
        raise SimplexNASError(f"{relative(checkpoint)} cannot be written ({reason}); the last one is kept") from None
    if fabric.is_global_zero:
        text = io.StringIO()
        writer = csv.DictWriter(text, position["log"][0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(position["log"])
        write_atomically(checkpoint.with_name(LOG), text.getvalue())
    fabric.barrier()


def _flat(identity: dict) -> dict:
    """Settings with those of the search space beside the others, as on the command line."""
    return {key: value for key, value in identity.items() if key != "space"} | identity.get("space", {})


def saved_identity(checkpoint: Path) -> dict:
    """What tells the training of a checkpoint from another; a damaged one raises `SimplexNASError`."""
    return _read(checkpoint)["identity"]


def _read(checkpoint: Path) -> dict:
    """The content of a whole checkpoint of this version."""
    name = relative(checkpoint)
    try:
        head = torch.load(checkpoint, weights_only=True, map_location="cpu")
        version, _ = head["version"], head["identity"]
    except Exception as error:
        raise SimplexNASError(f"{name} is not a whole checkpoint ({type(error).__name__})") from None
    if version != CHECKPOINT_VERSION:
        raise SimplexNASError(f"{name} has format version {version}; this code reads {CHECKPOINT_VERSION}")
    return head


def read_checkpoint(checkpoint: Path, identity: dict) -> dict:
    """A checkpoint of this training; another one raises `SimplexNASError` with what differs."""
    head = _read(checkpoint)
    check_same(relative(checkpoint), _flat(head["identity"]), _flat(identity))
    return head
