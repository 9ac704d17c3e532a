"""The search space: operations, cells, edges, and where each cell stands in the network.

Source: Liu, Simonyan, Yang 2019 (DARTS), sections 2.1 and 3.1; sizes decoded from the paper's table (Firsov 2024).
"""

from dataclasses import asdict, dataclass
from typing import NamedTuple

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.settings import check_keys, check_values, setting
from simplexnas.space.operations import DEFAULT_OPERATIONS, OPERATIONS
from simplexnas.tasks.task import FASHION_MNIST, Shape

STEM_MULTIPLIER, STEM_KERNEL = 3, 3  # channels of the stem in those of the first cell, and its window (DARTS)


@dataclass(frozen=True)
class SearchSpace:
    """The macro layout and the operations of an edge.

    operations: registry names, in the order of the components of S; k = len(operations) >= 2.
    shape: of the task's images, and its number of classes.
    """

    operations: tuple[str, ...] = DEFAULT_OPERATIONS
    channels: int = setting(
        16, least=2, multiple_of=2, about="of the first cell; a reduction cell doubles them and halves height and width"
    )
    cells: int = setting(3, least=3, about="how many; those at index cells // 3 and 2 * cells // 3 are reduction cells")
    nodes: int = setting(
        4,
        least=1,
        about="of a cell, beside its two inputs; node i sums one edge from each of the 2 + i nodes before it",
    )
    mean_nodes: bool = setting(
        False, about="divide a node's sum by the number of its edges; the paper and DARTS do not"
    )
    normalise_features: bool = setting(
        False, about="batch normalisation, without parameters, of what the classifier reads; not in the paper and DARTS"
    )
    shape: Shape = FASHION_MNIST

    def __post_init__(self):
        object.__setattr__(self, "operations", tuple(self.operations))
        unknown = [name for name in self.operations if name not in OPERATIONS]
        if unknown:
            raise SimplexNASError(f"unknown operation {unknown[0]!r}; known: {', '.join(OPERATIONS)}")
        if len(set(self.operations)) != len(self.operations) or len(self.operations) < 2:
            raise SimplexNASError(f"operations {self.operations}: at least two different ones are needed")
        check_values(self)

    @property
    def k(self) -> int:
        return len(self.operations)

    @classmethod
    def from_dict(cls, values: dict) -> "SearchSpace":
        """The inverse of `dataclasses.asdict`; an unknown or missing key raises `SimplexNASError`.

        Files that name no shape are from when there was one data set.
        """
        if isinstance(values, dict):
            values = {"shape": asdict(FASHION_MNIST)} | values
        check_keys(cls, values)
        check_keys(Shape, values["shape"])
        return cls(**values | {"shape": Shape(**values["shape"])})


class Edge(NamedTuple):
    """An edge of a genotype. Nodes 0 and 1 are the cell's inputs, 2 … nodes + 1 its intermediate nodes."""

    cell_type: str  # "normal" or "reduction"
    target: int
    source: int


def cell_edges(space: SearchSpace) -> list[tuple[int, int]]:
    """(target, source) of every edge of one cell, by target, then source: 2 + 3 + 4 + 5 = 14 for four nodes."""
    return [(target, source) for target in range(2, space.nodes + 2) for source in range(target)]


def genotype_edges(space: SearchSpace) -> list[Edge]:
    """The E edges that an architecture decides: those of the normal cell, then those of the reduction cell (E = 28)."""
    return [Edge(kind, *pair) for kind in ("normal", "reduction") for pair in cell_edges(space)]


def genotype_part(space: SearchSpace, cell_type: str) -> slice:
    """Where the edges of the normal or of the reduction cell stand among `genotype_edges`."""
    edges = len(cell_edges(space))
    return slice(edges) if cell_type == "normal" else slice(edges, 2 * edges)


class CellLayout(NamedTuple):
    """Where a cell stands in the network: its channels and the channels and sizes (height = width) of its inputs."""

    cell_type: str
    channels: int
    input_channels: tuple[int, int]
    input_sizes: tuple[int, int]

    @property
    def size(self) -> int:
        """Height of the nodes that the inputs are brought to (the size of input 1)."""
        return self.input_sizes[1]

    def stride(self, source: int) -> int:
        """Edges that leave an input node of a reduction cell have stride 2."""
        return 2 if self.cell_type == "reduction" and source < 2 else 1

    def source_size(self, source: int) -> int:
        """Height of what an edge that leaves this node takes."""
        return self.size if source < 2 else self.output_size

    @property
    def output_size(self) -> int:
        return (self.size + 1) // 2 if self.cell_type == "reduction" else self.size


def cell_layouts(space: SearchSpace) -> list[CellLayout]:
    """The layout of each cell, in order; the default gives normal C=16, reduction C=32, reduction C=64."""
    reductions = {space.cells // 3, 2 * space.cells // 3}
    channels = space.channels
    stem = STEM_MULTIPLIER * channels
    inputs, sizes = (stem, stem), (space.shape.size, space.shape.size)
    layouts = []
    for index in range(space.cells):
        kind = "reduction" if index in reductions else "normal"
        channels = channels * 2 if kind == "reduction" else channels
        layout = CellLayout(kind, channels, inputs, sizes)
        layouts.append(layout)
        inputs = (inputs[1], space.nodes * channels)
        sizes = (sizes[1], layout.output_size)
    return layouts
