"""The exact world model that reflection imagines in: levels as tables, with an onset state each.

A level of thousands of states is cut down to those that a question is about (`restricted`): every
table holds the number of the next state, so what is left is renumbered and nothing else changes.
Axis letters: B contexts · S states · R those of them that are kept · A actions · N outcomes ·
O concepts · H, W, P an observation's rows, columns, planes.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.core import Env
from shardsim.env.covariates import analyse, covariates
from shardsim.env.part import kept_states, places, reached, renumbered
from shardsim.env.types import Level, State
from shardsim.shards.contexts.sampling import decision_states


class World(NamedTuple):
    """Contexts with the whole of their levels around them; jax or numpy arrays."""

    next_state: Any  # int32[B, S, A, N]
    probability: Any  # float32[B, S, A, N]
    terminated: Any  # bool[B, S, A, N]
    entered: Any  # bool[B, S, A, N, O], moves that reach each concept
    goals: Any  # bool[B, S, O], states in which the agent stands on each concept
    decision: Any  # bool[B, S], an agent can come to decide here
    blocked: Any  # bool[B, S, A], actions that change nothing
    advantage: Any  # float32[B, S, A, O], moves lost against the best way to each concept
    distance: Any  # float32[B, S, O], moves to each concept, inf if unreachable
    start: Any  # int32[B], the state of the context
    weight: Any  # float32[B], sums to 1: how much of the onset the context is


Covariates = dict[str, Any]  # name -> float32[B, S]


@partial(jax.jit, static_argnums=0)
def tabulate(env: Env, states: State, weight: jax.Array) -> tuple[World, Covariates]:
    """Tabulate the levels of contexts, and describe every state of them.

    Args:
        env: the world that the contexts are from.
        states: states [B], each with its level.
        weight: float32[B], scaled here to sum to 1.

    Raises:
        UserError: the env has more states than its `max_states`.
    """
    indices = jnp.arange(env.num_states, dtype=jnp.int32)

    def one(given: tuple[State, jax.Array]) -> tuple[World, Covariates]:
        state, weight = given
        found = analyse(env, state.level)
        start = env.index_of(state)
        table = found.tabular
        world = World(
            next_state=table.next_state,
            probability=table.probability,
            terminated=table.terminated,
            entered=found.entered,
            goals=found.goals,
            decision=decision_states(table).at[start].set(True),
            blocked=found.blocked,
            advantage=found.advantage,
            distance=found.distance,
            start=start,
            weight=weight,
        )
        described = jax.vmap(
            lambda index: covariates(env, found, env.state_at(state.level, index))
        )(indices)
        return world, described

    total = jnp.maximum(jnp.sum(weight), jnp.finfo(jnp.float32).tiny)
    # One level after the other: as fast on a CPU, and half the compilation.
    return jax.lax.map(one, (states, weight.astype(jnp.float32) / total))


def flattened(tree: Any, axes: int) -> Any:
    """Return a tree of arrays whose first axes are one: [N, ...] of [D, U, B, ...]."""
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[axes:]), tree)


def restricted(world: World, kept: np.ndarray) -> tuple[World, np.ndarray]:
    """Return numpy worlds [B] of the states bool[B, S] to keep alone, and their numbers [B, R].

    From a state that is kept, and in which an agent can come to decide, no move that goes on may
    lead out of those kept. `start` must be among them.
    """
    states = kept_states(kept)
    rows = np.arange(len(states))[:, None]
    whole = ("start", "weight")
    parts = {
        name: leaf if name in whole else leaf[rows, states]
        for name, leaf in world._asdict().items()
    }
    parts["next_state"] = renumbered(world.next_state, states)
    parts["decision"] = parts["decision"] & kept[rows, states]
    parts["start"] = np.take_along_axis(
        places(states, kept.shape[1]), np.asarray(world.start)[:, None], axis=1
    )[:, 0]
    return World(**parts), states


def led_to(world: World, begin: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return bool[B, S]: where actions lead from bool[B, S] before a move of bool[B, S, A, N]."""
    return reached(world.next_state, (world.probability > 0) & ~ends, begin)


def before_goals(
    world: World, start: np.ndarray, goals: tuple[int, ...]
) -> tuple[World, np.ndarray]:
    """Return worlds [B] cut down to where actions lead from bool[B, S] before a goal is reached.

    Also the rows int32[B, R] of their states. Which goal comes first is decided there, and plans
    that end at goals stay there: an agent with three keys to take need not be followed beyond one.
    """
    chosen = list(goals)
    here = world.goals[..., chosen].any(-1)[..., None, None]
    ends = world.terminated | world.entered[..., chosen].any(-1) | here
    return restricted(world, led_to(world, start, ends))


@partial(jax.jit, static_argnums=0)
def views(env: Env, levels: Level, states: jax.Array) -> jax.Array:
    """Return float32[B, R, H, W, P]: what is seen in the states int32[B, R] of levels [B]."""

    def one(level: Level, states: jax.Array) -> jax.Array:
        return jax.vmap(lambda index: env.observe(env.state_at(level, index)))(states)

    return jax.vmap(one)(levels, states)
