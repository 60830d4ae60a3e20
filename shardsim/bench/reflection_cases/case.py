"""What a case is, and a row of it: expected by a formula, found by the library."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

TOLERANCE = 1e-6  # absolute below 1, relative above


class Row(NamedTuple):
    """One thing that a closed form says of one model."""

    model: str
    what: str
    expected: tuple[float, ...]
    found: tuple[float, ...]

    @property
    def error(self) -> float:
        """Greatest difference, relative above 1; infinite where the numbers do not correspond."""
        if len(self.expected) != len(self.found):
            return float("inf")
        expected, found = np.array(self.expected), np.array(self.found)
        if not np.isfinite(found).all():
            return float("inf")
        return float(
            np.max(np.abs(found - expected) / np.maximum(1.0, np.abs(expected)), initial=0)
        )


class Case(NamedTuple):
    """A closed form: its number in the list of `docs/reflection.md`, and how it is tried."""

    number: int
    name: str
    listed: tuple[dict[str, Any], ...]
    draw: Callable[[np.random.Generator], dict[str, Any]]
    rows: Callable[..., Iterable[Row]]


def row(model: str, what: str, expected: Any, found: Any) -> Row:
    """Return a row of any numbers or arrays."""
    flat = [tuple(np.ravel(np.asarray(one, np.float64)).tolist()) for one in (expected, found)]
    return Row(model, what, flat[0], flat[1])


def threshold(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return where a statement begins or ceases to hold, by bisection; NaN if it does neither."""
    at_low = holds(low)
    if at_low == holds(high):
        return float("nan")
    for _ in range(60):
        middle = (low + high) / 2
        if holds(middle) == at_low:
            low = middle
        else:
            high = middle
    return (low + high) / 2
