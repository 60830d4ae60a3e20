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
from shardsim.env.types import Level, Step, Tabular

LEVELS = 4  # levels in which tables and steps are checked
LAYOUTS = 64  # layouts of each split that are compared
DRAWS = 64  # random keys for each state and action where moves are not certain


class Finding(NamedTuple):
    """One broken promise."""

    check: str  # name of the check
    problem: str  # what is wrong
    mend: str  # how to mend it

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
    def tabular(self) -> Tabular:
        """Their tables, with a leading axis L."""
        return jax.jit(jax.vmap(self.env.tabular))(self.levels)

    @cached_property
    def stepped(self) -> Step:
        """Every state and action of the first level through `step`: axes S, A, draws."""
        env, level = self.env, take(self.levels, 0)
        draws = DRAWS if env.num_outcomes > 1 else 1

        def one(index: jax.Array, action: jax.Array, key: jax.Array) -> Step:
            return env.step(key, env.state_at(level, index), action)

        by_draw = jax.vmap(one, (None, None, 0))
        everything = jax.vmap(jax.vmap(by_draw, (None, 0, None)), (0, None, None))
        states = jnp.arange(env.num_states, dtype=jnp.int32)
        actions = jnp.arange(env.num_actions, dtype=jnp.int32)
        return jax.jit(everything)(states, actions, jax.random.split(self.key, draws))


def equal(one: Any, other: Any) -> bool:
    """Whether two pytrees hold the same values."""
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in leaves)
