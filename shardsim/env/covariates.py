"""What a level is to a planner, and what a context looks like in words that gates can use.

`analyse` solves a level once; `covariates` then reads any state of it by lookup, so that
thousands of contexts cost no planning. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import jax
import jax.numpy as jnp

from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.types import Level, State, Tabular


class Analysis(NamedTuple):
    """A level solved for every concept."""

    tabular: Tabular
    distance: jax.Array  # float32[S, O], expected moves to each concept, inf if unreachable
    advantage: jax.Array  # float32[S, A, O], moves lost against the best way, <= 0
    reachable: jax.Array  # bool[S, O]
    blocked: jax.Array  # bool[S, A], actions that surely change nothing
    goals: jax.Array  # bool[S, O], states in which the agent stands on each concept
    entered: jax.Array  # bool[S, A, N, O], moves that reach each concept, gone afterwards or not


def analyse(env: Env, level: Level) -> Analysis:
    """Solve one level (vmap over levels)."""
    tabular = env.tabular(level)
    goals = goal_states(env, level)
    entered = goal_moves(env, level, tabular)
    distance = planning.distances(tabular, goals, entered)
    here = jnp.arange(env.num_states, dtype=jnp.int32)[:, None, None]
    return Analysis(
        tabular=tabular,
        distance=distance,
        advantage=planning.advantages(tabular, distance, entered),
        reachable=jnp.isfinite(distance),
        blocked=jnp.all((tabular.next_state == here) | (tabular.probability == 0), axis=2),
        goals=goals,
        entered=entered,
    )


def goal_states(env: Env, level: Level) -> jax.Array:
    """Return bool[S, O]: the states in which the agent stands on each concept."""
    states = jnp.arange(env.num_states, dtype=jnp.int32)
    return jax.vmap(lambda index: env.at_goal(env.state_at(level, index)))(states)


def goal_moves(env: Env, level: Level, tabular: Tabular) -> jax.Array:
    """Return bool[S, A, N, O]: the moves that reach each concept.

    Those that end on it, and those that end where an instance was that the move itself took.
    """

    def one(index, next_index):
        return env.reaches(env.state_at(level, index), env.state_at(level, next_index))

    states = jnp.arange(env.num_states, dtype=jnp.int32)
    outcomes = jax.vmap(jax.vmap(one, (None, 0)), (None, 0))
    return jax.vmap(outcomes)(states, tabular.next_state)


def covariates(env: Env, analysis: Analysis, state: State) -> dict[str, jax.Array]:
    """Return the scalars float32[] of one context: the base's own and the env's.

    For each concept its exact distance in moves, straight-line distance in cells, signed rows and
    columns to its nearest instance, and whether it is in line of sight; for each pair of concepts
    whether their best actions conflict; the agent's row and column, exits, and steps so far.
    """
    index = env.index_of(state)
    row, column = env.agent_cell(state)
    found: dict[str, jax.Array] = {
        "row": row,
        "column": column,
        "steps": state.steps,
        "exits": jnp.sum(~analysis.blocked[index]),
    }
    visible = line_of_sight(state.level.walls, row, column)
    for number, name in enumerate(env.concept_names):
        found |= _toward(env, state, name, visible)
        found[f"distance_{name}"] = analysis.distance[index, number]
    best = planning.best_actions(analysis.advantage[index])
    for first, second in combinations(range(len(env.concepts)), 2):
        pair = f"conflict_{env.concept_names[first]}_{env.concept_names[second]}"
        apart = ~jnp.any(best[:, first] & best[:, second])
        both = analysis.reachable[index, first] & analysis.reachable[index, second]
        found[pair] = apart & both
    return {name: jnp.asarray(value, jnp.float32) for name, value in found.items()} | {
        name: jnp.asarray(value, jnp.float32) for name, value in env.covariates(state).items()
    }


def _toward(env: Env, state: State, name: str, visible: jax.Array) -> dict[str, jax.Array]:
    """Return distance in a straight line, rows, columns and sight of a concept's nearest cell."""
    mask = env.goal_mask(state, name)
    row, column = env.agent_cell(state)
    rows = jnp.arange(env.height, dtype=jnp.float32)[:, None] - row.astype(jnp.float32)
    columns = jnp.arange(env.width, dtype=jnp.float32)[None, :] - column.astype(jnp.float32)
    straight = jnp.where(mask, jnp.sqrt(rows**2 + columns**2), jnp.inf)
    nearest = jnp.unravel_index(jnp.argmin(straight), straight.shape)
    there = jnp.any(mask)
    return {
        f"straight_{name}": jnp.min(straight),
        f"rows_to_{name}": jnp.where(there, rows[nearest[0], 0], 0.0),
        f"columns_to_{name}": jnp.where(there, columns[0, nearest[1]], 0.0),
        f"sees_{name}": jnp.any(mask & visible),
    }


def line_of_sight(walls: jax.Array, row: jax.Array, column: jax.Array) -> jax.Array:
    """Return bool[H, W]: the cells in the agent's row or column with no wall between."""
    across = _unbroken(walls[row], column)
    down = _unbroken(walls[:, column], row)
    seen = jnp.zeros_like(walls).at[row].set(across)
    return seen.at[:, column].set(seen[:, column] | down)


def _unbroken(walls: jax.Array, at: jax.Array) -> jax.Array:
    """Return bool[n]: the cells of a line reached from position `at` with no wall between."""
    wall = walls.astype(jnp.int32)
    count = jnp.cumsum(wall)
    cells = jnp.arange(walls.shape[0])
    between = jnp.where(cells >= at, count - count[at], count[at] - count + wall)
    return between == 0
