"""Many episodes at once, with new ones begun from a bank of levels where old ones end.

Drawing a level at every step for every episode would cost more than all the rest, so levels and
starts are drawn before. A running episode keeps the number of its level, not the level: what is
needed of it is looked up, and a reset copies nothing.
Axis letters: B episodes · L levels · D starts in each; others as in `shardsim.env.types`.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.types import Level, Split, State


class Bank(NamedTuple):
    """Where episodes begin."""

    levels: Level  # [L]
    starts: dict[str, jax.Array]  # state field -> int32[L, D]


class Episodes(NamedTuple):
    """Where B episodes are."""

    level: jax.Array  # int32[B], a number in the bank
    fields: dict[str, jax.Array]  # state field -> int32[B]
    steps: jax.Array  # int32[B], taken so far


def make_bank(env: Env, key: jax.Array, levels: int, starts: int, split: Split = "train") -> Bank:
    """Draw `levels` levels of a split, and `starts` beginnings of episodes in each."""

    def one(key):
        level_key, start_key = jax.random.split(key)
        level = env.level(level_key, split)
        drawn = jax.vmap(lambda key: env.start(key, level).fields)(
            jax.random.split(start_key, starts)
        )
        return Bank(level, drawn)

    keys = jax.random.split(key, levels)
    # As in `shardsim.env.levels`: on a CPU one level after the other compiles in half the time.
    return jax.lax.map(one, keys) if jax.default_backend() == "cpu" else jax.vmap(one)(keys)


def draw_starts(bank: Bank, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Return int32[...] numbers of the bank's L * D starts, drawn uniformly."""
    size = next(iter(bank.starts.values())).size
    # `randint` draws four times, which compiles four times as long, for a bias below size / 2**32.
    return (jax.random.bits(key, shape) % jnp.uint32(size)).astype(jnp.int32)


def begin(bank: Bank, number: jax.Array) -> Episodes:
    """Return episodes begun from the bank's starts with these numbers int32[B]."""
    starts = next(iter(bank.starts.values())).shape[1]
    fields = {name: values.reshape(-1)[number] for name, values in bank.starts.items()}
    return Episodes(number // starts, fields, jnp.zeros_like(number))


def states_of(bank: Bank, episodes: Episodes) -> State:
    """Return the states [B] that episodes are in."""
    return State(take(bank.levels, episodes.level), episodes.fields, episodes.steps)
