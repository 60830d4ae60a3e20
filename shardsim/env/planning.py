"""Exact planning on tables: distances, optimal values, policy evaluation, hitting, visitation.

Everything takes one level's `Tabular`, is pure, and batches over levels by vmap, or by
`for_levels` where there are too many for memory.
Axis letters as in `shardsim.env.types`; G goals that end the question when hit.
Discount and horizon are arguments of every value, since a value without them means nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from shardsim.env import breadth_first, shortest_paths
from shardsim.env.core import Env, template_level
from shardsim.env.shortest_paths import after
from shardsim.env.types import Tabular

Solution = TypeVar("Solution")

# What distances and values are good to, relative to themselves, and absolutely below 1: two actions
# that differ by less are equally good. Nothing else asks which actions are.
TIE = 1e-5
AT_ONCE = 64  # levels solved together: more no longer fit a processor's cache


def for_levels(solve: Callable[..., Solution], *arguments: Any, at_once: int = AT_ONCE) -> Solution:
    """Return `solve` of every level, on a leading axis L: thousands of levels in one call.

    Each of `arguments` is a pytree with that leading axis; `solve` gets one level's. As vmap, but
    with the memory of `at_once` levels beside the results. Jit what calls it.
    """
    return jax.lax.map(lambda each: solve(*each), arguments, batch_size=at_once)


def equally_good(values: jax.Array, axis: int = 1) -> jax.Array:
    """Return bool[...]: which of float[...] `values` are greatest along an axis, within `TIE`."""
    most = jnp.max(values, axis=axis, keepdims=True)
    return values >= most - TIE * jnp.maximum(1.0, jnp.abs(most))


def best_actions(advantage: Any) -> Any:
    """Return bool[...]: which actions are best, by float[...] `advantages` (JAX or NumPy)."""
    return advantage > -TIE


def distances(tabular: Tabular, goals: jax.Array, entered: jax.Array | None = None) -> jax.Array:
    """Return float32[S, O]: the least expected number of moves to bool[S, O] `goals`.

    Exact shortest paths where moves are certain (all goals in one bit-parallel search), the
    stochastic-shortest-path optimum where they are not. Objects on the way are passed through;
    infinity where the goal cannot surely be reached, or only in half a thousand million moves.

    `entered` bool[S, A, N, O] says which moves reach a goal; by default those that end in one of
    `goals`. It is needed for what is gone once reached: no state has the agent on a taken key.
    """
    if tabular.next_state.shape[2] == 1:
        entering = None if entered is None else jnp.any(entered, axis=(1, 2))
        return breadth_first.moves_to(tabular.next_state[:, :, 0], goals, entering)
    entered = goals[tabular.next_state] if entered is None else entered
    return shortest_paths.expected_moves(tabular, goals, entered)


def every_cell(env: Env) -> jax.Array:
    """Return bool[S, H * W]: the states in which the agent stands on each cell, all of them goals.

    `distances(tabular, every_cell(env))` is how far everything is from everywhere.
    """
    states = jnp.arange(env.num_states, dtype=jnp.int32)
    cells = env.state_at(template_level(env), states).cell
    return cells[:, None] == jnp.arange(env.height * env.width, dtype=jnp.int32)


def advantages(
    tabular: Tabular, distance: jax.Array, entered: jax.Array | None = None
) -> jax.Array:
    """Return float32[S, A, O]: how much each action falls short of the best way to each goal.

    In moves: 0 for a best action, -1 for one that stays, -2 for one that leads away by one;
    at the goal itself staying is best. 0 everywhere where the goal is unreachable; an action
    that loses the goal for good counts as leading one move beyond the farthest state. What differs
    by less than distances are good to (`TIE`) is 0 alike.
    `distance` and `entered` as `distances` gives and takes them.
    """
    known = jnp.isfinite(distance)
    lost = 1.0 + jnp.max(jnp.where(known, distance, 0.0), axis=0)
    finite = jnp.where(known, distance, lost)
    entered = (distance == 0)[tabular.next_state] if entered is None else entered
    # Differences first: in a sum of distances, moves that fail would lose the digits that count.
    nearer = finite[:, None, None] - jnp.where(entered, 0.0, finite[tabular.next_state])
    toward = jnp.sum(tabular.probability[..., None] * nearer, axis=2)
    short = toward - jnp.max(toward, axis=1, keepdims=True)
    here = jnp.arange(distance.shape[0], dtype=jnp.int32)[:, None, None]
    moves = jnp.where(tabular.next_state == here, 0.0, tabular.probability)
    moving = jnp.max(jnp.sum(moves, axis=2), axis=1)
    error = TIE * jnp.maximum(1.0, moving[:, None] * finite)
    return jnp.where(known[:, None] & (short < -error[:, None]), short, 0.0)


def reward_table(tabular: Tabular, weights: jax.Array) -> jax.Array:
    """Return float32[S, A, N]: the reward components weighted by float32[R] and summed."""
    return jnp.tensordot(weights, tabular.rewards, axes=1)


def _gain_and_chance(tabular: Tabular, weights: jax.Array, discount) -> tuple[jax.Array, jax.Array]:
    """Return the expected reward float32[S, A], and the weight float32[S, A, N] of what follows."""
    gain = jnp.sum(tabular.probability * reward_table(tabular, weights), axis=-1)
    return gain, jnp.where(tabular.terminated, 0.0, tabular.probability * discount)


def optimal_values(
    tabular: Tabular, weights: jax.Array, discount: float | jax.Array, horizon: int | jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the optimal V float32[S] and Q float32[S, A] with `horizon` steps to go.

    Backward induction (Bellman 1957, "Dynamic programming"); reward after the horizon is 0.
    """
    gain, chance = _gain_and_chance(tabular, weights, discount)

    def back(_, carry):
        action_values = after(tabular, gain, chance, carry[0])
        return reduce(jnp.maximum, action_values), action_values

    zero = jnp.zeros(gain.shape[0], jnp.float32)
    start = (zero, [zero] * gain.shape[1])
    values, action_values = jax.lax.fori_loop(0, horizon, back, start)
    return values, jnp.stack(action_values, axis=1)


