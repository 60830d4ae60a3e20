"""The baselines on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.bench import baselines
from shardsim.bench.one_reward import one_reward
from shardsim.bench.planted.policy import logits_on
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.env.registry import make
from shardsim.shards.contexts.battery import battery
from shardsim.shards.fit.data import decisions_on


@pytest.fixture(scope="module")
def some():
    return battery(make("cheese-corner", height=5, width=5), 300, seed=1)


def spec(**extra):
    plain = PlantedSpec(
        kind="shards",
        concepts=("cheese", "decoy", "corner"),
        gates=(PlantedGate("near", 0, threshold=3), PlantedGate("far", 0, threshold=3)),
        preferences=((0.8, 0.6, 0.0), (0.0, 0.0, 1.0)),
        strengths=(3.0, 2.0),
        habit=(0.5, 0.0, 0.0, -0.5),
    )
    return PlantedSpec(**{**vars(plain), **extra})


def test_true_gates_give_the_planted_preferences_and_logits(some):
    data = decisions_on(some, logits_on(spec(), some))
    near = (some.covariates["distance_cheese"] <= 3).astype(np.float64)
    gates = np.stack([near, 1 - near], 1)
    weights, rest, predicted = baselines.weights_of(gates, data)
    np.testing.assert_allclose(weights, [[2.4, 1.8, 0.0], [0.0, 0.0, 2.0]], atol=0.15)
    assert rest[0] == pytest.approx(-2.0, abs=0.2)
    centred = predicted - predicted.mean(1, keepdims=True)
    assert np.abs(centred - data.logits).mean() < 0.1
    found = baselines.shards_of(gates, data)
    np.testing.assert_allclose(np.linalg.norm(found.preferences, axis=1), 1.0)
    assert (found.strength[near == 0, 0] == 0).all()


def test_a_shard_that_shuns_needs_a_negative_weight(some):
    shy = spec(preferences=((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    data = decisions_on(some, logits_on(shy, some))
    near = (some.covariates["distance_cheese"] <= 3).astype(np.float64)
    weights, _, _ = baselines.weights_of(np.stack([near, 1 - near], 1), data)
    assert weights[0, 0] < -2.0


def test_the_mixture_parts_contexts_by_the_utility_that_rules_there(some):
    data = decisions_on(some, logits_on(spec(), some))
    labels = baselines.mixture(data, 0)
    near = some.covariates["distance_cheese"] <= 3
    major = [np.bincount(labels[near == side]).argmax() for side in (True, False)]
    assert major[0] != major[1]
    one = spec(gates=(PlantedGate("constant"),), preferences=((1.0, 0.0, 0.0),), strengths=(2.0,))
    assert len(np.unique(baselines.mixture(decisions_on(some, logits_on(one, some)), 0))) == 1


def test_clusters_far_apart_are_counted_and_one_is_one():
    rng = np.random.default_rng(0)
    middle = np.repeat(np.eye(3) * 10, 60, 0)
    view = middle + rng.normal(size=middle.shape)
    for labels in (baselines.k_means(view, 0), baselines.density(view)):
        assert len(np.unique(labels[labels >= 0])) == 3
        assert all(len(np.unique(labels[60 * n : 60 * n + 50])) <= 2 for n in range(3))
    assert len(np.unique(baselines.k_means(rng.normal(size=(300, 3)), 0))) == 1
    np.testing.assert_array_equal(baselines.one_hot(np.array([1, -1, 3])), [[1, 0], [0, 0], [0, 1]])


def test_parts_of_activations_are_counted():
    rng = np.random.default_rng(0)
    parts = np.kron(np.eye(3), np.ones(5))
    view = rng.dirichlet(np.full(3, 0.2), 200) @ parts  # of rank 3: two explain less than .9
    gates = baselines.factors(view, 0)
    assert gates.shape == (200, 3)
    np.testing.assert_allclose(gates.max(0), 1.0)
    assert gates.min() >= 0


def test_one_reward_is_found_in_an_agent_that_plans_it(some):
    planner = spec(
        kind="drive-planner",
        gates=(PlantedGate("constant"),),
        preferences=((1.0, 0.0, 0.0),),
        strengths=(1.0,),
        reward=(("reaching cheese", 3.0), ("reaching corner", 1.5)),
        discount=0.85,
    )
    found = one_reward(decisions_on(some, logits_on(planner, some)), 0)
    np.testing.assert_allclose(found.preferences[0], [0.894, 0.0, 0.447], atol=0.05)
    assert 0.3 < found.shares[0] < 1.0
