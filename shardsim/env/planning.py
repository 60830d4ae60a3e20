"""Exact planning on tables: distances, optimal values, policy evaluation, hitting, visitation.

Everything takes one level's `Tabular`, is pure, and batches over levels by vmap.
Axis letters as in `shardsim.env.types`; G goals that end the question when hit.
Discount and horizon are arguments of every value, since a value without them means nothing.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from shardsim.env.types import Tabular

FAR = 1e6  # a distance that no policy attains; reported as infinity
TOLERANCE = 1e-5


def expected_next(tabular: Tabular, values: jax.Array) -> jax.Array:
    """Return float32[S, A, ...]: the expectation of float32[S, ...] after each action."""
    chance = tabular.probability.reshape(tabular.probability.shape + (1,) * (values.ndim - 1))
    return jnp.sum(chance * values[tabular.next_state], axis=2)


def distances(tabular: Tabular, goals: jax.Array) -> jax.Array:
    """Return float32[S, O]: the least expected number of moves to bool[S, O] `goals`.

    Exact shortest paths where moves are certain, the stochastic-shortest-path optimum where they
    are not (Bertsekas & Tsitsiklis 1991, "An analysis of stochastic shortest path problems").
    Objects on the way are passed through; infinity where the goal cannot surely be reached.
    """
    limit = 64 * tabular.next_state.shape[0]
    start = jnp.where(goals, 0.0, FAR).astype(jnp.float32)

    def relax(carry):
        distance, _, count = carry
        onward = jnp.min(1.0 + expected_next(tabular, distance), axis=1)
        shorter = jnp.where(goals, 0.0, jnp.minimum(distance, onward))
        return shorter, jnp.max(distance - shorter) > TOLERANCE, count + 1

    distance, _, _ = jax.lax.while_loop(
        lambda carry: carry[1] & (carry[2] < limit), relax, (start, jnp.bool_(True), jnp.int32(0))
    )
    return jnp.where(distance < FAR / 2, distance, jnp.inf)


def advantages(tabular: Tabular, distance: jax.Array) -> jax.Array:
    """Return float32[S, A, O]: how much each action falls short of the best way to each goal.

    In moves: 0 for a best action, -1 for one that stays, -2 for one that leads away by one;
    at the goal itself staying is best. 0 everywhere where the goal is unreachable.
    """
    known = jnp.isfinite(distance)
    finite = jnp.where(known, distance, FAR)
    toward = finite[:, None] - expected_next(tabular, finite)
    short = toward - jnp.max(toward, axis=1, keepdims=True)
    return jnp.where(known[:, None], jnp.maximum(short, -FAR / 2), 0.0)


def reward_table(tabular: Tabular, weights: jax.Array) -> jax.Array:
    """Return float32[S, A, N]: the reward components weighted by float32[R] and summed."""
    return jnp.tensordot(weights, tabular.rewards, axes=1)


def _action_values(tabular: Tabular, reward: jax.Array, discount, values) -> jax.Array:
    onward = jnp.where(tabular.terminated, 0.0, values[tabular.next_state])
    return jnp.sum(tabular.probability * (reward + discount * onward), axis=-1)


def optimal_values(
    tabular: Tabular, weights: jax.Array, discount: float, horizon: int
) -> tuple[jax.Array, jax.Array]:
    """Return the optimal V float32[S] and Q float32[S, A] with `horizon` steps to go.

    Backward induction (Bellman 1957, "Dynamic programming"); reward after the horizon is 0.
    """
    reward = reward_table(tabular, weights)

    def back(_, carry):
        action_values = _action_values(tabular, reward, discount, carry[0])
        return jnp.max(action_values, axis=1), action_values

    zero = jnp.zeros(tabular.probability.shape[:2], jnp.float32)
    return jax.lax.fori_loop(0, horizon, back, (zero[:, 0], zero))


def evaluate_policy(
    tabular: Tabular, weights: jax.Array, policy: jax.Array, discount: float, horizon: int
) -> jax.Array:
    """Return V float32[S] of the stationary policy float32[S, A] with `horizon` steps to go."""
    reward = reward_table(tabular, weights)

    def back(_, values):
        return jnp.sum(policy * _action_values(tabular, reward, discount, values), axis=1)

    return jax.lax.fori_loop(0, horizon, back, jnp.zeros(policy.shape[0], jnp.float32))


def hitting_probabilities(
    tabular: Tabular, policy: jax.Array, goals: jax.Array, horizon: int
) -> jax.Array:
    """Return float32[S, G]: the probability that each of bool[S, G] `goals` is entered first.

    From each state, within `horizon` moves. What is left to 1 is *neither*. A state that belongs
    to a goal has hit it already. Termination elsewhere ends the search with no hit.
    """
    inside = jnp.any(goals, axis=1)
    at_goal = goals.astype(jnp.float32) / jnp.maximum(1, jnp.sum(goals, axis=1, keepdims=True))
    ended = tabular.terminated & ~inside[tabular.next_state]
    chance = policy[:, :, None] * tabular.probability * ~ended

    def back(_, hit):
        onward = jnp.einsum("san,sang->sg", chance, hit[tabular.next_state])
        return jnp.where(inside[:, None], at_goal, onward)

    return jax.lax.fori_loop(0, horizon, back, jnp.where(inside[:, None], at_goal, 0.0))


def visitation(tabular: Tabular, policy: jax.Array, start: jax.Array, horizon: int) -> jax.Array:
    """Return float32[S]: the expected number of decisions taken in each state in one episode.

    The episode starts from float32[S] `start`, and ends by termination or after `horizon` moves.
    """
    chance = policy[:, :, None] * tabular.probability * ~tabular.terminated
    flat = tabular.next_state.reshape(-1)

    def forward(_, carry):
        here, total = carry
        moved = (here[:, None, None] * chance).reshape(-1)
        return jnp.zeros_like(here).at[flat].add(moved), total + here

    return jax.lax.fori_loop(0, horizon, forward, (start, jnp.zeros_like(start)))[1]
