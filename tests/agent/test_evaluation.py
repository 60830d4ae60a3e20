"""Exact evaluation against rolling the policy out in the env itself."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax

from shardsim.agent.checkpoint import agent_of
from shardsim.agent.evaluation import evaluation, normalised_regret, policy_table, reached
from shardsim.env.levels import sample_levels, take
from shardsim.env.planning import optimal_plan
from shardsim.env.registry import make

pytestmark = pytest.mark.slow

DISCOUNT = 0.9
LEVELS = 4


@pytest.fixture(scope="module")
def levels(tiny_env):
    return jax.device_get(sample_levels(tiny_env, jax.random.key(5), LEVELS, "held-out"))


@partial(jax.jit, static_argnums=(0, 3))
def rolled_out(env, level, plan, discount) -> jax.Array:
    """Return the mean discounted reward over all starts of a plan int32[T, S], by `env.step`."""
    key = jax.random.key(0)

    def episode(index):
        def step(carry, row):
            state, weight = carry
            moved = env.step(key, state, row[env.index_of(state)])
            onward = jnp.where(moved.terminated, 0.0, weight * discount)
            return (moved.state, onward), weight * moved.reward

        begun = (env.state_at(level, index).replace(steps=jnp.int32(0)), jnp.float32(1.0))
        return jnp.sum(jax.lax.scan(step, begun, plan)[1])

    returns = jax.vmap(episode)(jnp.arange(env.num_states, dtype=jnp.int32))
    return jnp.dot(returns, env.start_probability(level))


def test_the_return_is_that_of_rollouts(tiny_run, tiny_env, levels):
    agent = agent_of(tiny_run.learner, tiny_run.chunks[-1].carry.parameters, 0)

    def sure(observations):
        return 1e4 * agent.policy(observations)

    table = jax.jit(lambda levels: policy_table(tiny_env, sure, levels))(levels)
    choices = np.argmax(table, axis=-1).astype(np.int32)
    by_hand = [
        rolled_out(
            tiny_env,
            take(levels, number),
            np.tile(choices[number], (tiny_env.max_steps, 1)),
            DISCOUNT,
        )
        for number in range(LEVELS)
    ]
    got = jax.jit(lambda levels: evaluation(tiny_env, sure, levels, DISCOUNT))(levels)
    assert sum(by_hand) > 0
    np.testing.assert_allclose(got.achieved, np.mean(by_hand), atol=1e-5)


def test_the_optimum_is_that_of_rolling_out_the_optimal_plan(tiny_env, levels):
    @jax.jit
    def best(level):
        table = tiny_env.tabular(level)
        return optimal_plan(table, level.reward_weights, DISCOUNT, tiny_env.max_steps)[1]

    by_hand = [
        rolled_out(tiny_env, level, best(level), DISCOUNT)
        for level in (take(levels, number) for number in range(LEVELS))
    ]
    even = partial(evaluation, tiny_env, lambda seen: jnp.zeros((seen.shape[0], 4)))
    got = jax.jit(lambda levels: even(levels, DISCOUNT))(levels)
    np.testing.assert_allclose(got.optimum, np.mean(by_hand), atol=1e-5)
    assert 0 < got.achieved < got.optimum


def test_the_policy_table_holds_the_policy_of_every_state(tiny_run, tiny_env, levels):
    agent = agent_of(tiny_run.learner, tiny_run.chunks[-1].carry.parameters, 0)
    table = jax.jit(lambda levels: policy_table(tiny_env, agent.policy, levels))(levels)
    assert table.shape == (LEVELS, tiny_env.num_states, 4)
    look = jax.jit(lambda level, index: tiny_env.observe(tiny_env.state_at(level, index)))
    for number, cell in ((0, 0), (1, 12), (3, 24)):
        seen = look(take(levels, number), np.int32(cell))[None]
        want = softmax(np.asarray(agent.policy(seen))[0])
        np.testing.assert_allclose(np.asarray(table)[number, cell], want, atol=1e-6)


def test_with_costs_alone_a_return_lies_between_the_worst_and_the_best_there_is():
    """Time costs 0.1 a step and nothing is won: who never arrives pays for the whole episode."""
    env = make("cheese-corner", height=5, width=5, max_steps=6, reward="cheese=0, step=-0.1")
    levels = sample_levels(env, jax.random.key(5), LEVELS, "held-out")

    def north(seen):
        return jnp.tile(jnp.array([50.0, 0.0, 0.0, 0.0]), (len(seen), 1))

    got = jax.jit(lambda levels: evaluation(env, north, levels, DISCOUNT))(levels)
    # Wherever a start is, some walk of six steps avoids the cheese.
    np.testing.assert_allclose(got.worst, -0.1 * (1 - DISCOUNT**6) / (1 - DISCOUNT), rtol=1e-5)
    assert got.worst <= got.achieved < got.optimum < 0
    share = reached(got.achieved, got.optimum, got.worst)
    span = float(got.optimum - got.worst)
    np.testing.assert_allclose(share, float(got.achieved - got.worst) / span, rtol=1e-5)
    np.testing.assert_allclose(share, 1 - normalised_regret(*map(np.asarray, got)), rtol=1e-5)


def test_a_positive_optimum_divides_and_another_never_does():
    worst, best = np.float32([-3.0, -2.0]), np.float32([2.0, 4.0])
    # Exactly the ratio, whatever the worst is, known or not.
    got = np.float32([1.0, 3.0])
    np.testing.assert_array_equal(reached(got, best, worst), got / best)
    np.testing.assert_array_equal(reached(got, best, np.float32([np.nan] * 2)), got / best)
    # One optimum that is not positive takes all that is compared to the range.
    best = np.float32([0.0, 4.0])
    np.testing.assert_allclose(reached(got - 1, best, worst), [1.0, 4 / 6])
    np.testing.assert_allclose(reached(best, best, worst), 1.0)
    np.testing.assert_allclose(reached(worst, best, worst), 0.0)
    np.testing.assert_allclose(normalised_regret(got - 1, best, worst), [0.0, 2 / 6])
    # Where every policy earns the same, none is worse than another.
    nothing = np.zeros(2, np.float32)
    np.testing.assert_array_equal(reached(nothing, nothing, nothing), 1.0)
    np.testing.assert_array_equal(normalised_regret(nothing, nothing, nothing), 0.0)
