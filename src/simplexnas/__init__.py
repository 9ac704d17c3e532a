"""simplexnas: one-shot neural architecture search steered by a vector of per-operation penalties on a simplex."""

__version__ = "0.1.0"
