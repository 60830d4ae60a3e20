"""The cheese vector: an object's activation vector added and subtracted, with its controls.

The vector of an object is a layer's activations at the start of a level with the object minus
those without it (Turner et al. 2023, "Understanding and controlling a maze-solving policy
network"). It is added at coefficient c where the ways to the object and to what rivals it part.

Axis letters: S agents (seeds) · L levels · T states of a level · A actions · D units · O concepts ·
X coefficients · V vectors, in the order of `VECTORS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.network import Network
from shardsim.base.errors import UserError
from shardsim.base.seeds import checked_seed
from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.edits import can_place, object_index
from shardsim.env.instances import with_moved, without
from shardsim.env.levels import sample_levels, take
from shardsim.env.types import Level
from shardsim.shards.contexts.sampling import survey

COEFFICIENTS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
VECTORS = ("own", "other level, same cell", "other level, other cell", "random")
SAME, OTHER = 1, 2


class Cases(NamedTuple):
    """Levels with an object, and the states where the ways to it and to its rival part."""

    level: Level  # [L]
    donor: Level  # [L], other layouts, with their object moved to this level's cell
    fits: jax.Array  # bool[L], that cell is free in the other layout
    toward: jax.Array  # bool[L, T, A], best actions to the object
    parting: jax.Array  # bool[L, T], decision states where no best action serves both
    start: jax.Array  # int32[L], where an episode starts, drawn
    donor_start: jax.Array  # int32[L], the same in the donor


class Vectors(NamedTuple):
    """What adding each vector does at the parting states, mean over them inside each level."""

    coefficient: np.ndarray  # float64[X]
    chance: np.ndarray  # float64[S, V, X, L], probability of the best moves to the object
    removed: np.ndarray  # float64[S, L], the same where the object is really removed
    residual: np.ndarray  # float64[S, V, X, L], TV from the policy without the object
    untouched: np.ndarray  # float64[S, L], TV of the plain policy from that without the object


def vector_cases(
    env: Env, concept: str, rival: str, count: int = 64, *, split: Any = "target", seed: int = 0
) -> Cases:
    """Draw levels with an object, the states where its way parts from its rival's, and donors.

    Args:
      env: the world.
      concept: an object.
      rival: what it competes with, an object or a place.
      count: levels drawn; those without a parting state are left out.
      split: "train", "held-out" or "target".
      seed: of the levels.

    Raises:
      UserError: the concept is a place or unknown, the seed is wrong, or fewer than two levels
        are left.
    """
    seed = checked_seed(seed)
    number, other = object_index(env, concept), env.concept_index(rival)
    levels = sample_levels(env, jax.random.key(seed), count, split)
    toward, parting = _surveyed(env, number, other, levels)
    kept = np.flatnonzero(np.asarray(parting.any(1) & levels.present[:, number].any(-1)))
    if len(kept) < 2:
        raise UserError(
            f"in {len(kept)} of {count} levels the ways to {concept} and {rival} part; "
            "ask for more levels or another rival"
        )
    levels = take(levels, kept)
    donor, fits = _donors(env, number, levels)
    keys = jax.random.split(jax.random.key(seed))
    starts = (_starts(env, each, key) for each, key in zip((levels, donor), keys, strict=True))
    return Cases(levels, donor, fits, toward[kept], parting[kept], *starts)


def _surveyed(env: Env, number: int, other: int, levels: Level):
    found = survey(env, levels)
    best = planning.best_actions(found.advantage)
    shared = jnp.any(best[..., number] & best[..., other], axis=-1)
    both = found.reachable[..., number] & found.reachable[..., other]
    return best[..., number], found.decision & both & ~shared


@partial(jax.jit, static_argnums=0)
def _starts(env: Env, levels: Level, key: jax.Array) -> jax.Array:
    """Return int32[L]: a state in which an episode of each level starts, drawn as episodes are."""
    chance = jax.vmap(lambda level: env.tabular(level).start)(levels)
    return jax.random.categorical(key, jnp.log(chance)).astype(jnp.int32)


@partial(jax.jit, static_argnums=(0, 1))
def _donors(env: Env, number: int, levels: Level) -> tuple[Level, jax.Array]:
    """Return the first later layout in which each level's object cell is free, with it there."""
    count = levels.walls.shape[0]
    name = env.concepts[number].name

    def one(index: jax.Array) -> tuple[Level, jax.Array]:
        cell = levels.position[index, number, 0]
        order = (index + 1 + jnp.arange(count - 1)) % count

        def free(place: jax.Array) -> jax.Array:
            level = without(take(levels, place), number)
            start = env.state_at(level, jnp.argmax(env.tabular(level).start).astype(jnp.int32))
            return can_place(env, start, name)[cell[0], cell[1]]

        able = jax.vmap(free)(order)
        chosen = take(levels, order[jnp.argmax(able)])
        return with_moved(chosen, number, cell), jnp.any(able)

    return jax.vmap(one)(jnp.arange(count))


