"""Events of a run's track as tables: by seed, over seeds, and as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from shardsim.base.columns import aligned
from shardsim.base.errors import UserError, one_line
from shardsim.base.given import path_of
from shardsim.runs.report.formats import listed, percent
from shardsim.shards.schema import numbers_called
from shardsim.shards.tracking.events import NULL, THRESHOLDS, Event, track_events
from shardsim.shards.tracking.over_seeds import OverSeeds, over_seeds

CONFIDENCE = 0.9
OVER_SEEDS = (
    *("shard", "kind", "threshold", "level", "other", "seeds_with", "seeds"),
    *("median_from", "median_to", "low", "high", "coverage"),
)
SHOWN = 3  # checkpoints named before the last one
Time = tuple[float, float]


def table(
    track: xr.Dataset,
    shard: str | int | None = None,
    thresholds: Iterable[str | float] = THRESHOLDS,
    over_seeds: bool = False,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Return one row an event and seed, or one an event.

    Args:
      track: of the schema `TRACK`.
      shard: only events that concern it: its number, or its name; None for all shards.
      thresholds: shares between 0 and 1, and "null".
      over_seeds: one row an event, by each seed's first.
      confidence: of the interval over seeds.

    Returns:
      By seed, columns as the fields of `Event`. Over seeds, the event is in `seeds_with` of
      `seeds`; that of the median seed lies between `median_from` and `median_to`, and the interval
      of the median is `low` to `high`, with its true `coverage`. Times are env steps of each seed;
      `attrs["checkpoints"]` holds those of the checkpoints, between which all events lie.

    Raises:
      UserError: no such shard, a threshold or confidence that is none, or fewer than three
        checkpoints.
    """
    found = chosen(track, shard, thresholds)
    if not over_seeds:
        return _table([event._asdict() for event in found], Event._fields, track)
    rows = [_row(one) for one in _over(track, found, confidence)]
    return _table(rows, OVER_SEEDS, track)


def _row(one: OverSeeds) -> dict[str, Any]:
    ends = (one.happened, len(one.times), *one.median, *one.interval, one.coverage)
    return {**one._asdict(), **dict(zip(OVER_SEEDS[-len(ends) :], ends, strict=True))}


def chosen(
    track: xr.Dataset, shard: str | int | None, thresholds: Iterable[str | float]
) -> list[Event]:
    """Return the events that concern one shard, or all; raises UserError where there is none."""
    events = track_events(track, thresholds)
    if shard is None:
        return events
    numbers = numbers_called(track, shard)
    return [one for one in events if {one.shard, one.other} & numbers]


def save_csv(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table as CSV; times that are not known are empty. Raises UserError."""
    path = path_of(path)
    try:
        table.replace([math.inf, -math.inf], math.nan).to_csv(path, index=False)
    except OSError as error:
        raise UserError(f"cannot write {path}: {one_line(error)}; choose another file") from error
    return path


def in_words(
    track: xr.Dataset,
    shard: str | int | None = None,
    thresholds: Iterable[str | float] = THRESHOLDS,
    confidence: float = CONFIDENCE,
) -> str:
    """Return the events as text: a line on all seeds, and under it one by seed."""
    rows = _over(track, chosen(track, shard, thresholds), confidence)
    if not rows:
        return "No shard was found in this run, so there are no events."
    names, seeds = _names(track), track["seed"].values.tolist()
    last = float(track["steps"].values[-1])
    lines = [*_about(track, rows[0]), ""]
    cells = aligned([_cells(one, names) for one in rows])
    for number in dict.fromkeys(one.shard for one in rows):
        lines.append(f"{number} {names[number]}")
        for one, line in zip(rows, cells, strict=True):
            if one.shard == number:
                lines += [f"  {line}", f"      {_seeds(one, seeds, last)}"]
    return "\n".join(lines)


def _over(track: xr.Dataset, events: Sequence[Event], confidence: float) -> list[OverSeeds]:
    if not 0 < confidence < 1:
        raise UserError(f"a confidence lies between 0 and 1, not at {confidence}")
    last = float(track["steps"].values[-1])
    return over_seeds(events, track["seed"].values.tolist(), last, confidence)


def _names(track: xr.Dataset) -> dict[int, str]:
    pairs = zip(track["shard"].values, track["shard_name"].values, strict=True)
    return {int(number): str(name) for number, name in pairs}


def _table(rows: list[dict], columns: Sequence[str], track: xr.Dataset) -> pd.DataFrame:
    names = _names(track)
    table = pd.DataFrame(rows, columns=pd.Index(columns))
    table.insert(1, "shard_name", [names[number] for number in table["shard"]])
    place = int(table.columns.get_indexer(["other"])[0]) + 1
    table.insert(place, "other_name", [names.get(number, "") for number in table["other"]])
    table.attrs["checkpoints"] = [float(steps) for steps in track["steps"].values]
    return table


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
