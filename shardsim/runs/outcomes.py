"""Outcomes as the tables that figures take: reflection, diagnosis, and runs beside one another.

Axes: K seeds, T steps, S shards, M models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shardsim.base.statistics import t_interval
from shardsim.diagnosis.evidence import label_of
from shardsim.plot.reflection import Changes
from shardsim.runs import tables
from shardsim.runs.run import Run

Hits = dict[str, dict[str, dict[str, np.ndarray]]]  # onset -> outcome -> model -> f[T, K]


def hits(run: Run) -> tuple[np.ndarray, Hits]:
    """Steps f[T], and the exact probability of what is reached first from each onset."""
    data = run.dataset("reflection.nc")
    outcomes = [str(name) for name in data.data_vars if str(name).startswith("hit_")]
    found: Hits = {}
    for onset in data["onset"].values:
        for outcome in outcomes:
            chance = data[outcome].sel(onset=onset).transpose("model", "step", "seed")
            title = outcome.removeprefix("hit_")
            title = title if title == "neither" else f"{title} first"
            models = {str(m): chance.sel(model=m).values for m in data["model"].values}
            known = {name: values for name, values in models.items() if np.isfinite(values).all()}
            found.setdefault(str(onset), {})[title] = known
    return np.asarray(data["step"], np.float64), found


def changes(run: Run) -> tuple[dict[str, Changes], list[str], list[str]]:
    """Relative change of every old shard's value by onset; names of shards and models."""
    data = run.dataset("reflection.nc")
    relative = data["delta_J"].transpose("onset", "shard", "model", "seed")
    epsilon = float(data.attrs.get("epsilon", np.nan))
    models = [str(name) for name in data["model"].values]
    names = tables.shard_names(run.dataset("shards.nc"))
    found = {}
    for place, onset in enumerate(data["onset"].values):
        interval = t_interval(relative.values[place], axis=-1)
        margin = np.full(len(names), epsilon)
        found[str(onset)] = Changes(interval.mean, interval.low, interval.high, margin)
    return found, names, models


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
