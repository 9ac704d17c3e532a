"""Networks as ONNX models: the same logits, from the pixels of any task."""

import dataclasses

import numpy as np
import onnx
import pytest
import tiny
import torch
from torch import nn

from simplexnas.io.errors import SimplexNASError
from simplexnas.network import onnx_model
from simplexnas.network.architecture import random_architectures
from simplexnas.network.onnx_model import Classifier
from simplexnas.space.search_space import SearchSpace
from simplexnas.tasks import fashion_mnist
from simplexnas.tasks.task import Shape, Task

COLOUR = SearchSpace(
    tiny.FIVE_OPERATIONS,
    channels=4,
    cells=4,
    nodes=3,
    mean_nodes=True,
    normalise_features=True,
    shape=Shape(channels=3, size=32, classes=7),
)


def task(shape: Shape) -> Task:
    mean, std = ((0.5, 0.4, 0.3)[: shape.channels], (0.2, 0.25, 0.3)[: shape.channels])
    classes = tuple(map(str, range(shape.classes)))
    return dataclasses.replace(fashion_mnist.TASK, shape=shape, classes=classes, mean=mean, std=std)


@pytest.mark.parametrize("space", [tiny.SPACE, COLOUR], ids=["grey", "colour"])
def test_logits_are_those_of_the_network(space):
    images = torch.randint(256, (3, space.shape.channels, space.shape.size, space.shape.size), dtype=torch.uint8)
    for architecture in random_architectures(space, 4, seed=0):
        network = tiny.awake(architecture.build())
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
        classifier = Classifier(network, task(space.shape))
        model = onnx_model.onnx_model(classifier)
        onnx.checker.check_model(model, full_check=True)
        session = onnx_model.session(model)
        with torch.inference_mode():
            expected = network.eval()(classifier.task.normalize(images)).numpy()
        for batch in (1, 3):
            (logits,) = session.run(None, {onnx_model.INPUT: images[:batch].numpy()})
            np.testing.assert_allclose(logits, expected[:batch], rtol=1e-4, atol=1e-4)
        names = [output.name for output in session.get_outputs()]
        assert (names, logits.shape[1]) == ([onnx_model.OUTPUT], space.shape.classes)


@pytest.mark.parametrize(
    ("layer", "name"), [(nn.Sigmoid(), "Sigmoid"), (lambda x: x * x, "mul"), (lambda x: x.sigmoid(), "sigmoid")]
)
def test_what_has_no_onnx_form_is_named(layer, name):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, images):
            return self.layer(images)

    with pytest.raises(SimplexNASError, match=f"^{name}.* has no ONNX form here$"):
        onnx_model.onnx_model(Classifier(Network(), fashion_mnist.TASK))
