"""Returns of a policy with a memory, estimated by episodes: no table of states holds its policy.

Axis letters: L levels · E episodes of each · B = L * E · A actions · D units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from shardsim.agent.network import Network
from shardsim.env.core import Env
from shardsim.env.types import Level

EPISODES = 2  # of each level: with one, chance and levels could not be told apart


class Remembering(NamedTuple):
    """A policy with a memory, one step at a time."""

    act: Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
    """Memory [B, D] and observations [B, H, W, C] -> logits [B, A] and memory."""
    empty: Callable[[int], Any]  # B -> memory [B, D] with which episodes begin


def remembering(network: Network, parameters: Any) -> Remembering:
    """Return the policy of a network that remembers."""

    def act(memory: jax.Array, seen: jax.Array) -> tuple[jax.Array, jax.Array]:
        output = network.run(parameters, seen, memory=memory)
        assert output.memory is not None
        return output.logits, output.memory

    return Remembering(act, network.empty_memory)


def episode_returns(env: Env, policy: Remembering, levels: Level, discount: Any) -> jax.Array:
    """Return float32[L, E]: discounted returns, in units of reward.

    Starts are drawn from the levels' own, the same ones at every call, as are all other draws.
    """
    start_key, walk_key = jax.random.split(jax.random.key(0))
    chance = jax.vmap(env.start_probability)(levels)  # [L, S]
    count = len(chance)
    at = jax.random.categorical(start_key, jnp.log(chance), shape=(EPISODES, count)).T
    each = jax.vmap(lambda level, index: env.state_at(level, index))
    states = jax.vmap(each, in_axes=(None, 1), out_axes=1)(levels, at.astype(jnp.int32))
    states = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), states)

    def step(now: Any, key: jax.Array) -> tuple[Any, None]:
        states, memory, weight, earned = now
        act_key, move_key = jax.random.split(key)
        logits, memory = policy.act(memory, jax.vmap(env.observe)(states))
        action = jax.random.categorical(act_key, logits).astype(jnp.int32)
        luck = jax.random.uniform(move_key, action.shape, dtype=jnp.float32)
        moved = jax.vmap(env.step_with_uniform)(luck, states, action)
        earned = earned + weight * moved.reward
        weight = jnp.where(moved.terminated, 0.0, weight * discount)
        return (moved.state, memory, weight, earned), None

    size = count * EPISODES
    first = (states, policy.empty(size), jnp.ones(size, jnp.float32), jnp.zeros(size, jnp.float32))
    keys = jax.random.split(walk_key, env.max_steps)
    return jax.lax.scan(step, first, keys)[0][3].reshape(count, EPISODES)


def mean_and_error(returns: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the mean of returns [L, E], and its standard error over episodes, levels given."""
    spread = jnp.var(returns, axis=1, ddof=1) / returns.shape[1]
    return jnp.mean(returns), jnp.sqrt(jnp.mean(spread) / len(returns))
