"""Outcomes as the tables that figures take: reflection, diagnosis, and runs beside one another.

Axes: K seeds, T steps, S shards, M models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from shardsim.base.errors import UserError
from shardsim.base.statistics import Interval, t_interval
from shardsim.diagnosis.evidence import label_of
from shardsim.plot.reflection import Changes
from shardsim.runs import tables
from shardsim.runs.run import Run

Hits = dict[str, dict[str, dict[str, np.ndarray]]]  # onset -> outcome -> model -> f[T, K]


def hits(run: Run) -> tuple[np.ndarray, Hits]:
    """Steps f[T], and the exact probability of what is reached first from each onset.

    Seeds that have no context of an onset's kind are left out there, and so is a model that was
    not tried. Raises UserError where there was no shard, so that nobody reflected.
    """
    data = _reflection(run)
    found: Hits = {}
    for onset in data["onset"].values:
        for name in (str(name) for name in data.data_vars if str(name).startswith("hit_")):
            chance = data[name].sel(onset=onset).transpose("model", "step", "seed")
            title = name.removeprefix("hit_")
            models = {str(m): _whole(chance.sel(model=m).values) for m in data["model"].values}
            kept = {model: values for model, values in models.items() if values.size}
            title = title if title == "neither" else f"{title} first"
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
    data = tables.choose(_reflection(run), "place", place)
    relative = data["value_change"].transpose("onset", "shard", "model", "seed")
    known = np.isfinite(relative.values).any(axis=(0, 1, 3))
    relative = relative.sel(model=data["model"].values[known])
    names = tables.shard_names(run.dataset("shards.nc"))
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
    data = run.dataset("reflection.nc")
    if "value_change" not in data:
        raise UserError("no shard was found in this run, so nobody reflected")
    return data


def world(found: Mapping[str, Any]) -> str:
    """The world of a diagnosis in one word, with what it names."""
    return label_of(found["world"], found.get("section"), found.get("representation"))


def compared(runs: Sequence[Run]) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Panel -> measure -> run -> f[K]: shares on every battery, shardness, return ratio.

    A shard is matched by what it pushes for; a run that has no such shard counts as 0 there.
    """
    named = tables.titled(runs)
    panels: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for battery in ("held-out", "target"):
        title = f"share of decision influence, {battery} levels"
        panels[title] = _shares(named, battery)
    data = {name: run.dataset("shards.nc") for name, run in named.items()}
    panels["shardness: best rival − shards (bits a decision)"] = {
        "shardness": {name: np.atleast_1d(one["shardness"].values) for name, one in data.items()}
    }
    panels["return ÷ optimal return"] = {
        f"{split} levels": {
            name: tables.curves(run).ratio[split][:, -1] for name, run in named.items()
        }
        for split in ("held-out", "target")
    }
    return panels


def _shares(named: Mapping[str, Run], battery: str) -> dict[str, dict[str, np.ndarray]]:
    found = {}
    for name, run in named.items():
        data = tables.choose(run.dataset("shards.nc"), "battery", battery).transpose("seed", ...)
        found[name] = dict(zip(tables.parts(data).names, tables.all_shares(data).T, strict=True))
    rows = list(dict.fromkeys(part for parts in found.values() for part in parts))
    rows.sort(key=lambda part: part in tables.OTHERS)
    seeds = {name: len(next(iter(parts.values()))) for name, parts in found.items()}
    return {
        row: {name: parts.get(row, np.zeros(seeds[name])) for name, parts in found.items()}
        for row in rows
    }
