"""The peers' tasks under random actions with auto-reset, each in its library's own way.

Every builder returns `(run, values)`: `run(key)` takes `length` steps of `batch` worlds in one
compiled scan and returns a number that every observation and reward is summed into; `values` is
how many numbers an observation has. Raises ImportError where the library is not installed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Run = Callable[[jax.Array], Any]
Built = tuple[Run, int]


class Peer(NamedTuple):
    """A task of another library."""

    name: str
    grid: str  # size of the world
    sees: str  # what an observation is
    like: int  # the side of the task of ours that it is like in size: 13, 7, or 0 for neither
    build: Callable[[int, int], Built]  # batch, length


def scan(step: Callable, state: Any, actions: int, batch: int, length: int) -> Run:
    """Compile `length` steps of `step(state, actions int32[B], key) -> (state, obs, reward)`."""

    def one(carry, key):
        state, total = carry
        action_key, step_key = jax.random.split(key)
        drawn = jax.random.randint(action_key, (batch,), 0, actions, jnp.uint8)
        state, observation, reward = step(state, drawn.astype(jnp.int32), step_key)
        seen = jnp.sum(observation.astype(jnp.float32)) + jnp.sum(reward.astype(jnp.float32))
        return (state, total + seen), None

    @jax.jit
    def run(state, key):
        keys = jax.random.split(key, length)
        return jax.lax.scan(one, (state, jnp.float32(0)), keys)[0]

    return lambda key: run(state, key)


def navix(task: str, batch: int, length: int) -> Built:
    """A NAVIX task: resets by `lax.cond` inside its own step, from keys in its state."""
    import navix

    env = navix.make(task)
    first = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), batch))

    def step(timestep, actions, key):
        after = jax.vmap(env.step)(timestep, actions)
        return after, after.observation, after.reward

    values = math.prod(first.observation.shape[1:])
    return scan(step, first, int(env.action_space.n), batch, length), values


def xminigrid(task: str, batch: int, length: int) -> Built:
    """An XLand-MiniGrid task with its Gym-style auto-reset."""
    import xminigrid
    from xminigrid.wrappers import GymAutoResetWrapper

    env, params = xminigrid.make(task)
    env = GymAutoResetWrapper(env)
    keys = jax.random.split(jax.random.key(0), batch)
    first = jax.jit(jax.vmap(lambda key: env.reset(params, key)))(keys)

    def step(timestep, actions, key):
        after = jax.vmap(lambda one, action: env.step(params, one, action))(timestep, actions)
        return after, after.observation, after.reward

    values = math.prod(first.observation.shape[1:])
    return scan(step, first, env.num_actions(params), batch, length), values


def gymnax(task: str, batch: int, length: int, **options: Any) -> Built:
    """A gymnax task, whose step resets by itself."""
    import gymnax

    env, params = gymnax.make(task, **options)
    keys = jax.random.split(jax.random.key(0), batch)
    seen, first = jax.jit(jax.vmap(lambda key: env.reset(key, params)))(keys)

    def step(state, actions, key):
        keys = jax.random.split(key, batch)
        after = jax.vmap(lambda key, one, action: env.step(key, one, action, params))(
            keys, state, actions
        )
        return after[1], after[0], after[2]

    return scan(step, first, env.num_actions, batch, length), math.prod(seen.shape[1:])


def minigrid(task: str, batch: int, length: int) -> Built:
    """A Gymnasium MiniGrid task, as many in one SyncVectorEnv."""
    import gymnasium
    import minigrid  # noqa: F401  (registers its tasks)

    worlds = gymnasium.make_vec(task, num_envs=batch, vectorization_mode="sync")
    seen, _ = worlds.reset(seed=0)
    draw = np.random.default_rng(0)

    def run(key: jax.Array) -> float:
        total = 0.0
        for _ in range(length):
            observation, reward, *_ = worlds.step(draw.integers(0, 7, batch))
            total += float(observation["image"].sum() + reward.sum())
        return total

    return run, math.prod(seen["image"].shape[1:])


def _peer(library: Callable[..., Built], task: str, grid: str, sees: str, like: int, **options):
    """Describe one task."""
    name = f"{library.__name__} {task}" + (f" {sees}" if options else "")
    return Peer(
        name, grid, sees, like, lambda batch, length: library(task, batch, length, **options)
    )


PEERS = (
    _peer(navix, "Navix-Empty-8x8-v0", "8x8", "map", 7),
    _peer(navix, "Navix-Empty-16x16-v0", "16x16", "map", 13),
    _peer(navix, "Navix-FourRooms-v0", "19x19", "map", 13),
    _peer(xminigrid, "MiniGrid-Empty-8x8", "8x8", "7x7 view", 7),
    _peer(xminigrid, "MiniGrid-Empty-16x16", "16x16", "7x7 view", 13),
    _peer(xminigrid, "MiniGrid-FourRooms", "19x19", "7x7 view", 13),
    _peer(xminigrid, "XLand-MiniGrid-R1-13x13", "13x13", "5x5 view", 13),
    _peer(gymnax, "FourRooms-misc", "13x13", "map", 13, use_visual_obs=True),
    _peer(gymnax, "FourRooms-misc", "13x13", "coordinates", 0, use_visual_obs=False),
    _peer(gymnax, "Breakout-MinAtar", "10x10", "map", 0),
)
GYMNASIUM_PEERS = (
    _peer(minigrid, "MiniGrid-Empty-16x16-v0", "16x16", "7x7 view", 13),
    _peer(minigrid, "MiniGrid-FourRooms-v0", "19x19", "7x7 view", 13),
)
