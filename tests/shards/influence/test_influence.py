"""Influence in closed form: rules whose answer to every edit is known."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.shards.contexts.policies import state_policy
from shardsim.shards.influence.influence import by_distance, edit, influence_of
from shardsim.shards.influence.nulls import entropy_bits, head_scale, shuffled
from tests.shards.built import influence


def _likes_presence(env, state):
    """Goes north twice as readily while there is any cheese, wherever it is."""
    there = jnp.any(env.present(state)[0])
    return jnp.where(there, jnp.log(2.0), 0.0) * jnp.array([1.0, 0.0, 0.0, 0.0], jnp.float32)


@pytest.fixture(scope="module")
def presence(corner_env, corner_battery):
    """The influence of `_likes_presence`."""
    return influence(state_policy(_likes_presence, corner_env), corner_battery)


def test_signed_influence_is_the_advantage_that_it_brings(presence, corner_battery):
    # (2, 1, 1, 1)/5 against 1/4 each: north gains .15, the others lose .05.
    advantage = corner_battery.advantages[:, :, 0]
    expected = advantage @ np.array([0.15, -0.05, -0.05, -0.05])
    assert np.allclose(presence.signed[:, 0], expected, atol=1e-5)


def test_the_decoy_and_the_edits_of_places_show_nothing(presence):
    assert np.allclose(presence.signed[:, 1], 0.0, atol=1e-6)
    assert np.isnan(presence.signed[:, 2]).all()
    assert np.isnan(presence.mirror[:, :2]).all()


def test_mirror_test_tells_who_wants_the_place(corner_env, corner_battery):
    """One who goes west answers a mirrored world with west, which mirrored back is east."""

    def west(observations):
        return np.tile(np.log([1.0, 1.0, 1.0, 7.0]).astype(np.float32), (len(observations), 1))

    def even(observations):
        return np.zeros((len(observations), 4), np.float32)

    found = influence(west, corner_battery)
    expected = corner_battery.advantages[:, :, 2] @ np.array([0.0, -0.6, 0.0, 0.6])
    assert np.allclose(found.mirror[:, 2], expected, atol=1e-5)
    assert np.allclose(influence(even, corner_battery).mirror[:, 2], 0.0)


def test_removed_objects_are_gone_and_no_other(corner_battery):
    edited = edit(corner_battery)
    present = np.asarray(corner_battery.states.level.present)
    for at, (number, removed) in enumerate(zip(edited.objects, edited.removed, strict=True)):
        left = np.asarray(removed.level.present)
        assert not left[:, number].any()
        others = np.arange(present.shape[1]) != number
        np.testing.assert_array_equal(left[:, others], present[:, others])
        np.testing.assert_array_equal(edited.present[at], present[:, number].any(-1))


def test_many_policies_at_once_equal_one_at_a_time(corner_battery):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 5 * 5 * 5, 4))

    def many(states, observations):
        flat = observations.reshape(len(observations), -1)
        return np.einsum("bf,kfa->kba", flat, weights)

    both = influence_of(many, corner_battery, edit(corner_battery))
    second = influence(
        lambda o: (o.reshape(len(o), -1) @ weights[1]).astype(np.float32), corner_battery
    )
    assert np.allclose(both.signed[1][:, :2], second.signed[:, :2], atol=1e-5)
    assert np.allclose(both.mirror[1][:, 2], second.mirror[:, 2], atol=1e-5)


def test_bins_average_with_weights_and_leave_out_what_is_not_there():
    values = np.array([[1.0], [3.0], [np.nan], [5.0]])
    distance = np.array([[1.0], [1.0], [1.0], [2.0]])
    mean, count = by_distance(values, distance, np.array([1.0, 3.0, 9.0, 1.0]))
    assert np.allclose(mean[0, :2], [2.5, 5.0])
    assert np.isnan(mean[0, 2:]).all()
    assert count[0].tolist() == [3, 1, 0, 0, 0]


def test_a_scaled_head_has_the_entropy_that_was_asked_for():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(2, 300, 4)) * np.array([1e-4, 3.0])[:, None, None]
    weight = rng.uniform(1, 2, 300)
    target = np.array([0.3, 1.2])
    factor = head_scale(logits, target, weight)
    assert np.allclose(entropy_bits(logits * factor[:, None, None], weight), target, atol=1e-6)


def test_entropy_of_fair_choices_is_in_bits():
    assert np.allclose(entropy_bits(np.zeros((2, 5, 4)), np.ones(5)), [2.0, 2.0])


def test_shuffling_deals_the_same_decisions_to_other_contexts():
    logits = np.arange(40.0).reshape(10, 4)
    mixed = shuffled(logits, 3)
    assert sorted(mixed[:, 0]) == sorted(logits[:, 0])
    assert not np.array_equal(mixed, logits)
