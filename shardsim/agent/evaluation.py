"""Section `evaluation`: the exact return of a policy on given levels, beside the best and worst.

That of a policy with a memory is estimated by episodes (`shardsim.agent.episode_returns`).

What share of the optimum a return is, wherever that is asked, is `reached`.

Axis letters: L levels · S states · A actions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.episode_returns import Remembering, episode_returns, mean_and_error
from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.types import Level

LEAST_OPTIMUM = 1e-6  # in units of reward: what rounding makes of an optimum of nothing is less


class Evaluation(NamedTuple):
    """Discounted return from the levels' own starts, averaged over levels."""

    achieved: jax.Array | np.ndarray  # float32[]
    optimum: jax.Array | np.ndarray  # float32[]
    worst: jax.Array | np.ndarray  # float32[], of the policy that earns least


class Estimate(NamedTuple):
    """The same of a policy with a memory, of which only the best and the worst are exact."""

    achieved: jax.Array | np.ndarray  # float32[], mean of episodes
    optimum: jax.Array | np.ndarray
    worst: jax.Array | np.ndarray
    achieved_error: jax.Array | np.ndarray  # float32[], standard error over episodes


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


def evaluation(
    env: Env, policy: Policy | Remembering, levels: Level, discount: Any
) -> Evaluation | Estimate:
    """Evaluate a policy exactly, over all starts and `env.max_steps` steps.

    A policy with a memory by episodes of as many steps.
    """
    if isinstance(policy, Remembering):
        found = _evaluated(env, None, levels, discount)
        achieved, error = mean_and_error(episode_returns(env, policy, levels, discount))
        return Estimate(achieved, found.optimum, found.worst, error)
    return _evaluated(env, policy_table(env, policy, levels), levels, discount)


def _evaluated(env: Env, tables: jax.Array | None, levels: Level, discount: Any) -> Evaluation:
    """Evaluate policies float32[L, S, A]; without any, the best and the worst alone."""

    def one(level, table):
        tabular = env.tabular(level)
        achieved = (
            jnp.full(env.num_states, jnp.nan, jnp.float32)
            if table is None
            else planning.evaluate_policy(
                tabular, level.reward_weights, table, discount, env.max_steps
            )
        )
        best, _ = planning.optimal_values(tabular, level.reward_weights, discount, env.max_steps)
        worst = planning.worst_values(tabular, level.reward_weights, discount, env.max_steps)
        return Evaluation(*(jnp.dot(tabular.start, each) for each in (achieved, best, worst)))

    found = jax.vmap(one)(levels, tables)
    return Evaluation(*(jnp.mean(part) for part in found))


def is_ratio(optimum: Any) -> Any:
    """Whether returns may be divided by the optimum: bool[], every float[...] of it is positive."""
    return (optimum > LEAST_OPTIMUM).all()


def reached(achieved: Any, optimum: Any, worst: Any, *, ratio: Any = None) -> Any:
    """Return how good returns are, 1 being the best there is; arrays of numpy or jax.

    The ratio to the optimum, where all optima are positive. There is no such ratio of costs:
    otherwise it is the part of the range from the worst policy's return to the best one's.

    Args:
        achieved: float[...].
        optimum: float[...].
        worst: float[...], what the policy that earns least gets.
        ratio: bool[], `is_ratio` of all optima that are compared; by default of those given.

    Returns:
        float[...]; 1 where every policy earns the same.
    """
    xp = jnp if isinstance(optimum, jax.Array) else np
    zero = xp.where(is_ratio(optimum) if ratio is None else ratio, xp.zeros_like(optimum), worst)
    span = optimum - zero
    share = (achieved - zero) / xp.where(span == 0, xp.ones_like(span), span)
    return xp.where(span == 0, xp.ones_like(share), share)


def normalised_regret(achieved: Any, optimum: Any, worst: Any) -> Any:
    """Return the part that a policy misses of the range from worst to best return, float[...]."""
    span = optimum - worst
    missed = (optimum - achieved) / np.where(span == 0, 1.0, span)
    return np.where(span == 0, 0.0, missed)
