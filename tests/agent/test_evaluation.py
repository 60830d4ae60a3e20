"""Exact evaluation against rolling the policy out in the env itself."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.checkpoint import agent_of
from shardsim.agent.evaluation import evaluation, policy_table
from shardsim.env.levels import sample_levels, take
from shardsim.env.planning import optimal_plan

DISCOUNT = 0.9
LEVELS = 4


@pytest.fixture(scope="module")
def levels(tiny_env):
    return sample_levels(tiny_env, jax.random.key(5), LEVELS, "held-out")


def rolled_out(env, level, plan, discount) -> float:
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

    returns = jax.jit(jax.vmap(episode))(jnp.arange(env.num_states, dtype=jnp.int32))
    return float(jnp.dot(returns, env.start_probability(level)))


def test_the_return_is_that_of_rollouts(tiny_run, tiny_env, levels):
    agent = agent_of(tiny_run.learner, tiny_run.chunks[-1].carry.parameters, 0)

    def sure(observations):
        return 1e4 * agent.policy(observations)

    table = jax.jit(lambda levels: policy_table(tiny_env, sure, levels))(levels)
    choices = jnp.argmax(table, axis=-1).astype(jnp.int32)
    by_hand = [
        rolled_out(
            tiny_env,
            take(levels, number),
            jnp.tile(choices[number], (tiny_env.max_steps, 1)),
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
    got = evaluation(tiny_env, lambda seen: jnp.zeros((seen.shape[0], 4)), levels, DISCOUNT)
    np.testing.assert_allclose(got.optimum, np.mean(by_hand), atol=1e-5)
    assert 0 < got.achieved < got.optimum


def test_the_policy_table_holds_the_policy_of_every_state(tiny_run, tiny_env, levels):
    agent = agent_of(tiny_run.learner, tiny_run.chunks[-1].carry.parameters, 0)
    table = policy_table(tiny_env, agent.policy, levels)
    assert table.shape == (LEVELS, tiny_env.num_states, 4)
    for number, cell in ((0, 0), (1, 12), (3, 24)):
        state = tiny_env.state_at(take(levels, number), jnp.int32(cell))
        want = jax.nn.softmax(agent.policy(tiny_env.observe(state)[None])[0])
        np.testing.assert_allclose(table[number, cell], want, atol=1e-6)
