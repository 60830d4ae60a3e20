"""Section `reward`: weighs the reward components of each step and adds them up."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from shardsim.agent.config import RewardSchedule
from shardsim.base.errors import UserError, did_you_mean


def reward(weights: jax.Array, rewards: jax.Array) -> jax.Array:
    """Return float32[...]: components float32[..., R] times weights float32[..., R], summed."""
    return jnp.sum(weights * rewards, axis=-1)


def scheduled(
    schedule: tuple[RewardSchedule, ...], names: tuple[str, ...], weights, progress
) -> jax.Array:
    """Return float32[..., R]: the weights with those of the schedule put in.

    Args:
        schedule: of each component that changes.
        names: the components on the axis R.
        weights: float32[..., R], of levels.
        progress: float32[], the share of training that is over.

    Raises:
        UserError: a component that is not on the axis R.
    """
    for line in schedule:
        if line.component not in names:
            hint = did_you_mean(line.component, names)
            raise UserError(f"no reward {line.component!r} to schedule; {hint}")
        now = jnp.interp(
            progress, jnp.array(line.at, jnp.float32), jnp.array(line.weight, jnp.float32)
        )
        weights = weights.at[..., names.index(line.component)].set(now)
    return weights
