"""Networks and agents: what the first layer sees, and what patches change."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax

from shardsim.agent.checkpoint import agent_of
from shardsim.agent.config import NetworkConfig
from shardsim.agent.network import build_network, centred
from shardsim.agent.policy import CHUNK, Agent, capture, forward_many
from shardsim.base.errors import UserError

pytestmark = pytest.mark.slow

KINDS = ("egocentric", "allocentric", "convolutional")


@pytest.fixture(scope="module")
def seen(tiny_run):
    """Observations of a rollout."""
    return jnp.asarray(tiny_run.record().acted)


def test_centred_moves_every_cell_by_the_agents_own(tiny_env):
    height, width, channels = tiny_env.observation_shape
    rest = np.random.default_rng(0).random((height * width, height, width, channels - 1))
    agent = np.eye(height * width).reshape(-1, height, width, 1)
    shown = np.concatenate([agent, rest], axis=-1).astype(np.float32)
    got = np.asarray(centred(jnp.asarray(shown)))
    assert got.shape == (height * width, 2 * height - 1, 2 * width - 1, channels - 1)
    for cell in range(height * width):
        want = np.zeros((2 * height - 1, 2 * width - 1, channels - 1))
        want[..., 0] = 1.0  # outside the grid is wall
        top, left = height - 1 - cell // width, width - 1 - cell % width
        want[top : top + height, left : left + width] = shown[cell, ..., 1:]
        np.testing.assert_allclose(got[cell], want, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_named_in_order_and_all_can_be_read(kind, tiny_env, seen):
    network = build_network(NetworkConfig(kind=kind, widths=(8, 6), channels=3), tiny_env)
    parameters = jax.device_get(jax.jit(network.init)(jax.random.key(0), seen[:1]))
    output = jax.device_get(jax.jit(network.run)(parameters, seen))
    assert tuple(output.activations) == network.layers
    assert output.activations["dense_2"].shape == (seen.shape[0], 6)
    assert output.logits.shape == (seen.shape[0], tiny_env.num_actions)
    head = parameters["params"]["actor"]
    by_hand = output.activations["dense_2"] @ head["kernel"] + head["bias"]
    np.testing.assert_allclose(output.logits, by_hand, atol=1e-6)
    for layer in network.layers:
        blank = {layer: jnp.zeros_like}
        zeroed = jax.jit(partial(network.run, patch=blank))(parameters, seen)
        assert not np.any(zeroed.activations[layer])
        assert np.any(zeroed.value != output.value)


def test_an_untrained_network_is_nearly_uniform(tiny_env, seen):
    network = build_network(NetworkConfig(), tiny_env)
    parameters = jax.jit(network.init)(jax.random.key(0), seen[:1])
    output = jax.jit(network.run)(parameters, seen)
    np.testing.assert_allclose(softmax(np.asarray(output.logits), 1), 0.25, atol=0.02)


def test_an_identity_patch_changes_nothing_and_a_zero_patch_does(tiny_run, seen):
    agent = agent_of(tiny_run.learner, tiny_run.chunks[-1].carry.parameters, 1)
    plain = agent.forward(seen)
    for layer in agent.layers:
        same = agent.forward(seen, {layer: lambda hidden: hidden})
        np.testing.assert_allclose(same.logits, plain.logits, atol=1e-6)
        np.testing.assert_allclose(same.value, plain.value, atol=1e-6)
        assert np.any(np.abs(agent.policy(seen, {layer: jnp.zeros_like}) - plain.logits) > 1e-4)
    last = agent.forward(seen, {"dense_2": jnp.zeros_like})
    head = agent.parameters["params"]["actor"]["bias"]
    np.testing.assert_allclose(last.logits, np.tile(head, (seen.shape[0], 1)), atol=1e-7)


def test_a_patch_goes_on_to_the_layers_after_it(tiny_run, seen):
    agent = agent_of(tiny_run.learner, tiny_run.chunks[-1].carry.parameters, 0)
    second = agent.parameters["params"]["dense_2"]
    got = agent.activations(seen, {"dense_1": jnp.ones_like})["dense_2"]
    want = np.maximum(0.0, np.asarray(second["kernel"]).sum(0) + np.asarray(second["bias"]))
    np.testing.assert_allclose(got, np.tile(want, (seen.shape[0], 1)), atol=1e-5)


def test_an_unknown_layer_is_refused_with_the_nearest(tiny_run, seen):
    agent = agent_of(tiny_run.learner, tiny_run.chunks[-1].carry.parameters, 0)
    with pytest.raises(UserError, match="dense_1"):
        agent.policy(seen, {"dense1": jnp.zeros_like})


def test_calling_an_agent_gives_logits_and_activations(tiny_run, seen):
    agent = agent_of(tiny_run.learner, tiny_run.chunks[-1].carry.parameters, 0)
    logits, activations = agent(seen)
    np.testing.assert_array_equal(logits, agent.policy(seen))
    assert set(activations) == set(agent.layers)


def test_many_networks_at_once_are_each_their_own(tiny_run, seen):
    parameters = tiny_run.chunks[-1].carry.parameters
    both = forward_many(tiny_run.learner.network, parameters, seen)
    for seed in range(2):
        alone = agent_of(tiny_run.learner, parameters, seed)
        np.testing.assert_allclose(both.logits[seed], alone.policy(seen), atol=1e-5)
        np.testing.assert_allclose(both.value[seed], alone.value(seen), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_capture_gives_every_row_what_the_network_alone_gives(tiny_env, seen, kind):
    network = build_network(NetworkConfig(kind=kind, widths=(8,), channels=2), tiny_env)
    rows = np.tile(np.reshape(seen, (-1, *tiny_env.observation_shape)), (CHUNK, 1, 1, 1))
    rows = jnp.asarray(rows[: CHUNK + 37])  # the second chunk is filled up
    keys = jax.random.split(jax.random.key(0), 2)
    init = jax.jit(jax.vmap(network.init, (0, None)))
    parameters = jax.device_get(init(keys, rows[:1]))
    both = capture(network, parameters, rows)
    for number in range(2):
        one = jax.tree.map(lambda leaf, number=number: leaf[number], parameters)
        alone = Agent(tiny_env, network, one).forward(rows)
        np.testing.assert_allclose(both.logits[number], alone.logits, atol=1e-5)
        np.testing.assert_allclose(both.value[number], alone.value, atol=1e-5)
        for layer, values in alone.activations.items():
            np.testing.assert_allclose(both.activations[layer][number], values, atol=1e-5)
