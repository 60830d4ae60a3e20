"""Reflection as labelled tables and plain words.

Axis letters: D seeds · U onsets · R rules · T steps · G goals · K shards · X objects ·
Q places · M models, the rules and then the replicator.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from shardsim.base.statistics import Interval, t_interval
from shardsim.env.core import Env
from shardsim.reflection import onsets
from shardsim.reflection.config import RULES, ReflectConfig
from shardsim.reflection.constancy import (
    combine,
    constancy,
    relative_change,
    sufficient_distance,
)
from shardsim.reflection.probe import object_numbers
from shardsim.reflection.reidentified import Again
from shardsim.reflection.setting import Setting
from shardsim.reflection.shard_returns import PLACES, Worth
from shardsim.reflection.weights import Trace

MODELS = (*RULES, "replicator")
VERDICT_MODEL = "turns"  # whose verdict stands for an onset
NEITHER = "neither"
UNDEFINED = "undefined"
PATH = ("onset", "model", "step", "seed")


class Evidence(NamedTuple):
    """All that was found, as numpy."""

    setting: Setting
    trace: Trace  # [D, U, R]
    forecast_hits: np.ndarray  # float[D, U, T + 1, G + 1]
    forecast_weights: np.ndarray  # float[D, U, T + 1, K]
    limit: np.ndarray  # float[D, U, G + 1], turns in the tabular limit
    worth: Worth
    again: Again


def dataset(env: Env, evidence: Evidence, config: ReflectConfig) -> xr.Dataset:
    """Return everything with dims onset, model, step, seed, shard, object, place, outcome."""
    setting, measured = evidence.setting, evidence.trace.measured
    names = [env.concept_names[goal] for goal in setting.goals]
    outcomes = [*names, NEITHER]
    found: dict[str, Any] = {
        "influence": ((*PATH, "object"), _path(measured.influence)),
        "competence": (PATH, _path(measured.competence)),
        "policy_change": (PATH, _path(measured.shift)),
    }
    forecast = np.moveaxis(evidence.forecast_hits, 0, 2)[:, None]
    reached = _path(measured.hits)
    reached[:, -1:] = forecast
    for number, name in enumerate(outcomes):
        found[f"hit_{name}"] = (PATH, reached[..., number])
        found[f"target_hit_{name}"] = (PATH, _path(measured.target_hits)[..., number])
    found |= _who_judges(evidence) | _worth_tables(evidence, config) | _again_tables(evidence)
    found = {name: _where_there(name, held, setting) for name, held in found.items()}
    coords = {
        "onset": list(setting.names),
        "model": list(MODELS),
        "place": list(PLACES),
        "outcome": outcomes,
        "object": [env.concept_names[number] for number in object_numbers(env)],
    }
    result = xr.Dataset(found, coords)
    return result.assign(_drift(result, outcomes)).assign_attrs(
        goals=names, epsilon=config.epsilon, discount=config.discount
    )


def _where_there(name: str, held: tuple, setting: Setting) -> tuple:
    """Return a table (dims, values) with NaN where a seed has no context of the onset's kind.

    What such a seed was computed to do is what an empty onset does: nothing.
    """
    dims, values = held
    if not {"onset", "seed"} <= set(dims) or name == "contexts":
        return held
    there = np.any(setting.weight > 0, axis=-1).T  # [U, D]
    shape = [{"onset": there.shape[0], "seed": there.shape[1]}.get(dim, 1) for dim in dims]
    return dims, np.where(there.reshape(shape), values, np.nan)


def _path(values: Any) -> np.ndarray:
    """Return float64[U, M, T + 1, D, ...] of float[D, U, R, T + 1, ...]; NaN for the replicator."""
    moved = np.moveaxis(np.asarray(values, np.float64), 0, 3)
    return np.concatenate([moved, np.full_like(moved[:, :1], np.nan)], axis=1)


def _end(values: Any) -> np.ndarray:
    """Return float64[U, M, D, ...] of float[D, U, R, ...]; NaN for the replicator."""
    moved = np.moveaxis(np.asarray(values, np.float64), 0, 2)
    return np.concatenate([moved, np.full_like(moved[:, :1], np.nan)], axis=1)


def _start(values: Any) -> np.ndarray:
    """Return [U, D, ...] of [D, U, ...]."""
    return np.swapaxes(np.asarray(values), 0, 1)


def _who_judges(evidence: Evidence) -> dict[str, Any]:
    setting = evidence.setting
    share = setting.worlds.weight[..., None]
    known = (setting.worlds.weight * setting.identified).sum(-1)
    return {
        "judge": (("onset", "seed", "shard"), _start((share * setting.judges).sum(2))),
        "judge_identified": (("onset", "seed"), _start(known)),
        "contexts": (("onset", "seed"), _start((setting.weight > 0).sum(-1))),
        "turns_limit": (("onset", "seed", "outcome"), _start(evidence.limit)),
        "forecast_weight": (
            ("onset", "step", "seed", "shard"),
            np.moveaxis(evidence.forecast_weights, 0, 2),
        ),
    }


def _worth_tables(evidence: Evidence, config: ReflectConfig) -> dict[str, Any]:
    setting, worth = evidence.setting, evidence.worth
    change = relative_change(
        worth.before[:, :, None], worth.after, worth.low[:, :, None], worth.high[:, :, None]
    )
    exist = np.any(setting.weight > 0, axis=-1)  # [D, U]
    change = np.where(exist[:, :, None, None, None], change, np.nan)
    far = _largest_change(setting, evidence.trace)
    loss = config.epsilon * (worth.high - worth.low)[:, :, 0]
    bound = sufficient_distance(loss, worth.span, config.discount)
    shards, whole = _verdicts(_end(change), config.epsilon)
    place = ("onset", "seed", "place", "shard")
    after = ("onset", "model", "seed", "place", "shard")
    return {
        "value_before": (place, _start(worth.before)),
        "value_low": (place, _start(worth.low)),
        "value_high": (place, _start(worth.high)),
        "value_after": (after, _end(worth.after)),
        "value_change": (after, _end(change)),
        "largest_policy_change": (("onset", "model", "seed"), _end(far)),
        "sufficient_policy_change": (("onset", "seed", "shard"), _start(bound)),
        "shard_verdict": (("onset", "model", "place", "shard"), shards),
        "verdict": (("onset", "model"), whole),
    }


def _verdicts(change: np.ndarray, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Return words [U, M, Q, K] and [U, M] from float[U, M, D, Q, K].

    Seeds without any context of the kind (NaN) are left out.
    """
    kinds, models, _, places, shards = change.shape
    each = np.full((kinds, models, places, shards), UNDEFINED, dtype=object)
    whole = np.full((kinds, models), UNDEFINED, dtype=object)
    for onset, model in np.ndindex(kinds, models):
        kept = change[onset, model][np.isfinite(change[onset, model]).all((1, 2))]
        if not len(kept):
            continue
        tests = [constancy(kept[:, place], epsilon) for place in range(places)]
        each[onset, model] = [test.shards for test in tests]
        whole[onset, model] = combine(test.verdict for test in tests)
    return each, whole


