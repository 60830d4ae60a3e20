"""What a figure shows as a long table: a row a number, in the words of its axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes

COLUMNS: tuple[str, ...] = (
    "run",
    "panel",
    "series",
    "seed",
    "at_label",
    "at",
    "value_label",
    "value",
    "low",
    "high",
)


class Drawn(NamedTuple):
    """One number that was drawn, and the panel that says what it is."""

    axes: Axes
    series: str
    at: Any  # where along the axis that is no value: a number, or a name
    value: float
    low: float | None = None  # ends of its interval
    high: float | None = None
    seed: int | None = None  # position of the seed; None for a mean over seeds
    across: bool = False  # values run along x
    at_label: str | None = None  # instead of the axis' own
    value_label: str | None = None
    run: str = ""  # where several runs stand side by side


def long_table(drawn: Sequence[Drawn]) -> list[dict[str, Any]]:
    """Rows with the keys `COLUMNS`; what is not known is None."""
    return [_row(one) for one in drawn]


def _row(one: Drawn) -> dict[str, Any]:
    axes = one.axes
    labels = [axes.get_xlabel(), axes.get_ylabel()]
    at, value = labels[::-1] if one.across else labels
    titles = (axes.get_title(loc=side) for side in ("left", "center", "right"))
    said = {
        "run": one.run,
        "panel": next(filter(None, titles), ""),
        "series": one.series,
        "seed": one.seed,
        "at_label": one.at_label if one.at_label is not None else at,
        "at": one.at,
        "value_label": one.value_label if one.value_label is not None else value,
        "value": _number(one.value),
        "low": _number(one.low),
        "high": _number(one.high),
    }
    return {k: v.replace("\n", " ") if isinstance(v, str) else v for k, v in said.items()}


def _number(value: Any) -> float | None:
    """A finite number, or None where nothing is known or an end is infinite."""
    return None if value is None or value - value != 0 else float(value)
