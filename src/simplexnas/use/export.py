"""A chosen architecture as files that need nothing of this library: ONNX, a `torch.export` program, and a JSON."""

import copy
import json
import os
import secrets
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from tqdm import tqdm

from simplexnas import latency
from simplexnas.family import Family
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_new
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed
from simplexnas.latency.timing import ONNXRUNTIME, TORCH
from simplexnas.measure import evaluation
from simplexnas.network import onnx_model
from simplexnas.network.architecture import Architecture
from simplexnas.network.onnx_model import Classifier
from simplexnas.network.trained import TrainedNetwork
from simplexnas.tasks.task import Split, Splits

ONNX, PROGRAM, DESCRIPTION = "model.onnx", "model.pt2", "model.json"
TOLERANCE = 1e-4  # largest difference of a logit between ONNX Runtime and PyTorch
BATCHES = (1, 64)  # images at a time of the reported times


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """A copy in which every convolution with a batch normalisation right behind it is one convolution with a bias.

    For networks in eval mode. Other normalisations stay: those behind a pooling, and that of the features.
    """
    folded = copy.deepcopy(network)
    for module in list(folded.modules()):
        if isinstance(module, nn.Sequential):
            for index in range(len(module) - 1):
                first, second = module[index], module[index + 1]
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    module[index], module[index + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
    return folded


def export(
    family: Family,
    architecture: Architecture,
    splits: Splits,
    folder: Path,
    fold: bool = False,
    timing: bool = True,
    progress_bar: bool = False,
) -> Path:
    """Write a member of a family as model.onnx, model.pt2 and model.json into a new folder; returns it.

    The network has the family's weights, with batch-normalisation statistics re-estimated, and folded into the
    convolutions if `fold`; "parameters" in model.json are those of the file, to which folding adds biases.
    ONNX Runtime and PyTorch must agree on the whole test set, logits within 1e-4; "changed_predictions" counts images
    whose two largest logits are so near to each other that rounding decides. ONNX Runtime is timed from pixels to
    logits, PyTorch as `latency` does it: without the pixels' normalisation, channels last.
    "latency" in model.json is null without `timing`, and where the machine is too busy.
    Raises `SimplexNASError`, and leaves nothing, if they disagree, the folder exists or cannot be made, or the
    architecture is of another search space.
    """
    check_new(Path(folder), "move it away, or name another folder")
    network = evaluation.inherited(family, architecture, splits.train, "statistics" if progress_bar else "")
    about = {"family": family.name, "sha256": family.sha256}
    return _export(network, architecture, about, splits, folder, fold, timing, progress_bar)


def export_trained(
    trained: TrainedNetwork,
    splits: Splits,
    folder: Path,
    fold: bool = False,
    timing: bool = True,
    progress_bar: bool = False,
) -> Path:
    """The same for a network that was trained alone: "family" in model.json is null."""
    check_new(Path(folder), "move it away, or name another folder")
    about = {"family": None, "sha256": trained.about["sha256"]}
    return _export(trained.network, trained.architecture, about, splits, folder, fold, timing, progress_bar)


def _export(
    network: nn.Module,
    architecture: Architecture,
    about: dict,
    splits: Splits,
    folder: Path,
    fold: bool,
    timing: bool,
    progress_bar: bool,
) -> Path:
    """about: whose weights they are, for model.json."""
    folder = Path(folder)
    measured = fold_batch_norm(network) if fold else network
    classifier = Classifier(measured, splits.task)
    existing = next(parent for parent in folder.absolute().parents if parent.exists())
    # Named before it is made, so that a signal at any moment leaves nothing; `TemporaryDirectory` has such a moment.
    hidden = existing / f".{folder.name}.{secrets.token_hex(4)}"
    try:
        model = hidden / folder.name
        model.mkdir(parents=True)
        _write_models(classifier, model)
        session = onnx_model.session(model / ONNX)
        compared = _compare(session, classifier, splits.test, progress_bar)
        shape = splits.task.shape
        image = {"size": shape.size, "channels": shape.channels, "resize": splits.task.resize}
        description = {
            **about,
            "architecture": architecture.to_dict(),
            "batch_norm_folded": fold,
            "parameters": sum(parameter.numel() for parameter in classifier.parameters()),
            "input": {
                "name": onnx_model.INPUT,
                "shape": ["batch", shape.channels, shape.size, shape.size],
                "dtype": "uint8",
            },
            "output": {"name": onnx_model.OUTPUT, "shape": ["batch", shape.classes], "dtype": "float32"},
            "image": image,
            "classes": list(splits.task.classes),
            **compared,
            "latency": _latency(session, measured, progress_bar) if timing else None,
        } | computed(threads=1)
        description["versions"][ONNXRUNTIME] = latency.version(ONNXRUNTIME)
        (model / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")
        folder.parent.mkdir(parents=True, exist_ok=True)
        os.rename(model, folder)
    except OSError as error:
        raise SimplexNASError(f"{relative(folder)} cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return folder


def _write_models(network: Classifier, folder: Path) -> None:
    (folder / ONNX).write_bytes(onnx_model.onnx_model(network))
    shape = network.task.shape
    example = (torch.zeros(2, shape.channels, shape.size, shape.size, dtype=torch.uint8),)
    with torch.no_grad():
        program = torch.export.export(network, example, dynamic_shapes=({0: torch.export.Dim("batch")},))
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # names folders of this machine
        try:
            torch.export.save(program, folder / PROGRAM)
        except RuntimeError as error:  # what PyTorch makes of a full disk
            raise OSError(" ".join(str(error).split())[:200]) from None


def _compare(session, network: nn.Module, test: Split, progress_bar: bool) -> dict:
    """Accuracy of ONNX Runtime on the test set, and how it differs from PyTorch."""
    theirs, ours = [], []
    with torch.inference_mode():
        for images in tqdm(test.images.split(evaluation.BATCH), desc="test images", disable=not progress_bar):
            theirs.append(session.run(None, {onnx_model.INPUT: images.numpy()})[0])
            ours.append(network(images).numpy())
    theirs, ours = np.concatenate(theirs), np.concatenate(ours)
    difference, changed = float(np.abs(theirs - ours).max()), theirs.argmax(1) != ours.argmax(1)
    if not difference < TOLERANCE:  # also where it is not a number
        raise SimplexNASError(
            f"ONNX Runtime differs from PyTorch: logits by up to {difference:.1e} (allowed: {TOLERANCE:.0e}), "
            f"{changed.sum()} of {len(test)} predictions; nothing was written"
        )
    return {
        "test_accuracy": float((theirs.argmax(1) == test.labels.numpy()).mean()),
        "test_images": len(test),
        "largest_logit_difference": difference,
        "changed_predictions": int(changed.sum()),
    }


def _latency(session, network: nn.Module, progress_bar: bool) -> dict | None:
    """Times of batches, ms, one thread: {"1": {"pytorch": {"median_ms", "iqr_ms"}, "onnxruntime": {…}}, …}.

    None where the machine is too busy.
    """
    try:
        return {str(batch): _times(session, network, batch, progress_bar) for batch in BATCHES}
    except latency.BusyMachineError:
        return None


def _times(session, network: nn.Module, batch: int, progress_bar: bool) -> dict:
    shape = network.space.shape
    images = np.zeros((batch, shape.channels, shape.size, shape.size), np.uint8)
    calls = latency.network_calls({"pytorch": network}, batch, runtime=TORCH)
    calls[ONNXRUNTIME] = lambda: session.run(None, {onnx_model.INPUT: images})
    times = latency.time_calls(calls, title=f"times, batch {batch}" if progress_bar else "")
    return {name: times[name] for name in calls}
