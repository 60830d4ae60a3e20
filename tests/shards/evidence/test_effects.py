"""What objects do to activations, on a network whose units are known."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.env.registry import make
from shardsim.shards.agents import Answers, Networks, Opaque
from shardsim.shards.contexts.battery import battery
from shardsim.shards.evidence import effects
from shardsim.shards.evidence.effects import NONE, Effects
from shardsim.shards.influence.influence import edit
from tests.shards.built import network_of, parameters_of, stacked, untrained

CHEESE, DECOY, CORNER = 0, 1, 2  # concepts
CONTEXTS = 300


@pytest.fixture(scope="module")
def on():
    return battery(make("cheese-corner"), CONTEXTS, split="target", seed=5)


@pytest.fixture(scope="module")
def measured(on) -> Effects:
    """Of two agents whose units 0-3 see the cheese within 2 cells, and no unit the decoy."""
    trained = stacked([parameters_of(on.env, 8.0, 3.0), parameters_of(on.env, 7.0, 3.5)])
    agents = Networks(on.env, network_of(on.env), trained, untrained(on.env, 2))
    rows = np.arange(CONTEXTS)
    blank = Networks(on.env, agents.network, agents.fresh).respond(None, on.observations)
    own = agents.respond(None, on.observations)
    return effects.measure(agents, on, edit(on), rows, own, blank)


def test_the_cheese_changes_its_own_units_and_the_decoy_none(measured):
    assert measured.objects == (CHEESE, DECOY)
    own = measured.layers["dense_1"]
    assert own.shape == (2, CONTEXTS, 2, 12)
    assert np.abs(own[:, :, 0, :4]).max() > 0.5
    np.testing.assert_allclose(own[:, :, 0, 4:], 0.0, atol=1e-6)
    np.testing.assert_allclose(own[:, :, 1], 0.0, atol=1e-6)
    assert effects.sizes(measured.untrained["dense_1"]).min(1).mean() > 0.01


def test_a_policy_that_can_only_be_asked_has_effects_and_no_untrained_ones(on, measured):
    network, parameters = network_of(on.env), parameters_of(on.env, 8.0, 3.0)

    def policy(observations):
        output = network.run(parameters, jnp.asarray(observations))
        return output.logits, output.activations

    agents = Opaque(on.env, policy)
    rows = np.arange(CONTEXTS)
    own = agents.respond(on.states, on.observations)
    found = effects.measure(agents, on, edit(on), rows, own, Answers(own.logits, {}))
    assert not found.untrained
    first = measured.layers["dense_1"][:1]
    np.testing.assert_allclose(found.layers["dense_1"], first, atol=1e-5)


def test_their_size_tells_exactly_where_the_cheese_is_wanted(on, measured):
    size = effects.sizes(measured.layers["dense_1"][0])
    pull = np.stack([np.zeros(CONTEXTS), 8.0 * size[:, 0]], 1)
    objects = np.array([NONE, 0])
    there = on.reachable[:, [CHEESE, DECOY]]
    found = effects.activity_auc(size, pull, objects, there)
    assert np.isnan(found[0]) and found[1] == 1.0
    assert effects.activity_auc(-size, pull, objects, there)[1] == 0.0


def test_sizes_dealt_out_anew_tell_nothing_in_the_mean(on, measured):
    size = effects.sizes(measured.layers["dense_1"][0])
    pull, there = 8.0 * size[:, :1], on.reachable[:, [CHEESE, DECOY]]
    rng = np.random.default_rng(0)
    drawn = [
        effects.activity_auc(rng.permutation(size), pull, np.array([0]), there)[0]
        for _ in range(60)
    ]
    assert abs(np.mean(drawn) - 0.5) < 3 * np.std(drawn) / np.sqrt(len(drawn))


def test_activity_needs_contexts_of_both_kinds():
    size, objects = np.arange(100.0)[:, None], np.array([0])
    there = np.ones((100, 1), bool)
    few = np.where(np.arange(100) < effects.LEAST - 1, 1.0, 0.0)[:, None]
    assert np.isnan(effects.activity_auc(size, few, objects, there)[0])
    assert np.isnan(effects.activity_auc(size, np.ones((100, 1)), objects, there)[0])


def test_the_strongest_shard_pulls_most_and_by_enough():
    pulls = np.zeros((3, 4, 2))
    pulls[0, 0, 1] = 4.0  # standard deviation √3
    pulls[1, 0] = [4.0, 2.0]
    pulls[2, 0] = 0.3
    size = effects.pull_sizes(pulls)
    assert size[0, 1] == pytest.approx(np.sqrt(3.0))
    assert effects.strongest(size).tolist() == [1, 0, NONE]


def test_a_shard_is_for_the_object_that_it_prefers_most_either_way():
    preferences = np.array([[0.1, 0.2, 0.9], [0.3, -0.9, 0.1], [0.8, 0.0, 0.6]])
    assert effects.objects_of(preferences, (CHEESE, DECOY)).tolist() == [NONE, 1, 0]
