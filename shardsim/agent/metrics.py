"""What is logged of an update.

Axis letters: T steps · B envs.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from shardsim.agent.loss import LossParts


class Metrics(NamedTuple):
    """Scalars of one update, float32[] each."""

    episodes: jax.Array  # finished
    returns: jax.Array  # summed over finished episodes
    length: jax.Array  # summed steps of finished episodes
    loss: LossParts
    gradient_norm: jax.Array


def finished_returns(
    earned: jax.Array, rewards: jax.Array, ended: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return float32[B], what running episodes have earned, and float32[], what finished ones had.

    Args:
        earned: float32[B], what the episodes that run were paid before.
        rewards: float32[T, B], weighed.
        ended: bool[T, B], whether the step was an episode's last.
    """

    def step(carry: tuple[jax.Array, jax.Array], happened: tuple[jax.Array, jax.Array]):
        earned, total = carry
        reward, ended = happened
        earned = earned + reward
        total = total + jnp.sum(jnp.where(ended, earned, 0.0))
        return (jnp.where(ended, 0.0, earned), total), None

    return jax.lax.scan(step, (earned, jnp.float32(0)), (rewards, ended))[0]
