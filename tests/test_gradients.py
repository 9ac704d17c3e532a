"""Cosines of members' gradients: against plain differentiation, and their file."""

import json

import numpy as np
import pytest
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.measure import gradients
from simplexnas.network.architecture import Architecture


def test_gradient_is_that_of_all_images(tiny_family, few):
    """Of the mean over images, though the last batch is smaller; batch normalisation sees each batch."""
    supernet = tiny_family.model.supernet
    images, architecture = few.train.head(200), tiny_family.architecture([0.2, 0.3, 0.5])
    found = gradients.gradient(supernet, architecture, images)
    supernet.zero_grad()
    logits = torch.cat(
        [supernet(images.task.normalize(part), list(architecture.operations)) for part in images.images.split(128)]
    )
    torch.nn.functional.cross_entropy(logits, images.labels).backward()
    weights = {name: weight for name, weight in supernet.named_parameters() if weight.grad is not None}
    assert found.keys() == weights.keys()
    for name, weight in weights.items():
        torch.testing.assert_close(found[name], weight.grad, atol=1e-5, rtol=1e-4, msg=name)


def test_every_member_has_the_fixed_part(tiny_family):
    names = [name for name, _ in tiny_family.model.supernet.named_parameters()]
    alone = Architecture(tiny_family.space, [0] * 10).build()  # pooling has no parameters
    assert {name for name in names if gradients.part_of(name) == "fixed"} == {n for n, _ in alone.named_parameters()}
    assert {gradients.part_of(name) for name in names} == set(gradients.PARTS)


def test_cosine_is_over_what_both_have():
    a = {"stem.weight": torch.tensor([3.0, 4.0]), "cells.0.edge_parts.x": torch.tensor([1.0])}
    b = {"stem.weight": torch.tensor([4.0, 3.0]), "cells.0.edge_parts.y": torch.tensor([1.0])}
    assert gradients.cosine(a, b, "fixed") == pytest.approx(24 / 25)
    assert gradients.cosine(a, b, "edges") is None
    assert gradients.cosine(a, a, "edges") == pytest.approx(1)


def test_file_of_a_family(lattice_path, tiny_family, few, monkeypatch):
    with pytest.raises(SimplexNASError, match=r"is missing; run `simplexnas gradients --family tiny`"):
        gradients.read_gradients(tiny_family)
    monkeypatch.setattr(gradients, "IMAGES", 64)
    before = {name: value.clone() for name, value in tiny_family.model.state_dict().items()}
    path = gradients.gradients(tiny_family, few)
    assert all(torch.equal(value, before[name]) for name, value in tiny_family.model.state_dict().items())
    members, cosines = gradients.read_gradients(tiny_family)
    sizes = [member["edge_parameters"] for member in members]
    assert sizes == sorted(sizes) and 2 < len(members) <= 6
    for part in gradients.PARTS:
        assert np.allclose(cosines[part], cosines[part].T, equal_nan=True) and np.nanmax(np.abs(cosines[part])) <= 1
    assert np.allclose(np.diag(cosines["fixed"]), 1)
    with pytest.raises(SimplexNASError, match="move it away to measure again"):
        gradients.gradients(tiny_family, few)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": "other"}))
    with pytest.raises(SimplexNASError, match=r"gradients\.json is not of this family tiny"):
        gradients.read_gradients(tiny_family)
