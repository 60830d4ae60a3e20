"""Hand-made levels: a state in them, its worth by the tables, and where a walk leads."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env import placing, planning
from shardsim.env.core import Env
from shardsim.env.levels import sample_levels
from shardsim.env.registry import make
from shardsim.env.types import Level, State


def at(env: Env, level: Level, row: int, column: int, **fields: int) -> State:
    """The state with the agent on a cell, the other fields as an episode begins unless given."""
    begin = env.state_at(level, jnp.int32(0)).replace(**env.initial_fields(level))
    changes = {name: jnp.int32(value) for name, value in fields.items()}
    return begin.replace(cell=jnp.int32(row * env.width + column), **changes)


def worth(env: Env, level: Level, state: State, discount: float, horizon: int | None = None):
    """The optimal return from a state, by the tables."""
    values, _ = _optimum(env)(level, jnp.float32(discount), horizon or env.max_steps)
    return float(values[env.index_of(state)])


_OPTIMA = {}


def _optimum(env: Env):
    if env not in _OPTIMA:

        def solve(level, discount, horizon):
            return planning.optimal_values(
                env.tabular(level), level.reward_weights, discount, horizon
            )

        _OPTIMA[env] = jax.jit(solve, static_argnums=2)
    return _OPTIMA[env]


def walk(env: Env, state: State, words: str) -> tuple[State, list[list[float]], list[bool]]:
    """Where n, e, s, w lead, what each move pays, and after which the episode is over."""
    paid, over = [], []
    for word in words:
        moved = env.transition(state, jnp.int32("nesw".index(word)), jnp.int32(0))
        state = moved.state
        paid.append([float(reward) for reward in moved.rewards])
        over.append(bool(moved.terminated))
    return state, paid, over


def drawn(name: str, split: str, count: int = 64, **params) -> tuple[Env, Level]:
    env = make(name, **params)
    return env, jax.tree.map(np.asarray, sample_levels(env, jax.random.key(1), count, split))


def moves_apart(walls: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Shortest paths between cells [L, 2] of levels."""
    between = jax.jit(jax.vmap(lambda w, a, b: placing.moves_from(w, a)[b[0], b[1]]))
    return np.asarray(between(walls, one, other))


@partial(jax.jit, static_argnums=(0, 3))
def action_values(env: Env, level: Level, discount: float, horizon: int) -> jax.Array:
    """Q float32[S, A] of the optimum."""
    table = env.tabular(level)
    return planning.optimal_values(table, level.reward_weights, discount, horizon)[1]


def after(env: Env, state: State, action: str, outcome: int = 0) -> tuple[State, list[float]]:
    """The state that an action with an outcome leads to, and what each component pays."""
    moved = env.transition(state, jnp.int32(env.action_names.index(action)), jnp.int32(outcome))
    return moved.state, moved.rewards.tolist()
