"""Contexts that tell hypotheses apart: closed forms, and a case that only they can settle."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.bench.planted.policy import planted_policy
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.env.registry import make
from shardsim.shards.active.hypotheses import Pair, pull_likeness, wanted
from shardsim.shards.active.propose import added, candidates, choose, divergence, enlarged, propose
from shardsim.shards.contexts.battery import battery
from shardsim.shards.identify import identify

pytestmark = pytest.mark.slow

CHEESE, DECOY, CORNER = 0, 1, 2


@pytest.fixture(scope="module")
def contexts():
    """300 contexts of small target levels."""
    return battery(make("cheese-corner", height=5, width=5), 300, seed=1)


def _wants(concept: int):
    return lambda data: 2.0 * data.advantages[:, :, concept]


def test_divergence_is_a_bit_where_two_policies_never_agree_and_nothing_where_they_are_one():
    sure = np.array([[0.0, -200.0], [-200.0, 0.0]])
    assert np.allclose(divergence(sure, sure[::-1]), 1.0)
    assert np.allclose(divergence(sure, sure + 3.0), 0.0)


def test_divergence_of_a_sure_and_a_fair_coin_is_the_closed_form():
    # H(3/4, 1/4) - (H(1, 0) + H(1/2, 1/2)) / 2
    expected = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)) - 0.5
    assert np.allclose(divergence(np.array([[0.0, -200.0]]), np.zeros((1, 2))), expected)


def test_contexts_are_chosen_in_turns_and_spread_over_levels_and_strata():
    bits = np.array([[0.8, 0.0], [0.7, 0.0], [0.5, 0.0], [0.0, 0.9], [0.0, 0.4]])
    level, stratum = np.array([0, 0, 1, 2, 3]), np.arange(5)[None]
    # .8, then the other pair's .9, then .5 of a fresh level before .7 / 2
    assert choose(bits, level, stratum, 3).tolist() == [0, 2, 3]
    # the third of the stratum counts 1/sqrt(2) of .5, less than .7 / 2 / sqrt(2) only if .5 < .35
    assert choose(bits, level, np.array([[0, 1, 0, 2, 3]]), 3).tolist() == [0, 2, 3]
    assert choose(bits, level, np.array([[0, 1, 0, 2, 3]]), 9).tolist() == [0, 1, 2, 3, 4]


def test_a_pair_that_agrees_everywhere_has_no_turn():
    bits = np.array([[0.001, 0.3], [0.002, 0.2], [0.003, 0.1]])
    assert choose(bits, np.arange(3), np.arange(3)[None], 2).tolist() == [0, 1]


def test_proposed_contexts_have_the_objects_of_two_hypotheses_apart(contexts):
    pair = Pair(("cheese", "corner"), (_wants(CHEESE), _wants(CORNER)))
    found = propose([pair], contexts, size=40, seed=0)
    exact = divergence(
        2.0 * np.maximum(found.battery.advantages[:, :, CHEESE], -4.0),
        2.0 * np.maximum(found.battery.advantages[:, :, CORNER], -4.0),
    )
    assert np.allclose(found.bits[:, 0], exact)
    pulls = found.battery.advantages
    assert (pulls[:, :, CHEESE] != pulls[:, :, CORNER]).any(1).all()
    row = found.table()[0]
    assert row["hypotheses"] == ["cheese", "corner"]
    assert row["bits"] > 1.5 * row["random_bits"]
    again = propose([pair], contexts, size=40, seed=0)
    assert np.array_equal(again.battery.observations, found.battery.observations)


def test_candidates_are_decisions_in_levels_of_every_source(contexts):
    pool, typical = candidates(contexts.env, 30, "target", 0)
    levels = np.unique(pool.level_index)
    assert 24 < len(levels) <= 72 and typical.sum() < pool.size
    there = np.asarray(pool.states.level.present)[:, CHEESE, 0]
    assert there[typical].all() and not there[~typical].all()


def test_no_hypotheses_are_refused(contexts):
    with pytest.raises(UserError, match="no two hypotheses to separate"):
        propose([], contexts, size=10)


def test_added_contexts_lie_in_levels_of_their_own_and_weigh_nothing(contexts):
    extra = contexts.take(np.arange(60))
    whole = enlarged(contexts, dataclasses.replace(extra, weight=np.zeros(60, np.float32)))
    assert whole.size == 360
    assert not set(whole.level_index[:300]) & set(whole.level_index[300:])
    assert (whole.weight[300:] == 0).all() and np.isclose(whole.weight.mean(), 1.0)
    assert np.allclose(whole.weight[:300] / contexts.weight, 1.2)
    assert np.array_equal(whole.observations[300:], contexts.observations[:60])
    home, tabular = whole.tabular_model
    assert tabular.count == len(np.unique(whole.level_index))
    walls = np.asarray(tabular.levels.walls)[home[:, 0]]
    assert np.array_equal(walls, np.asarray(whole.states.level.walls))


def test_likeness_of_pulls_is_a_cosine_where_the_shard_is_active():
    advantages = np.zeros((2, 2, 2))
    advantages[0] = [[0.0, 0.0], [-1.0, -1.0]]
    advantages[1] = [[0.0, -1.0], [-1.0, 0.0]]
    gates = np.array([[1.0, 1.0], [0.0, 1.0]])
    likeness = pull_likeness(gates, advantages)
    assert np.allclose(likeness[0], 1.0)
    assert np.allclose(likeness[1], np.eye(2))


def test_a_preference_is_named_by_its_concepts():
    assert wanted(np.array([0.0, 1.0]), ("cheese", "corner")) == "corner"
    assert wanted(np.array([0.6, -0.8]), ("cheese", "corner")) == "-0.80 corner, 0.60 cheese"


@pytest.fixture(scope="module")
def ambiguous():
    """Contexts in which the cheese and the corner lie in the same direction."""
    every = battery(make("cheese-corner", height=5, width=5), 1200, seed=1)
    same = (every.advantages[:, :, CHEESE] == every.advantages[:, :, CORNER]).all(1)
    return every.take(same & every.reachable.all(1))


@pytest.mark.slow
def test_what_training_contexts_cannot_tell_is_told_where_the_objects_are_apart(ambiguous):
    cheese_only = PlantedSpec(
        "shards",
        ambiguous.concepts,
        (PlantedGate("constant"),),
        ((1.0, 0.0, 0.0),),
        (2.0,),
        (0.0,) * 4,
    )
    policy = planted_policy(cheese_only)
    before = identify(policy, ambiguous)
    # The cheapest of all equal fits shares the weight out, and no mixture of shards says so.
    assert np.allclose(before.preferences, [[0.5**0.5, 0.0, 0.5**0.5]], atol=0.01)
    after = identify(policy, ambiguous, refine=100)
    assert np.allclose(after.preferences, [[1.0, 0.0, 0.0]], atol=0.01)
    assert after.battery.size == ambiguous.size + 100
    assert after.refined is not None
    assert after.refined["contexts"] == 100
    assert after.refined["verdict_before"] == before.verdict
    best = max(after.refined["hypotheses"], key=lambda row: row["bits"])
    assert best["hypotheses"][1] in ("shard 1 for cheese", "shard 1 for corner")
    assert best["bits"] > 1.5 * best["random_bits"]
    assert np.isclose(after.shares.sum() + after.habit_share + after.affordance_share, 1, atol=0.01)
    again = enlarged(ambiguous, added(after.battery))
    assert np.array_equal(again.observations, after.battery.observations)
    assert np.array_equal(again.level_index, after.battery.level_index)
    assert added(ambiguous) is None
