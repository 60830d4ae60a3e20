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
from shardsim.env.types import Level, State, Transition


@partial(jax.jit, static_argnums=0)
def _begin(env: Env, level: Level) -> State:
    return env.state_at(level, jnp.int32(0)).replace(**env.initial_fields(level))


def at(env: Env, level: Level, row: int, column: int, **fields: int) -> State:
    """The state with the agent on a cell, the other fields as an episode begins unless given."""
    changes = {name: jnp.int32(value) for name, value in fields.items()}
    return _begin(env, level).replace(cell=jnp.int32(row * env.width + column), **changes)


def worth(env: Env, level: Level, state: State, discount: float, horizon: int | None = None):
    """The optimal return from a state, by the tables."""
    values = action_values(env, level, discount, horizon or env.max_steps)
    return float(values[index_of(env, state)].max())


def index_of(env: Env, state: State) -> int:
    """The number of a state."""
    return int(_index_of(env, state))


_index_of = jax.jit(lambda env, state: env.index_of(state), static_argnums=0)


def action_values(env: Env, level: Level, discount: float, horizon: int) -> np.ndarray:
    """Q float32[S, A] of the optimum."""
    return np.asarray(_action_values(env, level, np.float32(discount), np.int32(horizon)))


@partial(jax.jit, static_argnums=0)
def _action_values(env: Env, level: Level, discount: jax.Array, horizon: jax.Array) -> jax.Array:
    table = env.tabular(level)
    return planning.optimal_values(table, level.reward_weights, discount, horizon)[1]


_move = jax.jit(
    lambda env, state, action, outcome: env.transition(state, action, outcome), static_argnums=0
)


def move(env: Env, state: State, action: int, outcome: int = 0) -> Transition:
    """What an action with an outcome leads to."""
    return _move(env, state, np.int32(action), np.int32(outcome))


def walk(env: Env, state: State, words: str) -> tuple[State, list[list[float]], list[bool]]:
    """Where n, e, s, w lead, what each move pays, and after which the episode is over."""
    paid, over = [], []
    for word in words:
        moved = move(env, state, "nesw".index(word))
        state = moved.state
        paid.append(np.asarray(moved.rewards).tolist())
        over.append(bool(moved.terminated))
    return state, paid, over


def drawn(name: str, split: str, count: int = 64, **params) -> tuple[Env, Level]:
    env = make(name, **params)
    return env, jax.tree.map(np.asarray, sample_levels(env, jax.random.key(1), count, split))


def moves_apart(walls: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Shortest paths between cells [L, 2] of levels."""
    return np.asarray(_moves_between(walls, one, other))


_moves_between = jax.jit(jax.vmap(lambda w, a, b: placing.moves_from(w, a)[b[0], b[1]]))


def after(env: Env, state: State, action: str, outcome: int = 0) -> tuple[State, list[float]]:
    """The state that an action with an outcome leads to, and what each component pays."""
    moved = move(env, state, env.action_names.index(action), outcome)
    return moved.state, np.asarray(moved.rewards).tolist()
