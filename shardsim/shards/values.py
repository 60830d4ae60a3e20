"""From fits, shares and effects of agents to the arrays of their table (`shardsim.shards.schema`).

Axis letters: S agents (seeds) · C contexts · K shards · P parts of the shares · L levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shardsim.shards.contexts.battery import Battery
from shardsim.shards.contexts.sampling import DISTANCE_BINS, distance_bin
from shardsim.shards.describe import describe
from shardsim.shards.fit.data import DecisionData, in_conflict
from shardsim.shards.fit.fit import ModelFit
from shardsim.shards.fit.models import ENTROPY, MODELS
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.influence.influence import Influence, by_distance, in_model
from shardsim.shards.influence.nulls import entropy_bits
from shardsim.shards.influence.share_intervals import ShareTable

Values = dict[str, Any]


def of_gates(models: Sequence[ShardModel], on: Battery) -> Values:
    """Gates, and shards in words."""
    gates = np.stack([model.gates for model in models])

    def words(of: np.ndarray) -> list[str]:
        return describe(of, models[0].preferences, on.concepts, on.covariates, on.weight)

    return {
        "preferences": models[0].preferences,
        "gates": gates,
        "words": np.array(words(gates.mean(0)), dtype=str),
        "words_by_seed": np.array([words(own) for own in gates], dtype=str).reshape(len(gates), -1),
        "status": np.full(len(models[0].preferences), "", dtype="<U12"),
    }


def of_shares(tables: Mapping[str, ShareTable], count: int) -> Values:
    """Shares of `count` shards and of the rest over every battery, with intervals."""
    share = np.stack([table.share for table in tables.values()])
    pooled = np.stack([np.stack(table.pooled[1:], -1) for table in tables.values()])
    own = np.stack([[np.stack(i[1:], -1) for i in table.by_seed] for table in tables.values()])
    return {
        "share": share[..., :count],
        "share_interval": pooled[:, :count],
        "share_interval_by_seed": own[:, :, :count],
        "rest_share": share[..., count:],
        "rest_share_interval": pooled[:, count:],
        "rest_share_interval_by_seed": own[:, :, count:],
    }


def of_fits(own: Sequence[ModelFit], data: Sequence[DecisionData]) -> Values:
    """What every model predicts, and what each agent's own fit says."""
    every = [np.ones(len(data[0].logits), bool), in_conflict(data[0])]
    nearest = _nearest_bin(data[0])
    by_bin = [nearest == number for number in range(len(DISTANCE_BINS))]

    def bits(where: Sequence[np.ndarray]) -> np.ndarray:
        return np.array([[_bits(f, d, w) for w in where] for f, d in zip(own, data, strict=True)])

    whole = bits(every)  # [S, 2, models]
    return {
        "bits": whole[:, 0].T,
        "bits_conflict": whole[:, 1].T,
        "bits_by_distance": np.moveaxis(bits(by_bin), 2, 0),
        "shardness_by_level": np.stack([one.judgement.shardness_by_level for one in own]),
        "explained": np.array([one.explained for one in own]),
        "own_verdict": np.array([one.verdict for one in own], dtype=str),
    }


def _nearest_bin(data: DecisionData) -> np.ndarray:
    """Return int[C]: the bin of the distance to the nearest concept; -1 where none is reached."""
    nearest = np.min(np.where(data.reachable, data.distance, np.inf), axis=1)
    return np.where(np.isfinite(nearest), distance_bin(nearest), -1)


def _bits(found: ModelFit, data: DecisionData, where: np.ndarray) -> np.ndarray:
    """Return mean bits of every model and the agent's entropy over the contexts bool[C]."""
    if not where.any():
        return np.full(len(MODELS) + 1, np.nan)
    means = [found.bits[n][where].mean() if n in found.bits else np.nan for n in MODELS]
    return np.array([*means, entropy_bits(data.logits[where], np.ones(int(where.sum())))])


def model_names() -> list[str]:
    """Return the names on the axis of models."""
    return [*MODELS, ENTROPY]


def of_equal_fits(
    own: Sequence[ModelFit], matches: Sequence[np.ndarray], margin: np.ndarray, concepts: int
) -> Values:
    """Margins [S, K], which agents hold which shards, and the equal fits of those shards."""
    rows = [_alternatives(one, matched) for one, matched in zip(own, matches, strict=True)]
    most = max(1, *(len(row) for row in rows))
    values: Values = {
        "margin": margin,
        "held": np.stack([matched >= 0 for matched in matches]),
        "equal_fit_margin": np.full((len(own), most), np.nan),
        "equal_fit_shard": np.zeros((len(own), most), np.int64),
        "equal_fit_preference": np.full((len(own), most, concepts), np.nan),
    }
    for s, row in enumerate(rows):
        for n, (shard, preference, cost) in enumerate(row):
            values["equal_fit_shard"][s, n] = shard
            values["equal_fit_preference"][s, n] = preference
            values["equal_fit_margin"][s, n] = cost
    return values


def _alternatives(own: ModelFit, matched: np.ndarray) -> list[tuple[int, np.ndarray, float]]:
    """Return (number from 1, preference, margin) of equal fits that change a shard."""
    number = {int(place): k + 1 for k, place in enumerate(matched) if place >= 0}
    return [
        (number[one.shard], one.preferences[one.shard], one.margin)
        for one in own.alternatives
        if one.shard in number
    ]


def of_influence(
    effects: Influence,
    models: Sequence[ShardModel],
    data: Sequence[DecisionData],
    on: Battery,
    untrained: Influence | None,
) -> Values:
    """Influence by distance, in the level and in the fitted model, beside untrained networks."""
    removed = np.stack([in_model(m, d) for m, d in zip(models, data, strict=True)])
    every = {"signed": effects.signed, "mirror": effects.mirror, "in_model": removed}
    if untrained is not None:
        every["untrained"] = untrained.signed
    return {
        f"influence_{name}": by_distance(values, on.distance, on.weight)[0]
        for name, values in every.items()
    }


def of_contexts(on: Battery) -> Values:
    """What every context is, and what it stands for."""
    return {"weight": on.weight, "level_index": on.level_index, "distance": on.distance}
