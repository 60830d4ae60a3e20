"""Small problems that the planner's tests solve, and the compiled solvers."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.covariates import Analysis, analyse
from shardsim.env.types import Level, Tabular

# One program each; called as they are, every operation inside would be a program of its own.
optimal_values = jax.jit(planning.optimal_values)
evaluate_policy = jax.jit(planning.evaluate_policy)
hitting_probabilities = jax.jit(planning.hitting_probabilities)
visitation = jax.jit(planning.visitation)


@partial(jax.jit, static_argnums=0)
def tabular(env: Env, level: Level) -> Tabular:
    """The tables of one level."""
    return env.tabular(level)


@partial(jax.jit, static_argnums=0)
def analysed(env: Env, levels: Level) -> Analysis:
    """The analysis of levels [L]."""
    return jax.vmap(lambda level: analyse(env, level))(levels)


def chain(size: int, right: float) -> Tabular:
    """A corridor with one action that goes right or left by chance, and absorbing ends."""
    here = np.arange(size)
    ends = np.isin(here, [0, size - 1])
    step = np.where(ends, 0, 1)
    moves = np.stack([np.minimum(here + step, size - 1), np.maximum(here - step, 0)], axis=-1)
    chance = np.broadcast_to(np.array([right, 1 - right], np.float32), (size, 1, 2))
    return Tabular(
        next_state=jnp.asarray(moves[:, None], jnp.int32),
        probability=jnp.asarray(chance),
        rewards=jnp.asarray((moves[None, :, None] == size - 1) & ~ends[None, :, None, None]).astype(
            jnp.float32
        ),
        terminated=jnp.asarray(np.isin(moves, [0, size - 1])[:, None]),
        reachable=jnp.ones(size, bool),
        start=jnp.full(size, 1 / size, jnp.float32),
    )


def level(world, index: int = 0) -> Tabular:
    """One level's tables, as jax arrays."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[index]), world.analysis.tabular)
