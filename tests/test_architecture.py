"""Discrete architectures: counts, report, JSON."""

import json

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from simplexnas.io.errors import SimplexNASError
from simplexnas.network.architecture import Architecture
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, genotype_edges

DEFAULT = SearchSpace()
FIVE = SearchSpace(operations=tiny.FIVE_OPERATIONS, channels=8, cells=4, nodes=3)
COUNTS = ("edge_parameters", "total_parameters", "macs")


@st.composite
def architectures(draw):
    space = draw(st.sampled_from([DEFAULT, FIVE, tiny.FEW_EDGES]))
    edges = len(genotype_edges(space))
    return Architecture(space, draw(st.lists(st.integers(0, space.k - 1), min_size=edges, max_size=edges)))


@given(architectures())
def test_json_round_trip(architecture):
    content = json.loads(json.dumps(architecture.to_dict()))
    assert Architecture.from_dict(content) == architecture


@given(architectures())
def test_counts_and_report_agree(architecture):
    report, edges = architecture.report(), genotype_edges(architecture.space)
    assert sum(architecture.counts().values()) == len(edges) == len(report["edges"])
    named = [edge["operation"] for edge in report["edges"]]
    assert report["operations"] == {name: named.count(name) for name in report["operations"]}
    assert [(e["cell_type"], e["target"], e["source"]) for e in report["edges"]] == [tuple(edge) for edge in edges]
    assert report["total_parameters"] - report["edge_parameters"] == cost.fixed_parameters(architecture.space)


def test_default_counts_28_edges_by_family():
    architecture = Architecture(DEFAULT, [0] * 12 + [1] * 10 + [2] * 6)
    assert architecture.counts() == {"pool": 12, "identity": 10, "convolution": 6}
    assert architecture.names[0] == "average_pool"


def test_five_operations_are_counted_by_name():
    architecture = Architecture(FIVE, [0] * len(genotype_edges(FIVE)))
    assert architecture.counts() == {"max_pool": 18} | dict.fromkeys(tiny.FIVE_OPERATIONS[1:], 0)


@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy], ids=["array", "tensor"])
def test_from_logits_takes_the_largest(make):
    logits = np.random.default_rng(0).normal(size=(28, 3))
    expected = tuple(int(max(range(3), key=row.__getitem__)) for row in logits)
    assert Architecture.from_logits(make(logits), DEFAULT).operations == expected


def test_file_round_trip(tmp_path):
    architecture = Architecture(FIVE, tiny.choices(FIVE, 1)[0])
    path = architecture.save(tmp_path / "new" / "architecture.json")
    assert Architecture.load(path) == architecture
    content = json.loads(path.read_text())
    assert all(edge["operation"] in tiny.FIVE_OPERATIONS for edge in content["edges"])
    assert {key: content[key] for key in COUNTS} == {key: getattr(architecture, key) for key in COUNTS}
    assert content["total_parameters"] == sum(p.numel() for p in architecture.build().parameters())


@pytest.mark.parametrize("operations", [[0] * 27, [0] * 29, [3] * 28, [-1] * 28, []])
def test_bad_operations(operations):
    with pytest.raises(SimplexNASError, match="expected 28 indices from 0 to 2"):
        Architecture(DEFAULT, operations)


def whole() -> dict:
    return Architecture(DEFAULT, [0] * 28).to_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"format": "something else"},
        {"version": 99},
        {"edges": whole()["edges"][:-1]},
        {"edges": whole()["edges"][::-1]},
        {"edges": [{"operation": "average_pool"}] * 28},
        {"edges": [whole()["edges"][0] | {"operation": "skip"}, *whole()["edges"][1:]]},
        {"edges": None},
        {"edges": 3},
        {"edges": ["a", "b"]},
        {"space": {"operations": ["skip", "identity"]}},
        {"space": {"width": 3}},
        {"space": {"channels": 16}},
        {"space": []},
    ],
)
def test_foreign_content_is_one_line_that_names_the_file(change, tmp_path):
    path = tmp_path / "architecture.json"
    path.write_text(json.dumps(whole() | change))
    with pytest.raises(SimplexNASError, match=r"architecture\.json") as error:
        Architecture.load(path)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"\xff\xfe", json.dumps(whole()).encode()[:200]])
def test_damaged_file_is_one_line_that_names_the_file(content, tmp_path):
    path = tmp_path / "architecture.json"
    path.write_bytes(content)
    with pytest.raises(SimplexNASError, match=r"architecture\.json") as error:
        Architecture.load(path)
    assert len(str(error.value).splitlines()) == 1


def test_unknown_operation_is_named():
    content = Architecture(tiny.SPACE, [0] * 10).to_dict()
    content["edges"][3]["operation"] = "max_pool"
    message = "file: .*no operation 'max_pool' in its search space, which has: average_pool, identity, sep_conv_3x3"
    with pytest.raises(SimplexNASError, match=message):
        Architecture.from_dict(content, "file")


def test_missing_file(tmp_path):
    with pytest.raises(SimplexNASError, match="does not exist"):
        Architecture.load(tmp_path / "none.json")
