"""A chosen architecture as files that need nothing of this library: ONNX, a `torch.export` program, and a JSON."""

import copy
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from simplexnas import latency
from simplexnas.family import Family
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_writable
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed
from simplexnas.measure import evaluation
from simplexnas.network.architecture import Architecture
from simplexnas.space.operations import AveragePool
from simplexnas.tasks.task import Split, Splits, Task

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


class Classifier(nn.Module):
    """A network with the normalisation of pixels in front: images (B, C, H, W) uint8 -> class logits (B, classes).

    In eval mode and contiguous memory, without what only training or channels-last memory needs.
    """

    def __init__(self, network: nn.Module, task: Task):
        super().__init__()
        self.task = task
        self.network = copy.deepcopy(network).to(memory_format=torch.contiguous_format).eval()
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
                module.num_batches_tracked = None
            elif isinstance(module, AveragePool):
                module.ones = None

    def forward(self, images):
        return self.network(self.task.normalize(images))


def export(family: Family, architecture: Architecture, splits: Splits, folder: Path, fold: bool = False) -> Path:
    """Write model.onnx, model.pt2 and model.json into a new folder; returns it.

    The network has the family's weights, with batch-normalisation statistics re-estimated, and folded into the
    convolutions if `fold`; "parameters" in model.json are those of the file, to which folding adds biases.
    ONNX Runtime and PyTorch must agree on the whole test set: the same predictions, logits within 1e-4. ONNX Runtime
    is timed from pixels to logits, PyTorch as `latency` does it: without the pixels' normalisation, channels last.
    Raises `SimplexNASError`, and leaves nothing, if they disagree, the folder exists or cannot be made, the
    architecture is of another search space, or the machine is too busy to measure.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  (torch.onnx needs it)
    except ImportError as error:
        raise SimplexNASError(f"export needs the package {error.name}: pip install 'simplexnas[export]'") from None
    folder = Path(folder)
    check_writable(folder)
    if os.path.exists(folder):
        raise SimplexNASError(f"{relative(folder)} exists; move it away, or name another folder")
    inherited = evaluation.inherited(family, architecture, splits.train)
    if fold:
        inherited = fold_batch_norm(inherited)
    network = Classifier(inherited, splits.task)
    existing = next(parent for parent in folder.absolute().parents if parent.exists())
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=existing))
    except OSError as error:
        raise SimplexNASError(f"{relative(folder)} cannot be written ({error.strerror})") from None
    try:
        _write_models(network, temporary)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(temporary / ONNX, options, providers=["CPUExecutionProvider"])
        compared = _compare(session, network, splits.test)
        shape = splits.task.shape
        description = {
            "family": family.name,
            "sha256": family.sha256,
            "architecture": architecture.to_dict(),
            "batch_norm_folded": fold,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "input": {"name": "images", "shape": ["batch", shape.channels, shape.size, shape.size], "dtype": "uint8"},
            "output": {"name": "logits", "shape": ["batch", shape.classes], "dtype": "float32"},
            "classes": list(splits.task.classes),
            "resize": splits.task.resize,
            **compared,
            "latency": {str(batch): _times(session, inherited, batch) for batch in BATCHES},
        } | computed(threads=1)
        description["versions"]["onnxruntime"] = onnxruntime.__version__
        (temporary / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")
        temporary.chmod(0o755)
        folder.parent.mkdir(parents=True, exist_ok=True)
        os.replace(temporary, folder)
    except OSError as error:
        raise SimplexNASError(f"{relative(folder)} cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _write_models(network: nn.Module, folder: Path) -> None:
    from onnxscript import optimizer

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
        onnx = torch.onnx.export(
            program,
            input_names=["images"],
            output_names=["logits"],
            dynamo=True,
            optimize=False,  # it would also fold batch normalisation; ONNX Runtime does so when it loads a file
            verbose=False,
        )
    optimizer.inline(onnx.model)
    optimizer.fold_constants(onnx.model)
    optimizer.remove_unused_nodes(onnx.model)
    onnx.save(folder / ONNX)


def _compare(session, network: nn.Module, test: Split) -> dict:
    """Accuracy of ONNX Runtime on the test set, and the largest difference of a logit from PyTorch."""
    theirs, ours = [], []
    with torch.inference_mode():
        for images in test.images.split(evaluation.BATCH):
            theirs.append(session.run(None, {"images": images.numpy()})[0])
            ours.append(network(images).numpy())
    theirs, ours = np.concatenate(theirs), np.concatenate(ours)
    difference, changed = float(np.abs(theirs - ours).max()), int((theirs.argmax(1) != ours.argmax(1)).sum())
    if not difference < TOLERANCE or changed:  # also where it is not a number
        raise SimplexNASError(
            f"ONNX Runtime differs from PyTorch: logits by up to {difference:.1e} (allowed: {TOLERANCE:.0e}), "
            f"{changed} of {len(test)} predictions (allowed: 0); nothing was written"
        )
    accuracy = float((theirs.argmax(1) == test.labels.numpy()).mean())
    return {"test_accuracy": accuracy, "test_images": len(test), "largest_logit_difference": difference}


def _times(session, network: nn.Module, batch: int) -> dict:
    """Times of one batch, ms, one thread: {"pytorch", "onnxruntime"}, each {"median_ms", "iqr_ms"}."""
    shape = network.space.shape
    images = np.zeros((batch, shape.channels, shape.size, shape.size), np.uint8)
    calls = latency.network_calls({"pytorch": network}, batch)
    calls["onnxruntime"] = lambda: session.run(None, {"images": images})
    times = latency.time_calls(calls)
    return {name: times[name] for name in calls}
