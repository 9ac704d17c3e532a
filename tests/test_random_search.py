"""Random search: paths and candidates are uniform, only what was drawn learns, validation images alone choose."""

import copy
import dataclasses
import itertools
import re

import numpy as np
import pytest
import tiny
import torch

from simplexnas.io import seeds
from simplexnas.io.errors import SimplexNASError
from simplexnas.methods import random_search
from simplexnas.methods.choose import method_of
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.random_search import RandomSearch
from simplexnas.methods.settings import preset
from simplexnas.network.architecture import Architecture
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks.task import Shape, Splits, make_splits
from simplexnas.training.optimizers import Optimizers

SHAPE = Shape(channels=1, size=8, classes=4)
SPACE = SearchSpace(channels=4, nodes=2, shape=SHAPE)  # 10 genotype edges
SMALL = {
    "space": SPACE,
    "batch_size": 8,
    "train_images": 64,
    "epochs": 2,
    "bins": 4,
    "candidates": 16,
    "validation_images": 60,
}


def config(**changes):
    return preset("default", "random_search", **(SMALL | changes))


def searcher(**changes) -> RandomSearch:
    """As it is after a training, but for random weights."""
    torch.manual_seed(0)
    method = method_of(config(**changes)).to(memory_format=torch.channels_last)
    tiny.awake(method.supernet)
    return method.eval()


@pytest.fixture(scope="module")
def noise() -> Splits:
    """Random pictures with random labels."""
    random = np.random.default_rng(0)
    arrays = {
        name: (random.integers(256, size=(n, 1, 8, 8), dtype=np.uint8), random.integers(4, size=n))
        for name, n in (("train", 64), ("validation", 90), ("test", 40))
    }
    about = {"name": "noise", "source": "noise", "resize": "none", "split_seed": 0}
    return make_splits(arrays, **about, classes=tuple("abcd"), shape=SHAPE)


def relabelled(splits: Splits, name: str, labels: torch.Tensor) -> Splits:
    return dataclasses.replace(splits, **{name: dataclasses.replace(getattr(splits, name), labels=labels)})


def batch(n: int = 8) -> list[Batch]:
    random = torch.Generator().manual_seed(1)
    return [Batch(torch.randn(n, 1, 8, 8, generator=random), torch.arange(n) % 4)]


def size(choice, space: SearchSpace = SPACE) -> int:
    return Architecture(space, tuple(choice)).total_parameters


def chi_squared(counts: np.ndarray) -> float:
    return float(((counts - counts.mean()) ** 2).sum() / counts.mean())


def test_each_path_is_equally_likely():
    """Each pair of operations on each pair of edges: chi-squared of 8 degrees of freedom, 45 times."""
    method = method_of(config())
    paths = np.array([method.path(seeds.generator(0, number)) for number in range(3000)])
    found = [
        chi_squared(np.bincount(3 * paths[:, one] + paths[:, other], minlength=9))
        for one, other in itertools.combinations(range(10), 2)
    ]
    assert paths.shape == (3000, 10) and len(found) == 45
    assert max(found) < 30 and 6.5 < np.mean(found) < 9.5, "30 is exceeded once in 5,000 times"


def test_the_loss_is_of_the_path_of_the_step():
    method = searcher().train()
    (one,) = batch()
    for number in range(3):
        result = method([one], Step(number, 16, seeds.generator(0, number)))
        output = method.supernet(one.images, method.path(seeds.generator(0, number)))
        assert result["loss"].item() == torch.nn.functional.cross_entropy(output, one.labels).item()
        assert result["loss"].requires_grad and not result["cross_entropy"].requires_grad


def test_only_what_was_drawn_moves():
    """Also after earlier steps, whose momentum waits, as do weight decay and the statistics."""
    method = searcher(weight_decay=0.1).train()
    optimizers = Optimizers(method.supernet, method.config, method.config.steps)
    edges, names = genotype_edges(SPACE), SPACE.operations
    rested = set()
    for number in range(6):
        drawn = method.path(seeds.generator(0, number))
        running = {
            f"cells.{cell}.edge_parts.{edge.target}<-{edge.source}/{names[m]}"
            for cell, part in enumerate(method.supernet.parts)
            for edge, m in zip(edges[part], drawn[part], strict=True)
        }
        before = {key: value.clone() for key, value in method.supernet.state_dict().items()}
        method.loss(batch(), Step(number, method.config.steps, seeds.generator(0, number)))["loss"].backward()
        weights = dict(method.supernet.named_parameters())
        with_gradient = {key for key, weight in weights.items() if weight.grad is not None}
        optimizers.step()
        for key, value in method.supernet.state_dict().items():
            part = ".".join(key.split(".")[:4])
            if "edge_parts" in key and part not in running:
                assert torch.equal(value, before[key]) and key not in with_gradient, key
                rested.add(key)
            elif key in weights:
                assert key in with_gradient and not torch.equal(value, before[key]), key
    assert any("sep_conv" in key and "weight" in key for key in rested) and any("running_var" in key for key in rested)


def test_every_bin_has_its_candidates():
    method = method_of(preset("default", "random_search"))
    space, strata = method.config.space, method.strata
    found = [[size(choice, space) for choice in method.candidates(place)] for place in range(8)]
    borders = 20_506 * (199_258 / 20_506) ** (np.arange(9) / 8)
    for sizes, low, high in zip(found, borders, borders[1:], strict=False):
        assert len(sizes) == 5 and low - 1e-6 <= min(sizes) and max(sizes) <= high + 1e-6
    assert strata.sizes[0][0] == 20_506 and strata.sizes[-1][-1] == 199_258
    assert method.candidates(0) != method_of(preset("default", "random_search", seed=1)).candidates(0)


