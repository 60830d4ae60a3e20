"""How policies are asked: batches, states, decoding."""

from __future__ import annotations

import sys

import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.shards.contexts import policies
from shardsim.shards.contexts.policies import decode, respond, state_policy


def _toward_row(env, state):
    """Logits that grow with the agent's row on the last action only."""
    row, _ = env.agent_cell(state)
    return jnp.array([0.0, 0.0, 0.0, 1.0], jnp.float32) * row.astype(jnp.float32)


def test_batches_of_one_shape_give_back_every_context(corner_env, corner_battery, monkeypatch):
    monkeypatch.setattr(policies, "BATCH", 100)
    shapes = []

    def policy(observations):
        shapes.append(observations.shape[0])
        cell = observations[..., 0].reshape(len(observations), -1).argmax(1)
        return np.stack([cell, 0 * cell, 0 * cell, 0 * cell], 1), {"seen": cell[:, None]}

    answer = respond(policy, corner_env, observations=corner_battery.observations)
    assert shapes == [100, 100, 100]
    assert np.array_equal(answer.logits[:, 0], np.asarray(corner_battery.states.cell))
    assert np.array_equal(answer.activations["seen"][:, 0], answer.logits[:, 0])


def test_observations_decode_to_the_states_that_they_show(corner_env, corner_battery):
    states = decode(corner_env, corner_battery.observations)
    assert np.array_equal(states.cell, corner_battery.states.cell)
    assert np.array_equal(states.level.walls, corner_battery.states.level.walls)
    assert np.array_equal(states.level.position, corner_battery.states.level.position)


def test_a_rule_over_states_answers_observations_alike(corner_env, corner_battery):
    rule = state_policy(_toward_row, corner_env)
    on_states = respond(rule, corner_env, corner_battery.states)
    alone = rule(corner_battery.observations)
    assert np.array_equal(on_states.logits, np.asarray(alone))
    assert np.array_equal(on_states.logits[:, 3], corner_battery.covariates["row"])


def test_what_cannot_be_asked_is_told(corner_env, corner_battery):
    with pytest.raises(UserError, match="give state_policy"):
        state_policy(_toward_row)(corner_battery.observations)
    with pytest.raises(UserError, match="do not tell its states"):
        decode(corner_env, corner_battery.observations + 0.25)
    with pytest.raises(UserError, match="give \\[batch, actions\\]"):
        respond(lambda o: np.zeros((len(o), 3)), corner_env, corner_battery.states)
    with pytest.raises(UserError, match="not finite"):
        respond(lambda o: np.full((len(o), 4), np.nan), corner_env, corner_battery.states)
    for policy in (lambda o: sys.exit(0), state_policy(lambda env, state: sys.exit(0))):
        with pytest.raises(UserError, match=r"called sys\.exit\(\) instead of answering"):
            respond(policy, corner_env, corner_battery.states)
