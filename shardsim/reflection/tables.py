"""Reflection as labelled tables; in plain values it is told by `shardsim.reflection.summary`.

Axis letters: D seeds · U onsets · R rules · T steps · G goals · K shards · X objects ·
Q places · M models, the rules and then the replicator · V classes of onsets · N repeats ·
L target levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from shardsim.base.schema import labelled
from shardsim.base.statistics import Interval, t_interval
from shardsim.reflection.batches import Repeats
from shardsim.reflection.config import REPLICATOR, ReflectConfig
from shardsim.reflection.constancy import FLAT, relative_change
from shardsim.reflection.distance import by_distance
from shardsim.reflection.kinds import Changes, judged, over_all
from shardsim.reflection.probe import object_numbers
from shardsim.reflection.reidentified import Reidentified
from shardsim.reflection.schema import REFLECTION
from shardsim.reflection.setting import Setting
from shardsim.reflection.shard_returns import PLACES, ShardReturns
from shardsim.reflection.weights import Trace
from shardsim.shards.shardset import ShardSet

NEITHER = "neither"


class Evidence(NamedTuple):
    """All that was found, as numpy."""

    setting: Setting
    trace: Trace  # [D, U, R]
    forecast_hits: np.ndarray | None  # float[D, U, T + 1, G + 1], of the replicator if it was asked
    shard_returns: ShardReturns
    value_paths: np.ndarray  # float[D, U, R, T + 1, Q, K]
    reidentified: Reidentified
    endorsed: tuple[np.ndarray, np.ndarray]  # float64[D, U, J, K], E and its size by chance
    repeats: Repeats


def dataset(shards: ShardSet, evidence: Evidence, config: ReflectConfig) -> xr.Dataset:
    """Return everything as a table of the schema `REFLECTION`; `shards` are those of before."""
    setting, measured = evidence.setting, evidence.trace.measured
    env, of_shards = shards.battery.env, ("seed", "shard", "shard_name")
    models, again = in_order(config.models), evidence.reidentified
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
        "saturated": _start((setting.worlds.weight * setting.saturated).sum(-1)),
        "endorsement": _start(evidence.endorsed[0]),
        "endorsement_chance": _start(evidence.endorsed[1]),
        **_returns(evidence.shard_returns, models),
        "repeat_hit": _again(evidence.repeats.hits, models),
        "repeat_target_hit": _again(evidence.repeats.target_hits, models),
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
        "onset_class": list(setting.classes),
        "kind": list(dict.fromkeys(setting.classes)),
        "level": np.arange(found["level_change"].shape[3]),
        "repeat": np.arange(len(evidence.repeats.hits)),
        "model": models,
        "step": np.arange(hit.shape[2]),
        "outcome": [*setting.goal_names, NEITHER],
        "object": [env.concept_names[number] for number in object_numbers(env)],
        "place": list(PLACES),
        "end": ["low", "high"],
        "endorser": shards.dataset["shard"].values,
    }
    drift = _drift(found, coordinates)
    went = np.stack(list(drift.values()), 2)
    mean, *ends = _intervals(went)
    return labelled(
        REFLECTION,
        {
            **found,
            **_verdicts(found, setting, config.epsilon),
            **_drift_of_kinds(went, setting),
            **_beyond(found["value_change"], setting, config.epsilon),
            **by_distance(
                found["value_change"], models, config.epsilon, lambda far: _of_kinds(far, setting)
            ),
            "shared_contexts": setting.shared,
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


def in_order(models: Sequence[str]) -> list[str]:
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
    span = (high - low)[..., PLACES.index("target"), None, :]
    by_level = np.zeros_like(found.level_change)
    np.divide(found.level_change, span, out=by_level, where=span > FLAT)
    return {
        "value_before": _start(found.before),
        "value_low": _start(found.low),
        "value_high": _start(found.high),
        "value_after": _end(found.after, models),
        "value_change": _end(relative_change(before, found.after, low, high), models),
        "level_change": _end(by_level, models),
    }


def _again(values: np.ndarray, models: Sequence[str]) -> np.ndarray:
    """Return float64[U, M, D, N, ...] of float[N, D, U, R, ...]; NaN for the replicator."""
    return _end(np.moveaxis(np.asarray(values), 0, 3), models)


def _verdicts(
    found: Mapping[str, np.ndarray], setting: Setting, epsilon: float
) -> dict[str, np.ndarray]:
    """Return what is said of each onset alone, and of all onsets of a class."""
    at_onset = found["value_change"][..., PLACES.index("onset"), :]
    changes = Changes(at_onset, found["level_change"], setting.shared)
    of_kinds = judged(changes, setting.classes, epsilon)
    return {
        "verdict": judged(changes, setting.names, epsilon, ahead=False).verdict,
        "kind_verdict": of_kinds.verdict,
        "kind_change": of_kinds.change,
        "kind_interval": of_kinds.interval,
        "kind_says": of_kinds.says,
        "detectable": of_kinds.detectable,
        "seeds_needed": of_kinds.seeds_needed,
        "onsets_needed": of_kinds.onsets_needed,
    }


def _of_kinds(values: np.ndarray, setting: Setting) -> np.ndarray:
    """Return mean and interval [V, ..., 3], over seeds and the onsets of each class.

    `values` float[U, ..., D].
    """
    classes = np.array(setting.classes)
    kinds = list(dict.fromkeys(setting.classes))
    ends = np.full((len(kinds), *values.shape[1:-1], 3), np.nan)
    for kind, *place in np.ndindex(*ends.shape[:-1]):
        rows = classes == kinds[kind]
        ends[(kind, *place)] = over_all(values[(rows, *place)], setting.shared[rows])
    return ends


def _drift_of_kinds(went: np.ndarray, setting: Setting) -> dict[str, np.ndarray]:
    """Return how far each quantity went in each class, of float[U, M, X, D]."""
    ends = _of_kinds(went, setting)
    return {"kind_drift": ends[..., 0], "kind_drift_interval": ends[..., 1:]}


def _beyond(change: np.ndarray, setting: Setting, epsilon: float) -> dict[str, np.ndarray]:
    """Return how many reflections change some value beyond the margin, of float[U, M, D, Q, K].

    A mean over onsets can be nothing where single ones go far in different directions.
    """
    far = np.where(np.isnan(change).any((-1, -2)), np.nan, (np.abs(change) > epsilon).any((-1, -2)))
    ends = np.clip(_of_kinds(far, setting), 0.0, 1.0)
    return {"beyond": ends[..., 0], "beyond_interval": ends[..., 1:]}


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
