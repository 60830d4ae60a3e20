"""What reflection did, as a table for a terminal: a row an onset and model."""

from __future__ import annotations

import numpy as np
import xarray as xr

from shardsim.base.columns import aligned
from shardsim.base.statistics import t_interval
from shardsim.reflection.kinds import UNDEFINED

MISSING = "-"
HEAD = ("onset", "model", "reached first", "value of shards", "return", "kappa", "verdict")
ABOUT = (
    "reached first: chance before -> after; value of shards: change over its range at the place "
    "where it is largest, with the 90 % interval over seeds; return: on training levels, before -> "
    "after; sham: the same with endorsements shuffled."
)


def in_words(found: xr.Dataset) -> str:
    """Return the table of a `reflection.nc`, with what its columns are."""
    if "hit" not in found:
        return "No shard was found in this run, so nobody judges and nothing is tried."
    rows = [
        _row(found.sel(onset=onset, model=model))
        for onset in found["onset"].values
        for model in found["model"].values
    ]
    return "\n".join([*aligned([HEAD, *rows]), "", ABOUT])


def _row(here: xr.Dataset) -> tuple[str, ...]:
    """Return the cells of one onset and model."""
    hit = here["hit"].mean("seed").transpose("step", "outcome").values
    first = ", ".join(
        f"{name} {_went(*hit[[0, -1], n])}" for n, name in enumerate(here["outcome"].values)
    )
    return (
        str(here["onset"].values),
        str(here["model"].values),
        first,
        _values(here),
        _went(*here["competence"].mean("seed").values[[0, -1]]),
        _number(here["carry_over"].mean("seed").item()),
        str(here["verdict"].values).replace(UNDEFINED, MISSING),
    )


def _values(here: xr.Dataset) -> str:
    """Return the largest change of each shard's value, with its interval over seeds."""
    change = here["value_change"].dropna("seed").transpose("seed", "place", "shard").values
    if not change.size:
        return MISSING
    said = []
    for number, name in enumerate(here["shard_name"].values):
        of_shard = change[..., number]
        place = int(np.abs(of_shard.mean(0)).argmax())
        mean, low, high = t_interval(of_shard[:, place])
        ends = f" [{low:+.3f}, {high:+.3f}]" if np.isfinite([low, high]).all() else ""
        said.append(f"{name} {mean:+.3f}{ends}")
    return ", ".join(said)


def _went(before: float, after: float) -> str:
    if not np.isfinite([before, after]).all():
        return MISSING
    return f"{before:.2f} -> {after:.2f}"


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else MISSING
