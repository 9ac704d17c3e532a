"""The page `supernet`: its tables against other routes, its pictures."""

import re

import numpy as np
import pytest
from pages import prose, source, unsaid

from simplexnas.family import Family
from simplexnas.network.architecture import Architecture
from simplexnas.report import published
from simplexnas.report.pages import supernet
from simplexnas.report.paper import DECODED, PAPER
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, cell_layouts, genotype_edges

SPACE = SearchSpace()
POOL, IDENTITY, CONVOLUTION = range(3)


def test_operations_cost_the_same_by_formula_and_by_counting():
    found = supernet.operation_costs()
    assert found["operation"].tolist() == ["convolution, normal", "identity, reduction", "convolution, reduction"]
    assert [words.rpartition("= ")[2] for words in found["by hand"]] == found["counted"].tolist()
    for words in found["by hand"]:
        left, right = re.sub(r"(\d)\(", r"\1*(", words.replace(",", "")).split("=")
        assert eval(left) == int(right)  # the sum in words is right


@pytest.mark.parametrize("kind", supernet.FIRST)
@pytest.mark.parametrize("operation", range(3))
def test_formulas_are_those_of_the_library(kind, operation):
    edge = supernet.FIRST[kind]
    assert genotype_edges(SPACE)[edge] == (kind, 2, 0)
    assert supernet.formula(kind, operation)[1] == cost.edge_parameters(SPACE)[edge, operation]


def test_any_edge_of_a_genotype_would_decode_the_table():
    for part in (slice(0, 14), slice(14, 28)):
        for table in (cost.edge_parameters(SPACE), cost.edge_macs(SPACE)):
            assert len(np.unique(table[part, CONVOLUTION])) == 1
    halved = [edge.cell_type == "reduction" and edge.source < 2 for edge in genotype_edges(SPACE)]
    identities = cost.edge_parameters(SPACE)[:, IDENTITY]
    assert (identities[halved] == 5_120).all() and not identities[np.logical_not(halved)].any() and sum(halved) == 8


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_s_table_decodes_in_one_way(name):
    _, _, parameters, operations = PAPER[name]
    assert supernet.decodings(parameters, operations["convolution"], operations["identity"]) == [DECODED[name]]
    # By another route: an architecture with these counts has the paper's parameters and operations.
    x, y, z = DECODED[name]
    normal = [CONVOLUTION] * x + [POOL] * (14 - x)
    reduction = [POOL] * 14
    stride_2 = [number - 14 for number, edge in enumerate(genotype_edges(SPACE)) if number > 13 and edge.source < 2]
    for place in stride_2[:z]:
        reduction[place] = IDENTITY
    free = [place for place in range(14) if reduction[place] == POOL]
    for place in free[len(free) - y :]:
        reduction[place] = CONVOLUTION
    assert Architecture(SPACE, (*normal, *reduction)).edge_parameters == parameters


@pytest.mark.parametrize(
    ("parameters", "convolutions", "identities", "found"),
    [(32_000, 8, 5, [(8, 0, 5)]), (32_000, 8, 4, []), (32_000, 7, 5, []), (32_001, 8, 5, []), (0, 0, 9, [(0, 0, 0)])],
)
def test_what_decodes_and_what_does_not(parameters, convolutions, identities, found):
    assert supernet.decodings(parameters, convolutions, identities) == found


def test_the_paper_s_columns_sum_to_the_edges():
    found = supernet.decoded()
    assert found["model"].tolist() == list(PAPER)
    assert {sum(operations.values()) for *_, operations in PAPER.values()} == {len(genotype_edges(SPACE))} == {28}
    totals = [int(total.replace(",", "")) for total in found["total parameters"]]
    edges = [int(total.replace(",", "")) for total in found["edge parameters"]]
    assert np.subtract(totals, edges).tolist() == [20_506] * 4
    macs = dict(zip(found["model"], found["M MACs"].astype(float), strict=True))
    assert totals[3] < totals[0] and macs["D"] > macs["A"], "D is smaller than A and computes more"
    assert PAPER["B"][3]["convolution"] == 0 and DECODED["B"] == (0, 0, 1)


def test_fixed_parameters_are_those_of_the_three_parts():
    network = Architecture(SPACE, [POOL] * 28).build()
    parts = {"stem": network.stem, "classifier": network.classifier}
    counted = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    preprocess = sum(p.numel() for cell in network.cells for p in cell.preprocess.parameters())
    assert supernet.numbers()["supernet.fixed"] == f"{sum(counted.values()) + preprocess:,}" == "20,506"
    assert preprocess > sum(counted.values())
    assert "the classifier and, most of them, the 1 × 1 convolutions at the cells' inputs" in source("supernet")


def test_edges_are_28_and_42():
    assert cost.instances(SPACE).tolist() == [1] * 14 + [2] * 14


def test_the_cell_is_a_published_one():
    operations = Family.load(published.DEFAULT[0]).architecture(PAPER["A"][0]).operations
    drawn = re.findall(r'data-edge="(\d+)" data-operation="(\d)"', supernet.cell())
    assert [int(m) for _, m in drawn] == list(operations[:14])


def test_inputs_of_the_last_cell_are_those_of_the_page():
    layout = cell_layouts(SPACE)[-1]
    assert (layout.input_channels, layout.input_sizes, layout.channels) == ((64, 128), (28, 14), 64)
    text = prose("supernet")
    assert "the newer one has half the height and width, and twice the channels" in text
    assert "inputs = torch.rand(8, 64, 28, 28), torch.rand(8, 128, 14, 14)" in text


def test_every_number_stands_on_the_page():
    assert unsaid(supernet.numbers(), "supernet") == set()
