"""Outcomes as the tables that figures take: reflection, diagnosis, and runs beside one another.

Axes: K seeds, T steps, S shards, M models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr

from shardsim.base.errors import UserError
from shardsim.base.statistics import SHARE, Bounds, Interval, t_interval
from shardsim.plot.curves import OF_RANGE
from shardsim.plot.reflection import Changes
from shardsim.reflection.tables import NEITHER
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run
from shardsim.shards.shardset import ShardSet

Hits = dict[str, dict[str, dict[str, np.ndarray]]]  # onset -> outcome -> model -> f[T, K]


def hits(run: Run) -> tuple[np.ndarray, Hits]:
    """Steps f[T], and the exact probability of what is reached first from each onset.

    Seeds that have no context of an onset's kind are left out there, and so is a model that was
    not tried. Raises UserError where there was no shard, so that nobody reflected.
    """
    data = _reflection(run)
    found: Hits = {}
    for onset in data["onset"].values:
        for name in map(str, data["outcome"].values):
            chance = data["hit"].sel(onset=onset, outcome=name).transpose("model", "step", "seed")
            models = {str(m): _whole(chance.sel(model=m).values) for m in data["model"].values}
            kept = {model: values for model, values in models.items() if values.size}
            title = name if name == NEITHER else f"{name} first"
            found.setdefault(str(onset), {})[title] = kept
    return np.asarray(data["step"], np.float64), found


def _whole(values: np.ndarray) -> np.ndarray:
    """The seeds (columns) that are known throughout."""
    return values[:, np.isfinite(values).all(axis=0)]


def changes(run: Run, place: str = "target") -> tuple[dict[str, Changes], list[str], list[str]]:
    """Relative change of every old shard's value by onset; names of shards and models.

    Args:
        run: a run that has reflected.
        place: "target" for the value on target levels, "onset" for that at the onset itself.
    """
    data = results.choose(_reflection(run), "place", place)
    relative = data["value_change"].transpose("onset", "shard", "model", "seed")
    known = np.isfinite(relative.values).any(axis=(0, 1, 3))
    relative = relative.sel(model=data["model"].values[known])
    names = results.labels(run.shards.dataset)
    margin = np.full(len(names), float(data.attrs["epsilon"]))
    found = {}
    for number, onset in enumerate(data["onset"].values):
        ends = [[_interval(one) for one in row] for row in relative.values[number]]
        mean, low, high = np.moveaxis(np.array(ends, np.float64), -1, 0)
        found[str(onset)] = Changes(mean, low, high, margin)
    return found, names, [str(name) for name in relative["model"].values]


def _interval(values: np.ndarray) -> Interval:
    """Of the known values; NaN where there is none."""
    known = values[np.isfinite(values)]
    return t_interval(known) if known.size else Interval(np.nan, np.nan, np.nan)


def _reflection(run: Run) -> xr.Dataset:
    data = run.reflection
    if "value_change" not in data:
        raise UserError("no shard was found in this run, so there was no reflection")
    return data


SHARES = "share of decision influence by what it pushes for"


def bounds_of(panels: Iterable[str]) -> dict[str, Bounds]:
    """Which panels of `compared` are of numbers from 0 to 1: shares, and returns on their range."""
    return {title: SHARE for title in panels if title.startswith((SHARES, OF_RANGE))}


def compared(runs: Sequence[Run]) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Panel -> measure -> run -> f[K]: shares by concept on both batteries, shardness, return."""
    named = results.titled(runs)
    shards = {name: run.shards for name, run in named.items()}
    panels = {
        f"{SHARES}, {battery} levels": _by_measure(
            {name: concept_shares(found, battery) for name, found in shards.items()}
        )
        for battery in ("target", "held-out")
    }
    panels["best rival − shards (bits per decision)"] = {
        "shardness": {name: found.shardness for name, found in shards.items()}
    }
    curves = results.curves(named)
    panels[next(iter(curves.values())).unit] = {
        f"{split} levels": {name: one.ratio[split][:, -1] for name, one in curves.items()}
        for split in ("target", "held-out")
    }
    return panels


def concept_shares(found: ShardSet, battery: str) -> dict[str, np.ndarray]:
    """Share f[K] of each concept, then of habit, affordance and residual, on one battery."""
    rest = found.dataset["rest_share"].sel(battery=battery).transpose("rest", "seed").values
    shares = dict(zip(found.concepts, found.concept_shares(battery).T, strict=True))
    return shares | dict(zip(results.OTHERS, rest, strict=True))


def _by_measure(found: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, dict[str, np.ndarray]]:
    """Measure -> run -> f[K] of run -> measure; without the runs whose env has no such concept."""
    rows = list(dict.fromkeys(row for measures in found.values() for row in measures))
    rows.sort(key=lambda row: row in results.OTHERS)
    return {
        row: {name: measures[row] for name, measures in found.items() if row in measures}
        for row in rows
    }
