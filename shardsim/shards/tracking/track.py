"""The track: how the shard distribution moved over the checkpoints of a run.

One dictionary of preferences serves the whole run, so that a shard keeps its identity; gates are
free for each seed and checkpoint. Separate fits of some checkpoints are the check: the run's shards
are matched with theirs by what they do (their pull on every action over the frozen battery, since
directions in weight space rotate during training).

Axis letters: T checkpoints · S agents (seeds) · C contexts · K shards · O concepts · A actions ·
P parts of the shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from shardsim.agent.policy import forward_many
from shardsim.base.parallel import each
from shardsim.base.statistics import Interval
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.evidence.activations import sample
from shardsim.shards.fit.data import DecisionData
from shardsim.shards.fit.joint import fit_gates, fit_shared
from shardsim.shards.identify import data_of, parts_of
from shardsim.shards.influence import shares
from shardsim.shards.population import Agents
from shardsim.shards.tracking.matching import null_similarity, similarity


class Field(NamedTuple):
    """What separately fitted shards do over the battery, and their shares."""

    pulls: np.ndarray  # float64[K', C, A]
    preferences: np.ndarray  # float64[K', O]


class Track(NamedTuple):
    """Shares over checkpoints and seeds, under one dictionary, and the check."""

    checkpoints: tuple[int, ...]  # update numbers, T
    preferences: np.ndarray  # float64[K, O]
    share: np.ndarray  # float64[T, S, P]
    strength: np.ndarray  # float64[T, S, K], mean logits a shard adds, sd under the policy
    interval: list[Interval]  # T, of shares float64[P], over levels and seeds
    checked: tuple[int, ...]  # checkpoints that were also fitted separately, T'
    separate: np.ndarray  # int64[T', S], shards of each separate fit
    agreement: np.ndarray  # float64[T', S, K], cosine of each shard's field with its best match
    threshold: float  # similarity that shuffled batteries reach in 5 % of cases


def track_population(
    agents: Agents,
    preferences: np.ndarray,
    checkpoints: Sequence[int],
    parameters: Sequence[Any],
    battery: Battery,
    config: IdentifyConfig,
) -> Track:
    """Follow the shards of all agents through their checkpoints.

    Args:
      agents: the run's networks; only the architecture is used.
      preferences: float[K, O], the run's dictionary.
      checkpoints: update numbers, ascending, T.
      parameters: pytrees [S], T of them.
      battery: the target battery; a sample of it is used.
      config: how many contexts and checks.

    Returns:
      The track. Intervals are over levels and seeds.
    """
    few = battery.take(sample(battery.size, config.seed, config.track_contexts))
    logits = np.stack([_logits(agents, own, few) for own in parameters])
    data = [[data_of(few, one) for one in at] for at in logits]
    flat = [one for at in data for one in at]
    models = each(partial(fit_gates, preferences, seed=config.seed), flat)
    parts = [parts_of(m, d) for m, d in zip(models, flat, strict=True)]
    strength = np.stack([shares.strengths(part) for part in parts])
    strength = strength.reshape(*logits.shape[:2], few.size, -1)
    common = [part.shards.transpose(2, 0, 1) for part in parts]
    checked = check_points(len(checkpoints), config.track_checks)
    fields = separate_fits(data, checked, config)
    seeds = logits.shape[1]
    return Track(
        checkpoints=tuple(int(number) for number in checkpoints),
        preferences=preferences,
        share=shares.shares_of(strength, few.weight),
        strength=_mean(strength[..., : len(preferences)], few.weight),
        interval=[_interval(at, few, config) for at in strength],
        checked=tuple(int(checkpoints[t]) for t in checked),
        separate=np.array([[len(f.preferences) for f in row] for row in fields]).reshape(-1, seeds),
        agreement=_agreements(common, fields, checked, seeds, len(preferences)),
        threshold=_threshold(fields, config.seed),
    )


def _logits(agents: Agents, parameters: Any, battery: Battery) -> np.ndarray:
    return np.asarray(forward_many(agents.network, parameters, battery.observations).logits)


def _mean(strength: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.einsum("tsck,c->tsk", strength, weight) / weight.sum()


def _interval(strength: np.ndarray, battery: Battery, config: IdentifyConfig) -> Interval:
    return shares.share_interval(
        strength,
        battery.weight,
        battery.level_index,
        seed=config.seed,
        draws=config.draws,
        confidence=config.confidence,
    )


def check_points(count: int, checks: int) -> list[int]:
    """Return at most `checks` of `count` positions, evenly spread, the last one included."""
    if checks == 0:
        return []
    return sorted({round(t) for t in np.linspace(0, count - 1, min(checks, count))})


def separate_fits(
    data: list[list[DecisionData]], checked: list[int], config: IdentifyConfig
) -> list[list[Field]]:
    """Find the shards of every seed at the chosen checkpoints, without any dictionary."""
    flat = [one for t in checked for one in data[t]]
    fields = each(partial(_separate, config), flat)
    seeds = len(data[0])
    return [fields[first : first + seeds] for first in range(0, len(fields), seeds)]


def _separate(config: IdentifyConfig, data: DecisionData) -> Field:
    preferences = fit_shared([data], max_shards=config.max_shards, seed=config.seed)
    model = fit_gates(preferences, data, seed=config.seed)
    pulls = shares.shard_pulls(model.gates, preferences, data.advantages)
    return Field(pulls.transpose(2, 0, 1), preferences)


def _threshold(fields: list[list[Field]], seed: int) -> float:
    """The similarity of fields that chance gives: the 95th percentile over shuffled batteries."""
    last = [one.pulls for one in fields[-1] if len(one.pulls)] if fields else []
    return null_similarity(last, seed) if last else 1.0


def _agreements(common, fields, checked, seeds: int, count: int) -> np.ndarray:
    """Cosine of each of the run's shards with the best match among those fitted separately."""
    found = np.zeros((len(checked), seeds, count))
    for row, t in enumerate(checked):
        for seed in range(seeds):
            alike = similarity(common[t * seeds + seed], fields[row][seed].pulls)
            found[row, seed] = alike.max(1, initial=0.0)
    return found


def track_dataset(found: Track, seeds: list[int] | None = None) -> xr.Dataset:
    """Return the track as a Dataset; dims checkpoint, seed, shard, concept, rest, check."""
    count = len(found.preferences)
    variables: dict[str, Any] = {
        "preferences": (("shard", "concept_number"), found.preferences),
        "share": (("checkpoint", "seed", "shard"), found.share[..., :count]),
        "rest_share": (("checkpoint", "seed", "rest"), found.share[..., count:]),
        "strength": (("checkpoint", "seed", "shard"), found.strength),
        "separate_shards": (("check", "seed"), found.separate),
        "separate_agreement": (("check", "seed", "shard"), found.agreement),
    }
    for number, name in enumerate(shares.REST):
        variables[f"{name}_share"] = (("checkpoint", "seed"), found.share[..., count + number])
    for end in ("mean", "low", "high"):
        values = np.stack([np.asarray(getattr(one, end)) for one in found.interval])
        variables[f"share_{end}"] = (("checkpoint", "shard"), values[:, :count])
        variables[f"rest_share_{end}"] = (("checkpoint", "rest"), values[:, count:])
    coords: dict[str, Any] = {
        "checkpoint": list(found.checkpoints),
        "seed": list(range(found.share.shape[1])) if seeds is None else list(seeds),
        "shard": list(range(count)),
        "rest": list(shares.REST),
        "check": list(found.checked),
    }
    return xr.Dataset(variables, coords, {"threshold": found.threshold})
