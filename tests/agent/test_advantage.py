"""Generalised advantage estimation against its definition, as a plain sum over the future."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.advantage import advantage

DISCOUNT, GAE_LAMBDA = 0.9, 0.8


def by_definition(values, next_values, rewards, terminated, truncated):
    """Sum (discount * lambda)^k of the later surprises, up to the end of each episode."""
    steps, envs = values.shape
    answer = np.zeros((steps, envs))
    for env in range(envs):
        for start in range(steps):
            weight = 1.0
            for step in range(start, steps):
                future = 0.0 if terminated[step, env] else next_values[step, env]
                surprise = rewards[step, env] + DISCOUNT * future - values[step, env]
                answer[start, env] += weight * surprise
                if terminated[step, env] or truncated[step, env]:
                    break
                weight *= DISCOUNT * GAE_LAMBDA
    return answer


def estimate(values, next_values, rewards, terminated, truncated, gae_lambda=GAE_LAMBDA):
    arrays = (jnp.asarray(array) for array in (values, next_values, rewards, terminated, truncated))
    return advantage(*arrays, DISCOUNT, gae_lambda)


@pytest.fixture
def experience():
    draw = np.random.default_rng(0)
    values, next_values, rewards = draw.normal(size=(3, 12, 5)).astype(np.float32)
    ends = draw.integers(0, 6, size=(12, 5))
    return values, next_values, rewards, ends == 0, ends == 1


def test_matches_its_definition(experience):
    got = estimate(*experience)
    np.testing.assert_allclose(got.advantages, by_definition(*experience), atol=1e-5)
    np.testing.assert_allclose(got.targets, got.advantages + experience[0], atol=1e-6)


def test_a_time_out_keeps_its_future_and_a_termination_has_none():
    one = np.ones((1, 2), np.float32)
    terminated, truncated = np.array([[True, False]]), np.array([[False, True]])
    got = estimate(0 * one, 10 * one, one, terminated, truncated)
    np.testing.assert_allclose(got.advantages, [[1.0, 1.0 + DISCOUNT * 10]], rtol=1e-6)


def test_nothing_flows_back_over_the_end_of_an_episode(experience):
    values, next_values, rewards, terminated, truncated = experience
    later = rewards.copy()
    ended = terminated | truncated
    last = np.array([np.flatnonzero(ended[:, env])[0] for env in range(ended.shape[1])])
    for env, step in enumerate(last):
        later[step + 1 :, env] += 100.0
    before = estimate(*experience).advantages
    after = estimate(values, next_values, later, terminated, truncated).advantages
    for env, step in enumerate(last):
        np.testing.assert_array_equal(before[: step + 1, env], after[: step + 1, env])


def test_lambda_zero_is_the_one_step_surprise(experience):
    values, next_values, rewards, terminated, _ = experience
    got = estimate(*experience, gae_lambda=0.0).advantages
    surprise = rewards + DISCOUNT * np.where(terminated, 0.0, next_values) - values
    np.testing.assert_allclose(got, surprise, atol=1e-6)
