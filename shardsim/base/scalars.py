"""Single numbers as they come from Python: NumPy's are as good as Python's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from shardsim.base.errors import UserError

Whole: TypeAlias = int | np.integer  # what an argument that is counted may be
Fraction: TypeAlias = float | np.floating | Whole


def plain(value: Any) -> Any:
    """Return a value with NumPy's scalars turned into Python's, inside mappings and lists too.

    Env parameters are hashed and written as JSON and TOML, which take Python's numbers alone.
    Other values come back as they are.
    """
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(plain(part) for part in value)
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    return value


def whole(name: str, value: Any, least: int | None = 0, most: int | None = None) -> int:
    """Return a whole number of Python's or NumPy's as an int.

    Args:
        name: what the number is, as the caller's argument is called.
        value: what was given.
        least: the smallest that is allowed; None for any.
        most: the largest that is allowed; None for any.

    Raises:
        UserError: no whole number, or one outside of the range.
    """
    number = plain(value)
    fits = isinstance(number, int) and not isinstance(number, bool)
    low, high = -math.inf if least is None else least, math.inf if most is None else most
    if not fits or not low <= number <= high:
        raise UserError(f"{name} must be a whole number{_range(least, most)}, not {number!r}")
    return number


def _range(least: int | None, most: int | None) -> str:
    if least is None:
        return ""
    return f" of at least {least}" if most is None else f" from {least} to {most}"
