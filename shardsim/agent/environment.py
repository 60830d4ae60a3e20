"""Section `environment`: steps a batch of envs, and begins new episodes from a bank of levels.

The bank is `shardsim.env.episodes`'s. Axis letters: B envs.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from shardsim.env.core import Env
from shardsim.env.episodes import Bank, begin, draw_starts, states_of
from shardsim.env.types import State


class EnvironmentStep(NamedTuple):
    """One step of a batch of envs."""

    states: State  # [B], where the next action is chosen: a new episode's start where one ended
    final_states: State  # [B], where the action led, before any new episode
    rewards: jax.Array  # float32[B, R]
    terminated: jax.Array  # bool[B]
    truncated: jax.Array  # bool[B]


def reset(bank: Bank, key: jax.Array, count: int) -> State:
    """Begin `count` episodes, each in a level and from a start drawn from the bank."""
    return states_of(bank, begin(bank, draw_starts(bank, key, (count,))))


def environment(
    env: Env, bank: Bank, key: jax.Array, states: State, actions: jax.Array
) -> EnvironmentStep:
    """Step every env, and begin a new episode where one ended."""
    step_key, reset_key = jax.random.split(key)
    count = actions.shape[0]
    moved = jax.vmap(env.step_with_uniform)(
        jax.random.uniform(step_key, (count,), dtype=jnp.float32), states, actions
    )
    ended = moved.terminated | moved.truncated
    fresh = reset(bank, reset_key, count)

    def choose(new, old):
        return jnp.where(ended.reshape(count, *[1] * (old.ndim - 1)), new, old)

    return EnvironmentStep(
        states=jax.tree.map(choose, fresh, moved.state),
        final_states=moved.state,
        rewards=moved.rewards,
        terminated=moved.terminated,
        truncated=moved.truncated,
    )
