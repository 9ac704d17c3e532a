"""The paper's own numbers, and what they decode to."""

import numpy as np

from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace

# Firsov 2024: slide 6 (A, B, C); D stands in the author's Russian text, paper/main_text_rus.tex. Accuracy in [0, 1].
PAPER = {
    "A": ((0.33, 0.33, 0.33), 0.825, 38_304, {"pool": 12, "identity": 10, "convolution": 6}),
    "B": ((0.15, 0.15, 0.70), 0.792, 5_120, {"pool": 17, "identity": 11, "convolution": 0}),
    "C": ((0.70, 0.15, 0.15), 0.850, 143_488, {"pool": 0, "identity": 15, "convolution": 13}),
    "D": ((0.15, 0.70, 0.15), 0.814, 12_320, {"pool": 18, "identity": 1, "convolution": 9}),
}
BUDGETS = tuple(sorted(edge_parameters for _, _, edge_parameters, _ in PAPER.values()))
# What those parameters decode to, the only solution (chapter supernet): convolutions in the normal and in the reduction
# genotype, identities with stride 2.
DECODED = {"A": (3, 3, 0), "B": (0, 0, 1), "C": (2, 11, 2), "D": (9, 0, 1)}


def decoded_macs(name: str) -> int:
    """MACs per image of the paper's model of that name, from its decoded counts."""
    space = SearchSpace()
    macs = cost.edge_macs(space)
    first = len(macs) // 2  # of the reduction genotype; it leaves an input node, so its identity has stride 2
    _, identity, convolution = range(3)
    each = macs[0, convolution], macs[first, convolution], macs[first, identity]
    return int(np.dot(each, DECODED[name])) + cost.fixed_macs(space)
