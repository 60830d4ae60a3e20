"""How policies are asked: batches, states, decoding."""

from __future__ import annotations

import inspect
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


def _zeros(observations, actions=4):
    return np.zeros((len(observations), actions))


def test_a_policy_may_write_into_what_it_gets_and_reuse_what_it_gave(
    corner_env, corner_battery, monkeypatch
):
    monkeypatch.setattr(policies, "BATCH", 100)
    memory = np.zeros((100, 4), np.float32)

    def policy(observations):
        memory[:, 0] = observations[..., 0].reshape(len(observations), -1).argmax(1)
        observations -= 0.5
        np.clip(observations, 0, 1, out=observations)
        return memory, {"same": memory}

    shown = np.array(corner_battery.observations)
    shown.flags.writeable = False
    kept = shown.copy()
    for given in (shown, shown[:100]):  # several batches, and one that holds all
        answer = respond(policy, corner_env, observations=given)
        cells = np.asarray(corner_battery.states.cell)[: len(given)]
        assert np.array_equal(answer.logits[:, 0], cells)
        assert np.array_equal(answer.activations["same"], answer.logits)
    assert np.array_equal(shown, kept)


class _Tensor:
    """A tensor as torch gives it in bfloat16, which numpy does not read."""

    def __init__(self, values, width=16):
        self.values, self.width = np.asarray(values, np.float32), width

    def detach(self):
        return self

    def cpu(self):
        return self

    def is_floating_point(self):
        return True

    def float(self):
        return _Tensor(self.values, 32)

    def __array__(self, dtype=None, copy=None):
        if self.width != 32:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.values


@pytest.mark.parametrize(
    "half", [_Tensor, lambda v: jnp.asarray(v, jnp.bfloat16), lambda v: v.astype(np.float16)]
)
def test_half_precision_is_read_as_it_is(corner_env, corner_battery, half):
    cells = np.asarray(corner_battery.states.cell)

    def policy(observations):
        cell = observations[..., 0].reshape(len(observations), -1).argmax(1).astype(np.float32)
        return half(np.stack([cell] * 4, 1)), {"seen": half(cell[:, None])}

    answer = respond(policy, corner_env, observations=corner_battery.observations)
    assert np.array_equal(answer.logits[:, 2], cells)
    assert np.array_equal(answer.activations["seen"][:, 0], cells)


WRONG = {
    "gave None instead of logits": lambda o: None,
    "type dict instead of logits": lambda o: {"logits": _zeros(o)},
    "type str instead of logits": lambda o: "north",
    "logits that are not an array": lambda o: [[1.0], [1.0, 2.0]],
    "logits of object, which are not real numbers": lambda o: _zeros(o).astype(object),
    "logits of complex128": lambda o: _zeros(o) + 1j,
    "logits that are masked": lambda o: np.ma.masked_equal(_zeros(o), 0.0),
    "logits that are not finite": lambda o: _zeros(o) + 1e300,
    "type ndarray beside its logits, where activations": lambda o: (_zeros(o), _zeros(o)[:, 0]),
    "gave None beside its logits": lambda o: (_zeros(o), None),
    "a tuple of 3": lambda o: (_zeros(o), {}, None),
    "gave 1 row of logits for 240 observations": lambda o: _zeros(o[:1]),
    "shape \\(4,\\) for 240 observations": lambda o: np.zeros(4),
    "1 row of activations of 'dense' for 240": lambda o: (_zeros(o), {"dense": _zeros(o[:1])}),
    "activations of 'dense' that are not finite": lambda o: (
        _zeros(o),
        {"first": _zeros(o), "dense": np.full((len(o), 3), np.nan)},
    ),
    "activations of 'dense' without any unit": lambda o: (_zeros(o), {"dense": _zeros(o, 0)}),
    "a layer called 0": lambda o: (_zeros(o), {0: _zeros(o)}),
}


@pytest.mark.parametrize("said", WRONG)
def test_an_answer_of_another_form_is_told_in_one_true_line(corner_env, corner_battery, said):
    with pytest.raises(UserError, match=said):
        respond(WRONG[said], corner_env, observations=corner_battery.observations)


def test_layers_that_change_between_batches_are_named(corner_env, corner_battery, monkeypatch):
    monkeypatch.setattr(policies, "BATCH", 100)
    names = iter(("first", "second", "third"))
    with pytest.raises(UserError, match="the layer 'first' otherwise in one batch"):
        respond(
            lambda o: (_zeros(o), {next(names): _zeros(o)}),
            corner_env,
            observations=corner_battery.observations,
        )


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda env, state: None, "gave no array of real numbers"),
        (lambda env, state: jnp.zeros(4, jnp.complex64), "gave no array of real numbers"),
        (lambda env, state: (jnp.zeros(4), {}), "gave no array of real numbers"),
        (lambda env, state: jnp.zeros(4) if state.cell > 3 else jnp.ones(4), "cannot be batched"),
        (lambda env, state: 1.0, "shape \\(240,\\) for 240 observations"),
    ],
)
def test_a_rule_that_cannot_be_asked_is_told(corner_env, corner_battery, rule, said):
    with pytest.raises(UserError, match=said):
        respond(state_policy(rule), corner_env, corner_battery.states)


def test_what_is_no_function_is_no_policy(corner_env, corner_battery):
    # Unwrapped, since only these tests check annotations.
    with pytest.raises(UserError, match="not a value of type int"):
        inspect.unwrap(respond)(3, corner_env, corner_battery.states)
    with pytest.raises(UserError, match="not a value of type str"):
        inspect.unwrap(state_policy)("north")
    for policy in (lambda o: sys.exit(0), state_policy(lambda env, state: sys.exit(0))):
        with pytest.raises(UserError, match=r"called sys\.exit\(\) instead of answering"):
            respond(policy, corner_env, corner_battery.states)
