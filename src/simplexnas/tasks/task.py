"""A task: images, their classes and splits."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Split:
    """images: (N, 1, 28, 28) uint8; labels: (N,) int64 in 0 … 9."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def head(self, n: int) -> "Split":
        """The first n images."""
        return Split(self.images[:n], self.labels[:n])


@dataclass(frozen=True)
class Splits:
    train: Split
    validation: Split
    test: Split
