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

from shardsim.env import breadth_first
from shardsim.env.core import Env, template_level
from shardsim.env.types import Tabular

Solution = TypeVar("Solution")

FAR = 1e6  # a distance that no policy attains; reported as infinity
TOLERANCE = 1e-5
AT_ONCE = 64  # levels solved together: more no longer fit a processor's cache


def for_levels(solve: Callable[..., Solution], *arguments: Any, at_once: int = AT_ONCE) -> Solution:
    """Return `solve` of every level, on a leading axis L: thousands of levels in one call.

    Each of `arguments` is a pytree with that leading axis; `solve` gets one level's. As vmap, but
    with the memory of `at_once` levels beside the results. Jit what calls it.
    """
    return jax.lax.map(lambda each: solve(*each), arguments, batch_size=at_once)


def expected_distance(tabular: Tabular, distance: jax.Array, entered: jax.Array) -> jax.Array:
    """Return float32[S, A, O]: the expected distance after each action, 0 where it is `entered`."""
    onward = jnp.where(entered, 0.0, distance[tabular.next_state])
    return jnp.sum(tabular.probability[..., None] * onward, axis=2)


def distances(tabular: Tabular, goals: jax.Array, entered: jax.Array | None = None) -> jax.Array:
    """Return float32[S, O]: the least expected number of moves to bool[S, O] `goals`.

    Exact shortest paths where moves are certain (all goals in one bit-parallel search), the
    stochastic-shortest-path optimum where they are not (Bertsekas & Tsitsiklis 1991, "An analysis
    of stochastic shortest path problems").
    Objects on the way are passed through; infinity where the goal cannot surely be reached.

    `entered` bool[S, A, N, O] says which moves reach a goal; by default those that end in one of
    `goals`. It is needed for what is gone once reached: no state has the agent on a taken key.
    """
    if tabular.next_state.shape[2] == 1:
        entering = None if entered is None else jnp.any(entered, axis=(1, 2))
        return breadth_first.moves_to(tabular.next_state[:, :, 0], goals, entering)
    limit = 64 * tabular.next_state.shape[0]
    entered = goals[tabular.next_state] if entered is None else entered
    moves = 1.0 + jnp.where(safe_actions(tabular, goals, entered), 0.0, FAR)
    onward = jnp.where(entered, 0.0, tabular.probability[..., None])
    start = jnp.where(goals, 0.0, FAR).astype(jnp.float32)

    def relax(carry):
        distance, _, count = carry
        after = _after(tabular, moves, onward, distance)
        shorter = jnp.where(goals, 0.0, jnp.minimum(distance, reduce(jnp.minimum, after)))
        return shorter, jnp.max(distance - shorter) > TOLERANCE, count + 1

    distance, _, _ = jax.lax.while_loop(
        lambda carry: carry[1] & (carry[2] < limit), relax, (start, jnp.bool_(True), jnp.int32(0))
    )
    return jnp.where(distance < FAR / 2, distance, jnp.inf)


def every_cell(env: Env) -> jax.Array:
    """Return bool[S, H * W]: the states in which the agent stands on each cell, all of them goals.

    `distances(tabular, every_cell(env))` is how far everything is from everywhere.
    """
    states = jnp.arange(env.num_states, dtype=jnp.int32)
    cells = env.state_at(template_level(env), states).cell
    return cells[:, None] == jnp.arange(env.height * env.width, dtype=jnp.int32)


def safe_actions(tabular: Tabular, goals: jax.Array, entered: jax.Array) -> jax.Array:
    """Return bool[S, A, O]: the actions after which each goal can still be reached surely.

    The states are the greatest set from which the goal is reached by actions that never leave it
    (de Alfaro 1997, "Formal verification of probabilistic systems", almost-sure reachability).
    """
    possible = (tabular.probability > 0)[..., None]

    def staying(sure):
        return jnp.all(~possible | entered | sure[tabular.next_state], axis=2)

    def shrink(carry):
        sure, _ = carry
        allowed = staying(sure)
        smaller = _grown(
            lambda reached: jnp.any(
                allowed & jnp.any(possible & (entered | reached[tabular.next_state]), axis=2),
                axis=1,
            ),
            goals,
        )
        return smaller, jnp.any(smaller != sure)

    everywhere = (jnp.ones_like(goals), jnp.bool_(True))
    return staying(jax.lax.while_loop(lambda carry: carry[1], shrink, everywhere)[0])


def _grown(step, start: jax.Array) -> jax.Array:
    """Return the least fixed point of `step` above bool[...] `start`."""

    def grow(carry):
        now = carry[0] | step(carry[0])
        return now, jnp.any(now != carry[0])

    return jax.lax.while_loop(lambda carry: carry[1], grow, (start, jnp.bool_(True)))[0]


def advantages(
    tabular: Tabular, distance: jax.Array, entered: jax.Array | None = None
) -> jax.Array:
    """Return float32[S, A, O]: how much each action falls short of the best way to each goal.

    In moves: 0 for a best action, -1 for one that stays, -2 for one that leads away by one;
    at the goal itself staying is best. 0 everywhere where the goal is unreachable; an action
    that loses the goal for good counts as leading one move beyond the farthest state.
    `distance` and `entered` as `distances` gives and takes them.
    """
    known = jnp.isfinite(distance)
    lost = 1.0 + jnp.max(jnp.where(known, distance, 0.0), axis=0)
    finite = jnp.where(known, distance, lost)
    entered = (distance == 0)[tabular.next_state] if entered is None else entered
    toward = finite[:, None] - expected_distance(tabular, finite, entered)
    short = toward - jnp.max(toward, axis=1, keepdims=True)
    return jnp.where(known[:, None], short, 0.0)


def reward_table(tabular: Tabular, weights: jax.Array) -> jax.Array:
    """Return float32[S, A, N]: the reward components weighted by float32[R] and summed."""
    return jnp.tensordot(weights, tabular.rewards, axes=1)


def _after(tabular: Tabular, now: jax.Array, chance: jax.Array, values: jax.Array):
    """Return for each action what `now` [S, A, ...] and the expected `values` [S, ...] add up to.

    One look-up [S, ...] for each action and outcome, since a CPU makes one [S, A, N, ...] out of
    single elements, several times slower. `chance` [S, A, N, ...].
    """
    _, actions, outcomes = tabular.next_state.shape

    def one(action):
        total = now[:, action]
        for outcome in range(outcomes):
            there = values[tabular.next_state[:, action, outcome]]
            total = total + chance[:, action, outcome] * there
        return total

    return [one(action) for action in range(actions)]


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
        action_values = _after(tabular, gain, chance, carry[0])
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
        action_values = jnp.stack(_after(tabular, gain, chance, values), axis=1)
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
        return sum(_after(tabular, gain, chance, values))

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
        return here + sum(_after(tabular, arriving, onward, hit))

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
