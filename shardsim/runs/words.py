"""A run's summary as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def in_words(summary: Mapping[str, Any], timings: Mapping[str, float], path: str) -> str:
    """The results that are there, one line each, then where they are and what they took."""
    lines = [f"{summary['env']}, seeds {_listed(summary['seeds'], '{}')}"]
    for split, values in summary.get("return_ratio", {}).items():
        lines.append(f"return / optimum, {split.replace('_', '-'):8}  {_listed(values, '{:.3f}')}")
    took = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in timings.items())
    return "\n".join([*lines, f"wall time  {took}", f"results in {path}"])


def _listed(values: Sequence[Any], form: str) -> str:
    return ", ".join("none" if value is None else form.format(value) for value in values)
