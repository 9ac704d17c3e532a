"""A discrete architecture: one operation per genotype edge, its counts, its JSON, its standalone network."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_format, read_json, write_atomically
from simplexnas.network.supernet import Supernet
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, genotype_edges

FORMAT = "simplexnas architecture"
VERSION = 1


class StandaloneNetwork(Supernet):
    """Only the chosen operation on every edge; parameter names are those of the supernet."""

    def __init__(self, space: SearchSpace, operations: tuple[int, ...]):
        super().__init__(space, candidates=[(m,) for m in operations])
        self.operations = operations

    def forward(self, images):
        """images (B, C, H, W) float -> class logits (B, classes)."""
        return super().forward(images, self.operations)


@dataclass(frozen=True)
class Architecture:
    """operations: for each of the E genotype edges (order of `genotype_edges`) an index into `space.operations`."""

    space: SearchSpace
    operations: tuple[int, ...]

    def __post_init__(self):
        object.__setattr__(self, "operations", tuple(int(m) for m in self.operations))
        edges = len(genotype_edges(self.space))
        if len(self.operations) != edges or not all(0 <= m < self.space.k for m in self.operations):
            raise SimplexNASError(
                f"operations {self.operations}: expected {edges} indices from 0 to {self.space.k - 1}"
            )

    @classmethod
    def from_logits(cls, logits, space: SearchSpace) -> "Architecture":
        """The operation with the largest logit on every edge; logits: (E, k) tensor or array."""
        return cls(space, tuple(np.asarray(logits).argmax(axis=-1)))

    @property
    def names(self) -> tuple[str, ...]:
        """The registry name of the operation of each edge."""
        return tuple(self.space.operations[m] for m in self.operations)

    def counts(self) -> dict[str, int]:
        """How many of the E edges hold each operation: {"pool": 12, "identity": 10, "convolution": 6}."""
        occurrences = np.bincount(self.operations, minlength=self.space.k)
        return dict(zip(labels(self.space.operations), occurrences.tolist(), strict=True))

    def _chosen(self, table: np.ndarray) -> int:
        return int(table[np.arange(len(self.operations)), self.operations].sum())

    @property
    def edge_parameters(self) -> int:
        """Parameters of the chosen operations only: what the paper's table counts."""
        return self._chosen(cost.edge_parameters(self.space))

    @property
    def total_parameters(self) -> int:
        """Parameters of the whole network: the chosen operations, stem, preprocessing and classifier."""
        return self.edge_parameters + cost.fixed_parameters(self.space)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole network per image."""
        return self._chosen(cost.edge_macs(self.space)) + cost.fixed_macs(self.space)

    def build(self) -> StandaloneNetwork:
        """A freshly initialised network with the chosen operations only."""
        return StandaloneNetwork(self.space, self.operations)

    def sizes(self) -> dict:
        """Counts by reporting label as "operations", and "edge_parameters", "total_parameters", "macs"."""
        numbers = {key: getattr(self, key) for key in ("edge_parameters", "total_parameters", "macs")}
        return {"operations": self.counts(), **numbers}

    def report(self) -> dict:
        """`sizes` and "edges" for people and scripts, with the operations' reporting labels."""
        return self.sizes() | {"edges": self._edges(labels(self.space.operations))}

    def _edges(self, names: Sequence[str]) -> list[dict]:
        """Every edge with the name of its operation, of the names in the order of the space's operations."""
        chosen = zip(genotype_edges(self.space), self.operations, strict=True)
        return [edge._asdict() | {"operation": names[m]} for edge, m in chosen]

    def to_dict(self) -> dict:
        sizes = self.sizes()
        del sizes["operations"]
        edges = self._edges(self.space.operations)
        return {"format": FORMAT, "version": VERSION, "space": asdict(self.space), "edges": edges, **sizes}

    def save(self, path: Path, **about) -> Path:
        """Write the architecture as JSON, with more about it (`load` passes over that); returns the path."""
        return write_atomically(path, json.dumps(self.to_dict() | about, indent=1) + "\n")

    @classmethod
    def from_dict(cls, content: Mapping, source: str = "architecture") -> "Architecture":
        """The inverse of `to_dict`. A foreign or damaged one raises `SimplexNASError` that names `source`."""
        check_format(content, FORMAT, VERSION, source)
        try:
            space = SearchSpace.from_dict(content["space"])
            given = [
                (edge["cell_type"], edge["target"], edge["source"], edge["operation"]) for edge in content["edges"]
            ]
            if unknown := {name for *_, name in given} - set(space.operations):
                known = ", ".join(space.operations)
                raise SimplexNASError(f"no operation {min(unknown)!r} in its search space, which has: {known}")
            operations = tuple(space.operations.index(name) for *_, name in given)
        except (KeyError, TypeError, ValueError) as error:
            raise SimplexNASError(f"{source}: not a whole architecture ({error})") from None
        if [tuple(edge[:3]) for edge in given] != [tuple(edge) for edge in genotype_edges(space)]:
            raise SimplexNASError(f"{source}: its edges are not those of its search space, in order")
        return cls(space, operations)

    @classmethod
    def load(cls, path: Path) -> "Architecture":
        """Read what `save` wrote."""
        return cls.from_dict(read_json(path), str(path))


def random_architectures(space: SearchSpace, n: int, seed: int) -> list[Architecture]:
    """n architectures, each drawn with operation probabilities of its own, so that they differ in size as well."""
    random, edges = np.random.default_rng(seed), len(genotype_edges(space))
    shares = random.dirichlet(np.ones(space.k), size=n)
    return [Architecture(space, random.choice(space.k, size=edges, p=p)) for p in shares]
