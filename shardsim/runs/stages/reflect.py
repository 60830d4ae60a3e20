"""Stage `reflect`: what reflection does to the trained agents; writes `reflection.nc`.

`forecast.json` is written before any weight moves, and is then left as it is: a stage that was
stopped afterwards goes on with the forecast that stands, as long as it rests on the same results.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import xarray as xr

from shardsim.base.errors import UserError
from shardsim.base.progress import Progress
from shardsim.reflection.forecast.score import cases_of, score, verdicts_right
from shardsim.reflection.forecast.trend import Earlier
from shardsim.reflection.results import reflect_run
from shardsim.reflection.setting import Subjects
from shardsim.runs.io import dataset_to_bytes, json_from_bytes, json_to_bytes
from shardsim.runs.run import Run, checkpoint_name
from shardsim.runs.stages.identify import agents_of

FORECAST = "forecast.json"
BACK = 4  # checkpoints between which training's trend is taken


def reflect_stage(run: Run, progress: Progress) -> None:
    """Reflect from every onset, judged by the shards that are active there."""
    subjects = Subjects(
        env=run.env,
        shards=run.shards,
        networks=agents_of(run),
        training=run.battery("held-out"),
        discount=run.config.train.discount,
    )
    kept: list[bytes] = []
    found = reflect_run(
        subjects,
        run.config.reflect,
        seed=run.config.identify.seed,
        progress=progress,
        keep=lambda said: kept.append(keep_forecast(run, said)),
        earlier=_earlier(run),
    )
    if not kept and FORECAST in run.store.manifest["files"]:
        run.store.drop(FORECAST)  # of shards that are no more
    scored = {"forecast": scored_forecast(kept[0], found.dataset)} if kept else {}
    files = {
        "reflection.nc": dataset_to_bytes(found.dataset),
        "reflection.json": json_to_bytes(found.summary | scored),
    }
    run.store.write_all(files)


def keep_forecast(run: Run, said: dict[str, Any]) -> bytes:
    """Write a forecast, or leave one that stands and rests on the same; return what is there."""
    said = said | {"rests_on": rests_on(run)}
    standing = _standing(run)
    if standing is not None:
        old = json_from_bytes(standing, str(run.path / FORECAST))
        same = ("format", "settings", "rests_on")
        if all(old.get(key) == json_from_bytes(json_to_bytes(said), "")[key] for key in same):
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


def _earlier(run: Run) -> Earlier | None:
    """Return the agents some checkpoints before the last; None where there is only one."""
    config, updates = run.config.train, run.updates
    if len(updates) < 2:
        return None
    back = max(0, len(updates) - 1 - BACK)
    passed = (updates[-1] - updates[back]) * config.epochs * config.minibatches
    return Earlier(run.checkpoint(back).parameters, passed)


def scored_forecast(data: bytes, found: xr.Dataset) -> dict[str, Any]:
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
