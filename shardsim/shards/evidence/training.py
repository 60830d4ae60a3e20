"""What a run's training did to each shard: from its checkpoints to pushes of updates.

Axis letters: S agents (seeds) · C contexts · A actions · K shards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from shardsim.shards.agents import Agents
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import battery
from shardsim.shards.evidence.activations import sample
from shardsim.shards.evidence.causal import strength_measure
from shardsim.shards.evidence.episodes import Horizon
from shardsim.shards.evidence.gather import Behaviour, Gathered, rows_of
from shardsim.shards.evidence.updates import Strength, parameter_view
from shardsim.shards.influence.shares import parts_of

PHASES = (0.02, 0.15, 0.5, 1.0)  # of training: the nearest checkpoints are looked at
MEASURED = 300  # contexts on which a shard's strength is measured
LONGEST = 32  # decisions of an event


class Training(NamedTuple):
    """How the agents were trained, as far as their updates can be made again."""

    updates: Sequence[int]  # update numbers of the checkpoints, ascending, the untrained one first
    checkpoint: Callable[[int], Any]  # number of a checkpoint -> parameters [S]
    discount: float
    gae_lambda: float


def trace(
    agents: Agents, training: Training | None, found: Behaviour, config: IdentifyConfig
) -> Gathered:
    """Say what updates did to each shard; empty without checkpoints, shards or events to make."""
    patchable, count = agents.patchable, found.models[0].num_shards
    if training is None or patchable is None or not count or not config.update_events:
        return Gathered({}, {})
    if len(training.updates) < 2:
        return Gathered({}, {})
    kept = positions(training.updates)
    view = parameter_view(
        agents.env,
        patchable.network,
        kept,
        [training.checkpoint(number) for number in kept],
        battery(agents.env, config.update_events, split="train", seed=config.seed),
        _strength(found, config),
        Horizon(training.discount, training.gae_lambda, min(agents.env.max_steps, LONGEST)),
        seed=config.seed,
    )
    return Gathered(
        {
            "event_counts": view.counts,
            "event_reached": view.reached,
            "update_push": view.provenance,
            "update_push_chance": view.chance,
            "update_p_value": view.p_value,
            "update_p_value_by_seed": view.p_by_seed,
        },
        {"event_checkpoint": list(view.checkpoints), "event_kind": list(view.kinds)},
    )


def positions(updates: Sequence[int]) -> list[int]:
    """Return the numbers of the trained checkpoints nearest to `PHASES`, ascending."""
    trained = np.asarray(updates[1:], np.float64)
    return sorted({1 + int(np.argmin(np.abs(trained - part * trained[-1]))) for part in PHASES})


def _strength(found: Behaviour, config: IdentifyConfig) -> Strength:
    rows = sample(found.on.size, config.seed, MEASURED)
    measures = []
    for model, data in zip(found.models, found.data, strict=True):
        few = rows_of(parts_of(model, data), rows)
        measures.append(strength_measure(few).reshape(-1, *few.logits.shape))
    return Strength(found.on.observations[rows], np.stack(measures))
