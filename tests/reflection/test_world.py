"""Worlds cut down to the states that a question is about: every answer stays what it was."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shardsim.env.levels import sample_levels
from shardsim.env.registry import make
from shardsim.reflection import values
from shardsim.reflection.measure import hits
from shardsim.reflection.world import before_goals, led_to, restricted, tabulate
from tests.reflection.forks import grid_world, random_policy

DISCOUNT = 0.9


def small(seed: int, states: int = 23):
    """A random world in which some states are never reached from its context."""
    world = grid_world(np.random.default_rng(seed), states, 2, 2)
    begin = np.arange(states) == world.start[:, None]
    return world, led_to(world, begin, world.terminated)


def reached_slowly(world, begin: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The same as `led_to` in one context, a move at a time."""
    found = begin.copy()
    for _ in range(len(begin)):
        going = found[:, None, None] & (world.probability[0] > 0) & ~ends
        found[world.next_state[0][going]] = True
    return found


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_is_reached_is_what_moves_lead_to(seed):
    world, kept = small(seed)
    begin = np.arange(23) == world.start[0]
    assert (kept[0] == reached_slowly(world, begin, world.terminated[0])).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_values_are_those_of_the_whole_world(seed):
    """First passage against dense linear equations, too."""
    world, kept = small(seed)
    policy = random_policy(np.random.default_rng(seed), world)
    part, rows = restricted(world, kept)
    cut = policy[:, rows[0]]
    whole, less = (values.first_passage(*of, DISCOUNT) for of in ((world, policy), (part, cut)))
    start, begin = world.start[0], part.start[0]
    assert less.values[0, begin] == pytest.approx(whole.values[0, start], abs=1e-12)
    inside = kept[0][rows[0]]
    found = less.occupancy[0][inside]
    assert found == pytest.approx(whole.occupancy[0, rows[0]][inside], abs=1e-12)
    assert whole.values[0, :, 1] == pytest.approx(densely(world, policy, 1), abs=1e-10)
    preferences = np.array([[0.8, -0.6]])
    for more, few in zip(
        values.achievable(world, preferences, DISCOUNT),
        values.achievable(part, preferences, DISCOUNT),
        strict=True,
    ):
        assert few[0, begin] == pytest.approx(more[0, start], abs=1e-9)


def densely(world, policy: np.ndarray, concept: int) -> np.ndarray:
    """Solve v_o [S] as one dense system, a row at a time."""
    goal = world.goals[0, :, concept]
    system, right = np.eye(len(goal)), goal.astype(float)
    for state in np.flatnonzero(~goal):
        for action, outcome in np.ndindex(*world.next_state.shape[2:]):
            chance = policy[0, state, action] * world.probability[0, state, action, outcome]
            if world.entered[0, state, action, outcome, concept]:
                right[state] += DISCOUNT * chance
            elif not world.terminated[0, state, action, outcome]:
                system[state, world.next_state[0, state, action, outcome]] -= DISCOUNT * chance
    return np.linalg.solve(system, right)


def test_which_goal_comes_first_is_decided_before_a_goal():
    """In keys-and-chests a twentieth of the states decide it, and the answer is the same."""
    env = make("keys-and-chests", height=4, width=4)
    levels = sample_levels(env, jax.random.key(0), 3, "target")
    states = jax.vmap(env.state_at)(levels, jnp.zeros(3, jnp.int32))
    world = jax.tree.map(np.asarray, tabulate(env, states, jnp.ones(3))[0])
    start = world.decision.argmax(1)
    world = world._replace(start=start)
    begin = np.arange(world.decision.shape[1]) == start[:, None]
    part, rows = before_goals(world, begin, (0, 1))
    assert rows.shape[1] <= world.decision.shape[1] / 20
    policy = random_policy(np.random.default_rng(0), world).astype(np.float32)
    cut = np.take_along_axis(policy, rows[..., None], 1)
    at = np.arange(3)
    found = np.asarray(hits(part, jnp.asarray(cut), (0, 1), 30))[at, part.start]
    assert found == pytest.approx(
        np.asarray(hits(world, jnp.asarray(policy), (0, 1), 30))[at, start], abs=1e-6
    )
    assert found[:, :2].max(0).min() > 0.3  # each of them comes first somewhere
