"""Random generators that depend on nothing but a key."""

import numpy as np
import torch


def generator(*key: int) -> torch.Generator:
    """A random generator that depends on nothing but the key, for example (seed, step)."""
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))
