"""A network as an ONNX model, from pixels to logits, and ONNX Runtime's session of it.

`torch.onnx.export` takes seconds for a network of ours, and a latency table needs dozens of them. So the layers that
operations are made of are written one by one here, in a tenth of a second; `export` compares every model that it
writes with PyTorch on the whole test set.
"""

import copy
import functools
import operator
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import fx, nn

from simplexnas.io.errors import SimplexNASError
from simplexnas.network import supernet
from simplexnas.space.operations import AveragePool, EvenOdd
from simplexnas.tasks.task import Task

INPUT, OUTPUT = "images", "logits"
OPSET, IR_VERSION = 20, 10
ARITHMETIC = {operator.add: "Add", operator.iadd: "Add", operator.truediv: "Div"}


class Pixels(nn.Module):
    """The normalisation of a task's images: (B, C, H, W) uint8 -> float32."""

    def __init__(self, task: Task):
        super().__init__()
        self.task = task

    def forward(self, images):
        return self.task.normalize(images)


class Classifier(nn.Module):
    """A network with the normalisation of pixels in front: images (B, C, H, W) uint8 -> class logits (B, classes).

    In eval mode and contiguous memory, without what only training or channels-last memory needs.
    """

    def __init__(self, network: nn.Module, task: Task):
        super().__init__()
        self.pixels = Pixels(task)
        self.network = copy.deepcopy(network).to(memory_format=torch.contiguous_format).eval()
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
                module.num_batches_tracked = None
            elif isinstance(module, AveragePool):
                module.ones = None

    @property
    def task(self) -> Task:
        return self.pixels.task

    def forward(self, images):
        return self.network(self.pixels(images))


def onnx_model(classifier: Classifier) -> bytes:
    """The ONNX model: "images" uint8 (batch, C, H, W) to "logits" float32 (batch, classes).

    Batch normalisation stays as it is, as ONNX Runtime folds it when it loads a model. Raises `SimplexNASError` for a
    network with a layer or function that none of the operations has.
    """
    writer = _Writer(classifier)
    writer.run(INPUT)
    writer.nodes[-1].output[0] = OUTPUT
    shape = classifier.task.shape
    images = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["batch", shape.channels, shape.size, shape.size])
    logits = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", shape.classes])
    graph = helper.make_graph(writer.nodes, "classifier", [images], [logits], list(writer.tensors.values()))
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="simplexnas")
    return model.SerializeToString()


def session(model: bytes | Path, threads: int = 1):
    """ONNX Runtime's session of a model, on the CPU. All sessions share the memory that they work in."""
    _share_memory()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.use_env_allocators", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@functools.cache
def _share_memory() -> None:
    """One arena for all sessions of this process: with one each, a hundred networks take 15 GB, and are no faster."""
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    memory = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    onnxruntime.create_and_register_allocator(memory, None)


class _Tracer(fx.Tracer):
    """Notes the layers and functions of a network that have an ONNX form of their own, without looking inside."""

    def __init__(self):
        super().__init__(autowrap_functions=(supernet.concatenate,))

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, Pixels | AveragePool | EvenOdd) or super().is_leaf_module(module, name)


class _Writer(fx.Interpreter):
    """Runs a traced network on names in place of tensors, and writes down the ONNX nodes.

    A layer or function without an ONNX form here raises `SimplexNASError`.
    """

    def __init__(self, network: nn.Module):
        super().__init__(network, graph=_Tracer().trace(network))
        self.nodes, self.tensors = [], {}
        self.extra_traceback = False

    def node(self, kind: str, *inputs: str, **attributes) -> str:
        """Add a node; returns the name of its output."""
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def tensor(self, name: str, value) -> str:
        """Keep a constant under a name; returns the name."""
        if name not in self.tensors:
            self.tensors[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def parameters(self, target: str, *names: str) -> list[str]:
        """Those of a layer that it has."""
        layer = self.fetch_attr(target)
        held = {name: getattr(layer, name) for name in names}
        return [self.tensor(f"{target}.{name}", value.detach()) for name, value in held.items() if value is not None]

    def call_module(self, target: str, args: tuple, kwargs: dict) -> str:
        (x,) = args
        match self.fetch_attr(target):
            case nn.Identity():
                return x
            case nn.ReLU():
                return self.node("Relu", x)
            case nn.Conv2d() as layer:
                window = {"kernel_shape": layer.kernel_size, "strides": layer.stride, "pads": 2 * layer.padding}
                return self.node("Conv", x, *self.parameters(target, "weight", "bias"), group=layer.groups, **window)
            case nn.BatchNorm2d() | nn.BatchNorm1d() as layer:
                n = layer.num_features
                if layer.affine:
                    scale = self.parameters(target, "weight", "bias")
                else:
                    scale = [self.tensor(f"ones_{n}", np.ones(n, "f")), self.tensor(f"zeros_{n}", np.zeros(n, "f"))]
                statistics = self.parameters(target, "running_mean", "running_var")
                return self.node("BatchNormalization", x, *scale, *statistics, epsilon=layer.eps)
            case nn.MaxPool2d() as layer:
                return self.pool("MaxPool", x, layer.stride)
            case AveragePool() as layer:
                return self.pool("AveragePool", x, layer.stride, count_include_pad=0)
            case EvenOdd():
                first, second, steps, end = (self.tensor(f"pair_of_{n}", [n, n]) for n in (0, 1, 2, 2**31))
                axes = self.tensor("height_and_width", [2, 3])
                pixels = [self.node("Slice", x, start, end, axes, steps) for start in (first, second)]
                return self.node("Concat", *pixels, axis=1)
            case nn.Linear():
                return self.node("Gemm", x, *self.parameters(target, "weight", "bias"), transB=1)
            case Pixels() as layer:
                return self.normalized(x, layer.task)
            case layer:
                raise SimplexNASError(f"{type(layer).__name__} has no ONNX form here")

    def pool(self, kind: str, x: str, stride: int, **attributes) -> str:
        """3 x 3, as every pooling of the operations."""
        return self.node(kind, x, kernel_shape=[3, 3], strides=[stride] * 2, pads=[1] * 4, **attributes)

    def normalized(self, images: str, task: Task) -> str:
        x = self.node("Div", self.node("Cast", images, to=TensorProto.FLOAT), self.tensor("largest", np.float32(255)))
        mean, std = (np.array(values, np.float32).reshape(-1, 1, 1) for values in (task.mean, task.std))
        return self.node("Div", self.node("Sub", x, self.tensor("mean", mean)), self.tensor("std", std))

    def call_function(self, target, args: tuple, kwargs: dict) -> str:
        if target in ARITHMETIC:
            first, second = args
            second = second if isinstance(second, str) else self.tensor(f"number_{second}", np.float32(second))
            return self.node(ARITHMETIC[target], first, second)
        if target is torch.relu_:
            return self.node("Relu", *args)
        if target is supernet.concatenate:
            return self.node("Concat", *args[0], axis=1)
        raise SimplexNASError(f"{target.__name__} has no ONNX form here")

    def call_method(self, target: str, args: tuple, kwargs: dict) -> str:
        if target == "mean" and kwargs == {"dim": (2, 3)}:
            return self.node("ReduceMean", *args, self.tensor("height_and_width", [2, 3]), keepdims=0)
        raise SimplexNASError(f"{target} of {kwargs} has no ONNX form here")
