"""How active each goal's shards are at every onset, and what is reached first after reflection.

Axis letters: N onsets of all seeds · U onsets · D seeds · K shards.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from shardsim.base.errors import UserError
from shardsim.plot.extinction import Onsets
from shardsim.runs.agents import check_memoryless
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run


def activation(run: Run) -> tuple[Onsets, tuple[str, str]]:
    """Return every onset of every seed that has contexts there, and the two goals.

    Raises:
        UserError: nobody reflected.
    """
    check_memoryless(run, "reflection")
    return onsets_of(run.reflection, run.shards.dataset, run.config.reflect.strength)


def onsets_of(
    data: xr.Dataset, shards: xr.Dataset, strength: float
) -> tuple[Onsets, tuple[str, str]]:
    """The same of tables: what reflection did, the shards of before, and b of the endorsements."""
    if "judge" not in data:
        raise UserError("no shard was found in this run, so there was no reflection")
    first, second = (str(name) for name in data["outcome"].values[:2])
    judges = data["judge"].transpose("onset", "seed", "shard").values
    wants = _wanted(shards, first, second)
    hit = data["hit"].transpose("model", "onset", "seed", "step", "outcome").values
    either = hit[..., :2].sum(-1)
    share = np.divide(hit[..., 0], either, out=np.full_like(either, np.nan), where=either > 0)
    known = np.isfinite(share[0, ..., 0]) & np.isfinite(judges).all(-1)
    best = data["value_high"].sel(place="onset").transpose("onset", "seed", "shard").values
    hardness = np.expm1(strength * np.where(judges > 0, best, np.nan))[known]
    kinds = np.broadcast_to(data["onset_class"].values[:, None], known.shape)
    found = Onsets(
        active=(judges @ wants)[known],
        before=share[0, ..., 0][known],
        after={str(m): share[n, ..., -1][known] for n, m in enumerate(data["model"].values)},
        kinds=[str(kind) for kind in kinds[known]],
        hardness=float(np.nanmean(hardness)),
    )
    return found, (first, second)


def _wanted(shards: xr.Dataset, first: str, second: str) -> np.ndarray:
    """Return float[K]: 1 for a shard that wants the first goal more than the second, else 0."""
    likes = [results.choose(shards, "concept", name)["preferences"] for name in (first, second)]
    return (likes[0] > likes[1]).values.astype(np.float64)
