"""Shortest paths where moves are chancy: the stochastic-shortest-path optimum, by value iteration.

An action that may leave a state as it is counts as repeated until it does not, so moves that fail
cost no sweeps: with every move failing alike often the answer is there after one sweep a move.
Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from functools import reduce

import jax
import jax.numpy as jnp

from shardsim.env.types import Tabular

FAR = 1e9  # moves that are as good as never; half of it and more is reported as infinity


def expected_moves(tabular: Tabular, goals: jax.Array, entered: jax.Array) -> jax.Array:
    """Return float32[S, O]: the least expected number of moves to bool[S, O] `goals`.

    Value iteration from above (Bertsekas & Tsitsiklis 1991, "An analysis of stochastic shortest
    path problems") until no distance falls any more in float32. What is left is rounding: relative
    to a distance some 1e-7 for each move on the way that changes something.

    Args:
        tabular: one level.
        goals: bool[S, O].
        entered: bool[S, A, N, O], moves that reach a goal, which may be gone afterwards.
    """
    here = jnp.arange(tabular.next_state.shape[0], dtype=jnp.int32)[:, None, None]
    stays = (tabular.next_state == here)[..., None] & ~entered
    chance = jnp.where(stays, 0.0, tabular.probability[..., None])
    leaving = jnp.sum(chance, axis=2)
    useful = safe_actions(tabular, goals, entered) & (leaving > 0)
    leaving = jnp.where(useful, leaving, 1.0)
    moves = jnp.where(useful, 1.0 / leaving, FAR)
    onward = jnp.where(entered, 0.0, chance / leaving[:, :, None])

    def relax(carry):
        distance, _ = carry
        best = reduce(jnp.minimum, after(tabular, moves, onward, distance))
        shorter = jnp.where(goals, 0.0, jnp.minimum(distance, best))
        return shorter, jnp.any(shorter < distance)

    start = jnp.where(goals, 0.0, FAR).astype(jnp.float32)
    distance, _ = jax.lax.while_loop(lambda carry: carry[1], relax, (start, jnp.bool_(True)))
    return jnp.where(distance < FAR / 2, distance, jnp.inf)


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


def after(tabular: Tabular, now: jax.Array, chance: jax.Array, values: jax.Array):
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
