"""Section `advantage`: how much better each action was than the policy's own value.

Axis letters: T steps · B envs.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Advantage(NamedTuple):
    """What the actor and the critic are trained on."""

    advantages: jax.Array  # float32[T, B]
    targets: jax.Array  # float32[T, B], for the critic


def advantage(
    values: jax.Array,
    next_values: jax.Array,
    rewards: jax.Array,
    terminated: jax.Array,
    truncated: jax.Array,
    discount: float | jax.Array,
    gae_lambda: float | jax.Array,
) -> Advantage:
    """Generalised advantage estimation over arrays [T, B].

    `next_values` are of the state that the action led to, before any new episode, so a time-out
    still has a future while a termination has none (Schulman et al. 2016, "High-dimensional
    continuous control using generalized advantage estimation"; Pardo et al. 2018, "Time limits in
    reinforcement learning").
    """
    surprise = rewards + discount * jnp.where(terminated, 0.0, next_values) - values
    keep = jnp.where(terminated | truncated, 0.0, discount * gae_lambda)

    def back(later, now):
        total = now[0] + now[1] * later
        return total, total

    zero = jnp.zeros_like(surprise[0])
    _, advantages = jax.lax.scan(back, zero, (surprise, keep), reverse=True)
    return Advantage(advantages, advantages + values)
