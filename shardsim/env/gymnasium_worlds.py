"""K worlds under one compiled program: episodes begun from a bank, stepped, and begun again.

Each world has its own random key, so that in one bank a world's life depends on its own seed and
actions and on nobody else's. Levels and starts come from `shardsim.env.episodes`'s bank, which the
first world's seed draws: a reset is a look-up. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.vector import AutoresetMode

from shardsim.env import episodes
from shardsim.env.core import Env
from shardsim.env.episodes import Bank
from shardsim.env.levels import sample_levels, take
from shardsim.env.types import Level, State

STARTS = 16  # drawn for each level of the bank
APART = np.uint32(2**32 - 1)  # sets the bank's key apart from all that world 0 splits off its own


class Worlds(NamedTuple):
    """K worlds between two steps."""

    state: State  # leading axis K
    key: jax.Array  # key[K]
    over: jax.Array  # bool[K], whether the episode has ended and the world waits for its reset


class Moved(NamedTuple):
    """What one step of K worlds gives, before it is written as Gymnasium wants it."""

    worlds: Worlds
    observation: jax.Array  # float32[K, H, W, C]
    final: jax.Array | None  # float32[K, H, W, C], before a reset within this step (SameStep)
    reward: jax.Array  # float32[K]
    rewards: jax.Array  # float32[K, R]
    terminated: jax.Array  # bool[K]
    truncated: jax.Array  # bool[K]


def keys(seeds: Sequence[int]) -> jax.Array:
    """Return key[K] of seeds."""
    return jax.vmap(jax.random.key)(np.array(seeds, np.uint32))


def blank(env: Env, bank: Bank, count: int) -> Worlds:
    """Return worlds of the right shapes, to be begun."""
    fields = {name: jnp.zeros(count, jnp.int32) for name in env.state_fields}
    level = take(bank.levels, jnp.zeros(count, jnp.int32))
    state = State(level, fields, jnp.zeros(count, jnp.int32))
    return Worlds(state, keys([0] * count), jnp.ones(count, bool))


def draw_bank(env: Env, seed: int, count: int, split: str) -> Bank:
    """Draw `count` levels of a split, and starts in each as `env.reset` draws them."""
    level_key, start_key = jax.random.split(jax.random.fold_in(keys([seed])[0], APART))
    # By the program that a single world draws with, which is compiled already.
    levels = sample_levels(env, level_key, count, split)
    return Bank(levels, _starts(env)(jax.random.split(start_key, (count, STARTS)), levels))


@lru_cache(maxsize=64)
def _starts(env: Env) -> Any:
    def one(key: jax.Array, level: Level) -> dict[str, jax.Array]:
        return env.reset(key, level).fields

    return jax.jit(jax.vmap(jax.vmap(one, (0, None))))


def _fresh(bank: Bank, key: jax.Array) -> State:
    """Return one world at the beginning of an episode."""
    return episodes.states_of(bank, episodes.begin(bank, episodes.draw_starts(bank, key, ())))


def _choose(condition: jax.Array, yes: State, no: State) -> State:
    return jax.tree.map(lambda one, other: jnp.where(condition, one, other), yes, no)


@lru_cache(maxsize=64)
def begin(env: Env) -> Any:
    """One compiled reset of the chosen worlds, in levels of a bank."""
    return _reset(env, _fresh)


@lru_cache(maxsize=64)
def begin_in(env: Env) -> Any:
    """One compiled reset of the chosen worlds, in one level that is given."""
    return _reset(env, lambda level, key: env.reset(key, level))


def _reset(env: Env, fresh: Callable[[Any, jax.Array], State]) -> Any:
    """A compiled reset; `fresh` makes a state of a place, a bank or a level, and a key."""

    def one(place: Any, state: State, key: jax.Array, over: jax.Array, chosen: jax.Array) -> Any:
        onward, own = jax.random.split(key)
        state = _choose(chosen, fresh(place, own), state)
        worlds = Worlds(state, jnp.where(chosen, onward, key), over & ~chosen)
        return worlds, env.observe(state)

    def all_worlds(place: Any, worlds: Worlds, chosen: jax.Array) -> tuple[Worlds, jax.Array]:
        return jax.vmap(one, (None, 0, 0, 0, 0))(place, *worlds, chosen)

    return jax.jit(all_worlds)


@lru_cache(maxsize=64)
def advance(env: Env, mode: AutoresetMode) -> Any:
    """One compiled step of all worlds, with what the autoreset mode resets."""

    def one(bank: Bank, state: State, key: jax.Array, over: jax.Array, action: jax.Array) -> Moved:
        onward, own, anew = jax.random.split(key, 3)
        step = env.step(own, state, action)
        skipped = over if mode is AutoresetMode.NEXT_STEP else jnp.bool_(False)
        terminated, truncated = step.terminated & ~skipped, step.truncated & ~skipped
        ended = terminated | truncated
        after = step.state
        if mode is not AutoresetMode.DISABLED:
            begins = skipped if mode is AutoresetMode.NEXT_STEP else ended
            after = _choose(begins, _fresh(bank, anew), step.state)
        waits = ended if mode is not AutoresetMode.SAME_STEP else jnp.bool_(False)
        return Moved(
            worlds=Worlds(after, onward, waits),
            observation=env.observe(after),
            final=env.observe(step.state) if mode is AutoresetMode.SAME_STEP else None,
            reward=jnp.where(skipped, 0.0, step.reward),
            rewards=jnp.where(skipped, 0.0, step.rewards),
            terminated=terminated,
            truncated=truncated,
        )

    def all_worlds(bank: Bank, worlds: Worlds, actions: jax.Array) -> Moved:
        return jax.vmap(one, (None, 0, 0, 0, 0))(bank, *worlds, actions)

    return jax.jit(all_worlds)