def _largest_change(setting: Setting, trace: Trace) -> np.ndarray:
    """Return float[D, U, R]: the largest TV of the policy in any decision state of the onset."""
    change = 0.5 * np.abs(setting.policy[:, :, None] - trace.onset_policy).sum(-1)
    return np.where(setting.worlds.decision[:, :, None], change, 0.0).max((-1, -2))


def _again_tables(evidence: Evidence) -> dict[str, Any]:
    again = evidence.again
    return {
        "share_before": (("seed", "shard"), again.before),
        "share_after": (("onset", "model", "seed", "shard"), _end(again.after)),
        "carry_over": (("onset", "model", "seed"), _end(again.carry_over)),
    }


def _drift(found: xr.Dataset, outcomes: list[str]) -> dict[str, Any]:
    """Change from the first to the last step, with 90 % intervals over seeds."""
    parts: dict[str, np.ndarray] = {}
    for name in (*(f"hit_{o}" for o in outcomes), *(f"target_hit_{o}" for o in outcomes)):
        parts[name] = _ends(found[name].values)
    for number, name in enumerate(found["object"].values):
        parts[f"influence_{name}"] = _ends(found["influence"].values[..., number])
    parts["competence"] = _ends(found["competence"].values)
    for shard in range(found.sizes["shard"]):
        change = found["share_after"] - found["share_before"]
        parts[f"share_{shard}"] = change.values[..., shard]
    interval = _intervals(np.stack(list(parts.values()), 2))
    dims = ("onset", "model", "quantity")
    return {
        "quantity": list(parts),
        **{
            f"drift_{end}": (dims, values)
            for end, values in zip(Interval._fields, interval, strict=True)
        },
    }


