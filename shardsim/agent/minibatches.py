"""Which rows of a rollout are learned from together.

Axis letters: T steps · B envs · N = T * B rows, time-major · K rows of a minibatch.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from shardsim.agent.structure import Structure


def minibatch_rows(structure: Structure, count: int, whole: bool, key: jax.Array) -> jax.Array:
    """Draw the minibatches of all epochs, each row once an epoch.

    Args:
        structure: with the numbers of epochs, minibatches, envs and steps.
        count: N.
        whole: whether all steps of an env stay together, time-major, as a memory needs them.
        key: of the draw.

    Returns:
        int32[epochs * minibatches, K].
    """
    drawn = structure.num_envs if whole else count
    # One draw for all epochs: each call of the generator compiles anew. Ties are one in a thousand.
    orders = jnp.argsort(jax.random.bits(key, (structure.epochs, drawn)), axis=1)
    rows = orders.reshape(structure.epochs * structure.minibatches, -1).astype(jnp.int32)
    if not whole:
        return rows
    first = structure.num_envs * jnp.arange(structure.rollout_steps, dtype=jnp.int32)
    return (first[:, None] + rows[:, None]).reshape(len(rows), -1)
