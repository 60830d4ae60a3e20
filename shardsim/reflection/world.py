"""The exact world model that reflection imagines in: levels as tables, with an onset state each.

Axis letters: B contexts · S states · A actions · N outcomes · O concepts · H, W, P an observation's
rows, columns, planes.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from shardsim.env.core import Env
from shardsim.env.covariates import analyse
from shardsim.env.types import Level, State


class World(NamedTuple):
    """Contexts with the whole of their levels around them; jax or numpy arrays."""

    next_state: Any  # int32[B, S, A, N]
    probability: Any  # float32[B, S, A, N]
    terminated: Any  # bool[B, S, A, N]
    entered: Any  # bool[B, S, A, N, O], moves that reach each concept
    goals: Any  # bool[B, S, O], states in which the agent stands on each concept
    reachable: Any  # bool[B, S], from the level's starts or from the context
    advantage: Any  # float32[B, S, A, O], moves lost against the best way to each concept
    distance: Any  # float32[B, S, O], moves to each concept, inf if unreachable
    start: Any  # int32[B], the state of the context
    weight: Any  # float32[B], sums to 1: how much of the onset the context is


@partial(jax.jit, static_argnums=0)
def worlds(env: Env, states: State, weight: jax.Array) -> World:
    """Tabulate the levels of contexts.

    Args:
        env: the world that the contexts are from.
        states: states [B], each with its level.
        weight: float32[B], scaled here to sum to 1.

    Raises:
        UserError: the env has more states than its `max_states`.
    """

    def one(state: State, weight: jax.Array) -> World:
        found = analyse(env, state.level)
        start = env.index_of(state)
        table = found.tabular
        return World(
            next_state=table.next_state,
            probability=table.probability,
            terminated=table.terminated,
            entered=found.entered,
            goals=found.goals,
            reachable=table.reachable.at[start].set(True),
            advantage=found.advantage,
            distance=found.distance,
            start=start,
            weight=weight,
        )

    total = jnp.maximum(jnp.sum(weight), jnp.finfo(jnp.float32).tiny)
    return jax.vmap(one)(states, weight.astype(jnp.float32) / total)


@partial(jax.jit, static_argnums=0)
def views(env: Env, levels: Level) -> jax.Array:
    """Return float32[B, S, H, W, P]: what is seen in every state of levels [B]."""
    states = jnp.arange(env.num_states, dtype=jnp.int32)

    def one(level: Level) -> jax.Array:
        return jax.vmap(lambda index: env.observe(env.state_at(level, index)))(states)

    return jax.vmap(one)(levels)
