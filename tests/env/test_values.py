"""Exact values, hits and visits against plain Python, closed forms and rolled-out episodes."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.env import planning
from shardsim.env.levels import take
from shardsim.env.types import Tabular
from tests.env.planned import chain, evaluate_policy, hitting_probabilities, level, optimal_values

pytestmark = pytest.mark.slow


def random_policy(tabular: Tabular, seed: int) -> jax.Array:
    """Any stationary policy."""
    shape = tabular.probability.shape[:2]
    return jax.nn.softmax(2 * jax.random.normal(jax.random.key(seed), shape), axis=1)


def test_levels_solved_a_few_at_a_time_are_solved_alike(slip):
    """Values, a policy's values, hits and visits of 6 levels, 4 at a time, beside one by one."""
    env, analysis = slip.env, jax.tree.map(jnp.asarray, slip.analysis)
    tables, weights = analysis.tabular, slip.levels.reward_weights
    policy = jax.vmap(
        lambda key: jax.random.dirichlet(key, jnp.ones(env.num_actions), (env.num_states,))
    )(jax.random.split(jax.random.key(2), 6))

    def solve(tabular, weights, policy, goals, entered):
        return (
            optimal_values(tabular, weights, 0.9, 8),
            evaluate_policy(tabular, weights, policy, 0.9, 8),
            hitting_probabilities(tabular, policy, goals, 8, entered),
            planning.visitation(tabular, policy, tabular.start, 8),
        )

    arguments = (tables, weights, policy, analysis.goals, analysis.entered)
    together = jax.jit(lambda *each: planning.for_levels(solve, *each, at_once=4))(*arguments)
    alone = jax.jit(solve)
    for index in range(6):
        one = alone(*take(arguments, index))
        for got, expected in zip(jax.tree.leaves(together), jax.tree.leaves(one), strict=True):
            np.testing.assert_allclose(got[index], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("discount", "horizon"), [(1.0, 5), (0.9, 6)])
def test_optimal_and_policy_values_equal_a_plain_recursion(world, discount, horizon):
    tabular = level(world)
    weights = world.levels.reward_weights[0]
    policy = np.asarray(random_policy(tabular, 3), np.float64)
    table = jax.tree.map(np.asarray, tabular)
    reward = np.tensordot(np.asarray(weights), table.rewards, axes=1).astype(np.float64)

    def after(state, action, value):
        total = 0.0
        for outcome, chance in enumerate(table.probability[state, action]):
            where = state, action, outcome
            onward = 0.0 if table.terminated[where] else value(int(table.next_state[where]))
            total += float(chance) * (reward[where] + discount * onward)
        return total

    @cache
    def best(state, left):
        if left == 0:
            return 0.0
        return max(
            after(state, action, lambda there: best(there, left - 1))
            for action in range(policy.shape[1])
        )

    @cache
    def followed(state, left):
        if left == 0:
            return 0.0
        return sum(
            policy[state, action] * after(state, action, lambda there: followed(there, left - 1))
            for action in range(policy.shape[1])
        )

    states = range(world.env.num_states)
    values, action_values = optimal_values(tabular, weights, discount, horizon)
    np.testing.assert_allclose(values, [best(s, horizon) for s in states], atol=1e-5)
    np.testing.assert_allclose(values, action_values.max(axis=1), atol=1e-6)
    got = evaluate_policy(tabular, weights, jnp.asarray(policy, jnp.float32), discount, horizon)
    np.testing.assert_allclose(got, [followed(s, horizon) for s in states], atol=1e-5)
    planned, _ = planning.optimal_plan(tabular, weights, discount, horizon)
    np.testing.assert_allclose(planned[0], values, atol=1e-6)
    np.testing.assert_allclose(planned[-1], [best(s, 1) for s in states], atol=1e-6)


def roll_out(env, level, actions, states, keys, discount):
    """Discounted return float32[B] of the time-dependent plan int32[T, S], through `env.step`."""

    def one(index, key):
        def step(carry, plan):
            state, key, alive, scale, total = carry
            key, step_key = jax.random.split(key)
            moved = env.step(step_key, state, plan[env.index_of(state)])
            total = total + jnp.where(alive, scale * moved.reward, 0.0)
            alive = alive & ~moved.terminated & ~moved.truncated
            return (moved.state, key, alive, scale * discount, total), None

        state = env.state_at(level, index)
        start = (state, key, jnp.bool_(True), jnp.float32(1), jnp.float32(0))
        return jax.lax.scan(step, start, actions)[0][-1]

    return jax.vmap(one)(states, keys)


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_the_oracle_value_is_the_rolled_out_optimum(world, discount):
    env, horizon = world.env, world.env.max_steps
    draws = 1500 if env.num_outcomes > 1 else 1
    first = jax.tree.map(lambda leaf: leaf[0], world.levels)
    values, actions = planning.optimal_plan(level(world), first.reward_weights, discount, horizon)
    states = np.flatnonzero(world.analysis.tabular.start[0])
    batch = jnp.asarray(np.repeat(states, draws), jnp.int32)
    keys = jax.random.split(jax.random.key(1), len(batch))
    got = jax.jit(lambda s, k: roll_out(env, first, actions, s, k, discount))(batch, keys)
    got = np.asarray(got).reshape(len(states), draws)
    assert np.asarray(values[0])[states].max() > 0
    if draws == 1:
        np.testing.assert_allclose(got[:, 0], values[0][states], atol=1e-5)
    else:
        error = np.maximum(got.std(axis=1) / np.sqrt(draws), 1e-3)
        z = (got.mean(axis=1) - np.asarray(values[0])[states]) / error
        assert np.abs(z).max() < 4.5
        assert np.abs(z.mean()) * np.sqrt(len(z)) < 4.5


