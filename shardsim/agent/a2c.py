"""Advantage actor–critic: one step along the policy gradient for each rollout.

Mnih et al. 2016, "Asynchronous methods for deep reinforcement learning", with all envs stepped
together. It differs from PPO in its loss alone.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from shardsim.agent.action import log_probability
from shardsim.agent.loss import Coefficients, LossParts, entropy_of
from shardsim.agent.network import Output
from shardsim.agent.rollout import Batch


def loss(output: Output, batch: Batch, coefficients: Coefficients) -> tuple[jax.Array, LossParts]:
    """Return the loss of one rollout, whose gradient is the policy gradient.

    Advantages are taken as they are, in units of reward: neither centred nor scaled.
    """
    chance = log_probability(output.logits, batch.actions)
    policy = -jnp.mean(chance * batch.advantages)
    value = jnp.mean(jnp.square(output.value - batch.targets))
    entropy = entropy_of(output.logits)
    total = policy + coefficients.value * value - coefficients.entropy * entropy
    change = chance - batch.log_probability
    return total, LossParts(policy, value, entropy, jnp.mean(jnp.exp(change) - 1.0 - change))
