"""`forecast.json`: written before any weight moves, then left as it is; scored by its hash.

A stage that was stopped after the forecast goes on with the one that stands, as long as it rests on
the same results and settings.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from shardsim.base.errors import UserError
from shardsim.reflection.forecast.score import cases_of, score, together, verdicts_right
from shardsim.runs.io import json_from_bytes, json_to_bytes
from shardsim.runs.run import Run, checkpoint_name

FORECAST = "forecast.json"
SAME = ("format", "settings", "rests_on")  # by which a forecast that stands is known


def keep(run: Run, said: dict[str, Any]) -> bytes:
    """Write a forecast, or leave one that stands and rests on the same; return what is there."""
    said = said | {"rests_on": rests_on(run)}
    standing = _standing(run)
    if standing is not None:
        old = json_from_bytes(standing, str(run.path / FORECAST))
        new = json_from_bytes(json_to_bytes(said), FORECAST)
        if all(old.get(key) == new[key] for key in SAME):
            return standing
    data = json_to_bytes(said)
    run.store.write(FORECAST, data)
    return data


def rests_on(run: Run) -> dict[str, str]:
    """Return the hashes of the results that a forecast is made from."""
    names = ("shards.nc", checkpoint_name(run.updates[-1]))
    return {name: run.store.manifest["files"][name] for name in names}


def _standing(run: Run) -> bytes | None:
    """Return the forecast that is there, whole; None where there is none."""
    if not run.store.has(FORECAST):
        return None
    try:
        return run.store.read(FORECAST)
    except UserError:
        return None


def scored(data: bytes, found: xr.Dataset) -> dict[str, Any]:
    """Return the hash of a forecast as it was written, and how good it was."""
    told = json_from_bytes(data, FORECAST)
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "margin": told["settings"]["epsilon"],
        "goal": told["outcomes"][0],
        "models": score(cases_of(told, outcomes_of(told, found)), told["settings"]["epsilon"]),
        "verdicts": verdicts_right(told, _value_changes(told, found)),
    }


def outcomes_of(told: dict[str, Any], found: xr.Dataset) -> dict[str, np.ndarray]:
    """Return rule -> float64[seed, onset]: how likely the first goal came first afterwards."""
    last = found["hit"].isel(step=-1).sel(outcome=told["outcomes"][0])
    return {rule: last.sel(model=rule).transpose("seed", "onset").values for rule in told["paths"]}


def _value_changes(told: dict[str, Any], found: xr.Dataset) -> dict[str, np.ndarray]:
    """Return rule -> float64[seed, onset, shard], where they were measured at the onset."""
    change = found["value_change"].sel(place="onset")
    dims = ("seed", "onset", "shard")
    return {rule: change.sel(model=rule).transpose(*dims).values for rule in told["paths"]}


def read(run: Run) -> dict[str, Any]:
    """Return a run's forecast.

    Raises:
        UserError: there is none, or it was made by other rules than this version's.
    """
    if run.store.has("reflection.json") and not run.store.has(FORECAST):
        raise UserError(
            f"{run.path} has no forecast: no shard was found, or an earlier version reflected; "
            f"see what it finds now with: shardsim reflect {shlex.quote(str(run.path))} --again"
        )
    return run.json(FORECAST)


def pooled(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the score of all runs' forecasts together, over all their agents.

    Raises:
        UserError: a run without a forecast, or margins that differ.
    """
    told = [read(run) for run in runs]
    margins = sorted({one["settings"]["epsilon"] for one in told})
    if len(margins) > 1:
        said = " and ".join(f"{one:g}" for one in margins)
        raise UserError(f"these runs have different reflect.epsilon, {said}; score each alone")
    cases = [
        cases_of(one, outcomes_of(one, run.reflection)) for run, one in zip(runs, told, strict=True)
    ]
    return score(together(cases), margins[0])