def _intervals(values: np.ndarray) -> Interval:
    """Return the intervals [U, M, X] of float[U, M, X, D] over the seeds that are known."""
    ends = np.full((len(Interval._fields), *values.shape[:-1]), np.nan)
    for onset, rows in enumerate(values):
        known = np.isfinite(rows).any((0, 1))
        if known.any():
            ends[:, onset] = t_interval(rows[..., known])
    return Interval(*ends)


def _ends(path: np.ndarray) -> np.ndarray:
    """Return float[U, M, D]: the last step minus the first of float[U, M, T + 1, D]."""
    return path[:, :, -1] - path[:, :, 0]


def summary(found: xr.Dataset, competence: float) -> dict[str, Any]:
    """Return plain values: the verdict of each onset, and what moved in each model.

    κ is given only where every seed lost at most `competence` of its return ratio.
    """
    told: dict[str, Any] = {"constancy": {}, "reflection": {}}
    for onset in found["onset"].values.tolist():
        here = found.sel(onset=onset)
        told["constancy"][onset] = str(here["verdict"].sel(model=VERDICT_MODEL).item())
        told["reflection"][onset] = {
            "contexts": here["contexts"].values.tolist(),
            "judges": here["judge"].mean("seed").values.tolist(),
            "judges_identified": float(here["judge_identified"].mean()),
            "models": {
                model: _told(here.sel(model=model), competence)
                for model in found["model"].values.tolist()
            },
        }
    return told


def _told(here: xr.Dataset, competence: float) -> dict[str, Any]:
    lost = here["competence"].isel(step=0) - here["competence"].isel(step=-1)
    lost = lost.values[np.isfinite(lost.values)]
    holds = bool(lost.size and (lost <= competence).all())
    kept = here["carry_over"].values
    kept = kept[np.isfinite(kept)]
    drift = {
        str(name): {end: float(here[f"drift_{end}"].sel(quantity=name)) for end in Interval._fields}
        for name in here["quantity"].values
        if np.isfinite(here["drift_mean"].sel(quantity=name))
    }
    return {
        "verdict": str(here["verdict"].item()),
        "competence_holds": holds,
        "carry_over": float(kept.mean()) if holds and kept.size else None,
        "drift": drift,
    }


def nothing(env: Env) -> tuple[xr.Dataset, dict[str, Any]]:
    """Return the tables and the summary where there is no shard, so that nobody judges."""
    names = onsets.names([env.concept_names[0], env.concept_names[-1]])
    verdict = np.full((len(names), len(MODELS)), UNDEFINED, dtype=object)
    found = xr.Dataset(
        {"verdict": (("onset", "model"), verdict)}, {"onset": list(names), "model": list(MODELS)}
    )
    return found, {"constancy": dict.fromkeys(names, UNDEFINED), "reflection": {}}