def worst_values(
    tabular: Tabular, weights: jax.Array, discount: float | jax.Array, horizon: int | jax.Array
) -> jax.Array:
    """Return V float32[S] of the policy that earns least: best for the negative of the reward."""
    return -optimal_values(tabular, -weights, discount, horizon)[0]


def optimal_plan(
    tabular: Tabular, weights: jax.Array, discount: float | jax.Array, horizon: int
) -> tuple[jax.Array, jax.Array]:
    """Return V float32[T, S] and the best actions int32[T, S], T = `horizon`, at each step taken.

    Near the horizon the best action depends on the time left; V[0] is `optimal_values`'.
    """
    gain, chance = _gain_and_chance(tabular, weights, discount)

    def back(values, _):
        action_values = jnp.stack(after(tabular, gain, chance, values), axis=1)
        best = jnp.argmax(action_values, axis=1).astype(jnp.int32)
        values = jnp.max(action_values, axis=1)
        return values, (values, best)

    zero = jnp.zeros(tabular.probability.shape[0], jnp.float32)
    return jax.lax.scan(back, zero, length=horizon, reverse=True)[1]


def evaluate_policy(
    tabular: Tabular,
    weights: jax.Array,
    policy: jax.Array,
    discount: float | jax.Array,
    horizon: int | jax.Array,
) -> jax.Array:
    """Return V float32[S] of the stationary policy float32[S, A] with `horizon` steps to go."""
    gain, chance = _gain_and_chance(tabular, weights, discount)
    gain, chance = policy * gain, policy[:, :, None] * chance

    def back(_, values):
        return sum(after(tabular, gain, chance, values))

    return jax.lax.fori_loop(0, horizon, back, jnp.zeros(policy.shape[0], jnp.float32))


def hitting_probabilities(
    tabular: Tabular,
    policy: jax.Array,
    goals: jax.Array,
    horizon: int | jax.Array,
    entered: jax.Array | None = None,
) -> jax.Array:
    """Return float32[S, G]: the probability that each of bool[S, G] `goals` is entered first.

    From each state, within `horizon` moves. What is left to 1 is *neither*. A state that belongs
    to a goal has hit it already; one that belongs to several counts for each in equal parts.
    Termination elsewhere ends the search with no hit. `entered` bool[S, A, N, G] as `distances`.
    """
    entered = goals[tabular.next_state] if entered is None else entered
    inside = jnp.any(goals, axis=1)[:, None, None]
    chance = policy[:, :, None] * tabular.probability
    arriving = jnp.einsum("san,sang->sag", chance, _shared(entered))
    onward = jnp.where(tabular.terminated | jnp.any(entered, axis=-1), 0.0, chance)
    arriving, onward = jnp.where(inside, 0.0, arriving), jnp.where(inside, 0.0, onward)[..., None]
    here = jnp.where(inside[:, 0], _shared(goals), 0.0)

    def back(_, hit):
        return here + sum(after(tabular, arriving, onward, hit))

    return jax.lax.fori_loop(0, horizon, back, here)


def _shared(goals: jax.Array) -> jax.Array:
    """Return float32[..., G]: 1 split evenly over the goals that hold."""
    count = jnp.sum(goals, axis=-1, keepdims=True)
    return goals.astype(jnp.float32) / jnp.maximum(1, count).astype(jnp.float32)


def visitation(
    tabular: Tabular, policy: jax.Array, start: jax.Array, horizon: int | jax.Array
) -> jax.Array:
    """Return float32[S]: the expected number of decisions taken in each state in one episode.

    The episode starts from float32[S] `start`, and ends by termination or after `horizon` moves.
    """
    chance = jnp.where(tabular.terminated, 0.0, policy[:, :, None] * tabular.probability)
    flat = tabular.next_state.reshape(-1)

    def forward(_, carry):
        here, total = carry
        moved = (here[:, None, None] * chance).reshape(-1)
        return jnp.zeros_like(here).at[flat].add(moved), total + here

    return jax.lax.fori_loop(0, horizon, forward, (start, jnp.zeros_like(start)))[1]