def views(env: Env, levels: Level, states: jax.Array) -> jax.Array:
    """Return float32[L, T, H, W, planes]: what is seen in states int32[L, T] of levels [L]."""
    look = jax.vmap(lambda level, index: env.observe(env.state_at(level, index)), (None, 0))
    return jax.vmap(look)(levels, states)


def vector_effects(
    env: Env,
    network: Network,
    parameters: Any,
    cases: Cases,
    concept: str,
    layer: str,
    *,
    coefficients: Sequence[float] = COEFFICIENTS,
    seed: int = 0,
) -> Vectors:
    """Add an object's vector to a layer of every agent, at every coefficient, beside its controls.

    Args:
      env: the world.
      network: of all agents.
      parameters: pytree with leading axis S.
      cases: of `vector_cases`.
      concept: the object.
      layer: where the vector is taken and added.
      coefficients: c; −1 subtracts the vector, as the paper does.
      seed: of the random directions, one a level, of the own vector's norm.

    Returns:
      Tables with all levels; the control with another level is NaN where no other layout has the
      object's cell free.

    Raises:
      UserError: the concept is a place or unknown, or the seed is wrong.
    """
    number = object_index(env, concept)
    key, scale = jax.random.key(checked_seed(seed)), jnp.asarray(coefficients, jnp.float32)
    found = _added(env, network, layer, number, parameters, cases, scale, key)
    chance, removed, residual, untouched = (np.asarray(one, np.float64) for one in found)
    unknown = ~np.asarray(cases.fits)
    chance[:, SAME][..., unknown], residual[:, SAME][..., unknown] = np.nan, np.nan
    return Vectors(np.asarray(coefficients, np.float64), chance, removed, residual, untouched)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _added(env, network, layer, number, parameters, cases: Cases, scale, key):
    every = jnp.broadcast_to(jnp.arange(env.num_states), cases.parting.shape)
    seen = views(env, cases.level, every)
    missing = views(env, without_all(cases.level, number), every)
    parting = cases.parting.astype(jnp.float32)
    weight = parting / jnp.sum(parting, axis=1, keepdims=True)

    def agent(own):
        own_vector = object_vectors(env, network, layer, own, cases.level, cases.start, number)
        same = object_vectors(env, network, layer, own, cases.donor, cases.donor_start, number)
        random = jax.random.normal(key, own_vector.shape, dtype=jnp.float32)
        size = jnp.linalg.norm(own_vector, axis=-1, keepdims=True)
        random = random * size / jnp.linalg.norm(random, axis=-1, keepdims=True)
        vectors = jnp.stack([own_vector, same, jnp.roll(own_vector, 1, axis=0), random])
        gone = _policies(network, layer, own, missing, 0.0 * own_vector)
        plain = _policies(network, layer, own, seen, 0.0 * own_vector)

        def one(vector, c):
            policy = _policies(network, layer, own, seen, c * vector)
            return _toward(policy, cases.toward, weight), _apart(policy, gone, weight)

        def each(c):
            return jax.vmap(lambda vector: one(vector, c))(vectors)

        chance, residual = jax.lax.map(each, scale)
        chance, residual = jnp.moveaxis(chance, 0, 1), jnp.moveaxis(residual, 0, 1)
        return chance, _toward(gone, cases.toward, weight), residual, _apart(plain, gone, weight)

    return jax.vmap(agent)(parameters)


def without_all(levels: Level, number: int) -> Level:
    """Return the levels [L] without an object."""
    return jax.vmap(lambda level: without(level, number))(levels)


def object_vectors(env, network, layer, own, levels: Level, start, number: int) -> jax.Array:
    """Return float32[L, D]: activations at each level's start with an object minus without it."""
    pair = (levels, without_all(levels, number))
    seen = jnp.stack([views(env, one, start[:, None])[:, 0] for one in pair])
    hidden = network.run(own, seen.reshape(-1, *seen.shape[2:])).activations[layer]
    hidden = hidden.reshape(2, len(start), -1)
    return hidden[0] - hidden[1]


def _policies(network, layer, own, seen, vector) -> jax.Array:
    """Return float32[L, T, A]: the policy with a vector [L, D] added in all states of a level."""
    count, states = seen.shape[:2]

    def patch(hidden):
        return (hidden.reshape(count, states, -1) + vector[:, None]).reshape(hidden.shape)

    logits = network.run(own, seen.reshape(-1, *seen.shape[2:]), {layer: patch}).logits
    return jax.nn.softmax(logits).reshape(count, states, -1)


def _toward(policy: jax.Array, toward: jax.Array, weight: jax.Array) -> jax.Array:
    """Return float32[L]: probability of the moves `toward`, mean over states by weight [L, T]."""
    return jnp.sum(jnp.sum(jnp.where(toward, policy, 0.0), axis=-1) * weight, axis=-1)


def _apart(first: jax.Array, second: jax.Array, weight: jax.Array) -> jax.Array:
    """Return float32[L]: total variation of two policies, mean over states by weight."""
    return jnp.sum(0.5 * jnp.sum(jnp.abs(first - second), axis=-1) * weight, axis=-1)
