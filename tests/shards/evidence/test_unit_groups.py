"""Units are grouped by the object that they carry, and ablating them costs its shard alone."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.agent.policy import capture
from shardsim.env.registry import make
from shardsim.shards.contexts.battery import battery
from shardsim.shards.evidence import unit_groups
from shardsim.shards.evidence.effects import NONE
from shardsim.shards.influence.shares import Parts
from tests.shards.built import network_of, parameters_of, stacked

CONTEXTS, CHEESE, CORNER = 400, 8.0, 3.0  # contexts, weights of the head


@pytest.fixture(scope="module")
def found():
    """Groups of an agent whose units 0-3 carry the cheese, 4-7 the corner, 8-11 walls."""
    env = make("cheese-corner")
    on = battery(env, CONTEXTS, split="target", seed=5)
    network, own = network_of(env), stacked([parameters_of(env, CHEESE, CORNER)])
    hidden = np.asarray(capture(network, own, on.observations).activations["dense_1"][0])
    pulls = np.stack([CORNER * hidden[:, 4:8], CHEESE * hidden[:, :4]], -1)
    walls = -4.0 * hidden[:, 8:]
    parts = Parts(pulls, np.zeros(4), walls, pulls.sum(-1) + walls)
    effect = np.zeros((1, CONTEXTS, 2, 12), np.float32)
    effect[0, :, 0, :4] = hidden[:, :4]
    objects = np.array([NONE, 0])
    dealt = unit_groups.halves(on.level_index, 0)
    assert dealt is not None
    (groups,) = unit_groups.ablate(
        network,
        own,
        on.observations,
        [parts],
        {"dense_1": effect},
        objects,
        dealt,
        random=10,
        seed=0,
    )
    return groups, effect[0], hidden, dealt


def test_the_units_of_the_cheese_are_its_group(found):
    groups, effect, hidden, dealt = found
    place = unit_groups.assigned(effect, hidden, dealt)
    assert place.tolist() == [0] * 4 + [NONE] * 8
    assert groups.size.tolist() == [[0, 4]]


def test_ablating_them_takes_the_cheese_shard_and_nothing_else(found):
    lost = found[0].lost[0]
    assert np.isnan(lost[0]).all()  # a place has no group
    np.testing.assert_allclose(lost[1], [0.0, 1.0], atol=1e-4)


def test_as_many_random_units_take_part_of_both(found):
    random = found[0].random[0, 1].mean(0)
    assert (random > 0.1).all() and (random < 0.7).all()
    told = unit_groups.values_of([found[0]])
    assert told["group_lost"].shape == (1, 1, 2)
    assert told["group_lost_other"][0, 0, 1] == pytest.approx(0.0, abs=1e-4)
    np.testing.assert_allclose(told["group_lost_random"][0, 0, 1], found[0].random[0, 1, :, 1])
    np.testing.assert_allclose(
        told["group_lost_other_random"][0, 0, 1], found[0].random[0, 1, :, 0]
    )


def test_units_go_to_the_object_that_moves_them_most_and_at_most_half_of_them():
    rng = np.random.default_rng(1)
    dealt = unit_groups.halves(np.arange(400) // 4, 0)
    assert dealt is not None
    effects = rng.normal(size=(400, 2, 8)) * np.array(
        [[5, 5, 5, 3, 1, 0, 2, 2], [1, 1, 1, 1, 5, 0, 2, 2]]
    )
    hidden = rng.normal(size=(400, 8)) * np.array([1, 1, 2, 5, 1, 0, 5, 50])
    found = unit_groups.assigned(effects, hidden, dealt)
    assert found[:2].tolist() == [0, 0] and found[4] == 1
    assert found[5] == NONE  # does not vary
    assert (found == 0).sum() <= 4


def test_too_few_contexts_are_not_divided():
    assert unit_groups.halves(np.arange(40) // 4, 0) is None
    parts = unit_groups.halves(np.arange(400) // 4, 0)
    assert parts is not None
    assert (parts.first.astype(int) + parts.second + parts.rest == 1).all()
    assert parts.rest.sum() == parts.chosen_on.sum() == 200
