"""Compare shares by removing objects with fitted shares, over finished runs of any worlds.

    python benchmarks/objects.py runs/demo runs/families/*

One line an object of a run: its share by intervention, the same of untrained networks, its fitted
share, and how fitted gates agree with the effects. Below, the correlation over all objects (with
the range when each run is left out in turn), and the largest disagreement with its likely reason.
Means are over seeds. Runs that were identified before objects were measured are named and left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import shardsim as ss
from shardsim.base.errors import UserError
from shardsim.shards.influence.object_shares import BASE, INTERACTIONS

HEAD = ("world", "object", "by intervention", "untrained", "fitted", "gates agree", "along way")
LITTLE = 0.5  # part of an effect along the shortest ways, below which most of it is not


class Row(NamedTuple):
    """One object of one run, means over seeds; NaN where not measured."""

    world: str
    name: str
    measured: float
    untrained: float
    untrained_high: float
    fitted: float
    agree: float
    along: float
    gap: Mapping[str, Any] | None  # where fitted and measured pulls differ most


def rows_of(world: str, summary: Mapping[str, Any]) -> list[Row]:
    """Return a row an object; none where objects were not removed."""
    found = summary.get("objects") or {}
    rows = []
    for name, share in (found.get("shares") or {}).items():
        if name in (BASE, INTERACTIONS):
            continue
        gate = found["gates"][name]
        rows.append(
            Row(
                world,
                name,
                share["mean"],
                _end(share.get("untrained"), "mean"),
                _end(share.get("untrained"), "high"),
                _end(share["fitted"], "mean"),
                _end(gate["correlation"], "mean"),
                _end(gate["along_advantage"], "mean"),
                gate["largest_gap"],
            )
        )
    return rows


def _end(entry: Mapping[str, float] | None, end: str) -> float:
    return float("nan") if entry is None else entry[end]


def correlation(rows: Sequence[Row]) -> float:
    """Return the correlation of measured and fitted shares; NaN below three objects."""
    if len(rows) < 3:
        return float("nan")
    return float(np.corrcoef([row.measured for row in rows], [row.fitted for row in rows])[0, 1])


def without_each(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the least and greatest correlation when each world is left out in turn."""
    worlds = dict.fromkeys(row.world for row in rows)
    each = [correlation([row for row in rows if row.world != world]) for world in worlds]
    known = [value for value in each if np.isfinite(value)] or [float("nan")]
    return min(known), max(known)


def reason(row: Row) -> str:
    """Say what a disagreement comes from, as far as the numbers of one row tell."""
    if row.measured > row.fitted and row.measured <= row.untrained_high:
        return "untrained networks of equal entropy react to it as much"
    if row.along < LITTLE:
        return f"only {row.along:.0%} of its effect is along the shortest ways to it"
    if row.gap is None:
        return "its effects have no direction to compare"
    way = "weaker" if row.gap["mean"] < 0 else "stronger"
    return (
        f"at distance {row.gap['distance']} the fitted pull is {abs(row.gap['mean']):.2f} logits "
        f"per move {way} than the effect"
    )


def line(row: Row) -> str:
    """Return one line of a Markdown table."""
    numbers = (row.measured, row.untrained, row.fitted, row.agree, row.along)
    told = ("–" if np.isnan(value) else f"{value:.2f}" for value in numbers)
    return "| " + " | ".join((row.world, row.name, *told)) + " |"


def ending(rows: Sequence[Row]) -> list[str]:
    """Return the lines below the table."""
    low, high = without_each(rows) if len({row.world for row in rows}) > 1 else (np.nan, np.nan)
    worst = max(rows, key=lambda row: abs(row.measured - row.fitted))
    return [
        f"correlation over {len(rows)} objects: {correlation(rows):.2f} "
        f"(a run left out: {low:.2f} to {high:.2f})",
        f"largest disagreement: {worst.name} of {worst.world}, {worst.measured:.2f} by "
        f"intervention and {worst.fitted:.2f} fitted: {reason(worst)}",
    ]


def main() -> int:
    """Print the table of the runs that were asked for; 1 where none has the numbers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    rows: list[Row] = []
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for path in parser.parse_args().runs:
        try:
            run = ss.load(path)
            own = rows_of(run.env.name, run.summary)
        except UserError as error:
            print(f"left out: {path}: {error}", file=sys.stderr)
            continue
        if not own:
            print(f"left out: {path}: no object was removed there", file=sys.stderr)
        for row in own:
            print(line(row))
        rows += own
    if rows:
        print("\n" + "\n".join(ending(rows)))
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())
