"""The levels that reflection happens in: tabulated, every state that is reached described and seen.

Axis letters: D agents · L levels · S states · R those of them that are reached · A actions ·
K shards · V views · H, W, P an observation's rows, columns, planes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.policy import capture
from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.types import Level, State
from shardsim.reflection.world import World, led_to, restricted, tabulate, views
from shardsim.shards.agents import Networks
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.data import DecisionData, decision_data
from shardsim.shards.fit.shard_model import ShardModel

AT_ONCE = 16_384  # views asked together: what a network computes on the way is not kept


class Ground(NamedTuple):
    """Levels with the states that agents come to decide in; numpy arrays."""

    env: Env
    levels: Level  # [L]
    world: World  # [L], over R; `start` and `weight` are those of the states that were given
    states: np.ndarray  # int32[L, R], numbers of the states in their level
    covariates: dict[str, np.ndarray]  # name -> float32[L, R]
    seen: np.ndarray  # float32[L, R, H, W, P]


def ground_of(env: Env, given: State, also: np.ndarray | None = None) -> Ground:
    """Tabulate the levels of states [L], and look at every state that can be reached in them.

    `also` int[N, 2] are more states, by level and number, from which agents begin.
    """
    count = given.steps.shape[0]
    world, described = jax.tree.map(np.asarray, tabulate(env, given, jnp.ones(count, jnp.float32)))
    kept = world.decision
    if also is not None:
        begin = np.zeros_like(kept)
        begin[tuple(also.T)] = True
        kept = kept | led_to(world, begin, world.terminated)
    world, states = restricted(world._replace(decision=kept), kept)
    rows = np.arange(count)[:, None]
    levels = jax.tree.map(np.asarray, given.level)
    return Ground(
        env=env,
        levels=levels,
        world=world,
        states=states,
        covariates={name: value[rows, states] for name, value in described.items()},
        seen=np.asarray(views(env, levels, states)),
    )


def part_of(ground: Ground, where: slice) -> Ground:
    """Return some of the levels."""
    parts: Any = take(tuple(ground[1:]), where)
    return Ground(ground.env, *parts)


def levels_of(battery: Battery, count: int | None = None) -> State:
    """Return a state [L] in each of the first `count` levels of a battery (all, if fewer)."""
    rows = np.unique(battery.level_index, return_index=True)[1][:count]
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[rows]), battery.states)


def decisions(ground: Ground, at: tuple[np.ndarray, np.ndarray]) -> DecisionData:
    """Return states as decisions [V], with logits of 0; `at` are their levels and rows, int[V]."""
    world = ground.world
    advantage = world.advantage[at]
    return decision_data(
        {name: value[at] for name, value in ground.covariates.items()},
        ground.env.concept_names,
        advantage,
        world.blocked[at],
        np.isfinite(world.distance[at]),
        np.zeros(advantage.shape[:2]),
        at[0],
    )


def asked(networks: Networks, parameters: Any, seen: np.ndarray) -> np.ndarray:
    """Return float32[D, ..., A]: what networks with parameters [D] do, by views [..., H, W, P]."""
    flat = seen.reshape(-1, *networks.env.observation_shape)
    logits = [
        capture(networks.network, parameters, flat[first : first + AT_ONCE]).logits
        for first in range(0, len(flat), AT_ONCE)
    ]
    chance = np.asarray(jax.nn.softmax(np.concatenate(logits, axis=1)))
    return chance.reshape(len(chance), *seen.shape[: -len(networks.env.observation_shape)], -1)


def policies_on(
    ground: Ground, networks: Networks | None, models: Sequence[ShardModel]
) -> np.ndarray:
    """Return float32[D, L, R, A]: what networks do, or without any what models [D] say they do."""
    if networks is not None:
        return asked(networks, networks.parameters, ground.seen)
    shape = ground.world.blocked.shape
    level, row = (part.reshape(-1) for part in np.indices(shape[:2]))
    every = decisions(ground, (level, row))
    logits = np.stack([model.predict(every) for model in models]).astype(np.float32)
    return np.asarray(jax.nn.softmax(logits)).reshape(-1, *shape)


def gates_on(ground: Ground, model: ShardModel, level: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return float64[..., K]: a model's gates in the states of rows int[...] in levels int[...]."""
    at = level.reshape(-1), row.reshape(-1)
    gates = model.gate(decisions(ground, at).features)
    return gates.reshape(*level.shape, gates.shape[-1])
