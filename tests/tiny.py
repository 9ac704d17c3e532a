"""Small spaces and settings that many tests share."""

import dataclasses

import torch

from simplexnas.family import Family
from simplexnas.io.provenance import Spent
from simplexnas.io.records import Accuracy, Point, Record
from simplexnas.methods.choose import method_of
from simplexnas.methods.settings import SearchConfig, preset
from simplexnas.network.supernet import Supernet
from simplexnas.report.paper import PAPER
from simplexnas.space.operations import OPERATIONS
from simplexnas.space.search_space import SearchSpace, genotype_edges

FIVE_OPERATIONS = tuple(OPERATIONS)
SPACE = SearchSpace(channels=4, nodes=2)  # 10 genotype edges
FEW_EDGES = SearchSpace(channels=2, nodes=1)  # 4 genotype edges: all 81 architectures can be listed

SPENT = Spent(seconds=1.0, cpu_seconds=2.0)
NAMED = {name: S for name, (S, *_) in PAPER.items()}


def config(name: str = "default", **changes) -> SearchConfig:
    """A preset that trains 8 steps per epoch, within a second or so.

    Ours has two paths in a step, and learns worths in half of them, so that one epoch is enough.
    """
    small = {"space": SPACE, "epochs": 4, "batch_size": 32, "train_images": 256}
    ours = {} if name == "paper" else {"paths": 2, "warmup": 0.5}
    return preset(name, **(small | ours | changes))


def awake(network: Supernet) -> Supernet:
    """The classifier starts at 0, where all logits are equal; tests that compare outputs need other weights."""
    torch.nn.init.normal_(network.classifier.weight)
    return network


def choices(space: SearchSpace, n: int, seed: int = 0) -> list[tuple[int, ...]]:
    """n random architectures, as operation indices."""
    random = torch.Generator().manual_seed(seed)
    drawn = torch.randint(space.k, (n, len(genotype_edges(space))), generator=random)
    return [tuple(row) for row in drawn.tolist()]


def point(**known) -> Point:
    """A point of a result file of which only what is given matters."""
    sizes = {"operations": {}, "edge_parameters": 0, "total_parameters": 0, "macs": 0}
    return Point(**sizes | {"accuracy": Accuracy(0.5, 0.5)} | known)


def record(points=(), **known) -> Record:
    """A record of which only what is given matters."""
    about = {"family": "tiny", "sha256": "0", "seed": 0, "training_seconds": 1.0, "config": {}, "versions": {}}
    return Record(**about | {"created": "now", "seconds": 1.0, "points": tuple(points)} | known)


def images(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


def assert_same_tensors(network: torch.nn.Module, other: torch.nn.Module) -> None:
    """Weights and BN statistics."""
    tensors, others = network.state_dict(), other.state_dict()
    assert tensors.keys() == others.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, others[name]), name


def sister(family: Family, folder, **changes) -> Family:
    """The same weights under another name, with another config."""
    config = dataclasses.replace(family.config, **changes)
    model = method_of(config)
    model.load_state_dict(family.model.state_dict())
    return Family.load(Family("sister", model).export(folder / "sister", SPENT))
