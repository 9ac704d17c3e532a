"""Exported models: the same network, with nothing of this library."""

import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
import tiny
import torch
from torch.utils.flop_counter import FlopCounterMode

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import ROOT
from simplexnas.latency import timing
from simplexnas.measure import evaluation
from simplexnas.network.architecture import Architecture, random_architectures
from simplexnas.space import cost
from simplexnas.space.operations import AveragePool
from simplexnas.space.search_space import SearchSpace
from simplexnas.tasks import fashion_mnist
from simplexnas.use import export

pytestmark = pytest.mark.usefixtures("clock")


def counted(path) -> dict:
    """What an ONNX file holds, from its graph alone: parameters by their names, MACs from shapes, normalisations."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(path)).graph
    sizes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    shapes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in graph.value_info}
    used = {name for node in graph.node for name in node.input}
    trained = [size for name, size in sizes.items() if name.endswith(("weight", "bias"))]
    macs = sum(
        np.prod(sizes[node.input[1]]) * np.prod(shapes[node.output[0]][2:] if node.op_type == "Conv" else 1)
        for node in graph.node
        if node.op_type in ("Conv", "Gemm")
    )
    return {
        "parameters": sum(map(np.prod, trained)),
        "macs": macs,
        "normalisations": sum(node.op_type == "BatchNormalization" for node in graph.node),
        "unused": set(sizes) - used,
    }


def architecture() -> Architecture:
    return Architecture(tiny.SPACE, [0, 1, 2, 2, 1, 1, 2, 0, 1, 2])  # both cells hold all operations


@pytest.fixture(scope="module")
def expected(exported, fewer):
    """Logits of the test images by the network that is exported."""
    from simplexnas.family import Family

    network = evaluation.inherited(Family.load(exported), architecture(), fewer.train)
    with torch.inference_mode():
        return network(fashion_mnist.TASK.normalize(fewer.test.images)).numpy()


@pytest.mark.parametrize("fold", [False, True])
def test_files_agree_with_the_network(fold, tiny_family, fewer, expected, tmp_path):
    folder = export.export(tiny_family, architecture(), fewer, tmp_path / "new" / "model", fold)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["model"], "nothing temporary is left"
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.onnx", "model.pt2"]
    for place in (str(ROOT), sys.prefix):
        assert not any(place.encode() in path.read_bytes() for path in folder.iterdir()), "no folder of this machine"
    images = fewer.test.images

    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    for batch in (1, 5, len(images)):
        (logits,) = session.run(None, {"images": images[:batch].numpy()})
        np.testing.assert_allclose(logits, expected[:batch], atol=1e-4)
    exported = torch.export.load(folder / "model.pt2")
    program = exported.module()
    for batch in (1, len(images)):
        np.testing.assert_allclose(program(images[:batch]).detach().numpy(), expected[:batch], atol=1e-4)

    description = json.loads((folder / "model.json").read_text())
    assert Architecture.from_dict(description["architecture"]) == architecture()
    assert description["test_accuracy"] == (expected.argmax(1) == fewer.test.labels.numpy()).mean()
    assert description["largest_logit_difference"] < 1e-4 and description["batch_norm_folded"] is fold
    assert description["changed_predictions"] == 0
    assert set(description["latency"]) == {"1", "64"} and len(description["classes"]) == 10
    assert description["image"] == {"size": 28, "channels": 1, "resize": fashion_mnist.TASK.resize}

    counts = counted(folder / "model.onnx")
    assert counts["parameters"] == description["parameters"]
    assert counts["macs"] == architecture().macs and not counts["unused"]
    with FlopCounterMode(display=False) as counter:
        program(images[:1])
    assert counter.get_total_flops() == 2 * architecture().macs
    parameters = sum(parameter.numel() for parameter in exported.parameters())
    assert counts["parameters"] == parameters
    modules = list(tiny_family.network(architecture()).modules())
    pools = sum(isinstance(module, AveragePool) for module in modules)
    if fold:
        assert counts["normalisations"] == pools > 0, "only those behind a pooling are left"
    else:
        assert parameters == architecture().total_parameters
        assert counts["normalisations"] == sum(isinstance(module, torch.nn.BatchNorm2d) for module in modules) > pools
    nodes = {node.name: node for node in exported.graph.nodes}
    for tensor in exported.graph_signature.input_specs:
        assert nodes[tensor.arg.name].users, f"{tensor.target} is never used"


def test_published_model_has_the_counts_that_it_names():
    folder = ROOT / "data" / "models" / "within-4-ms"
    description = json.loads((folder / "model.json").read_text())
    chosen, counts = Architecture.from_dict(description["architecture"]), counted(folder / "model.onnx")
    assert not description["batch_norm_folded"] and not counts["unused"]
    for key, value in (("parameters", chosen.total_parameters), ("macs", chosen.macs)):
        assert counts[key] == value
    assert description["architecture"]["total_parameters"] == chosen.total_parameters
    assert description["architecture"]["macs"] == chosen.macs
    assert description["test_images"] == 10_000 and description["largest_logit_difference"] < 1e-4


@pytest.mark.parametrize("space", [SearchSpace(), tiny.SPACE], ids=["default", "tiny"])
def test_counts_by_another_counter(space):
    """Parameters by PyTorch, MACs by its counter of floating-point operations (two for each)."""
    for chosen in random_architectures(space, 3, seed=0):
        network = export.Classifier(chosen.build().eval(), fashion_mnist.TASK)
        assert sum(p.numel() for p in network.parameters()) == chosen.total_parameters
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            network(torch.zeros(1, 1, 28, 28, dtype=torch.uint8))
        assert counter.get_total_flops() == 2 * chosen.macs
    assert cost.fixed_macs(SearchSpace()) == 6_763_776


def test_folding_leaves_only_the_normalisation_of_pools():
    network = architecture().build().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    tiny.awake(network)
    folded = export.fold_batch_norm(network)
    kept = [name for name, module in folded.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert kept and all("source_parts" in name and "average_pool" in name for name in kept)
    with torch.inference_mode():
        torch.testing.assert_close(folded(tiny.images(3)), network(tiny.images(3)), rtol=1e-4, atol=1e-4)


def test_refusals_write_nothing(tiny_family, fewer, tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    with pytest.raises(SimplexNASError, match="there exists; move it away, or name another folder"):
        export.export(tiny_family, architecture(), fewer, tmp_path / "there")
    (tmp_path / "file").write_text("")
    with pytest.raises(SimplexNASError, match="cannot be written"):
        export.export(tiny_family, architecture(), fewer, tmp_path / "file" / "model")
    with (
        pytest.raises(SimplexNASError, match=r"model cannot be written \(disk is full\)"),
        monkeypatch.context() as patch,
    ):
        patch.setattr(torch.export, "save", lambda *_: (_ for _ in ()).throw(RuntimeError("disk is\nfull")))
        export.export(tiny_family, architecture(), fewer, tmp_path / "new" / "model")
    for tolerance in (-1.0, float("nan")):
        monkeypatch.setattr(export, "TOLERANCE", tolerance)
        with pytest.raises(SimplexNASError, match="ONNX Runtime differs from PyTorch"):
            export.export(tiny_family, architecture(), fewer, tmp_path / "new" / "model")
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(
        SimplexNASError, match=r"ONNX Runtime differs from PyTorch: logits by up to .* nothing was written"
    ):
        export.export(tiny_family, architecture(), fewer, tmp_path / "model")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "families") == ["file", "there"]


def test_another_prediction_is_counted_where_rounding_decides(fewer):
    """Two of the images: their second class comes first in ONNX Runtime, though all logits differ by less than 1e-4."""
    ours = torch.tensor([[5.0, 0.0, 1.0]] * 2 + [[1.0 + 0.9e-4, 1.0, 0.0]] * 2)
    theirs = ours + torch.tensor([[0.0] * 3] * 2 + [[-0.9e-4, 0.9e-4, 0.0]] * 2)
    session = SimpleNamespace(run=lambda *_: [theirs.numpy()])
    found = export._compare(session, lambda _: ours, fewer.test.head(4), progress_bar=False)
    assert found["changed_predictions"] == 2 and found["largest_logit_difference"] < 1e-4


def test_exported_file_needs_nothing_of_the_library(tiny_family, fewer, tmp_path):
    folder = export.export(tiny_family, architecture(), fewer, tmp_path / "model")
    code = (
        "import sys, numpy, onnxruntime\n"
        f"session = onnxruntime.InferenceSession({str(folder / 'model.onnx')!r}, providers=['CPUExecutionProvider'])\n"
        "print(session.run(None, {'images': numpy.zeros((1, 1, 28, 28), 'uint8')})[0].shape)\n"
        "assert not {'torch', 'simplexnas'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "(1, 10)\n", done.stderr


def test_a_busy_machine_costs_the_times_alone(tiny_family, fewer, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "NOISE_LIMIT", -1.0)
    folder = export.export(tiny_family, architecture(), fewer, tmp_path / "model")
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.onnx", "model.pt2"]
    assert json.loads((folder / "model.json").read_text())["latency"] is None


@pytest.mark.parametrize("progress_bar", [False, True])
def test_long_work_shows_its_progress(progress_bar, tiny_family, fewer, tmp_path, capsys):
    export.export(tiny_family, architecture(), fewer, tmp_path / "model", progress_bar=progress_bar)
    shown = capsys.readouterr()
    for title in ("statistics: 100%", "test images: 100%", "times, batch 1: 100%", "times, batch 64: 100%"):
        assert (title in shown.err) == progress_bar
    assert shown.out == ""


def test_without_timing_nothing_is_timed(tiny_family, fewer, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.utils.benchmark.Timer", lambda *_, **__: pytest.fail("timed"))
    folder = export.export(tiny_family, architecture(), fewer, tmp_path / "model", timing=False)
    assert json.loads((folder / "model.json").read_text())["latency"] is None


def test_what_is_timed_for_a_promise_is_what_is_exported(tiny_family, fewer, tmp_path, monkeypatch):
    """The same nodes with tensors of the same sizes; the weights do not change a time."""

    def form(model: onnx.ModelProto) -> list:
        sizes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
        return [
            (node.op_type, [sizes.get(name, name) for name in node.input], list(node.attribute))
            for node in model.graph.node
        ]

    folder = export.export(tiny_family, architecture(), fewer, tmp_path / "model", timing=False)
    timed = []
    monkeypatch.setattr(timing.onnx_model, "session", lambda model, threads: timed.append(model))
    timing.network_calls({"network": tiny_family.network(architecture())}, 1, runtime="onnxruntime")
    assert form(onnx.load_from_string(timed[0])) == form(onnx.load(folder / "model.onnx"))


def test_stopped_in_the_moment_in_which_its_folder_is_made(tiny_family, fewer, tmp_path, monkeypatch):
    """As a signal would: the folder is there, and the call that made it raises."""
    place = tmp_path / "models"
    place.mkdir()

    def make_and_stop(*args, made=os.mkdir, **kwargs):
        made(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "mkdir", make_and_stop)
    with pytest.raises(KeyboardInterrupt):
        export.export(tiny_family, architecture(), fewer, place / "model")
    assert list(place.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_export_leaves_nothing(number, code, tiny_folder, tmp_path):
    """Stopped while its hidden folder is there."""
    place = tmp_path / "models"
    place.mkdir()
    start = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import simplexnas.cli as c; c.main()"
    )
    options = ["export", "--S", "0.2,0.3,0.5", "--family", tiny_folder, "--output", place / "model"]
    process = subprocess.Popen([sys.executable, "-c", start, *options], stderr=subprocess.PIPE, text=True)
    while not list(place.iterdir()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code and list(place.iterdir()) == []
