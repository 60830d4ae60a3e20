"""Planted agents are exactly what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.errors import UserError
from shardsim.bench.planted import rules
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.bench.planted.sampling import sample_spec

CONCEPTS = ("cheese", "corner")
ASKED = {"concepts": ("a", "b", "c"), "drives": ("thirst",), "places": (2,)}


@pytest.fixture
def battery():
    rng = np.random.default_rng(0)
    size = 50
    covariates = {
        "distance_cheese": rng.integers(1, 9, size).astype(float),
        "distance_corner": rng.integers(1, 9, size).astype(float),
        "conflict_cheese_corner": rng.integers(0, 2, size).astype(float),
        "sees_cheese": rng.integers(0, 2, size).astype(float),
        "sees_corner": rng.integers(0, 2, size).astype(float),
        "row": rng.integers(0, 9, size).astype(float),
        "column": rng.integers(0, 9, size).astype(float),
    }
    advantages = rng.choice([0.0, -1.0, -2.0], (size, 4, 2))
    return covariates, advantages, rng.random((size, 4)) < 0.3


def spec(gates, preferences, strengths, **extra):
    return PlantedSpec(
        kind=extra.pop("kind", "shards"),
        concepts=CONCEPTS,
        gates=tuple(gates),
        preferences=tuple(preferences),
        strengths=tuple(strengths),
        habit=extra.pop("habit", (0.0,) * 4),
        **extra,
    )


def test_logits_are_the_sum_of_gated_pulls_habit_and_affordance(battery):
    covariates, advantages, blocked = battery
    agent = spec(
        [PlantedGate("near", 0, threshold=3), PlantedGate("constant")],
        [(1.0, 0.0), (0.6, 0.8)],
        [2.0, 0.5],
        habit=(0.1, 0.2, 0.3, 0.4),
        affordance=-3.0,
    )
    near = (covariates["distance_cheese"] <= 3)[:, None]
    expected = 2.0 * near * advantages[..., 0]
    expected = expected + 0.5 * (0.6 * advantages[..., 0] + 0.8 * advantages[..., 1])
    expected = expected + np.array([0.1, 0.2, 0.3, 0.4]) - 3.0 * blocked
    logits = rules.planted_logits(agent, covariates, advantages, blocked)
    np.testing.assert_allclose(logits, expected, atol=1e-12)


def test_far_is_the_contrary_of_near_and_conflict_is_symmetric(battery):
    covariates, _, _ = battery
    near, far = PlantedGate("near", 1, threshold=4), PlantedGate("far", 1, threshold=4)
    one, other = PlantedGate("conflict", 0, 1), PlantedGate("conflict", 1, 0)
    agent = spec([near, far, one, other], [(1.0, 0.0)] * 4, [1.0] * 4)
    gates = rules.planted_gates(agent, covariates)
    np.testing.assert_allclose(gates[:, 0] + gates[:, 1], 1.0)
    np.testing.assert_allclose(gates[:, 2], gates[:, 3])
    np.testing.assert_allclose(gates[:, 2], covariates["conflict_cheese_corner"])


def test_a_planner_with_one_concept_in_reach_prefers_by_its_distance(battery):
    covariates, advantages, blocked = battery
    agent = spec(
        [PlantedGate("constant")],
        [(1.0, 0.0)],
        [1.5],
        kind="planner",
        planner=(0.1, 0.0, -500.0, 0.7, 0.7),
        affordance=0.0,
    )
    logits = rules.planted_logits(agent, covariates, advantages, blocked)
    after = covariates["distance_cheese"][:, None] - 1 - advantages[..., 0]
    np.testing.assert_allclose(logits, -1.5 * 0.7 * after, atol=1e-9)


def test_a_hidden_gate_is_open_above_its_threshold(battery):
    covariates = {**battery[0], "thirst": np.arange(50) % 2.0}
    gates = [PlantedGate("hidden", threshold=0.5, name="thirst", flipped=f) for f in (False, True)]
    found = rules.planted_gates(spec(gates, [(1.0, 0.0)] * 2, [3.0, 2.0]), covariates)
    np.testing.assert_array_equal(found[:, 0], 3.0 * (np.arange(50) % 2))
    np.testing.assert_array_equal(found[:, 1], 2.0 * (1 - np.arange(50) % 2))


def test_noise_of_a_context_does_not_depend_on_the_others(battery):
    covariates, _, _ = battery
    some = {name: values[7:9] for name, values in covariates.items()}
    whole = rules.smooth_noise(covariates, 4, seed=3)
    np.testing.assert_allclose(rules.smooth_noise(some, 4, seed=3), whole[7:9], atol=1e-12)


@given(seed=st.integers(0, 10_000))
def test_shards_beyond_the_rank_are_more_than_the_concepts(seed):
    agent = sample_spec(np.random.default_rng(seed), "beyond-rank", num_shards=4, **ASKED)
    assert agent.num_shards == 4 > np.linalg.matrix_rank(np.array(agent.preferences))
    cosine = np.array(agent.preferences) @ np.array(agent.preferences).T
    assert np.triu(cosine, 1).max() <= 0.9


@given(seed=st.integers(0, 10_000))
def test_strengths_differ_up_to_twenty_to_one(seed):
    strengths = sample_spec(np.random.default_rng(seed), "ratio", num_shards=3, **ASKED).strengths
    assert min(strengths) == pytest.approx(0.5)
    assert 5.0 <= max(strengths) / min(strengths) <= 20.0


@given(seed=st.integers(0, 10_000), kind=st.sampled_from(rules.KINDS))
def test_drawn_agents_have_unit_preferences_and_the_shards_they_claim(seed, kind):
    rng = np.random.default_rng(seed)
    agent = sample_spec(rng, kind, num_shards=2, **ASKED)
    norms = np.linalg.norm(np.asarray(agent.preferences).reshape(-1, 3), axis=1)
    np.testing.assert_allclose(norms, 1.0, atol=1e-9)
    expected = 2 if kind in rules.SHARD_KINDS else {"habit": 0, "random": 0}.get(kind, 1)
    assert agent.num_shards == expected
    again = sample_spec(np.random.default_rng(seed), kind, num_shards=2, **ASKED)
    assert agent == again


@given(seed=st.integers(0, 10_000))
def test_a_shunning_shard_wants_one_concept_and_shuns_less_of_another(seed):
    agent = sample_spec(np.random.default_rng(seed), "shun", num_shards=2, **ASKED)
    last = np.sort(agent.preferences[-1])
    assert last[0] < 0 < last[2] and last[1] == 0
    assert 0.3 <= -last[0] / last[2] <= 0.8
    assert min(agent.preferences[0]) >= 0


def test_a_kind_that_came_later_changes_no_earlier_draw():
    earlier = [kind for kind in rules.KINDS if kind not in rules.LATER]
    assert rules.KINDS[: len(earlier)] == tuple(earlier)
    assert set(rules.KINDS) == {*rules.SHARD_KINDS, *rules.NULL_KINDS}


def test_unknown_kinds_are_refused_in_one_line(battery):
    with pytest.raises(UserError, match="choose one of"):
        sample_spec(np.random.default_rng(0), "nonsense", concepts=CONCEPTS)
    with pytest.raises(UserError, match="ask fewer"):
        sample_spec(np.random.default_rng(0), concepts=CONCEPTS, num_shards=3)
    with pytest.raises(UserError, match="no place"):
        sample_spec(np.random.default_rng(0), "place", concepts=CONCEPTS)
    with pytest.raises(UserError, match="reads a drive"):
        sample_spec(np.random.default_rng(0), "hidden", concepts=CONCEPTS)
    with pytest.raises(UserError, match="planted_policy"):
        planner = sample_spec(np.random.default_rng(0), "drive-planner", concepts=CONCEPTS)
        rules.planted_logits(planner, *battery)
    with pytest.raises(UserError, match="'thirst', which this env does not have"):
        hidden = PlantedGate("hidden", name="thirst")
        rules.planted_gates(spec([hidden], [(1.0, 0.0)], [1.0]), battery[0])
    with pytest.raises(UserError, match="planted gate"):
        rules.planted_gates(spec([PlantedGate("odd")], [(1.0, 0.0)], [1.0]), battery[0])
