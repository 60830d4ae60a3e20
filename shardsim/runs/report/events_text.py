"""The events of a run's track as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import xarray as xr

from shardsim.base.columns import aligned
from shardsim.runs.events import CONFIDENCE, names_of, over_all
from shardsim.runs.report.formats import listed, percent
from shardsim.shards.tracking.events import NULL, THRESHOLDS
from shardsim.shards.tracking.over_seeds import OverSeeds

SHOWN = 3  # checkpoints named before the last one
Time = tuple[float, float]


def in_words(
    track: xr.Dataset,
    shard: str | int | None = None,
    thresholds: Iterable[str | float] = THRESHOLDS,
    confidence: float = CONFIDENCE,
) -> str:
    """Return the events as text: a line on all seeds, and under it one by seed."""
    rows = over_all(track, shard, thresholds, confidence)
    if not rows:
        return "No shard was found in this run, so there are no events."
    names, seeds = names_of(track), track["seed"].values.tolist()
    last = float(track["steps"].values[-1])
    lines = [*_about(track, rows[0]), ""]
    cells = aligned([_cells(one, names) for one in rows])
    for number in dict.fromkeys(one.shard for one in rows):
        lines.append(f"{number} {names[number]}")
        for one, line in zip(rows, cells, strict=True):
            if one.shard == number:
                lines += [f"  {line}", f"      {_seeds(one, seeds, last)}"]
    return "\n".join(lines)


def _about(track: xr.Dataset, one: OverSeeds) -> list[str]:
    steps = [f"{value:,.0f}" for value in track["steps"].values]
    few = steps if len(steps) <= SHOWN + 2 else [*steps[:SHOWN], "…", steps[-1]]
    count = len(one.times)
    lines = [
        f"{len(steps)} checkpoints at {', '.join(few)} env steps of each seed; an event lies "
        "between two of them.",
    ]
    if count == 1:
        return [*lines, "One seed has no interval over seeds."]
    said = f"[ ] is the interval of the median over {count} seeds, which holds it in"
    return [*lines, f"{said} {percent(one.coverage)}."]


def _cells(one: OverSeeds, names: dict[int, str]) -> list[str]:
    low, high = one.interval
    ends = f"[{_end(low)}, {_end(high)}]" if one.coverage else ""
    some = f"in {one.happened} of {len(one.times)} seeds"
    return [_what(one, names), some, f"median {_between(one.median)}" if one.happened else "", ends]


def _what(one: OverSeeds, names: dict[int, str]) -> str:
    if one.other:
        return f"{one.kind} {one.other} {names[one.other]}"
    if one.threshold == NULL:
        return f"{one.kind} its null ({one.level:.3f})"
    return f"{one.kind} {100 * one.level:g} %" if one.threshold else one.kind


def _seeds(one: OverSeeds, seeds: Sequence[int], last: float) -> str:
    """Which seeds lie between which checkpoints, the earliest first."""
    groups: dict[Time, list[str]] = {}
    for seed, time in sorted(zip(seeds, one.times, strict=True), key=lambda pair: pair[1]):
        groups.setdefault(time, []).append(str(seed))
    said = []
    for time, members in groups.items():
        when = "never" if time == (last, math.inf) else _between(time)
        if when != "never" and math.isinf(time[1]):
            when = f"undecided {when}"
        said.append(f"{when} in seed{'s' if len(members) > 1 else ''} {listed(members)}")
    return "; ".join(said)


def _between(time: Time) -> str:
    start, end = time
    if math.isinf(start):
        return "from the start" if end == 0 else f"up to {end:,.0f}"
    return f"after {start:,.0f}" if math.isinf(end) else f"{start:,.0f}–{end:,.0f}"


def _end(steps: float) -> str:
    if math.isinf(steps):
        return "start" if steps < 0 else "never"
    return f"{steps:,.0f}"
