"""Section `evaluation`: the exact return of a policy on given levels, beside the optimum.

Axis letters: L levels · S states · A actions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.types import Level


class Evaluation(NamedTuple):
    """Discounted return from the levels' own starts, averaged over levels."""

    achieved: jax.Array  # float32[]
    optimum: jax.Array  # float32[]


Policy = Callable[[jax.Array], jax.Array]  # observations [B, H, W, C] -> logits [B, A]


def policy_table(env: Env, policy: Policy, levels: Level) -> jax.Array:
    """Return float32[L, S, A]: the policy's action probabilities in every state of every level."""
    states = jnp.arange(env.num_states, dtype=jnp.int32)
    look = jax.vmap(
        lambda level: jax.vmap(lambda index: env.observe(env.state_at(level, index)))(states)
    )
    seen = look(levels)
    logits = policy(seen.reshape(-1, *seen.shape[2:]))
    return jax.nn.softmax(logits).reshape(*seen.shape[:2], -1)


def evaluation(env: Env, policy: Policy, levels: Level, discount: float) -> Evaluation:
    """Evaluate a policy exactly, over all starts and `env.max_steps` steps."""

    def one(level, table):
        tabular = env.tabular(level)
        achieved = planning.evaluate_policy(
            tabular, level.reward_weights, table, discount, env.max_steps
        )
        best, _ = planning.optimal_values(tabular, level.reward_weights, discount, env.max_steps)
        return jnp.dot(tabular.start, achieved), jnp.dot(tabular.start, best)

    achieved, optimum = jax.vmap(one)(levels, policy_table(env, policy, levels))
    return Evaluation(jnp.mean(achieved), jnp.mean(optimum))
