"""Settings as fields of frozen dataclasses, each with its bounds and meaning, and the one loop that checks them."""

import math
from dataclasses import MISSING, Field, field, fields
from typing import Any

from simplexnas.io.errors import SimplexNASError


def setting(
    default=MISSING, *, about: str, least=None, most=None, above=None, below=None, among=None, multiple_of=1
) -> Any:
    """A dataclass field with its bounds. Its annotation says its kind: int, float, bool or str.

    about: what it is, in one line, for whoever sets it. least, most: smallest and largest allowed value. above, below:
    the same, themselves not allowed. among: the only allowed values. multiple_of: for whole numbers.
    """
    bounds = {"least": least, "most": most, "above": above, "below": below, "among": among, "multiple_of": multiple_of}
    return field(default=default, metadata={"bounds": bounds, "about": about})


def check_values(settings) -> None:
    """Raise `SimplexNASError` for the first field of a dataclass made with `setting` whose value is not allowed."""
    for each in fields(settings):
        if "bounds" in each.metadata:
            value = getattr(settings, each.name)
            if not _allowed(each, value):
                raise SimplexNASError(f"{each.name} = {value!r}; allowed: {allowed_in_words(each)}")


def check_keys(kind: type, values: object) -> None:
    """Raise `SimplexNASError` unless the values are a dict with all fields of the dataclass `kind`, and no others.

    A default must not stand in for a missing one: it may have been another one at the time.
    """
    if not isinstance(values, dict):
        raise SimplexNASError(f"{kind.__name__} = {str(values)[:80]!r}; allowed: an object of settings")
    known = {each.name for each in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise SimplexNASError(f"unknown setting {unknown[0]!r}; known: {', '.join(sorted(known))}")
    if missing := sorted(known - set(values)):
        raise SimplexNASError(f"the setting {missing[0]!r} is missing")


def _allowed(each: Field, value: object) -> bool:
    bounds = each.metadata["bounds"]
    if each.type is not type(value) and not (each.type is float and type(value) is int):  # True is no number
        return False
    if bounds["among"] is not None:
        return value in bounds["among"]
    if each.type in (bool, str):
        return True
    holds = {
        "least": lambda bound: value >= bound,
        "most": lambda bound: value <= bound,
        "above": lambda bound: value > bound,
        "below": lambda bound: value < bound,
        "multiple_of": lambda bound: each.type is float or value % bound == 0,
    }
    return math.isfinite(value) and all(ok(bounds[name]) for name, ok in holds.items() if bounds[name] is not None)


def allowed_in_words(each: Field) -> str:
    """The allowed values of a field made with `setting`."""
    bounds = each.metadata["bounds"]
    if bounds["among"] is not None:
        return ", ".join(map(str, bounds["among"]))
    if each.type is bool:
        return "true, false"
    words = "whole numbers" if each.type is int else "numbers"
    if bounds["multiple_of"] == 2:
        words = "even numbers"
    elif bounds["multiple_of"] > 2:
        words = f"multiples of {bounds['multiple_of']}"
    for name, said in (("least", "from"), ("above", "above"), ("most", "to"), ("below", "to below")):
        if bounds[name] is not None:
            words += f" {said} {bounds[name]}"
    return words
