"""Events and their updates against sums and gradients made by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from shardsim.shards.evidence.episodes import (
    Horizon,
    make_sketch,
    measure_gradients,
    roll_out,
    updates,
)
from shardsim.shards.evidence.sparse_code import normalised
from shardsim.shards.evidence.updates import DRAWS, beside_chance, leads, mean_push, pushes_of
from tests.shards.built import network_of, parameters_of, stacked

pytestmark = pytest.mark.slow

EVENTS = 24


@pytest.fixture(scope="module")
def rolled(corner_env, corner_battery):
    """Two agents that want the cheese, followed from the contexts of a battery."""
    network = network_of(corner_env)
    parameters = stacked([parameters_of(corner_env, 9.0, 4.0), parameters_of(corner_env, 1.0, 1.0)])
    starts = corner_battery.take(np.arange(EVENTS)).states
    horizon = Horizon(0.9, 1.0, 12)
    events = roll_out(corner_env, network, horizon, parameters, starts, jax.random.key(0))
    return corner_env, network, parameters, events


def test_an_event_ends_with_its_first_payment(rolled):
    env, _, _, events = rolled
    lasts, paid = np.asarray(events.lasts), np.asarray(events.paid)
    assert (np.diff(lasts.astype(int), axis=1) <= 0).all()  # once over, it stays over
    assert set(np.unique(paid)) <= {0, len(env.reward_names)}
    reached = np.asarray(events.reached)
    assert (reached[paid == 0].any(-1)).all()
    assert not reached[paid != 0].any()
    assert (lasts.sum(1)[paid != 0] == 12).all()
    assert (lasts.sum(1)[paid == 0] <= 12).all()


def test_credit_is_the_discounted_payment_less_the_mean(rolled):
    # The critics are 0 and lambda is 1: a decision n moves before the payment is worth 0.9^n.
    _, _, _, events = rolled
    lasts, paid = np.asarray(events.lasts), np.asarray(events.paid)
    lengths = lasts.sum(1)[:, None]
    left = lengths - 1 - np.arange(12)[:, None]
    raw = np.where(lasts & (paid == 0)[:, None], 0.9**left, 0.0)
    mean = raw.sum((1, 2)) / lasts.sum((1, 2))
    wanted = np.where(lasts, raw - mean[:, None, None], 0.0)
    assert np.allclose(np.asarray(events.advantages), wanted, atol=1e-5)


def test_updates_are_gradients_and_responses_their_inner_products(rolled):
    env, network, parameters, events = rolled
    size = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], parameters))[0].size
    seen = jax.vmap(env.observe)(jax.tree.map(lambda leaf: leaf[0, 0], events.states))
    measures = jax.random.normal(jax.random.key(1), (2, 2, EVENTS, env.num_actions))
    gradients = measure_gradients(network, parameters, seen, measures)
    sketch = make_sketch(size, 512, seed=0)
    found = updates(env, network, parameters, events, sketch, gradients)
    own = jax.tree.map(lambda leaf: leaf[1], parameters)

    def objective(own, number):
        states = jax.tree.map(lambda leaf: leaf[1, :, number], events.states)
        logs = jax.nn.log_softmax(network.run(own, jax.vmap(env.observe)(states)).logits)
        chosen = jnp.take_along_axis(logs, events.actions[1, :, number, None], 1)[:, 0]
        return jnp.sum(chosen * events.advantages[1, :, number])

    for number in (0, 7):
        whole = ravel_pytree(jax.grad(objective)(own, number))[0]
        assert np.allclose(found.sketch[1, number], sketch(whole), atol=1e-4)
        assert np.allclose(found.response[1, number], gradients[1] @ whole, rtol=1e-3, atol=1e-4)

    def measured(own):
        logits = network.run(own, seen).logits
        return jnp.sum(measures[1, 0] * (logits - logits.mean(1, keepdims=True)))

    flat = ravel_pytree(jax.grad(measured)(own))[0]
    assert np.allclose(gradients[1, 0], flat, rtol=1e-3, atol=1e-4)


def test_pushes_of_kinds_by_hand():
    units = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    response = np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    member = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0], [0, 1.0, 0]])
    found = pushes_of(member, units, response)
    # Root mean squares are √2 and 1/√2: a unit step along either kind's mean is √2 of them.
    assert np.allclose(found[:2], np.sqrt(2) * np.eye(2))
    assert np.isnan(found[2]).all()  # a kind without events


def test_a_lead_is_over_the_shard_that_is_raised_most_beside():
    pushed = np.array([[3.0, 1.0, 0.0], [2.0, 2.5, -1.0], [np.nan, np.nan, np.nan]])
    assert leads(pushed).tolist() == [[2, -2, -3], [-0.5, 0.5, -3.5], [0, 0, 0]]
    assert leads(pushed[:2, :1]).tolist() == [[3.0], [2.0]]


def test_only_the_kind_that_builds_a_shard_leads_by_more_than_chance():
    # Updates of kind 0 go along axis 0 in the mean, those of kind 1 along axis 1, those of kind 2
    # nowhere; axes 0 and 1 are the gradients of two shards. Norms differ, which must not matter.
    rng = np.random.default_rng(0)
    paid = np.arange(90) % 3
    vectors = rng.normal(size=(90, 40))
    vectors[paid == 0, 0] += 2.0
    vectors[paid == 1, 1] += 2.0
    vectors *= rng.uniform(0.1, 10.0, (90, 1))
    _, lead, _, dealt = beside_chance(vectors, vectors[:, :2], paid, 3, rng)
    p_value = (1 + (dealt >= lead).sum(0)) / (1 + DRAWS)
    np.testing.assert_allclose(np.diag(p_value[:2]), 1 / (1 + DRAWS))
    assert min(p_value[0, 1], p_value[1, 0], *p_value[2]) > 0.1
    # Where all events are of one kind, none can be told from others.
    alike = beside_chance(vectors, vectors[:, :2], np.zeros(90, np.int64), 3, rng)
    pushed, lead, chance, dealt = alike
    assert (dealt >= lead).all()
    np.testing.assert_allclose(chance[:, 0], np.broadcast_to(pushed[0], (DRAWS, 2)))


def test_the_mean_push_leaves_out_checkpoints_without_such_events():
    pushed = np.array([[[1.0, np.nan]], [[3.0, np.nan]], [[np.nan, np.nan]]])  # [T, S, Q]
    np.testing.assert_allclose(mean_push(pushed), [[2.0, 0.0]])


def test_a_sketch_keeps_inner_products():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 5000)).astype(np.float32)
    vectors += 2 * rng.normal(size=5000).astype(np.float32)
    sketch = make_sketch(5000, 512, seed=0)
    small = normalised(np.stack([sketch(jnp.asarray(v)) for v in vectors]))
    large = normalised(vectors)
    assert np.abs(small @ small.T - large @ large.T).max() < 4 / np.sqrt(512)
    order = np.asarray(sketch.order).ravel()
    assert sorted(order[order < 5000]) == list(range(5000))  # every parameter counts once
