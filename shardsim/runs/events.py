"""Events of a run's track as tables: by seed and over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from shardsim.base.errors import UserError, one_line
from shardsim.base.given import path_of
from shardsim.shards.schema import numbers_called
from shardsim.shards.tracking.events import THRESHOLDS, Event, track_events
from shardsim.shards.tracking.over_seeds import OverSeeds, over_seeds

CONFIDENCE = 0.9
OVER_SEEDS = (
    *("shard", "kind", "threshold", "level", "other", "seeds_with", "seeds"),
    *("median_from", "median_to", "low", "high", "coverage"),
)


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
    if not over_seeds:
        rows = [event._asdict() for event in chosen(track, shard, thresholds)]
        return _table(rows, Event._fields, track)
    rows = [_row(one) for one in over_all(track, shard, thresholds, confidence)]
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


def over_all(
    track: xr.Dataset,
    shard: str | int | None = None,
    thresholds: Iterable[str | float] = THRESHOLDS,
    confidence: float = CONFIDENCE,
) -> list[OverSeeds]:
    """Return the events that concern one shard, or all, over seeds; raises as `table`."""
    if not 0 < confidence < 1:
        raise UserError(f"a confidence lies between 0 and 1, not at {confidence}")
    last = float(track["steps"].values[-1])
    events = chosen(track, shard, thresholds)
    return over_seeds(events, track["seed"].values.tolist(), last, confidence)


def names_of(track: xr.Dataset) -> dict[int, str]:
    """Return what the number of each shard is called."""
    pairs = zip(track["shard"].values, track["shard_name"].values, strict=True)
    return {int(number): str(name) for number, name in pairs}


def _table(rows: list[dict], columns: Sequence[str], track: xr.Dataset) -> pd.DataFrame:
    names = names_of(track)
    table = pd.DataFrame(rows, columns=pd.Index(columns))
    table.insert(1, "shard_name", [names[number] for number in table["shard"]])
    place = int(table.columns.get_indexer(["other"])[0]) + 1
    table.insert(place, "other_name", [names.get(number, "") for number in table["other"]])
    table.attrs["checkpoints"] = [float(steps) for steps in track["steps"].values]
    return table
