"""What one update keeps of itself agrees with itself."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.action import log_probability
from shardsim.agent.hyperparameters import hyperparameters
from shardsim.agent.learner import inputs_of, minibatch_gradient, update_once, values_of
from shardsim.agent.loss import Coefficients
from shardsim.agent.metrics import finished_returns
from shardsim.agent.train import begin, make_learner
from shardsim.agent.update import MOMENT_DECAY
from shardsim.env.levels import take
from shardsim.env.registry import make


def flat(tree) -> np.ndarray:
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(tree)])


def test_the_ratio_is_one_in_the_first_minibatch_and_not_in_the_last(tiny_run):
    @jax.jit
    def log_ratio(parameters, part):
        seen = jax.vmap(tiny_run.env.observe)(part.states)
        logits = tiny_run.learner.network.run(parameters, seen).logits
        return log_probability(logits, part.actions) - part.log_probability

    for seed in range(2):
        record = tiny_run.record(seed)
        first, last = (
            np.exp(log_ratio(step.parameters_before, take(record.batch, step.rows)))
            for step in (record.first, record.last)
        )
        np.testing.assert_allclose(first, 1.0, atol=2e-6)
        assert np.abs(last - 1.0).max() > 1e-4


def test_acted_and_learned_observations_are_the_same_rows(tiny_run):
    record = tiny_run.record()
    seen = jax.jit(jax.vmap(tiny_run.env.observe))(record.batch.states)
    np.testing.assert_array_equal(record.acted, seen)
    np.testing.assert_array_equal(record.learned, seen)


def test_rewards_are_the_weighed_components(tiny_run):
    happened = tiny_run.record().trajectory
    by_hand = (happened.states.level.reward_weights * happened.rewards).sum(-1)
    np.testing.assert_array_equal(tiny_run.record().rewards, by_hand)


def test_values_are_those_of_the_parameters_that_acted(tiny_run):
    record = tiny_run.record()
    states = jax.tree.map(
        lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), record.trajectory.final_states
    )

    @jax.jit
    def values(parameters, states):
        seen = jax.vmap(tiny_run.env.observe)(states)
        return tiny_run.learner.network.run(parameters, seen).value

    value = values(record.first.parameters_before, states).reshape(8, 4)
    goes_on = ~np.asarray(record.trajectory.terminated)
    cut = np.asarray(record.trajectory.truncated)
    assert cut.sum() > 1 and (goes_on & ~cut)[:-1].any() and goes_on[-1].any()
    np.testing.assert_allclose(record.next_values[goes_on], value[goes_on], atol=1e-5)


@pytest.mark.parametrize("max_steps", [1, 2, 5, 8])
def test_every_truncated_episode_has_the_value_of_its_own_end(tiny_config, max_steps):
    """However many there are: here all of them, since nobody can come to the cheese in time."""
    env = make("cheese-corner", height=5, width=5, max_steps=max_steps)
    learner, numbers = make_learner(env, tiny_config), hyperparameters(tiny_config)
    banks, carries = begin(env, tiny_config, jax.random.key(4))
    bank, carry = take(banks, 0), take(carries, 0)

    record = jax.jit(partial(update_once, learner))(numbers, bank, carry, jnp.float32(0.0))[1]
    happened = record.trajectory
    found = jax.jit(partial(values_of, learner))(carry.parameters, happened.final_states)
    goes_on = ~np.asarray(happened.terminated)
    assert np.asarray(happened.truncated).sum() >= 4 * (8 // max_steps) - (~goes_on).sum()
    np.testing.assert_allclose(record.next_values[goes_on], found[goes_on], atol=1e-5)


def test_the_gradient_can_be_recovered_from_the_moments(tiny_run):
    record, config = tiny_run.record(), tiny_run.config
    first, _ = MOMENT_DECAY
    found = jax.jit(partial(minibatch_gradient, tiny_run.learner))
    inputs = jax.jit(partial(inputs_of, tiny_run.learner))(record.batch)
    for step in (record.first, record.last):
        before, after = step.optimiser_before[1], step.optimiser_after[1]
        recovered = (flat(after.mu) - first * flat(before.mu)) / (1 - first)
        force = Coefficients(
            jnp.float32(config.clip), jnp.float32(config.value_coefficient), record.entropy
        )
        gradient, _ = found(step.parameters_before, record.batch, inputs, step.rows, force)
        exact = flat(gradient)
        exact *= min(1.0, config.max_grad_norm / np.linalg.norm(exact))
        np.testing.assert_allclose(recovered, exact, atol=1e-5)
        assert int(after.count[()]) == int(before.count[()]) + 1


def test_minibatches_of_one_pass_are_a_partition(tiny_run):
    record = tiny_run.record()
    for step in (record.first, record.last):
        rows = np.asarray(step.rows)
        assert rows.shape == (16,)
        assert len(set(rows.tolist())) == 16
        assert rows.min() >= 0 and rows.max() < 32


def test_the_record_ends_in_the_carry(tiny_run):
    last = tiny_run.chunks[-1]
    for kept, carried in zip(
        jax.tree.leaves(last.record.last.parameters_after),
        jax.tree.leaves(last.carry.parameters),
        strict=True,
    ):
        np.testing.assert_array_equal(kept, carried)
    assert int(last.carry.update[0]) == last.update == tiny_run.config.updates


def test_returns_are_those_of_finished_episodes_alone():
    earned = jnp.array([10.0, 0.0, 5.0], jnp.float32)
    rewards = jnp.array([[1.0, 2.0, 4.0], [3.0, 0.0, 8.0]], jnp.float32)
    ended = jnp.array([[True, False, False], [False, True, False]])
    left, total = finished_returns(earned, rewards, ended)
    np.testing.assert_array_equal(left, [3.0, 0.0, 17.0])
    assert float(total) == 11.0 + 2.0
