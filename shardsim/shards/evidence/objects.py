"""What objects do, by intervention, beside the fitted shards, for agents together.

Axis letters: S agents (seeds) · C contexts · A actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from shardsim.shards.agents import Agents, Networks
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.evidence.gather import Behaviour, Gathered
from shardsim.shards.fit.data import whole_levels
from shardsim.shards.influence import nulls, object_fit, residual
from shardsim.shards.influence.object_shares import (
    base_names,
    base_shares,
    interval_of,
    object_strengths,
    part_names,
)
from shardsim.shards.influence.objects import ObjectEffects, emptied, object_effects
from shardsim.shards.influence.places import TARGETS, VARIANTS, place_test
from shardsim.shards.influence.shares import shares_of


def effects_of_objects(
    agents: Agents, found: Behaviour, moves: np.ndarray | None, config: IdentifyConfig
) -> Gathered:
    """Ask agents with objects removed, in a sample of contexts; nothing where there is no object.

    Args:
      agents: S of them.
      found: their fitted shards over a battery.
      moves: float64[A, 2], rows and columns that actions go; None where they are no compass words.
      config: the size of the sample, the seed and the draws.
    """
    rows = whole_levels(found.on.level_index, config.view_contexts, config.seed)
    on = found.on.take(rows)
    effects = object_effects(lambda states, seen: agents.respond(states, seen).logits, on)
    if not effects.objects:
        return Gathered({}, {})
    none = emptied(on)
    strength = object_strengths(effects)
    interval = partial(interval_of, on=on, seed=config.seed, draws=config.draws)
    own = [interval(strength[at : at + 1]) for at in range(len(strength))]
    pooled = interval(strength) if len(own) > 1 else own[0]
    values: dict[str, Any] = {
        "object_share": shares_of(strength, on.weight),
        "object_share_interval": np.stack(pooled[1:], -1),
        "object_share_interval_by_seed": np.stack([np.stack(one[1:], -1) for one in own]),
        "base_share": base_shares(effects.base, none, seed=config.seed),
    }
    fresh = agents.untrained
    if fresh is not None:
        blank = _as_sharp(fresh, effects, on)
        values["object_share_untrained"] = shares_of(object_strengths(blank), on.weight)
    models = zip(range(len(effects.logits)), found.models, strict=True)
    each = [object_fit.one_agent(effects, at, model, on, none) for at, model in models]
    parts = (
        _agreement(each, on, config.seed),
        _residuals(each, on, moves, config),
        _places(agents, none),
    )
    coordinates: dict[str, Any] = {
        "object_part": part_names(on.concepts, effects),
        "object": [on.concepts[number] for number in effects.objects],
        "base_part": base_names(on),
        "residual_part": list(residual.PARTS),
        "remedy": list(residual.REMEDIES),
    }
    for one in parts:
        values |= one.values
        coordinates |= one.coordinates
    return Gathered(values, coordinates)


def _as_sharp(fresh: Networks, effects: ObjectEffects, on: Battery) -> ObjectEffects:
    """What objects do to untrained networks, scaled to the agents' entropy."""
    plain = fresh.respond(on.states, on.observations).logits
    scale = nulls.head_scale(plain, nulls.entropy_bits(effects.logits, on.weight), on.weight)
    return object_effects(
        lambda states, seen: fresh.respond(states, seen).logits * scale[:, None, None], on
    )


def _agreement(each: Sequence[object_fit.OneAgent], on: Battery, seed: int) -> Gathered:
    gates = [object_fit.effect_gates(one) for one in each]
    told = [object_fit.gate_agreement(one, own) for one, own in zip(each, gates, strict=True)]
    explained = [object_fit.objects_explained(one, seed) for one in each]
    weight = [np.where(np.isfinite(own.along), on.weight[:, None], 0.0) for own in gates]
    effect = [(one.main**2).sum(1) for one in each]  # [C, N]
    along = [
        (np.nan_to_num(own.along) * size * mass).sum(0) / np.maximum((size * mass).sum(0), 1e-300)
        for own, size, mass in zip(gates, effect, weight, strict=True)
    ]
    return Gathered(
        {
            "objects_explained": [one["fitted"] for one in explained],
            "objects_explained_by_covariates": [one["covariates"] for one in explained],
            "objects_explained_freely": [one["freely"] for one in explained],
            "effect_along": along,
            "effect_gate_correlation": [correlation for correlation, _ in told],
            "effect_gate_gap": [gap for _, gap in told],
        },
        {},
    )


def _residuals(
    each: Sequence[object_fit.OneAgent],
    on: Battery,
    moves: np.ndarray | None,
    config: IdentifyConfig,
) -> Gathered:
    where = [residual.located(one, config.seed) for one in each]
    less = [residual.reduced_by(one, on.concepts, moves, config.seed) for one in each]
    return Gathered(
        {
            "residual_part_by_distance": [residual.residual_by_distance(one) for one in each],
            "residual_covariate": np.array([one.covariate for one in where], dtype=str),
            "residual_located": [one.explained for one in where],
            "residual_reduced": [[one[name] for name in residual.REMEDIES] for one in less],
        },
        {},
    )


def _places(agents: Agents, none: Battery) -> Gathered:
    if not agents.sees_mirrored:
        return Gathered({}, {})
    found = place_test(lambda seen: agents.respond(None, seen).logits, none)
    if not found.places:
        return Gathered({}, {})
    return Gathered(
        {
            "place_pull": found.pull,
            "place_shifted": found.shifted,
            "place_shiftable": found.shiftable,
        },
        {
            "place": [none.concepts[number] for number in found.places],
            "place_test": list(VARIANTS),
            "place_target": list(TARGETS),
        },
    )
