"""Reflection as labelled tables and plain words.

Axis letters: D seeds · U onsets · R rules · T steps · G goals · K shards · X objects ·
Q places · M models, the rules and then the replicator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from shardsim.base.schema import labelled
from shardsim.base.statistics import Interval, t_interval
from shardsim.env.core import Env
from shardsim.reflection import onsets
from shardsim.reflection.config import REPLICATOR, USUAL, ReflectConfig, leading
from shardsim.reflection.constancy import combine, constancy, relative_change
from shardsim.reflection.probe import object_numbers
from shardsim.reflection.reidentified import Reidentified
from shardsim.reflection.schema import REFLECTION
from shardsim.reflection.setting import Setting
from shardsim.reflection.shard_returns import PLACES, ShardReturns
from shardsim.reflection.weights import Trace
from shardsim.shards.shardset import ShardSet

NEITHER = "neither"
UNDEFINED = "undefined"


class Evidence(NamedTuple):
    """All that was found, as numpy."""

    setting: Setting
    trace: Trace  # [D, U, R]
    forecast_hits: np.ndarray | None  # float[D, U, T + 1, G + 1], of the replicator if it was asked
    shard_returns: ShardReturns
    value_paths: np.ndarray  # float[D, U, R, T + 1, Q, K]
    reidentified: Reidentified
    endorsed: tuple[np.ndarray, np.ndarray]  # float64[D, U, J, K], E and its size by chance


def dataset(shards: ShardSet, evidence: Evidence, config: ReflectConfig) -> xr.Dataset:
    """Return everything as a table of the schema `REFLECTION`; `shards` are those of before."""
    setting, measured = evidence.setting, evidence.trace.measured
    env, of_shards = shards.battery.env, ("seed", "shard", "shard_name")
    models, again = _in_order(config.models), evidence.reidentified
    hit = _path(measured.hits, models)
    if evidence.forecast_hits is not None:
        hit[:, -1] = np.moveaxis(evidence.forecast_hits, 0, 2)
    found = {
        "hit": hit,
        "target_hit": _path(measured.target_hits, models),
        "influence": _path(measured.influence, models),
        "competence": _path(measured.competence, models),
        "judge": _start(setting.judging),
        "judge_identified": _start((setting.worlds.weight * setting.identified).sum(-1)),
        "contexts": _start((setting.weight > 0).sum(-1)),
        "endorsement": _start(evidence.endorsed[0]),
        "endorsement_chance": _start(evidence.endorsed[1]),
        **_returns(evidence.shard_returns, models),
        "share_before": again.before,
        "share_after": _end(again.after, models),
        "carry_over": _end(again.carry_over[..., -1], models),
        "value_path": _path(evidence.value_paths, models),
        "share_path": _path(again.shares, models),
        "carry_over_path": _path(again.carry_over, models),
        "critic_gap": _start(np.asarray(evidence.trace.gap)[:, :, 0]),
    }
    found = {name: _where_there(name, values, setting) for name, values in found.items()}
    coordinates = {
        **{name: shards.dataset[name].values for name in of_shards},
        "onset": list(setting.names),
        "model": models,
        "step": np.arange(hit.shape[2]),
        "outcome": [*setting.goal_names, NEITHER],
        "object": [env.concept_names[number] for number in object_numbers(env)],
        "place": list(PLACES),
        "end": ["low", "high"],
        "endorser": shards.dataset["shard"].values,
    }
    drift = _drift(found, coordinates)
    mean, *ends = _intervals(np.stack(list(drift.values()), 2))
    return labelled(
        REFLECTION,
        {
            **found,
            "verdict": _verdicts(found["value_change"], config.epsilon),
            "drift": mean,
            "drift_interval": np.stack(ends, -1),
        },
        {**coordinates, "quantity": list(drift)},
        {"epsilon": config.epsilon},
    )


def _where_there(name: str, values: np.ndarray, setting: Setting) -> np.ndarray:
    """Return a variable with NaN where a seed has no context of the onset's kind.

    What such a seed was computed to do is what an empty onset does: nothing.
    """
    dims = REFLECTION.variables[name].dims
    if not {"onset", "seed"} <= set(dims) or name == "contexts":
        return values
    there = np.any(setting.weight > 0, axis=-1).T  # [U, D]
    shape = [{"onset": there.shape[0], "seed": there.shape[1]}.get(dim, 1) for dim in dims]
    return np.where(there.reshape(shape), values, np.nan)


def _in_order(models: Sequence[str]) -> list[str]:
    """Return the rules as they were named, and then the replicator if it is among them."""
    return sorted(models, key=lambda model: model == REPLICATOR)


def _path(values: Any, models: Sequence[str]) -> np.ndarray:
    """Return float64[U, M, T + 1, D, ...] of float[D, U, R, T + 1, ...]; NaN for the replicator."""
    return _with_replicator(np.moveaxis(np.asarray(values, np.float64), 0, 3), models)


def _end(values: Any, models: Sequence[str]) -> np.ndarray:
    """Return float64[U, M, D, ...] of float[D, U, R, ...]; NaN for the replicator."""
    return _with_replicator(np.moveaxis(np.asarray(values, np.float64), 0, 2), models)


def _with_replicator(of_rules: np.ndarray, models: Sequence[str]) -> np.ndarray:
    """Return float64[U, M, ...] of float64[U, R, ...]."""
    more = np.full_like(of_rules[:, :1], np.nan)
    return np.concatenate([of_rules, more], axis=1) if REPLICATOR in models else of_rules


def _start(values: Any) -> np.ndarray:
    """Return [U, D, ...] of [D, U, ...]."""
    return np.swapaxes(np.asarray(values), 0, 1)


def _returns(found: ShardReturns, models: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what every old shard gets, before and after, in the range of what it could get."""
    before, low, high = (x[:, :, None] for x in (found.before, found.low, found.high))
    return {
        "value_before": _start(found.before),
        "value_low": _start(found.low),
        "value_high": _start(found.high),
        "value_after": _end(found.after, models),
        "value_change": _end(relative_change(before, found.after, low, high), models),
    }


