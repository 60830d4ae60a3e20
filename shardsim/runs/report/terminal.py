"""A run's results as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shardsim.diagnosis.evidence import Evidence, label_in, table
from shardsim.runs.report.text import BRACKETS, headlines, returns_of


def in_words(
    summary: Mapping[str, Any], timings: Mapping[str, float], path: str, notes: Sequence[str] = ()
) -> str:
    """The results that are there, then where they are and what each stage took."""
    lines = [f"{summary['env']}, seeds {_listed(summary['seeds'], '{}')}"]
    returns = returns_of(summary)
    told = "return / optimum" if returns.ratio else "return (worst 0, best 1)"
    for split, values in returns.shares.items():
        lines.append(f"{told}, {split.replace('_', '-'):8}  {_listed(values, '{:.3f}')}")
    took = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in timings.items())
    found = headlines(summary)
    about = [BRACKETS] if any("[" in line for line in found) else []
    told = [*lines, "", *found, *about, ""]
    return "\n".join([*told, *notes, f"wall time: {took}", f"results in {path}"])


def diagnosis_in_words(found: Mapping[str, Any]) -> str:
    """The category of a `diagnosis.json`, and its evidence as a table."""
    missing: Any = float("nan")
    rows = [
        Evidence(**{key: missing if value is None else value for key, value in row.items()})
        for row in found["evidence"]
    ]
    if not rows:
        return "\n".join([label_in(found), *found["notes"]])
    seeds = ", ".join(found["seeds"])
    head = f"{label_in(found)}   (evidence tier {found['tier']}; by seed: {seeds})"
    return "\n".join([head, *found["notes"], "", table(rows)])


def _listed(values: Sequence[Any], form: str) -> str:
    return ", ".join("none" if value is None else form.format(value) for value in values)
