"""Section `loss`: the clipped surrogate objective with a value loss and an entropy bonus."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from shardsim.agent.action import log_probability
from shardsim.agent.network import Output
from shardsim.agent.rollout import Batch


class Coefficients(NamedTuple):
    """The weights in force in one update."""

    clip: jax.Array  # float32[]
    value: jax.Array  # float32[]
    entropy: jax.Array  # float32[], in nats


class LossParts(NamedTuple):
    """What the loss is made of, for logs; NaN where a learner has no such part."""

    policy: jax.Array  # float32[]
    value: jax.Array  # float32[]
    entropy: jax.Array  # float32[], nats per decision
    divergence: jax.Array  # float32[], estimated KL from the rollout's policy, nats


def loss(output: Output, batch: Batch, coefficients: Coefficients) -> tuple[jax.Array, LossParts]:
    """Return the loss of one minibatch (Schulman et al. 2017, "Proximal policy optimization")."""
    scaled = batch.advantages - jnp.mean(batch.advantages)
    scaled = scaled / (jnp.std(batch.advantages) + 1e-8)
    change = log_probability(output.logits, batch.actions) - batch.log_probability
    ratio = jnp.exp(change)
    clipped = jnp.clip(ratio, 1.0 - coefficients.clip, 1.0 + coefficients.clip)
    policy = -jnp.mean(jnp.minimum(ratio * scaled, clipped * scaled))
    value = jnp.mean(jnp.square(output.value - batch.targets))
    entropy = entropy_of(output.logits)
    total = policy + coefficients.value * value - coefficients.entropy * entropy
    return total, LossParts(policy, value, entropy, jnp.mean(ratio - 1.0 - change))


def entropy_of(logits: jax.Array) -> jax.Array:
    """Return float32[]: the mean entropy of the policies of logits float32[B, A], in nats."""
    logs = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.sum(jnp.exp(logs) * logs, axis=-1))
