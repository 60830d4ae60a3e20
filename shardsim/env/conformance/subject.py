"""What `check_env` finds, and the env under test with its levels, tables and steps.

Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.core import Env
from shardsim.env.levels import sample_levels, take
from shardsim.env.types import Level, State, Step, Tabular

LEVELS = 4  # levels in which tables and steps are checked
LAYOUTS = 64  # layouts of each split that are compared
DRAWS = 64  # random keys for each state and action where moves are not certain


class Finding(NamedTuple):
    """One broken promise."""

    check: str  # name of the check
    problem: str  # what is wrong
    mend: str  # how to fix it

    def __str__(self) -> str:
        """All of it in one line."""
        return f"{self.check}: {self.problem}; {self.mend}"


@dataclasses.dataclass(frozen=True)
class Subject:
    """An env under test, with what several checks need, made once and only when needed."""

    env: Env
    seed: int = 0

    @property
    def key(self) -> jax.Array:
        """The key of all draws."""
        return jax.random.key(self.seed)

    @cached_property
    def levels(self) -> Level:
        """Training levels with a leading axis L."""
        return take(sample_levels(self.env, self.key, LAYOUTS, "train"), slice(LEVELS))

    @cached_property
    def level(self) -> Level:
        """The first of them."""
        return take(self.levels, 0)

    @cached_property
    def state(self) -> State:
        """The beginning of an episode in it."""
        return jax.jit(self.env.reset)(self.key, self.level)

    @cached_property
    def tabular(self) -> Tabular:
        """Their tables, with a leading axis L."""
        return jax.jit(jax.vmap(self.env.tabular))(self.levels)

    @cached_property
    def stepped(self) -> Step:
        """Every state and action of the first level through `step`: axes S, A, draws."""
        env, level = self.env, self.level
        draws = DRAWS if env.num_outcomes > 1 else 1

        def one(index: jax.Array, action: jax.Array, key: jax.Array) -> Step:
            return env.step(key, env.state_at(level, index), action)

        by_draw = jax.vmap(one, (None, None, 0))
        everything = jax.vmap(jax.vmap(by_draw, (None, 0, None)), (0, None, None))
        states = jnp.arange(env.num_states, dtype=jnp.int32)
        actions = jnp.arange(env.num_actions, dtype=jnp.int32)
        return jax.jit(everything)(states, actions, jax.random.split(self.key, draws))

    @cached_property
    def reached(self) -> np.ndarray:
        """Indices int[n] of the states that episodes in the first level can reach."""
        return np.flatnonzero(np.asarray(self.tabular.reachable[0]))

    @cached_property
    def observations(self) -> np.ndarray:
        """What those states look like: float32[n, H, W, C]."""
        env, level = self.env, self.level
        look = jax.jit(jax.vmap(lambda index: env.observe(env.state_at(level, index))))
        return np.asarray(look(jnp.arange(env.num_states, dtype=jnp.int32)))[self.reached]


def equal(one: Any, other: Any) -> bool:
    """Whether two pytrees hold the same values."""
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in leaves)
