"""Choosing onsets and judges, on arrays whose answer is plain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.errors import UserError
from shardsim.env.types import Concept
from shardsim.reflection import onsets
from shardsim.reflection.config import ReflectConfig

CONCEPTS = (Concept("cheese"), Concept("decoy"), Concept("corner", kind="place"))


def test_goals_are_what_the_shards_want_and_places_go_before_objects():
    assert onsets.choose_goals(CONCEPTS, np.array([1.0, 0.6, 0.3]), ()) == (0, 1)
    assert onsets.choose_goals(CONCEPTS, np.array([1.0, 0.02, 0.0]), ()) == (0, 2)
    assert onsets.choose_goals(CONCEPTS, np.zeros(3), ("corner", "cheese")) == (2, 0)
    for wrong in (("cheese",), ("cheese", "cheese"), ("cheese", "chease")):
        with pytest.raises(UserError, match="two different concepts"):
            onsets.choose_goals(CONCEPTS, np.zeros(3), wrong)


def test_near_one_goal_is_far_from_the_other():
    distance = np.array([[[0, 9], [1, 9], [2, 5], [2, 4], [3, 9], [1, np.inf]]], float)
    found = onsets.near(distance, 0, 1, ReflectConfig())
    assert found.tolist() == [[False, True, True, False, False, False]]


def test_contested_is_where_both_ends_are_open():
    hits = np.array([[[0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.0, 1.0, 0.0]]])
    assert onsets.contested(hits, 0.2).tolist() == [[True, False, True, False]]


@given(data=st.data(), count=st.integers(1, 12))
def test_contexts_are_allowed_distinct_and_spread_over_levels(data, count):
    flags = data.draw(st.lists(st.booleans(), min_size=20, max_size=20))
    allowed = np.array(flags).reshape(5, 4)
    level, state, weight = onsets.pick(allowed, count, 0)
    kept = int(weight.sum())
    assert kept == min(count, allowed.sum())
    assert allowed[level[:kept], state[:kept]].all()
    assert len({*zip(level[:kept].tolist(), state[:kept].tolist(), strict=True)}) == kept
    assert len(set(level[:kept].tolist())) == min(kept, int(allowed.any(1).sum()))


def test_every_agent_has_its_own_contested_contexts():
    distance = np.full((3, 2, 2), 9.0)
    hits = np.zeros((2, 3, 2, 3))
    hits[0, 1, 0, :2], hits[1, 2, 1, :2] = 0.5, 0.5
    config = ReflectConfig(contexts=2)
    found = onsets.choose(distance, np.ones((3, 2), bool), hits, (0, 1), config, 0)
    assert found.level[:, 2, 0].tolist() == [1, 2]
    assert found.state[:, 2, 0].tolist() == [0, 1]
    assert found.weight.tolist() == [[[0, 0], [0, 0], [1, 0]]] * 2


def test_the_activated_distribution_is_each_shards_spread_under_the_policy():
    """Two actions at p: the standard deviation of a gap of size g is g √(p(1−p))."""
    gates, preferences = np.array([2.0, 1.0]), np.eye(2)
    advantage = np.array([[0.0, -2.0], [-1.0, 0.0]])
    added = onsets.pulls(gates, preferences, advantage)
    assert added == pytest.approx(np.array([[0.0, -2.0], [-2.0, 0.0]]))
    share, active = onsets.activated(added, np.array([0.3, 0.7]))
    assert share == pytest.approx([0.5, 0.5])
    assert active
    alone, _ = onsets.activated(added * [1.0, 0.0], np.array([0.3, 0.7]))
    assert alone == pytest.approx([1.0, 0.0])
    assert not onsets.activated(0 * added, np.array([0.3, 0.7]))[1]


def test_a_context_unlike_the_battery_is_unidentified():
    battery = np.array([[2.0, 5.0]] * 10 + [[7.0, 7.0]] * 9)
    contexts = np.array([[2.0, 6.0], [7.0, 7.0], [np.inf, 5.0]])
    assert onsets.supported(contexts, battery).tolist() == [True, False, False]


def test_onsets_of_a_class_are_numbered_and_share_no_context():
    assert onsets.names(("b", "c"))[0] == "near-c"
    assert onsets.names(("b", "c"), 2)[:3] == ("near-c 1", "near-c 2", "near-b 1")
    rng = np.random.default_rng(0)
    distance = np.where(rng.random((6, 9, 1)) < 0.5, [2.0, 9.0], [9.0, 2.0])
    hits = np.full((2, 6, 9, 3), [0.5, 0.5, 0.0])
    config = ReflectConfig(contexts=3, onsets=4)
    found = onsets.choose(distance, np.ones((6, 9), bool), hits, (0, 1), config, 0)
    assert found.level.shape == (2, 12, 3) and found.weight.all()
    for first in (0, 4, 8):
        pairs = [*zip(*(part[0, first : first + 4].ravel() for part in found[:2]), strict=True)]
        assert len(set(pairs)) == 12
    near = found.level[0, 4:8], found.state[0, 4:8]
    assert (distance[near][..., 0] == 2.0).all()
    assert onsets.shared(found).tolist() == [True] * 12


def test_too_few_contexts_are_dealt_evenly():
    hits = np.zeros((2, 3, 2, 3))
    hits[:, 0, :, :2] = hits[1, 1, 0, :2] = 0.5
    config = ReflectConfig(contexts=2, onsets=2)
    found = onsets.choose(np.full((3, 2, 2), 9.0), np.ones((3, 2), bool), hits, (0, 1), config, 0)
    assert found.weight[0, 4:].tolist() == [[1, 0], [1, 0]]
    assert found.weight[1, 4:].tolist() == [[1, 1], [1, 0]]
    assert not onsets.shared(found)[4:].all()


def test_near_onsets_are_made_of_what_is_open_to_most_agents():
    hits = np.array([[0.5, 0.5, 0.0], [0.98, 0.01, 0.01], [0.0, 1.0, 0.0]])
    assert onsets.saturated(hits, 0.02).tolist() == [False, True, True]
    allowed = np.array([[True, True, True, False]])
    open_to = np.array([[2, 1, 0, 2]])
    found = [onsets.unsaturated(allowed, open_to, count).tolist() for count in (1, 2, 3)]
    assert found == [[[True, False, False, False]], [[True, True, False, False]], allowed.tolist()]
