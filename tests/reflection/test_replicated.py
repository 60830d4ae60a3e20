"""The forecast on a network's own policy, against the replicator's closed form on a fork."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.replicated import forecast, rescaled
from tests.reflection.forks import fork, random_policy, softmax


def test_weights_of_one_are_the_network_and_scaling_adds_logits():
    rng = np.random.default_rng(0)
    world = fork((2, 3))
    policy, pulls = random_policy(rng, world), rng.normal(size=(1, 6, 2, 2))
    assert rescaled(policy, pulls, np.ones(2)) == pytest.approx(policy)
    doubled = softmax(np.log(policy) + pulls[..., 0])
    assert rescaled(policy, pulls, np.array([2.0, 1.0])) == pytest.approx(doubled)


def test_one_step_equals_the_endorsements_of_a_fork():
    """f_k = c_k p(1−p) (σ_k h_k − σ_j h_j) in a fork whose shards add c_k to their own way."""
    discount, strength = 0.5, np.array([0.6, 1.1])
    world, height = fork((1, 2)), discount ** np.array([1, 2])
    pulls = np.zeros((1, 4, 2, 2))
    pulls[0, 0] = np.diag(strength)
    policy = np.full((1, 4, 2), 0.5)
    policy[0, 0] = chance = np.array([0.3, 0.7])
    config = ReflectConfig(discount=discount, rate=0.4, steps=1)
    found = forecast(world, policy, pulls, np.eye(2), config)
    judges = strength / strength.sum()  # both spreads share the factor √(p(1−p))
    gap = judges * height @ np.array([1.0, -1.0])
    gain = strength * chance.prod() * gap * np.array([1.0, -1.0])
    assert found.path.judges[0, 0] == pytest.approx(judges)
    assert np.log(found.path.weights[1]) == pytest.approx(0.4 * gain, abs=1e-12)
    assert found.policies.shape == (2, 1, 4, 2)
