"""Section `environment`: steps a batch of envs, and begins new episodes from a bank of levels.

Levels and starts are drawn before training, since drawing a level at every step for every env
would cost more than all the rest of a rollout. Axis letters: B envs · L levels · D starts.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.types import Level, State


class Bank(NamedTuple):
    """Where episodes begin."""

    levels: Level  # [L]
    starts: dict[str, jax.Array]  # state field -> int32[L, D]


class EnvironmentStep(NamedTuple):
    """One step of a batch of envs."""

    states: State  # [B], where the next action is chosen: a new episode's start where one ended
    final_states: State  # [B], where the action led, before any new episode
    rewards: jax.Array  # float32[B, R]
    terminated: jax.Array  # bool[B]
    truncated: jax.Array  # bool[B]


def make_bank(env: Env, key: jax.Array, levels: int, starts: int) -> Bank:
    """Draw training levels and their starts."""

    def one(key):
        level_key, start_key = jax.random.split(key)
        level = env.level(level_key, "train")
        drawn = jax.vmap(lambda key: env.start(key, level).fields)(
            jax.random.split(start_key, starts)
        )
        return Bank(level, drawn)

    return jax.vmap(one)(jax.random.split(key, levels))


def reset(bank: Bank, key: jax.Array, count: int) -> State:
    """Begin `count` episodes, each in a level and from a start drawn from the bank."""
    some = next(iter(bank.starts.values()))
    drawn = jax.random.randint(key, (count,), 0, some.size)
    level, start = drawn // some.shape[1], drawn % some.shape[1]
    fields = {name: values[level, start] for name, values in bank.starts.items()}
    return State(take(bank.levels, level), fields, jnp.zeros(count, jnp.int32))


def environment(
    env: Env, bank: Bank, key: jax.Array, states: State, actions: jax.Array
) -> EnvironmentStep:
    """Step every env, and begin a new episode where one ended."""
    step_key, reset_key = jax.random.split(key)
    count = actions.shape[0]
    moved = jax.vmap(env.step)(jax.random.split(step_key, count), states, actions)
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
