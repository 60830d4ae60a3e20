"""Draws the levels and contexts that reflection is measured on, the same for every branch.

Axis letters as in `shardsim.reflection.measure`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.instances import without
from shardsim.env.levels import take
from shardsim.env.part import kept_states, renumbered
from shardsim.env.types import Level, Tabular
from shardsim.reflection.ground import Ground
from shardsim.reflection.measure import Probe
from shardsim.reflection.world import before_goals, views
from shardsim.shards.contexts.sampling import decision_states

NEAR_OBJECT = 3.0  # moves within which an object's influence is measured
OBJECT_CONTEXTS = 64


@partial(jax.jit, static_argnums=0)
def _starts(env: Env, levels: Level) -> jax.Array:
    return jax.vmap(env.start_probability)(levels)


def starts(ground: Ground) -> np.ndarray:
    """Return float32[L, R]: how likely an episode starts in each state of some levels."""
    every = np.asarray(_starts(ground.env, ground.levels))
    return np.take_along_axis(every, ground.states, axis=1) * ground.world.decision


@partial(jax.jit, static_argnums=(0, 2))
def _tables(env: Env, levels: Level, discount: float):
    """Return tables [L], where agents decide bool[L, S], and the mean best and worst returns."""

    def one(level):
        tabular = env.tabular(level)
        asked = (tabular, level.reward_weights, discount, env.max_steps)
        best, worst = planning.optimal_values(*asked)[0], planning.worst_values(*asked)
        ends = jnp.dot(tabular.start, best), jnp.dot(tabular.start, worst)
        return tabular, decision_states(tabular), *ends

    tabular, decision, best, worst = jax.lax.map(one, levels)
    return tabular, decision, jnp.mean(best), jnp.mean(worst)


def _decided(tabular: Any, states: np.ndarray) -> Tabular:
    """Return tables [L], given as numpy arrays, of the states int32[L, R] alone."""
    rows = np.arange(len(states))[:, None]
    found: dict[str, Any] = {
        "next_state": renumbered(tabular.next_state, states),
        "probability": tabular.probability[rows, states],
        "rewards": np.moveaxis(np.moveaxis(tabular.rewards, 1, 2)[rows, states], 2, 1),
        "terminated": tabular.terminated[rows, states],
        "reachable": tabular.reachable[rows, states],
        "start": tabular.start[rows, states],
    }
    return Tabular(**jax.tree.map(jnp.asarray, found))


@partial(jax.jit, static_argnums=(0, 3))
def _pairs(env: Env, levels: Level, states: jax.Array, concepts: tuple[int, ...]):
    """Return observations with and without each concept, float32[X, V, H, W, P] each.

    `levels` [X, V] and states int32[X, V] are those of each concept.
    """

    def one(level, index, concept):
        state = env.state_at(level, index)
        return env.observe(state), env.observe(state.replace(level=without(level, concept)))

    each = jax.vmap(jax.vmap(one, (0, 0, None)))
    return each(levels, states, jnp.asarray(concepts, jnp.int32))


def object_numbers(env: Env) -> tuple[int, ...]:
    """Return the concepts that can be removed."""
    return tuple(n for n, concept in enumerate(env.concepts) if concept.kind == "object")


def make_probe(
    target: Ground,
    start: np.ndarray,
    goals: tuple[int, int],
    training: Level,
    discount: float,
    seed: int,
) -> Probe:
    """Make a probe.

    Args:
        target: levels that behaviour is measured on, L of them.
        start: float32[L, R], how likely an episode starts in each of their states.
        goals: which of them comes first there is asked.
        training: levels of the training distribution, that competence is measured on.
        discount: of the return.
        seed: of contexts near objects.
    """
    env = target.env
    rows = np.arange(len(target.states))[:, None]
    world, before = before_goals(target.world, start > 0, goals)
    tabular, decision, optimum, worst = _tables(env, training, discount)
    decided = kept_states(np.asarray(decision))
    seen, missing, advantage = _near_objects(target, np.random.default_rng(seed))
    return Probe(
        target=jax.tree.map(jnp.asarray, world),
        target_views=jnp.asarray(target.seen[rows, before]),
        target_start=jnp.asarray(start[rows, before]),
        training=_decided(jax.tree.map(np.asarray, tabular), decided),
        training_weights=training.reward_weights,
        training_views=views(env, training, decided),
        optimum=optimum,
        worst=worst,
        with_object=seen,
        without_object=missing,
        object_advantage=advantage,
    )


def _near_objects(
    target: Ground, rng: np.random.Generator
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Draw OBJECT_CONTEXTS decision states near each object, repeating if few.

    Returns observations with and without it, float32[X, V, H, W, P] each, and float32[X, V, A] A_o.
    """
    env, world, objects = target.env, target.world, object_numbers(target.env)
    if not objects:
        nothing = jnp.zeros((0, OBJECT_CONTEXTS, *env.observation_shape))
        return nothing, nothing, nothing[..., 0, 0, 0]
    drawn = np.stack([_near(world.distance[..., one], world.decision, rng) for one in objects])
    level, row = np.moveaxis(drawn, -1, 0)  # int[X, V]
    there = take(target.levels, level)
    seen, missing = _pairs(env, there, target.states[level, row], objects)
    which = np.asarray(objects)[:, None]
    return seen, missing, jnp.asarray(np.moveaxis(world.advantage, -1, 2)[level, row, which])


def _near(distance: np.ndarray, decision: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return int[V, 2]: levels and rows, drawn of bool[L, R] near one object by its distance."""
    near = decision & (distance >= 1) & (distance <= NEAR_OBJECT)
    found = np.argwhere(near if near.any() else decision)
    return found[np.resize(rng.permutation(len(found)), OBJECT_CONTEXTS)]
