"""Exact behaviour of a checkpoint: return, what it reaches first, and what swapped moves would do.

Axis letters: L levels · S states · A actions · O concepts · X pairs of actions.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.config import TrainConfig
from shardsim.agent.evaluation import reached
from shardsim.agent.learner import Learner
from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.covariates import goal_moves, goal_states
from shardsim.env.types import Level


class Behaviour(NamedTuple):
    """Means over levels and their starts."""

    achieved: jax.Array  # float32[], discounted return
    optimum: jax.Array  # float32[]
    worst: jax.Array  # float32[], return of the policy that earns least
    swapped: jax.Array  # float32[X], return if two actions were exchanged
    first: jax.Array  # float32[O], probability that each concept is entered first
    optimal_first: jax.Array  # float32[O], the same under the optimal policy

    def share(self, returns: Any, *, ratio: bool) -> np.ndarray:
        """Return float[K] or float[K, X] of these seeds' returns, 1 being the best there is."""
        ends = (np.asarray(end) for end in (self.optimum, self.worst))
        wide = (end[:, None] if np.ndim(returns) > 1 else end for end in ends)
        return reached(np.asarray(returns), *wide, ratio=ratio)


def action_pairs(env: Env) -> list[tuple[int, int]]:
    """Return all pairs of actions."""
    return list(combinations(range(env.num_actions), 2))


def behaviour(learner: Learner, config: TrainConfig, parameters: Any, levels: Level) -> Behaviour:
    """Evaluate one seed's policy exactly on levels [L]."""
    each = jax.lax.map(lambda level: on_level(learner, config, parameters, level), levels)
    return jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), each)


def on_level(learner: Learner, config: TrainConfig, parameters: Any, level: Level) -> Behaviour:
    """Evaluate one policy on one level."""
    env = learner.env
    states = jnp.arange(env.num_states, dtype=jnp.int32)
    seen = jax.vmap(lambda index: env.observe(env.state_at(level, index)))(states)
    policy = jax.nn.softmax(learner.network.run(parameters, seen).logits)
    tabular = env.tabular(level)
    weights, horizon = level.reward_weights, env.max_steps

    def worth(policy: jax.Array) -> jax.Array:
        values = planning.evaluate_policy(tabular, weights, policy, config.discount, horizon)
        return jnp.dot(tabular.start, values)

    best, action_values = planning.optimal_values(tabular, weights, config.discount, horizon)
    pairs = action_pairs(env)
    orders = np.tile(np.arange(env.num_actions), (1 + len(pairs), 1))  # as it is, then exchanged
    for row, (one, other) in zip(orders[1:], pairs, strict=True):
        row[[one, other]] = row[[other, one]]
    # Alike evaluations are one batch: each call of a planner is compiled by itself.
    worths = jax.vmap(worth)(jnp.moveaxis(policy[:, orders], 1, 0))
    entered = goal_moves(env, level, tabular)
    goals = goal_states(env, level)

    def first(policy: jax.Array) -> jax.Array:
        hit = planning.hitting_probabilities(tabular, policy, goals, horizon, entered)
        return tabular.start @ hit

    firsts = jax.vmap(first)(jnp.stack([policy, greedy(action_values)]))
    return Behaviour(
        achieved=worths[0],
        optimum=jnp.dot(tabular.start, best),
        worst=jnp.dot(
            tabular.start, planning.worst_values(tabular, weights, config.discount, horizon)
        ),
        swapped=worths[1:],
        first=firsts[0],
        optimal_first=firsts[1],
    )


def greedy(action_values: jax.Array) -> jax.Array:
    """Return float32[S, A]: the best actions, all equally good ones alike."""
    best = planning.equally_good(action_values)
    return best.astype(jnp.float32) / jnp.sum(best, axis=1, keepdims=True).astype(jnp.float32)
