"""The macro layout; hard forward against mixture and against the standalone network."""

import dataclasses
from collections import Counter

import plain_supernet
import pytest
import tiny
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.network.architecture import Architecture
from simplexnas.network.supernet import Supernet
from simplexnas.space.search_space import Edge, SearchSpace, cell_edges, cell_layouts, genotype_edges

SPACES = {
    "default": SearchSpace(),
    "six cells": SearchSpace(channels=4, cells=6, nodes=2),
    "three nodes": SearchSpace(channels=8, nodes=3),
    "five operations": SearchSpace(operations=tiny.FIVE_OPERATIONS, channels=4, nodes=2),
}
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


def test_default_layout():
    space = SearchSpace()
    edges = genotype_edges(space)
    assert (len(cell_edges(space)), len(edges)) == (14, 28)
    assert edges[0] == Edge("normal", 2, 0) and edges[-1] == Edge("reduction", 5, 4)
    layouts = cell_layouts(space)
    assert [layout.cell_type for layout in layouts] == ["normal", "reduction", "reduction"]
    assert [layout.channels for layout in layouts] == [16, 32, 64]
    assert [layout.output_size for layout in layouts] == [28, 14, 7]
    assert [layouts[1].source_size(node) for node in range(6)] == [28, 28, 14, 14, 14, 14]
    assert sum(layout.cell_type == edge.cell_type for layout in layouts for edge in edges) == 42
    assert sum(layouts[1].stride(edge.source) == 2 for edge in edges if edge.cell_type == "reduction") == 8


def test_total_parameters_of_the_default_supernet():
    assert sum(p.numel() for p in Supernet(SearchSpace()).parameters()) == 240_218


@every_space
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_hard_forward_equals_one_hot_mixture(space, training):
    network, x = tiny.awake(Supernet(space)).train(training), tiny.images(4)
    for choice in tiny.choices(space, 2):
        gamma = torch.nn.functional.one_hot(torch.tensor(choice), space.k).float().expand(4, -1, -1)
        hard, soft = network(x, choice), network(x, gamma)
        torch.testing.assert_close(hard, soft, atol=1e-4, rtol=1e-4)
        weight = network.stem[0].weight
        gradients = [torch.autograd.grad(output.square().sum(), weight)[0] for output in (hard, soft)]
        torch.testing.assert_close(*gradients, atol=1e-2, rtol=1e-3)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("hard", [False, True], ids=["mixture", "hard"])
