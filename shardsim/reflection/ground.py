"""The levels that reflection happens in: tabulated, every state of them described and seen.

Axis letters: D agents · L levels · S states · A actions · K shards · H, W, P an observation's rows,
columns, planes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.policy import forward_many
from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.types import Level, State
from shardsim.reflection.world import World, tabulate, views
from shardsim.shards.agents import Networks
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.data import DecisionData, decision_data
from shardsim.shards.fit.shard_model import ShardModel


class Ground(NamedTuple):
    """Levels with all of their states."""

    env: Env
    levels: Level  # numpy [L]
    world: World  # numpy [L]; `start` and `weight` are those of the states that were given
    covariates: dict[str, np.ndarray]  # name -> float32[L, S]
    seen: jax.Array  # float32[L, S, H, W, P]


def ground_of(env: Env, states: State) -> Ground:
    """Tabulate the levels of states [L], and look at every state of them."""
    tabulated, described = tabulate(env, states, jnp.ones(states.steps.shape[0], jnp.float32))
    return Ground(
        env,
        jax.tree.map(np.asarray, states.level),
        jax.tree.map(np.asarray, tabulated),
        {name: np.asarray(value) for name, value in described.items()},
        views(env, states.level),
    )


def levels_of(battery: Battery, count: int | None = None) -> State:
    """Return a state [L] in each of the first `count` levels of a battery (all, if fewer)."""
    rows = np.unique(battery.level_index, return_index=True)[1][:count]
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[rows]), battery.states)


def decisions(ground: Ground, rows: np.ndarray) -> DecisionData:
    """Return all states of the levels `rows` int[N] as decisions [N * S], with logits of 0."""
    world = take(ground.world, rows)
    count = world.distance.shape[0] * world.distance.shape[1]
    advantage = world.advantage.reshape(count, *world.advantage.shape[2:])
    return decision_data(
        {name: value[rows].reshape(-1) for name, value in ground.covariates.items()},
        ground.env.concept_names,
        advantage,
        world.blocked.reshape(count, -1),
        np.isfinite(world.distance).reshape(count, -1),
        np.zeros(advantage.shape[:2]),
        np.repeat(rows, world.distance.shape[1]),
    )


def policies_on(
    ground: Ground, networks: Networks | None, models: Sequence[ShardModel]
) -> np.ndarray:
    """Return float32[D, L, S, A]: what networks do, or without any what models [D] say they do."""
    shape = ground.world.blocked.shape
    if networks is None:
        every = decisions(ground, np.arange(shape[0]))
        logits = jnp.asarray(np.stack([model.predict(every) for model in models]), jnp.float32)
    else:
        flat = ground.seen.reshape(-1, *ground.seen.shape[2:])
        logits = forward_many(networks.network, networks.parameters, flat).logits
    return np.asarray(jax.nn.softmax(logits)).reshape(-1, *shape)


def gates_on(ground: Ground, model: ShardModel, rows: np.ndarray) -> np.ndarray:
    """Return float64[N, S, K]: a model's gates in all states of the levels `rows` int[N]."""
    gates = model.gate(decisions(ground, rows).features)
    return gates.reshape(len(rows), -1, gates.shape[-1])
