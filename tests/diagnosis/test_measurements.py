"""Measurements against brute force: critic, behaviour, gradients, kinds of mistake."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.components import DEFAULT_COMPONENTS
from shardsim.agent.evaluation import evaluation
from shardsim.agent.train import make_learner
from shardsim.diagnosis.behaviour import action_pairs, behaviour, greedy
from shardsim.diagnosis.critic import Moments, moments, taught, tried_discounts
from shardsim.diagnosis.in_update import reward_part
from shardsim.diagnosis.kinds import kind_of
from shardsim.env.levels import sample_levels, take

pytestmark = pytest.mark.slow

LEVELS = 3


@pytest.fixture(scope="module")
def learner(sound):
    return make_learner(sound.env, sound.config, DEFAULT_COMPONENTS)


@pytest.fixture(scope="module")
def levels(small_env):
    return sample_levels(small_env, jax.random.key(8), LEVELS, "train")


@pytest.fixture(scope="module")
def parameters(sound):
    return take(sound.checkpoints[max(sound.checkpoints)].parameters, 0)


@pytest.fixture(scope="module")
def record(sound):
    return take(sound.records[max(sound.records)], 0)


def test_moments_are_those_of_the_matrix_form(learner, sound, parameters, levels):
    env, level = sound.env, take(levels, 0)
    config = sound.config.model_copy(update={"rollout_steps": 400})
    tried = jnp.array([0.8, 0.97], jnp.float32)
    got = jax.jit(lambda level: moments(learner, config, parameters, level, tried))(level)
    states = jnp.arange(env.num_states, dtype=jnp.int32)
    seen = jax.vmap(lambda index: env.observe(env.state_at(level, index)))(states)
    output = learner.network.run(parameters, seen)
    policy = np.asarray(jax.nn.softmax(output.logits), np.float64)
    table = env.tabular(level)
    size = env.num_states
    onward, gain = np.zeros((size, size)), np.zeros(size)
    for state in range(size):
        for action in range(env.num_actions):
            led = int(table.next_state[state, action, 0])
            if not table.terminated[state, action, 0]:
                onward[state, led] += policy[state, action]
            gain[state] += policy[state, action] * float(table.rewards[0, state, action, 0])
    here, visits = np.asarray(table.start, np.float64), np.zeros(size)
    for _ in range(env.max_steps):
        visits += here
        here = here @ onward
    features = np.column_stack([output.activations["dense_1"], np.ones(size)])
    value = np.asarray(output.value, np.float64)
    for number, discount in enumerate((0.8, 0.97)):
        spread = np.linalg.inv(np.eye(size) - discount * config.gae_lambda * onward)
        own = spread @ (discount * onward @ value - value)
        np.testing.assert_allclose(
            got.own[number], features.T @ (visits * own), rtol=2e-3, atol=2e-4
        )
        np.testing.assert_allclose(
            got.reward[number], features.T @ (visits * (spread @ gain)), rtol=2e-3, atol=2e-4
        )
    np.testing.assert_allclose(got.visits, visits.sum(), rtol=1e-4)
    np.testing.assert_allclose(
        got.covariance, features.T @ (visits[:, None] * features), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize(("steps", "scale"), [(0, 1.0), (-6, 1.0), (0, -1.0), (0, 0.3)])
def test_the_critic_tells_the_discount_and_the_scale_it_was_solved_for(
    learner, sound, parameters, levels, steps, scale
):
    config = sound.config
    grid = tried_discounts(config.discount, sound.env.max_steps)
    where = 14 + steps  # 14 is the config's own horizon
    tried = jnp.asarray(np.append(grid, config.discount), jnp.float32)

    @jax.jit
    def summed(kernel) -> Moments:
        head = {"kernel": kernel[:-1, None], "bias": kernel[-1:]}
        inner = {"params": {**parameters["params"], "critic": head}}
        each = jax.vmap(lambda level: moments(learner, config, inner, level, tried))(levels)
        return jax.tree.map(lambda leaf: leaf.sum(0), each)

    width = parameters["params"]["critic"]["kernel"].shape[0] + 1
    columns = np.stack(
        [np.asarray(summed(row).own[where], np.float64) for row in jnp.eye(width)], axis=1
    )
    target = scale * np.asarray(summed(jnp.zeros(width)).reward[where], np.float64)
    solved = jnp.asarray(-np.linalg.lstsq(columns, target, rcond=1e-6)[0], jnp.float32)
    head = {"kernel": solved[:-1, None], "bias": solved[-1:]}
    inner = {"params": {**parameters["params"], "critic": head}}
    got = jax.jit(lambda inner: taught(learner, config, inner, levels))(inner)
    np.testing.assert_allclose(got.scaled_discount, grid[where], atol=1e-6)
    if scale == 1.0:
        np.testing.assert_allclose(got.plain_discount, grid[where], atol=1e-6)
    if steps == 0:
        np.testing.assert_allclose(got.reward_scale, scale, atol=0.02)


def test_behaviour_is_that_of_the_evaluation(learner, sound, parameters, levels):
    env, discount = sound.env, sound.config.discount
    got = jax.jit(lambda levels: behaviour(learner, sound.config, parameters, levels))(levels)

    def evaluated(order):
        def policy(seen):
            return learner.network.run(parameters, seen).logits[:, order]

        return jax.jit(lambda levels: evaluation(env, policy, levels, discount))(levels)

    plain = evaluated(np.arange(4))
    np.testing.assert_allclose(got.achieved, plain.achieved, atol=1e-6)
    np.testing.assert_allclose(got.optimum, plain.optimum, atol=1e-6)
    assert len(action_pairs(env)) == got.swapped.shape[0] == 6
    order = np.array([3, 1, 2, 0])
    swapped = got.swapped[action_pairs(env).index((0, 3))]
    np.testing.assert_allclose(swapped, evaluated(order).achieved, atol=1e-6)
    assert float(jnp.sum(got.first)) <= 1.0 + 1e-5
    assert got.optimal_first[0] > got.first[0]


def test_equally_good_actions_are_taken_alike():
    np.testing.assert_allclose(
        greedy(jnp.array([[1.0, 1.0, 0.0, 0.5], [0.0, 0.0, 0.0, 2.0]])),
        [[0.5, 0.5, 0, 0], [0, 0, 0, 1]],
    )


@pytest.mark.parametrize("amount", [1.0, 0.0, -1.0, 0.5])
def test_the_rewards_part_of_a_gradient_is_read_off(sound, amount):
    parts = jnp.asarray(np.random.default_rng(0).normal(size=(50, 3)), jnp.float32)
    whole = parts @ jnp.array([1.0, 0.5, -0.01])
    scale = sound.config.max_grad_norm / jnp.linalg.norm(whole)
    measured = scale * (parts @ jnp.array([amount, 0.5, -0.01]))
    got = reward_part(sound.config, measured, whole, parts)
    np.testing.assert_allclose(got.measured, amount, atol=1e-4)
    assert got.gap < 1e-4


def test_kinds_of_mistakes_are_named_from_what_was_kept(learner, sound, record):
    def said(section, **changes):
        return kind_of(learner, sound.config, section, record._replace(**changes))

    assert said("reward", rewards=-0.1 * record.rewards) == "it is -0.1 times what it should be"
    assert said("observation", acted=record.acted[:, ::-1]) == "acting sees it upside down"
    assert said("observation") == said("environment") == said("loss") == ""
    other = record.advantage._replace(
        advantages=record.rewards
        + sound.config.discount * jnp.where(record.trajectory.terminated, 0.0, record.next_values)
        - record.trajectory.values
    )
    assert said("advantage", advantage=other) == "lambda 0 instead of 0.9"
