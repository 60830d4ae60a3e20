"""Networks that remember: when they forget, what they learn from, and that memory is learnt."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from shardsim.agent.action import log_probability
from shardsim.agent.checkpoint import carry_template, record_template
from shardsim.agent.config import NetworkConfig, TrainConfig
from shardsim.agent.episode_returns import Remembering, mean_and_error
from shardsim.agent.evaluation import Estimate, evaluation
from shardsim.agent.learner import begins
from shardsim.agent.minibatches import minibatch_rows
from shardsim.agent.network import build_network
from shardsim.agent.structure import structure_of
from shardsim.agent.train import evaluation_levels, make_learner, train
from shardsim.env.levels import take
from tests.env.worlds.cue import Cue

RECURRENT = NetworkConfig(kind="recurrent", widths=(8, 6))
CONFIG = TrainConfig(
    seeds=1,
    total_steps=24_000,
    num_envs=32,
    rollout_steps=8,
    epochs=2,
    minibatches=2,
    discount=0.9,
    learning_rate=1e-2,
    bank_levels=8,
    bank_starts=1,
    checkpoints=2,
    evaluation_levels=40,
    network=NetworkConfig(kind="recurrent", widths=(16,)),
)


@pytest.fixture(scope="module")
def network(tiny_env):
    return build_network(RECURRENT, tiny_env)


@pytest.fixture(scope="module")
def seen(tiny_env):
    """Observations of five steps of three episodes at once, time-major."""
    shape = (5 * 3, *tiny_env.observation_shape)
    return jax.random.uniform(jax.random.key(2), shape, jnp.float32)


@pytest.fixture(scope="module")
def parameters(network, seen):
    return network.init(jax.random.key(1), seen)


@pytest.fixture(scope="module")
def learnt():
    """What training on the cue ends in."""
    return list(train(CONFIG, jax.random.key(0), env=Cue()))[-1]


def test_a_memory_is_empty_after_an_episode_begins_whatever_was_there(network, parameters, seen):
    begin = jnp.zeros((5, 3), bool).at[0].set(True).at[3, 1].set(True).reshape(-1)
    dirty = jnp.full((3, 6), 0.7, jnp.float32)
    whole = network.run(parameters, seen, memory=dirty, begins=begin).logits.reshape(5, 3, -1)
    rows = seen.reshape(5, 3, *seen.shape[1:])
    for env, first, last in ((0, 0, 5), (1, 0, 3), (1, 3, 5), (2, 0, 5)):
        memory = network.empty_memory(1)
        for step in range(first, last):
            output = network.run(parameters, rows[step, env][None], memory=memory)
            memory = output.memory
            np.testing.assert_allclose(output.logits[0], whole[step, env], atol=1e-6)


def test_a_step_from_the_dense_layers_is_that_of_the_network(network, parameters, seen):
    memory = jax.random.normal(jax.random.key(4), (15, 6), jnp.float32)
    output = network.run(parameters, seen, memory=memory)
    found = network.go_on(parameters, memory, output.activations["dense_2"])
    np.testing.assert_allclose(found[0], output.memory, atol=1e-6)
    np.testing.assert_allclose(found[1], output.logits, atol=1e-6)
    assert network.layers == ("dense_1", "dense_2", "gru")


def test_minibatches_are_whole_sequences_each_env_once_an_epoch():
    structure = structure_of(CONFIG)
    rows = minibatch_rows(structure, 8 * 32, True, jax.random.key(0))
    assert rows.shape == (4, 8 * 16)
    envs = rows.reshape(4, 8, 16) % 32
    assert (envs == envs[:, :1]).all() and (
        rows.reshape(4, 8, 16) // 32 == np.arange(8)[:, None]
    ).all()
    for epoch in (rows[:2], rows[2:]):
        np.testing.assert_array_equal(np.sort(epoch.reshape(-1)), np.arange(8 * 32))


def test_the_policy_that_is_learned_is_the_one_that_acted(learnt):
    learner, record = make_learner(Cue(), CONFIG), take(learnt.record, 0)
    part = take(record.batch, record.first.rows)
    output = learner.network.run(
        record.first.parameters_before,
        jax.vmap(learner.env.observe)(part.states),
        memory=part.memory[: len(record.first.rows) // CONFIG.rollout_steps],
        begins=begins(learner, part.states),
    )
    now = log_probability(output.logits, part.actions)
    np.testing.assert_allclose(now, part.log_probability, atol=1e-5)
    np.testing.assert_allclose(
        output.value, take(record.trajectory.values.reshape(-1), record.first.rows), atol=1e-5
    )


def test_what_was_seen_once_is_remembered(learnt):
    """Without a memory no policy gets more than the share of the commoner end."""
    found = learnt.evaluation["held-out"]
    levels = evaluation_levels(Cue(), CONFIG)["held-out"]
    east = float(np.mean(np.asarray(levels.position)[:, 0, 0, 1] == 2))
    blind = max(east, 1 - east) * CONFIG.discount
    assert blind < 0.7
    np.testing.assert_allclose(found.optimum, CONFIG.discount, atol=1e-6)
    assert float(found.achieved[0]) > 0.95 * CONFIG.discount
    assert float(found.achieved_error[0]) < 0.03


def test_episodes_estimate_what_is_exact_of_a_policy_without_memory(tiny_env):
    """An even policy, handed over in both forms."""
    config = TrainConfig(evaluation_levels=60)
    levels = evaluation_levels(tiny_env, config)["held-out"]

    def even(seen):
        return jnp.zeros((len(seen), tiny_env.num_actions), jnp.float32)

    exact = evaluation(tiny_env, even, levels, 0.9)
    walk = Remembering(lambda memory, seen: (even(seen), memory), lambda n: jnp.zeros((n, 1)))
    found = evaluation(tiny_env, walk, levels, 0.9)
    assert isinstance(found, Estimate)
    assert abs(float(found.achieved) - float(exact.achieved)) < 3 * float(found.achieved_error)
    assert 0 < float(found.achieved_error) < 0.1
    np.testing.assert_allclose([found.optimum, found.worst], [exact.optimum, exact.worst])


def test_the_error_is_that_of_episodes_and_not_of_levels():
    mean, error = mean_and_error(jnp.array([[0.0, 0.0], [10.0, 10.0]], jnp.float32))
    assert (float(mean), float(error)) == (5.0, 0.0)
    mean, error = mean_and_error(jnp.array([[0.0, 2.0], [10.0, 12.0]], jnp.float32))
    np.testing.assert_allclose((mean, error), (6.0, 2**-0.5))


def test_other_networks_keep_nothing_of_a_memory(tiny_env, tiny_config):
    """So that what is kept of them is the same bytes as before there were memories."""
    carry = carry_template(tiny_env, tiny_config)
    record = record_template(tiny_env, tiny_config)
    kept = (carry.memory, record.batch.memory, record.trajectory.memory)
    assert kept == (None, None, None) and record.trajectory.next_memory is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"learner": "pqn"}, r"'pqn' has no network with a memory; use ppo or a2c"),
        ({"num_envs": 6, "minibatches": 4}, r"minibatches \(4\) must divide num_envs \(6\)"),
    ],
)
def test_what_no_memory_can_be_trained_with_is_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        TrainConfig.model_validate({"network": {"kind": "recurrent"}, **given})
