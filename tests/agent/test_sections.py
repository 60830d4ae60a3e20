"""Reward, action, rollout rows, loss and update against closed forms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.action import action, log_probability
from shardsim.agent.advantage import Advantage
from shardsim.agent.loss import Coefficients, loss
from shardsim.agent.network import Output
from shardsim.agent.reward import reward
from shardsim.agent.rollout import Batch, rollout
from shardsim.agent.update import MOMENT_DECAY, apply, init

ROWS, ACTIONS = 9, 4


def test_reward_weighs_components_and_adds_them():
    weights = jnp.array([[1.0, -2.0], [0.5, 3.0]])
    parts = jnp.array([[1.0, 1.0], [4.0, 0.0]])
    np.testing.assert_array_equal(reward(weights, parts), [-1.0, 2.0])


def test_log_probability_is_that_of_the_softmax():
    logits = np.random.default_rng(1).normal(size=(ROWS, ACTIONS)).astype(np.float32)
    chosen = np.arange(ROWS, dtype=np.int32) % ACTIONS
    chance = np.exp(logits.astype(np.float64))
    chance /= chance.sum(1, keepdims=True)
    got = log_probability(jnp.asarray(logits), jnp.asarray(chosen))
    np.testing.assert_allclose(got, np.log(chance[np.arange(ROWS), chosen]), atol=1e-5)


def test_actions_are_drawn_from_the_softmax_and_recorded_as_executed():
    logits = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
    got = action(jax.random.key(0), jnp.tile(logits, (20_000, 1)))
    share = np.bincount(np.asarray(got.executed), minlength=4) / 20_000
    np.testing.assert_allclose(share, [0.1, 0.2, 0.3, 0.4], atol=0.015)  # over four deviations
    np.testing.assert_array_equal(got.executed, got.recorded)
    np.testing.assert_allclose(got.log_probability, logits[got.recorded], atol=1e-5)


def test_rows_are_time_major_and_belong_together(tiny_run):
    record = tiny_run.record()
    count = np.arange(32, dtype=np.float32).reshape(8, 4)
    trajectory = jax.tree.map(jnp.asarray, record.trajectory)
    trajectory = trajectory._replace(actions=jnp.asarray(count, jnp.int32))
    rows = rollout(trajectory, Advantage(jnp.asarray(count), jnp.asarray(2 * count)))
    np.testing.assert_array_equal(rows.actions, np.arange(32))
    np.testing.assert_array_equal(rows.advantages, np.arange(32))
    np.testing.assert_array_equal(rows.targets, 2 * np.arange(32))
    for row in (0, 5, 31):
        step, env = divmod(row, 4)
        assert rows.states.cell[row] == trajectory.states.cell[step, env]
        assert rows.log_probability[row] == trajectory.log_probability[step, env]


# ---------------------------------------------------------------------------------------- loss


@pytest.fixture
def minibatch(tiny_run):
    """Logits, values and a batch with ratios on both sides of the clip."""
    draw = np.random.default_rng(2)
    logits, values = draw.normal(size=(ROWS, ACTIONS)), draw.normal(size=ROWS)
    batch = Batch(
        states=jax.tree.map(lambda leaf: leaf[:ROWS], tiny_run.record().batch.states),
        actions=jnp.asarray(draw.integers(0, ACTIONS, ROWS), jnp.int32),
        log_probability=jnp.asarray(draw.normal(-1.4, 0.5, ROWS), jnp.float32),
        advantages=jnp.asarray(draw.normal(size=ROWS), jnp.float32),
        targets=jnp.asarray(draw.normal(size=ROWS), jnp.float32),
    )
    return logits, values, batch


def by_formula(logits, values, batch, clip=0.2, value=0.5, entropy=0.03):
    """The loss in float64, row by row."""
    scaled = np.asarray(batch.advantages, np.float64)
    scaled = (scaled - scaled.mean()) / scaled.std()
    policy = squares = entropies = 0.0
    for row in range(ROWS):
        chance = np.exp(logits[row]) / np.exp(logits[row]).sum()
        ratio = chance[int(batch.actions[row])] / np.exp(float(batch.log_probability[row]))
        bounded = min(max(ratio, 1 - clip), 1 + clip)
        policy -= min(ratio * scaled[row], bounded * scaled[row]) / ROWS
        squares += (values[row] - float(batch.targets[row])) ** 2 / ROWS
        entropies -= (chance * np.log(chance)).sum() / ROWS
    return policy + value * squares - entropy * entropies


def call(logits, values, batch):
    output = Output(jnp.asarray(logits, jnp.float32), jnp.asarray(values, jnp.float32), {})
    force = Coefficients(jnp.float32(0.2), jnp.float32(0.5), jnp.float32(0.03))
    return loss(output, batch, force)[0]


def test_loss_matches_its_formula(minibatch):
    np.testing.assert_allclose(call(*minibatch), by_formula(*minibatch), rtol=1e-5)


def test_loss_gradient_matches_finite_differences(minibatch):
    logits, values, batch = minibatch
    by_logits, by_values = jax.grad(call, argnums=(0, 1))(
        jnp.asarray(logits, jnp.float32), jnp.asarray(values, jnp.float32), batch
    )
    tiny = 1e-6
    for row in range(ROWS):
        step = np.zeros(ROWS)
        step[row] = tiny
        slope = by_formula(logits, values + step, batch) - by_formula(logits, values - step, batch)
        np.testing.assert_allclose(by_values[row], slope / (2 * tiny), atol=1e-5)
        for choice in range(ACTIONS):
            step = np.zeros((ROWS, ACTIONS))
            step[row, choice] = tiny
            above = by_formula(logits + step, values, batch)
            below = by_formula(logits - step, values, batch)
            np.testing.assert_allclose(
                by_logits[row, choice], (above - below) / (2 * tiny), atol=1e-5
            )


def test_at_ratio_one_the_policy_gradient_is_that_of_the_scaled_advantages(minibatch):
    logits, values, batch = minibatch
    logs = jax.nn.log_softmax(jnp.asarray(logits, jnp.float32))
    same = jnp.take_along_axis(logs, batch.actions[:, None], 1)[:, 0]
    on_policy = batch._replace(log_probability=same)
    force = Coefficients(jnp.float32(0.2), jnp.float32(0.0), jnp.float32(0.0))

    def objective(logits):
        output = Output(logits, jnp.asarray(values, jnp.float32), {})
        return loss(output, on_policy, force)[0]

    got = jax.grad(objective)(jnp.asarray(logits, jnp.float32))
    scaled = (batch.advantages - batch.advantages.mean()) / batch.advantages.std()
    chance = np.exp(np.asarray(logs))
    chosen = np.eye(ACTIONS)[np.asarray(batch.actions)]
    want = -np.asarray(scaled)[:, None] * (chosen - chance) / ROWS
    np.testing.assert_allclose(got, want, atol=1e-6)


# -------------------------------------------------------------------------------------- update


def test_update_is_adam_after_clipping_the_global_norm():
    parameters = {"a": jnp.zeros(3), "b": jnp.ones(2)}
    state = init(parameters, 0.5)
    first, second = MOMENT_DECAY
    value = np.array([0, 0, 0, 1, 1], np.float64)
    mean, square = np.zeros(5), np.zeros(5)
    for step, gradient in enumerate(np.random.default_rng(3).normal(size=(4, 5)), start=1):
        gradient = gradient * (0.01 if step == 3 else 1.0)  # one below the norm, not clipped
        clipped = gradient * min(1.0, 0.5 / np.linalg.norm(gradient))
        mean = first * mean + (1 - first) * clipped
        square = second * square + (1 - second) * clipped**2
        size = np.sqrt(square / (1 - second**step)) + 1e-5
        value = value - 0.01 * mean / (1 - first**step) / size
        tree = {
            "a": jnp.asarray(gradient[:3], jnp.float32),
            "b": jnp.asarray(gradient[3:], jnp.float32),
        }
        parameters, state = apply(tree, state, parameters, jnp.float32(0.01), 0.5)
        got = np.concatenate([parameters["a"], parameters["b"]])
        np.testing.assert_allclose(got, value, atol=1e-6)
