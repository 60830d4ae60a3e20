"""Time compiled things in turn, so that what disturbs the machine disturbs all of them alike."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SECONDS = 0.05  # the least time that one measurement takes


@dataclass
class Case:
    """One thing to time: `run(repeat)` does `work` units and waits until they are done."""

    name: str
    work: int
    run: Callable[[int], None]
    labels: dict[str, Any] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)  # units a second, one each repeat

    @property
    def median(self) -> float:
        """The median rate."""
        return statistics.median(self.rates)


def measure(cases: Sequence[Case], repeats: int) -> None:
    """Fill in the rates: all cases once, then all once more, `repeats` times; call warmed up."""
    calls = []
    for case in cases:
        begun = time.perf_counter()
        case.run(0)
        calls.append(max(1, round(SECONDS / (time.perf_counter() - begun))))
    for repeat in range(1, repeats + 1):
        for case, count in zip(cases, calls, strict=True):
            begun = time.perf_counter()
            for _ in range(count):
                case.run(repeat)
            case.rates.append(case.work * count / (time.perf_counter() - begun))


def ratio(case: Case, other: Case) -> str:
    """Write how many times as fast `case` is as `other`: median and range of paired repeats."""
    each = [mine / theirs for mine, theirs in zip(case.rates, other.rates, strict=True)]
    low, high = min(each), max(each)
    return f"{statistics.median(each):.2f} ({low:.2f}–{high:.2f})"


def rate(case: Case) -> str:
    """Write a rate: median and range, units a second."""
    return f"{number(case.median)} ({number(min(case.rates))}–{number(max(case.rates))})"


def number(value: float) -> str:
    """Write a number to three digits."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            scaled = value / size
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f}{letter}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as Markdown, so that it can be pasted."""
    widths = [max(len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    print(f"\n{title}\n")
    for row in [heads, ["-" * width for width in widths], *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("| " + " | ".join(cells) + " |", flush=True)


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processors, load before, versions."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }
    for name in (
        *("jax", "navix", "xminigrid", "gymnax", "minigrid", "gymnasium"),
        *("rejax", "stable-baselines3", "torch"),
    ):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def close(about: dict[str, Any], begun: float, path: str | None, **rows: Any) -> None:
    """Print what the figures depend on, and write them as JSON where a path is given."""
    about |= {"seconds": round(time.perf_counter() - begun, 1)}
    print("\n" + ", ".join(f"{name} {value}" for name, value in about.items()))
    if path:
        Path(path).write_text(json.dumps({"machine": about, **rows}, indent=1) + "\n")


def measured(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Return every single measurement as plain values."""
    return [{"name": case.name, **case.labels, "rates": case.rates} for case in cases]
