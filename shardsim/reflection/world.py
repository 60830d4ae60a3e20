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
from shardsim.env.covariates import analyse, covariates
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


@partial(jax.jit, static_argnums=0)
def views(env: Env, levels: Level) -> jax.Array:
    """Return float32[B, S, H, W, P]: what is seen in every state of levels [B]."""
    states = jnp.arange(env.num_states, dtype=jnp.int32)

    def one(level: Level) -> jax.Array:
        return jax.vmap(lambda index: env.observe(env.state_at(level, index)))(states)

    return jax.vmap(one)(levels)