def _verdicts(change: np.ndarray, epsilon: float) -> np.ndarray:
    """Return words [U, M] from float[U, M, D, Q, K].

    Seeds without any context of the kind (NaN) are left out.
    """
    said = np.full(change.shape[:2], UNDEFINED, dtype=object)
    for onset, model in np.ndindex(*said.shape):
        kept = change[onset, model][np.isfinite(change[onset, model]).all((1, 2))]
        if len(kept):
            tests = [constancy(kept[:, place], epsilon) for place in range(kept.shape[1])]
            said[onset, model] = combine(test.verdict for test in tests)
    return said


def _drift(found: Mapping[str, np.ndarray], names: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return float[U, M, D] by quantity: how far it went from the first to the last step."""
    apart = {"hit": "outcome", "target_hit": "outcome", "influence": "object"}
    went = {
        f"{name}_{one}": _ends(found[name][..., number])
        for name, dim in apart.items()
        for number, one in enumerate(names[dim])
    }
    share = found["share_after"] - found["share_before"]
    return {
        **went,
        "competence": _ends(found["competence"]),
        **{f"share_{one}": share[..., number] for number, one in enumerate(names["shard"])},
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


def summary(found: xr.Dataset, config: ReflectConfig) -> dict[str, Any]:
    """Return plain values: the verdict of each onset, and what moved in each model.

    κ is given only where every seed lost at most `config.competence` of its return ratio.
    """
    first, competence = leading(config.models), config.competence
    told: dict[str, Any] = {"constancy": {}, "reflection": {}}
    for onset in found["onset"].values.tolist():
        here = found.sel(onset=onset)
        told["constancy"][onset] = str(here["verdict"].sel(model=first).item())
        told["reflection"][onset] = {
            "contexts": here["contexts"].values.tolist(),
            "judges": here["judge"].mean("seed").values.tolist(),
            "judges_identified": float(here["judge_identified"].mean()),
            "tolerance": float(found.attrs["epsilon"]),
            "value_change": _value_changes(here.sel(model=first), found.attrs["epsilon"]),
            "models": {
                model: _told(here.sel(model=model), competence)
                for model in found["model"].values.tolist()
            },
        }
    return told


def _value_changes(here: xr.Dataset, epsilon: float) -> list[dict[str, dict[str, Any]]]:
    """Return for each shard, by place, the change of its value over its range, and the verdict."""
    change = here["value_change"].transpose("seed", "place", "shard").values
    kept = change[np.isfinite(change).all((1, 2))]
    if not len(kept):
        return []
    places = here["place"].values.tolist()
    tests = {place: constancy(kept[:, n], epsilon) for n, place in enumerate(places)}
    return [
        {
            place: {end: float(getattr(test.change, end)[k]) for end in ("mean", "low", "high")}
            | {"verdict": test.shards[k]}
            for place, test in tests.items()
        }
        for k in range(kept.shape[2])
    ]


def _told(here: xr.Dataset, competence: float) -> dict[str, Any]:
    lost = here["competence"].isel(step=0) - here["competence"].isel(step=-1)
    lost = lost.values[np.isfinite(lost.values)]
    holds = bool(lost.size and (lost <= competence).all())
    kept = here["carry_over"].values
    kept = kept[np.isfinite(kept)]
    drift = {
        str(name): {"mean": float(mean), "low": float(low), "high": float(high)}
        for name, mean, (low, high) in zip(
            here["quantity"].values,
            here["drift"].values,
            here["drift_interval"].transpose("quantity", "end").values,
            strict=True,
        )
        if np.isfinite(mean)
    }
    return {
        "verdict": str(here["verdict"].item()),
        "competence_holds": holds,
        "carry_over": float(kept.mean()) if holds and kept.size else None,
        "drift": drift,
    }


def nothing(env: Env, models: Sequence[str] = USUAL) -> tuple[xr.Dataset, dict[str, Any]]:
    """Return the tables and the summary where there is no shard, so that nobody judges."""
    names = onsets.names([env.concept_names[0], env.concept_names[-1]])
    verdict = np.full((len(names), len(models)), UNDEFINED, dtype=object)
    coordinates = {"onset": list(names), "model": _in_order(models)}
    found = labelled(REFLECTION, {"verdict": verdict}, coordinates)
    return found, {"constancy": dict.fromkeys(names, UNDEFINED), "reflection": {}}
