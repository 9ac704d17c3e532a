"""What a family's name says: <preset>-<setting>=<value>-…-seed<seed>, as `settings.family_name` makes it."""

import re
from collections.abc import Iterable

UNCHANGED = "nothing changed"  # an ablation's trainings of the recipe as it is, in words


def with_seeds(settings: Iterable[str]) -> tuple[str, ...]:
    """Names of the families of an ablation, each with seeds 0, 1 and 2."""
    return tuple(f"{name}-seed{seed}" for name in settings for seed in range(3))


def read_name(name: str) -> tuple[str, list[str], int]:
    """Preset, changed settings ("gain=40") and seed of a family's name."""
    preset, *changes, seed = re.split(r"-(?=[a-z_]+=|seed\d+$)", name)
    return preset, changes, int(seed.removeprefix("seed"))
