"""simplexnas: one-shot neural architecture search steered by a vector of per-operation penalties on a simplex.

The names below are the library's front door; each is defined in the module that `_PUBLIC` says. They are imported when
they are asked for, so that a command that needs no PyTorch starts without it.
"""

import importlib

__version__ = "0.1.0"

_PUBLIC = {
    "Architecture": "network.architecture",
    "Budget": "use.selection",
    "Family": "family",
    "LatencyTable": "latency",
    "SearchConfig": "methods.settings",
    "SearchSpace": "space.search_space",
    "SimplexNASError": "io.errors",
    "Splits": "tasks",
    "Task": "tasks",
    "TrainedNetwork": "network.trained",
    "describe": "family",
    "export": "use.export",
    "export_trained": "use.export",
    "load": "tasks",
    "menu": "use.menu",
    "preset": "methods.settings",
    "select": "use.selection",
    "train_alone": "measure.alone",
    "train_family": "training.family",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
