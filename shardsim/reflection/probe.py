"""Draws the levels and contexts that reflection is measured on, the same for every branch.

Axis letters as in `shardsim.reflection.measure`.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.instances import without
from shardsim.env.types import Level
from shardsim.reflection.measure import Probe
from shardsim.reflection.world import World, views

NEAR_OBJECT = 3.0  # moves within which an object's influence is measured
OBJECT_CONTEXTS = 64


@partial(jax.jit, static_argnums=0)
def _starts(env: Env, levels: Level) -> jax.Array:
    return jax.vmap(env.start_probability)(levels)


@partial(jax.jit, static_argnums=(0, 2))
def _ends(env: Env, levels: Level, discount: float):
    """Return the tables [L], and the mean best and worst returns from the starts."""

    def one(level):
        tabular = env.tabular(level)
        asked = (tabular, level.reward_weights, discount, env.max_steps)
        best, worst = planning.optimal_values(*asked)[0], planning.worst_values(*asked)
        return tabular, jnp.dot(tabular.start, best), jnp.dot(tabular.start, worst)

    tabular, best, worst = jax.vmap(one)(levels)
    return tabular, jnp.mean(best), jnp.mean(worst)


@partial(jax.jit, static_argnums=(0, 3))
def _pairs(env: Env, levels: Level, states: jax.Array, concept: int):
    """Return observations with and without a concept, float32[V, H, W, P] each."""

    def one(level, index):
        state = env.state_at(level, index)
        return env.observe(state), env.observe(state.replace(level=without(level, concept)))

    return jax.vmap(one)(levels, states)


def object_numbers(env: Env) -> tuple[int, ...]:
    """Return the concepts that can be removed."""
    return tuple(n for n, concept in enumerate(env.concepts) if concept.kind == "object")


def make_probe(
    env: Env, target: Level, world: World, training: Level, discount: float, seed: int
) -> Probe:
    """Make a probe of `target` levels [L], tabulated as numpy `world` [L].

    Args:
        env: the world.
        target: levels that behaviour is measured on.
        world: the same, tabulated.
        training: levels of the training distribution, that competence is measured on.
        discount: of the return.
        seed: of contexts near objects.
    """
    tabular, optimum, worst = _ends(env, training, discount)
    rng = np.random.default_rng(seed)
    near = [_near_object(env, target, world, number, rng) for number in object_numbers(env)]
    nothing = jnp.zeros((0, OBJECT_CONTEXTS, *env.observation_shape))
    parts = [jnp.stack(part) for part in zip(*near, strict=True)]
    with_object, without_object, advantage = parts or (nothing, nothing, nothing[..., 0, 0, 0])
    return Probe(
        target=jax.tree.map(jnp.asarray, world),
        target_views=views(env, target),
        target_start=_starts(env, target),
        training=tabular,
        training_weights=training.reward_weights,
        training_views=views(env, training),
        optimum=optimum,
        worst=worst,
        with_object=with_object,
        without_object=without_object,
        object_advantage=advantage,
    )


def _near_object(
    env: Env, target: Level, world: World, concept: int, rng: np.random.Generator
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Draw OBJECT_CONTEXTS decision states near an object, repeating if few.

    Returns observations with and without it, float32[V, H, W, P] each, and float32[V, A] A_o.
    """
    distance = world.distance[..., concept]
    near = world.decision & (distance >= 1) & (distance <= NEAR_OBJECT)
    found = np.argwhere(near if near.any() else world.decision)
    rows = np.resize(rng.permutation(len(found)), OBJECT_CONTEXTS)
    level, state = found[rows].T
    there = jax.tree.map(lambda leaf: np.asarray(leaf)[level], target)
    seen, missing = _pairs(env, there, state.astype(np.int32), concept)
    return seen, missing, jnp.asarray(world.advantage[level, state, :, concept])
