"""Planted shards come back; nulls do not become shards; names and order do not matter."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.bench.planted import rules
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.bench.planted.sampling import sample_spec
from shardsim.shards.fit.data import subset
from shardsim.shards.fit.fit import fit
from shardsim.shards.fit.structure import find_structure

pytestmark = pytest.mark.slow

NEAR_AND_ALWAYS = {
    "gates": (PlantedGate("near", 0, threshold=3), PlantedGate("constant")),
    "preferences": ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "strengths": (3.0, 1.2),
}


def agent(mazes, **parts):
    defaults = {"kind": "shards", "habit": (0.2, 0.0, -0.1, 0.0), "affordance": -2.0}
    defaults |= {"noise": 0.2, "seed": 5}
    return PlantedSpec(concepts=mazes.concepts, **(defaults | NEAR_AND_ALWAYS | parts))


def decisions(mazes, spec):
    logits = rules.planted_logits(spec, mazes.covariates, mazes.advantages, mazes.blocked)
    return mazes.decisions(logits)


@pytest.fixture(scope="module")
def two_shards(mazes):
    spec = agent(mazes)
    data = decisions(mazes, spec)
    return spec, data, fit(data)


def test_two_shards_come_back_with_gates_preferences_habit_and_affordance(mazes, two_shards):
    spec, _, found = two_shards
    assert found.num_shards == 2
    assert found.verdict == "shards"
    cosine = np.asarray(spec.preferences) @ found.preferences.T
    order = cosine.argmax(1)
    assert sorted(order) == [0, 1]
    assert (cosine.max(1) > 0.98).all()
    truth = rules.planted_gates(spec, mazes.covariates)
    error = np.abs(found.gates[:, order] - truth).mean(0) / truth.mean(0)
    assert (error < 0.15).all()
    np.testing.assert_allclose(found.habit, np.array(spec.habit) - 0.025, atol=0.15)
    assert abs(found.affordance.mean() + 2.0) < 0.3


def test_exact_logits_without_noise_are_predicted_almost_exactly(mazes):
    data = decisions(mazes, agent(mazes, noise=0.0))
    found = fit(data)
    assert (
        np.abs(found.predicted - found.predicted.mean(1, keepdims=True) - data.logits).mean() < 0.1
    )
    assert found.explained > 0.95


def test_gates_and_predictions_on_other_contexts_equal_those_of_the_fit(two_shards):
    _, data, found = two_shards
    part = subset(data, np.arange(0, len(data.logits), 7))
    np.testing.assert_allclose(found.gate(part.features), found.gates[::7], atol=1e-9)
    np.testing.assert_allclose(found.predict(part), found.predicted[::7], atol=1e-9)


def test_a_removed_concept_leaves_the_logits_of_the_agent_without_it(mazes, two_shards):
    spec, data, found = two_shards
    without = agent(mazes, preferences=((0.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    expected = decisions(mazes, without).logits
    removed = found.remove_concept(data, 0)
    removed = removed - removed.mean(1, keepdims=True)
    assert np.corrcoef(removed.ravel(), expected.ravel())[0, 1] > 0.97
    assert len(spec.gates) == 2


def test_a_shunned_concept_gets_a_negative_preference(mazes):
    spec = agent(mazes, preferences=((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)))
    found = find_structure(decisions(mazes, spec))
    assert len(found.preferences) == 2
    assert (np.asarray(spec.preferences) @ found.preferences.T).max(1).min() > 0.95
    assert found.preferences.min() < -0.9


@pytest.mark.parametrize(
    ("kind", "count", "verdict"),
    [
        ("habit", 0, "no structure"),
        ("random", 0, "no structure"),
        ("one-utility", 1, "one utility"),
        ("gain", 1, "one utility"),
        ("equal-preferences", 1, "one utility"),
        ("equal-contexts", 1, "one utility"),
    ],
)
def test_nulls_are_no_shards(mazes, kind, count, verdict):
    spec = sample_spec(np.random.default_rng(4), kind, concepts=mazes.concepts)
    found = fit(decisions(mazes, spec))
    assert found.num_shards == count
    assert found.verdict == verdict


def test_a_planner_is_told_from_shards_by_its_own_rival(mazes):
    spec = sample_spec(np.random.default_rng(4), "planner", concepts=mazes.concepts)
    found = fit(decisions(mazes, spec))
    assert found.judgement.best_rival == "planner with gain"
    assert found.verdict in ("one utility", "cannot tell")
    assert found.shardness < 0


def test_renaming_concepts_permutes_the_result(mazes, two_shards):
    _, data, _ = two_shards
    found = find_structure(data)
    order = np.array([2, 0, 1])
    turned = data._replace(
        advantages=data.advantages[:, :, order],
        reachable=data.reachable[:, order],
        distance=data.distance[:, order],
    )
    again = find_structure(turned)
    assert again.preferences.shape == found.preferences.shape
    expected = found.preferences[:, order]
    assert (expected @ again.preferences.T).max(1).min() > 0.995


def test_the_order_of_contexts_does_not_matter(two_shards):
    _, data, found = two_shards
    order = np.random.default_rng(0).permutation(len(data.logits))
    again = fit(subset(data, order))
    assert again.num_shards == found.num_shards
    assert (found.preferences @ again.preferences.T).max(1).min() > 0.995
    assert abs(again.shardness - found.shardness) < 1e-9


def test_same_seed_same_result(two_shards):
    _, data, found = two_shards
    again = fit(data)
    np.testing.assert_array_equal(again.gates, found.gates)
    np.testing.assert_array_equal(again.bits["planner with gain"], found.bits["planner with gain"])


def test_too_little_data_is_refused(two_shards):
    _, data, _ = two_shards
    with pytest.raises(UserError, match="too few"):
        fit(subset(data, np.arange(20)))
    with pytest.raises(UserError, match="one level"):
        fit(data._replace(level_index=np.zeros_like(data.level_index)))
    with pytest.raises(UserError, match="at least 1"):
        fit(data, max_shards=0)
