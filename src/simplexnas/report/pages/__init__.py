"""A module for each page of the book with results: its tables, its figures, and the numbers in its prose."""

import importlib
import pkgutil


def numbers() -> dict[str, str]:
    """The numbers that the modules name in their `numbers`, as they stand in the text."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        found |= getattr(module, "numbers", dict)()
    return found