@pytest.mark.parametrize("space", [SPACES["default"], SPACES["six cells"]], ids=["default", "six cells"])
def test_output_and_gradients_equal_the_plain_implementation(space, hard, memory_format):
    network, x = tiny.awake(Supernet(space)).double(), tiny.images(4).double()
    (choice,) = tiny.choices(space, 1)
    gamma = torch.nn.functional.one_hot(torch.tensor(choice), space.k).double().expand(4, -1, -1)
    if not hard:
        drawn = torch.rand(4, *gamma.shape[1:], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        gamma = torch.softmax(drawn, dim=-1)
    outputs, gradients = [], []
    for fast in (True, False):
        network.zero_grad()
        if fast:
            network.to(memory_format=memory_format)
            output = network(x.contiguous(memory_format=memory_format), choice if hard else gamma)
        else:
            output = plain_supernet.forward(network, x, gamma)
        output.square().sum().backward()
        outputs.append(output.detach())
        gradients.append({name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None})
    torch.testing.assert_close(*outputs)
    for name, gradient in gradients[1].items():
        torch.testing.assert_close(gradients[0].get(name, torch.zeros_like(gradient)), gradient, msg=name)


def test_mean_nodes_and_normalised_features():
    """An all-identity normal cell multiplies by up to 8 unless nodes are means; features end with variance 1."""
    space = SearchSpace(channels=4, nodes=4, mean_nodes=True)
    cell, same = Supernet(space).cells[0].double(), Supernet(dataclasses.replace(space, mean_nodes=False)).cells[0]
    same.double().load_state_dict(cell.state_dict())
    x = tiny.images(4).double().expand(-1, 12, -1, -1)
    identity = [space.operations.index("identity")] * 14
    means, sums = cell(x, x, identity), same(x, x, identity)
    torch.testing.assert_close(means[:, :4], sums[:, :4] / 2)
    assert sums[:, -4:].std() > 7 * means[:, -4:].std()

    network = Supernet(SearchSpace(channels=4, nodes=2, normalise_features=True)).train()
    seen = []
    network.classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(tiny.images(64), tiny.choices(network.space, 1)[0])
    torch.testing.assert_close(seen[0].mean(0), torch.zeros(32), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[0].var(0, correction=0), torch.ones(32), atol=0.05, rtol=0)
    assert sum(weight.numel() for weight in network.feature_norm.parameters()) == 0


def test_mixture_weights_belong_to_their_image():
    network, x = tiny.awake(Supernet(tiny.SPACE)).eval(), tiny.images(3)
    several = tiny.choices(tiny.SPACE, 3)
    gamma = torch.nn.functional.one_hot(torch.tensor(several), tiny.SPACE.k).float()
    alone = torch.cat([network(x[i : i + 1], choice) for i, choice in enumerate(several)])
    torch.testing.assert_close(network(x, gamma), alone, atol=1e-5, rtol=1e-4)


@every_space
def test_standalone_network_equals_supernet_with_that_choice(space):
    network, x = tiny.awake(Supernet(space)), tiny.images(4)
    for choice in tiny.choices(space, 2, seed=1):
        standalone = Architecture(space, choice).build()
        standalone.load_state_dict({name: network.state_dict()[name] for name in standalone.state_dict()})
        for training in (False, True):
            torch.testing.assert_close(standalone.train(training)(x), network.train(training)(x, choice))


def test_edges_that_leave_a_node_share_the_source_part():
    network, calls = Supernet(SearchSpace()), Counter()
    for index, cell in enumerate(network.cells):
        assert len(cell.source_parts) == 5 * 3, "nodes 0 to 4, three operations"
        assert len(cell.edge_parts) == 14 * 3
        for key, part in cell.source_parts.items():
            part.register_forward_hook(lambda *_, place=(index, key): calls.update([place]))
    network(tiny.images(2), [0] * 28)
    assert calls == Counter({(index, f"{source}/average_pool"): 1 for index in range(3) for source in range(5)})


def test_only_chosen_operations_get_a_gradient():
    network = tiny.awake(Supernet(tiny.SPACE))
    choice = tiny.choices(tiny.SPACE, 1)[0]
    network(tiny.images(2), choice).square().sum().backward()
    names = {n for n, p in network.named_parameters() if "edge_parts" in n and p.grad is not None}
    chosen = Architecture(tiny.SPACE, choice).build()
    assert names == {n for n, _ in chosen.named_parameters() if "edge_parts" in n} != set()


def test_batch_norm_inside_cells_has_no_affine_parameters():
    network = Supernet(SearchSpace())
    norms = [module for module in network.cells.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms and not any(norm.affine for norm in norms)
    assert network.stem[1].affine


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"operations": ("identity", "skip")}, f"unknown operation 'skip'; known: {', '.join(tiny.FIVE_OPERATIONS)}$"),
        ({"operations": ("identity",)}, "at least two"),
        ({"operations": ("identity", "identity")}, "at least two"),
        ({"channels": 7}, "even"),
        ({"channels": 0}, "channels = 0"),
        ({"cells": 2}, "cells = 2"),
        ({"nodes": 1.5}, "nodes = 1.5"),
        ({"mean_nodes": 1}, "mean_nodes = 1"),
    ],
)
def test_bad_space_is_one_line(changes, named):
    with pytest.raises(SimplexNASError, match=named) as error:
        SearchSpace(**changes)
    assert "\n" not in str(error.value)
