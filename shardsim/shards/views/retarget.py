"""Retargeting: a subspace is shown an object in another cell, and the agent is followed exactly.

After Mini et al. (2023, "Understanding and controlling a maze-solving policy network", arXiv
2310.08043), who set cheese channels as if the cheese lay elsewhere and asked how likely that cell
is then entered: here exactly, from the whole chain.

Axis letters: S agents (seeds) · L levels · T states of a level · A actions · D units ·
B dimensions of a subspace.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.network import Network
from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.edits import can_place, object_index, with_moved
from shardsim.env.types import Level
from shardsim.shards.views.object_vectors import Cases, views


class Retargeted(NamedTuple):
    """Exact probability that the new cell is entered from the start, by what was shown it."""

    plain: np.ndarray  # float64[S, L], nothing
    subspace: np.ndarray  # float64[S, L], a subspace of a layer
    random: np.ndarray  # float64[S, L], what the subspace reads, written at random, equal norm
    layer: np.ndarray  # float64[S, L], the whole layer
    moved: np.ndarray  # float64[S, L], the object is really moved: the upper anchor
    distance: np.ndarray  # float64[L], moves from the start to the new cell


def retarget(
    env: Env,
    network: Network,
    parameters: Any,
    cases: Cases,
    concept: str,
    layer: str,
    reader: np.ndarray,
    writer: np.ndarray,
    *,
    seed: int = 0,
) -> Retargeted:
    """Show each agent's subspace the object in a random free cell, and follow the agent exactly.

    Args:
      env: the world.
      network: of all agents.
      parameters: pytree with leading axis S.
      cases: of `object_vectors.vector_cases`.
      concept: the object.
      layer: of the subspace.
      reader: float[S, D, B], of `shardsim.shards.views.subspace.Subspace`, one shard.
      writer: float[S, B, D].
      seed: of the cells and of the random directions.
    """
    number = object_index(env, concept)
    keys = jax.random.split(jax.random.key(seed), 2)
    subspace = jnp.asarray(reader, jnp.float32), jnp.asarray(writer, jnp.float32)
    found = _retargeted(env, network, layer, number, parameters, cases, *subspace, keys)
    return Retargeted(*(np.asarray(one, np.float64) for one in found))


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _retargeted(env, network, layer, number, parameters, cases: Cases, readers, writers, keys):
    moved = _moved(env, number, cases, keys[0])
    every = jnp.broadcast_to(jnp.arange(env.num_states), cases.parting.shape)
    seen, other = views(env, cases.level, every), views(env, moved, every)
    follow = jax.vmap(partial(_enter, env))
    reached = moved.position[:, number, 0]

    def agent(own, reader, writer, key):
        turned = jnp.linalg.qr(jax.random.normal(key, writer.T.shape))[0].T
        turned = jnp.linalg.qr(writer.T)[1].T @ turned
        flat = seen.reshape(-1, *seen.shape[2:])
        given = network.run(own, other.reshape(flat.shape)).activations[layer]

        def chance(patch, levels):
            logits = network.run(own, flat, {layer: patch}).logits
            policy = jax.nn.softmax(logits).reshape(*seen.shape[:2], -1)
            return follow(levels, policy, reached, cases.start)

        return (
            chance(lambda hidden: hidden, cases.level),
            chance(lambda hidden: hidden + (given - hidden) @ reader @ writer, cases.level),
            chance(lambda hidden: hidden + (given - hidden) @ reader @ turned, cases.level),
            chance(lambda hidden: given, cases.level),
            chance(lambda hidden: given, moved),
        )

    turns = jax.random.split(keys[1], readers.shape[0])
    found = jax.vmap(agent)(parameters, readers, writers, turns)
    return *found, jax.vmap(partial(_away, env))(cases.level, reached, cases.start)


@partial(jax.jit, static_argnums=(0, 1))
def _moved(env: Env, number: int, cases: Cases, key: jax.Array) -> Level:
    """Return the levels with the object in a free cell drawn at random, not the start's."""

    def one(key, level, start):
        free = can_place(env, env.state_at(level, start), env.concepts[number].name)
        reach = jnp.isfinite(_distances(env, level)[start])
        room = (free.reshape(-1) & reach).astype(jnp.float32)
        cell = jax.random.categorical(key, jnp.log(room)).astype(jnp.int32)
        return with_moved(level, number, jnp.stack([cell // env.width, cell % env.width]))

    return jax.vmap(one)(jax.random.split(key, len(cases.start)), cases.level, cases.start)


def _cells(env: Env, level: Level) -> jax.Array:
    """Return int32[T]: the cell of the agent in every state, rows first."""
    states = jnp.arange(env.num_states, dtype=jnp.int32)
    row, column = jax.vmap(lambda n: env.agent_cell(env.state_at(level, n)))(states)
    return row * env.width + column


def _distances(env: Env, level: Level) -> jax.Array:
    """Return float32[T, H·W]: moves from every state to every cell."""
    goals = _cells(env, level)[:, None] == jnp.arange(env.height * env.width)
    return planning.distances(env.tabular(level), goals)


def _away(env: Env, level: Level, cell: jax.Array, start: jax.Array) -> jax.Array:
    return _distances(env, level)[start, cell[0] * env.width + cell[1]]


def _enter(env, level: Level, policy: jax.Array, cell: jax.Array, start: jax.Array) -> jax.Array:
    """Return float32[]: probability that a policy [T, A] enters a cell from the start in time."""
    goals = (_cells(env, level) == cell[0] * env.width + cell[1])[:, None]
    tabular = env.tabular(level)
    return planning.hitting_probabilities(tabular, policy, goals, env.max_steps)[start, 0]