def test_each_bin_keeps_the_best_of_equally_many(noise):
    """By the statistics of each batch, whatever the running ones are."""
    method = searcher()
    for name, value in method.supernet.named_buffers():
        if "running_mean" in name:
            value.fill_(100.0)
    network, seen = copy.deepcopy(method.supernet).train(), noise.validation.head(60)
    method.finish(noise)
    scores = []
    for place in range(4):
        candidates = method.candidates(place)
        outputs = [network(seen.task.normalize(seen.images), choice) for choice in candidates]
        right = [int((output.argmax(dim=1) == seen.labels).sum()) for output in outputs]
        assert method.choices[place].tolist() == candidates[int(np.argmax(right))] and len(candidates) == 4
        assert method.right(candidates[0], method.judges(noise.validation)) == right[0]
        scores += right
    assert len(set(scores)) > 4, "else nothing was chosen"


def test_the_choice_leaves_no_trace(noise):
    for mode in (False, True):
        method = searcher().train(mode)
        before = {key: value.clone() for key, value in method.supernet.state_dict().items()}
        momenta = {module.momentum for module in method.modules() if hasattr(module, "momentum")}
        recorded = []
        method.supernet.register_forward_hook(lambda *_, seen=recorded: seen.append(torch.is_grad_enabled()))
        method.finish(noise)
        assert recorded and not any(recorded), "no memory for gradients"
        assert all(torch.equal(value, before[key]) for key, value in method.supernet.state_dict().items())
        assert all(module.training is mode for module in method.modules())
        assert {module.momentum for module in method.modules() if hasattr(module, "momentum")} == momenta
        assert all(weight.grad is None for weight in method.parameters())


def test_only_validation_images_choose(noise):
    """And of those as many as the setting says."""

    def chosen(splits: Splits) -> torch.Tensor:
        method = searcher()
        method.finish(splits)
        return method.choices

    ours = chosen(noise)
    random = torch.Generator().manual_seed(2)
    for name in ("test", "train"):
        labels = getattr(noise, name).labels
        assert torch.equal(ours, chosen(relabelled(noise, name, labels[torch.randperm(len(labels), generator=random)])))
    assert torch.equal(ours, chosen(Splits(None, noise.validation, None)))
    labels = noise.validation.labels.clone()
    labels[60:] = (labels[60:] + 1) % 4
    assert torch.equal(ours, chosen(relabelled(noise, "validation", labels)))
    labels = (noise.validation.labels + 1) % 4
    assert not torch.equal(ours, chosen(relabelled(noise, "validation", labels)))


def test_the_best_of_more_is_no_worse(noise):
    """More candidates begin with the same ones."""
    scores, drawn = [], []
    for candidates in (4, 16, 48):
        method = searcher(candidates=candidates)
        method.finish(noise)
        drawn.append([method.candidates(place) for place in range(4)])
        judges = method.judges(noise.validation)
        scores.append([method.right(choice, judges) for choice in method.choices.tolist()])
    for fewer, more in itertools.pairwise(drawn):
        assert all(own == other[: len(own)] and len(own) < len(other) for own, other in zip(fewer, more, strict=True))
    scores = np.array(scores)
    assert (np.diff(scores, axis=0) >= 0).all() and (scores[-1] > scores[0]).any()


def test_the_knob_goes_from_small_to_large(noise):
    method = searcher()
    with pytest.raises(SimplexNASError, match="operations"):
        method.architecture(0.0)
    method.finish(noise)
    assert method.choices.dtype == torch.uint8 and "choices" in method.state_dict()
    for step in (1.0, 0.05):
        assert method.knobs(step) == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=1e-6)
    found = [method.architecture(method.knob(knob)) for knob in method.knobs(1.0)]
    assert [list(each.operations) for each in found] == method.choices.tolist()
    sizes = [each.total_parameters for each in found]
    assert sizes == sorted(set(sizes)) and method.strata.place(np.array(sizes)).tolist() == [0, 1, 2, 3]
    assert method.architecture(0.16) == found[0] and method.architecture(0.17) == found[1]
    assert method.architecture(0.84) == found[3] and method.architecture(0.5) in found[1:3]


def test_judges_come_in_even_batches(noise, monkeypatch):
    monkeypatch.setattr(random_search, "BATCH", 25)
    for asked, sizes in ((60, [20, 20, 20]), (51, [17, 17, 17]), (1000, [23, 23, 22, 22]), (20, [20])):
        judges = method_of(config(validation_images=asked)).judges(noise.validation)
        assert [len(one.labels) for one in judges] == sizes
        seen = noise.validation.head(asked)
        assert torch.equal(torch.cat([one.labels for one in judges]), seen.labels)
        assert torch.equal(torch.cat([one.images for one in judges]), seen.task.normalize(seen.images))


def test_the_time_to_finish_is_foretold(noise, monkeypatch):
    method, seen = searcher(), []
    monkeypatch.setattr(random_search.time, "perf_counter", lambda: 0.25 * len(seen))
    monkeypatch.setattr(method, "right", lambda choice, batches: seen.append(choice))
    assert method.seconds_to_finish(noise) == pytest.approx(0.25 * 16)
    assert method.strata.place([size(choice) for choice in seen]).tolist() == [0, 3]
    assert (method.choices == random_search.NOTHING).all()


def test_settings_that_do_not_fit():
    with pytest.raises(SimplexNASError, match=re.escape("candidates = 15; allowed: multiples of bins, 4")):
        config(candidates=15)
    with pytest.raises(SimplexNASError, match="300 bins of size; allowed: fewer in this search space"):
        method_of(config(bins=300, candidates=300))
