"""The track: how the shard distribution moved over the checkpoints of a run.

One dictionary of preferences serves the whole run, so that a shard keeps its identity; gates are
free for each seed and checkpoint. Separate fits of some checkpoints are the check: their shards are
matched with one another by what they do (their pull on every action over the frozen battery, since
directions in weight space rotate during training), against what shuffled batteries reach.

Axis letters: T checkpoints · S agents (seeds) · C contexts · K shards · O concepts · A actions ·
P parts of the shares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from shardsim.agent.policy import forward_many
from shardsim.base.parallel import each
from shardsim.base.progress import SILENT, Progress
from shardsim.base.schema import labelled
from shardsim.base.statistics import cut
from shardsim.shards.agents import Networks
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.evidence.activations import sample
from shardsim.shards.fit.data import DecisionData, are_many, decisions_on, with_logits
from shardsim.shards.fit.joint import fit_gates, fit_shared
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.fit.structure import find_structure
from shardsim.shards.influence import shares
from shardsim.shards.influence.shares import parts_of
from shardsim.shards.schema import TRACK
from shardsim.shards.shardset import ShardSet
from shardsim.shards.tracking.matching import null_similarity, similarity

# What each part costs beside the others, in seconds of the demo.
COSTS = {
    "networks": 2.0,
    "gates": 7.0,
    "separate fits": 20.0,
    "shares and their intervals": 1.0,
    "threshold": 0.1,
}


class Field(NamedTuple):
    """What separately fitted shards do over the battery."""

    pulls: np.ndarray  # float64[K', C, A]
    preferences: np.ndarray  # float64[K', O]


def track_shards(
    agents: Networks,
    found: ShardSet,
    parameters: Sequence[Any],
    config: IdentifyConfig,
    moments: Mapping[str, Sequence[int]],
    *,
    progress: Progress = SILENT,
) -> xr.Dataset:
    """Follow the shards of all agents through their checkpoints.

    Args:
      agents: the run's networks; only the architecture is used.
      found: their shards; the dictionary is held, and a sample of the battery is used.
      parameters: pytrees [S], T of them, ascending in time.
      config: how many contexts and checks.
      moments: `update` and `steps` of each checkpoint, T.
      progress: where to say how far it is.

    Returns:
      A Dataset of the schema `TRACK`. Intervals are over levels and seeds; the attribute
      `threshold` is the similarity that shuffled batteries reach in 5 % of cases.
    """
    battery = found.battery
    few = battery.take(sample(battery.size, config.seed, config.track_contexts))
    preferences = found.dataset["preferences"].transpose("shard", "concept").values
    progress.plan(COSTS)
    with progress.part("networks"):
        logits = np.stack([_logits(agents, own, few) for own in parameters])
        first = decisions_on(few, logits[0, 0])
        data = [[with_logits(first, one) for one in at] for at in logits]
    checked = check_points(len(parameters), config.track_checks)
    models, fields = fit_all(data, preferences, checked, config, progress)
    with progress.part("shares and their intervals"):
        flat = [one for at in data for one in at]
        parts = [parts_of(m, d) for m, d in zip(models, flat, strict=True)]
        strength = np.stack([shares.strengths(part) for part in parts])
        strength = strength.reshape(*logits.shape[:2], few.size, -1)
        share, count = shares.shares_of(strength, few.weight), len(preferences)
        ends = np.stack([_ends(at, few, config) for at in strength])
    values = {
        "preferences": preferences,
        "share": share[..., :count],
        "share_interval": ends[:, :count],
        "rest_share": share[..., count:],
        "rest_share_interval": ends[:, count:],
        **_check([part.shards.transpose(2, 0, 1) for part in parts], fields, checked, share.shape),
    }
    names = ("seed", "shard", "shard_name", "concept", "rest", "end")
    known = {name: found.dataset[name].values for name in names}
    moments = {"checkpoint": range(len(parameters)), **moments}
    with progress.part("threshold"):
        threshold = _threshold(fields, config.seed)
    return labelled(TRACK, values, {**known, **moments}, {"threshold": threshold})


def _logits(agents: Networks, parameters: Any, battery: Battery) -> np.ndarray:
    return np.asarray(forward_many(agents.network, parameters, battery.observations).logits)


def _ends(strength: np.ndarray, battery: Battery, config: IdentifyConfig) -> np.ndarray:
    """Return float64[P, 2]: interval of the shares from strengths [S, C, P]."""
    found = shares.share_interval(
        strength,
        battery.weight,
        battery.level_index,
        seed=config.seed,
        draws=config.draws,
        confidence=config.confidence,
    )
    return np.stack(cut(found)[1:], -1)


def check_points(count: int, checks: int) -> list[int]:
    """Return at most `checks` of `count` positions, evenly spread, the last one included."""
    if checks == 0:
        return []
    return sorted({round(t) for t in np.linspace(0, count - 1, min(checks, count))})


def fit_all(
    data: list[list[DecisionData]],
    preferences: np.ndarray,
    checked: list[int],
    config: IdentifyConfig,
    progress: Progress,
) -> tuple[list[ShardModel], list[list[Field]]]:
    """Fit the run's dictionary everywhere, and at some checkpoints each agent by itself too.

    Args:
      data: T lists of S.
      preferences: float64[K, O].
      checked: the places of those checkpoints.
      config: limits and seed of the searches.
      progress: where to say how far it is.

    Returns:
      Models, T × S one after the other, and a list [S] of fields for each checked place.
    """
    others, seeds = [t for t in range(len(data)) if t not in checked], len(data[0])
    with progress.part("gates") as part:
        gated = partial(fit_gates, preferences, seed=config.seed)
        flat = [one for t in others for one in data[t]]
        plain = each(gated, flat, part, processes=are_many(flat))
    with progress.part("separate fits") as part:
        both = partial(_both, preferences, config)
        flat = [one for t in checked for one in data[t]]
        pairs = each(both, flat, part, processes=are_many(flat))
    rows = [*batched(plain, seeds), *batched([model for model, _ in pairs], seeds)]
    at = dict(zip([*others, *checked], rows, strict=True))
    models = [model for t in range(len(data)) for model in at[t]]
    return models, batched([field for _, field in pairs], seeds)


def batched(values: Sequence[Any], size: int) -> list[list[Any]]:
    """Return values in lists of `size`."""
    return [list(values[first : first + size]) for first in range(0, len(values), size)]


def _both(
    preferences: np.ndarray, config: IdentifyConfig, data: DecisionData
) -> tuple[ShardModel, Field]:
    """Fit one agent under the run's dictionary, and under one of its own."""
    found = find_structure(data, max_shards=config.max_shards, seed=config.seed)
    own = fit_shared([found], max_shards=config.max_shards, seed=config.seed)
    common, alone = (
        fit_gates(one, data, seed=config.seed, work=found.work) for one in (preferences, own)
    )
    pulls = shares.shard_pulls(alone.gates, own, data.advantages)
    return common, Field(pulls.transpose(2, 0, 1), own)


def _threshold(fields: list[list[Field]], seed: int) -> float:
    """The similarity of fields that chance gives: the 95th percentile over shuffled batteries."""
    last = [one.pulls for one in fields[-1] if len(one.pulls)] if fields else []
    return null_similarity(last, seed) if last else 1.0


def _check(
    common: list[np.ndarray], fields: list[list[Field]], checked: list[int], shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Compare the run's shards with those fitted separately, at the checkpoints that were.

    Args:
      common: T × S times float64[K, C, A], what each of the run's shards does.
      fields: what the separately fitted ones do.
      checked: the places of their checkpoints.
      shape: (T, S, P) of the shares.
    """
    seeds, count = shape[1], shape[2] - len(shares.REST)
    number = np.full(shape[:2], np.nan)
    cosine = np.full((*shape[:2], count), np.nan)
    for row, t in zip(fields, checked, strict=True):
        for seed, own in enumerate(row):
            number[t, seed] = len(own.preferences)
            alike = similarity(common[t * seeds + seed], own.pulls)
            cosine[t, seed] = alike.max(1, initial=0.0)
    return {"separate_shards": number, "match_cosine": cosine}
