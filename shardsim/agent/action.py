"""Section `action`: samples an action, hands it to the env, and records it for the learner."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Action(NamedTuple):
    """An action as the env gets it and as the learner is told of it."""

    executed: jax.Array  # int32[B]
    recorded: jax.Array  # int32[B]
    log_probability: jax.Array  # float32[B], of the recorded action, in nats


def action(key: jax.Array, logits: jax.Array, exploration: jax.Array | float = 0.0) -> Action:
    """Sample from the softmax of logits float32[B, A]; that explores enough by itself."""
    chosen = jax.random.categorical(key, logits).astype(jnp.int32)
    return Action(chosen, chosen, log_probability(logits, chosen))


def log_probability(logits: jax.Array, actions: jax.Array) -> jax.Array:
    """Return float32[B]: the log-probability of actions int32[B], in nats."""
    logs = jax.nn.log_softmax(logits)
    return jnp.take_along_axis(logs, actions[:, None], axis=1)[:, 0]