@pytest.mark.parametrize("right", [0.5, 0.7])
def test_hitting_probabilities_are_the_gamblers_ruin(right):
    size = 6
    tabular, here = chain(size, right), np.arange(size)
    goals = jnp.stack([jnp.asarray(here == 0), jnp.asarray(here == size - 1)], axis=1)
    ratio = (1 - right) / right
    wins = here / (size - 1) if right == 0.5 else (1 - ratio**here) / (1 - ratio ** (size - 1))
    policy = jnp.ones((size, 1), jnp.float32)
    got = hitting_probabilities(tabular, policy, goals, 400)
    np.testing.assert_allclose(got, np.stack([1 - wins, wins], axis=1), atol=1e-5)
    # Within one move only the neighbours of an end can have hit it.
    soon = hitting_probabilities(tabular, policy, goals, 1)
    np.testing.assert_allclose(soon[1], [1 - right, 0], atol=1e-6)
    np.testing.assert_array_equal(soon[2], [0, 0])
    # A reward of 1 at the right end makes the value the probability of reaching it.
    value = evaluate_policy(tabular, jnp.ones(1), policy, 1.0, 400)
    np.testing.assert_allclose(value[1:-1], wins[1:-1], atol=1e-5)


def test_termination_elsewhere_ends_the_search():
    tabular = chain(5, 0.5)
    goals = jnp.arange(5)[:, None] == 4
    stopped = tabular._replace(terminated=tabular.terminated | (tabular.next_state == 2))
    got = hitting_probabilities(stopped, jnp.ones((5, 1)), goals, 200)[:, 0]
    np.testing.assert_allclose(got, [0, 0, 0.25, 0.5, 1], atol=1e-5)


def test_key_or_exit_first_counts_a_key_that_is_gone_when_taken(key_chest):
    """Hitting through moves: chances of all concepts and neither sum to 1, the key's are real."""
    analysis = key_chest.analysis
    tabular = level(key_chest)
    goals, entered = jnp.asarray(analysis.goals[0]), jnp.asarray(analysis.entered[0])
    policy = jnp.full(tabular.probability.shape[:2], 0.25, jnp.float32)
    got = hitting_probabilities(tabular, policy, goals, 2000, entered)
    starts = np.flatnonzero(analysis.tabular.start[0])
    np.testing.assert_allclose(got[starts].sum(axis=1), 1, atol=1e-3)
    assert (got[starts, 0] > 0).any()
    # Solved once more as a linear system on the cells, with all three as absorbing ends.
    cells = np.asarray(tabular.next_state[0::2, :, 0]) // 2
    size = len(cells)
    where = key_chest.env.width * np.asarray(key_chest.levels.position[0, :, 0])[:, 0]
    where = where + np.asarray(key_chest.levels.position[0, :, 0])[:, 1]
    matrix, ends = np.eye(size), np.zeros((size, 3))
    for cell in range(size):
        if cell in where:
            ends[cell] = (where == cell) / (where == cell).sum()
        else:
            np.add.at(matrix[cell], cells[cell], -0.25)
    free = ~np.asarray(key_chest.levels.walls[0]).reshape(-1)
    exact = np.linalg.solve(matrix[np.ix_(free, free)], ends[free])
    np.testing.assert_allclose(got[0::2][free], exact, atol=2e-3)


@given(seed=st.integers(0, 2**16), index=st.integers(0, 5))
def test_visitation_sums_to_the_expected_length(slip, seed, index):
    tabular = level(slip, index)
    policy, horizon = random_policy(tabular, seed), 9
    visits = _visitation(tabular, policy, horizon)
    # With a reward of 1 for every move, the value of the start is the expected episode length.
    paid = tabular._replace(rewards=jnp.ones_like(tabular.rewards[:1]))
    length = evaluate_policy(paid, jnp.ones(1), policy, 1.0, horizon)
    np.testing.assert_allclose(visits.sum(), tabular.start @ length, rtol=1e-4)
    assert visits.min() >= 0
    assert np.all(visits[~np.asarray(tabular.reachable)] == 0)


@given(seed=st.integers(0, 2**16), index=st.integers(0, 5))
def test_no_policy_beats_the_oracle(slip, seed, index):
    tabular = level(slip, index)
    weights = slip.levels.reward_weights[index]
    value = evaluate_policy(tabular, weights, random_policy(tabular, seed), 0.9, 12)
    best, _ = optimal_values(tabular, weights, 0.9, 12)
    assert np.all(value <= best + 1e-5)


_visitation = jax.jit(
    lambda tabular, policy, horizon: planning.visitation(tabular, policy, tabular.start, horizon),
    static_argnums=2,
)
