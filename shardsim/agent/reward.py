"""Section `reward`: weighs the reward components of each step and adds them up."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def reward(weights: jax.Array, rewards: jax.Array) -> jax.Array:
    """Return float32[...]: components float32[..., R] times weights float32[..., R], summed."""
    return jnp.sum(weights * rewards, axis=-1)
