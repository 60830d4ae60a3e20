"""Numbers, intervals and lists as the report's sentences and tables show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")


def percent(value: float | None) -> str:
    """A fraction in per cent."""
    return "an unknown part" if value is None else f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def interval(entry: Mapping[str, Any] | float | None, form: str = "{:.3f}") -> str:
    """`mean [low, high]` of a summary's interval, or the number that stands there alone."""
    if entry is None:
        return "unknown"
    if not isinstance(entry, Mapping):
        return minus(form.format(entry))
    mean, low, high = (entry.get(key) for key in ("mean", "low", "high"))
    if mean is None:
        return "unknown"
    said = form.format(mean)
    if low is not None and high is not None:
        said += f" [{form.format(low)}, {form.format(high)}]"
    return minus(said)


def minus(text: str) -> str:
    """A number's hyphens as minus signs."""
    return text.replace("-", "−")


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def count(number: int, noun: str = "") -> str:
    """`two`, or `two shards`; figures above eight."""
    word = _WORDS[number] if number < len(_WORDS) else str(number)
    if not noun:
        return "none" if number == 0 else word
    return f"{word} {noun}{'' if number == 1 else 's'}"


def sentence(text: str) -> str:
    """A text with its first letter large and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def number(value: Any, digits: int = 3) -> str:
    """A number with so many decimals, or a dash."""
    if value is None or not np.isfinite(value):
        return "–"
    return minus(f"{value:.{digits}f}")


def spread(mean: float, low: float, high: float) -> str:
    """`mean [low, high]`."""
    return f"{number(mean, 2)} [{number(low, 2)}, {number(high, 2)}]"


def half_width(entry: Mapping[str, float] | None) -> str:
    """`mean ± half of the interval's width`, or a dash."""
    if not entry or entry.get("mean") is None:
        return "–"
    said = minus(f"{round(entry['mean'], 2) + 0.0:+.2f}")  # adding zero turns −0.0 into 0.0
    ends = entry.get("low"), entry.get("high")
    if ends[0] is None or ends[1] is None:
        return said
    return f"{said}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{(ends[1] - ends[0]) / 2:.2f}"


def mean_sd(values: Sequence[float] | np.ndarray) -> str:
    """`mean ± sd` over seeds; the number alone for one seed."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if not known.size:
        return "–"
    sd = f" ± {number(known.std(ddof=1))}" if known.size > 1 else ""
    return f"{number(known.mean())}{sd}"
