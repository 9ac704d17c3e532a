"""A module for each page of the book with results: its tables, its figures, and the numbers in its prose."""

import importlib
import pkgutil
import re

import pandas as pd


def as_html(table: pd.DataFrame) -> str:
    """A table of text, however long its cells; what stands between backticks becomes code."""
    with pd.option_context("display.max_colwidth", None):
        return re.sub("`([^`]+)`", r"<code>\1</code>", table.to_html(index=False, border=0))


def numbers() -> dict[str, str]:
    """The numbers that the modules name in their `numbers`, as they stand in the text."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        found |= getattr(module, "numbers", dict)()
    return found
