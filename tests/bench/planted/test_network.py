"""A network taught by a planted rule comes to do what the rule does, and is an agent like any."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.policy import Agent
from shardsim.bench.planted.network import imitation_gap, planted_network
from shardsim.bench.planted.policy import logits_on
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.shards.contexts.battery import battery

pytestmark = pytest.mark.slow

SPEC = PlantedSpec(
    kind="shards",
    concepts=("cheese", "decoy", "corner"),
    gates=(PlantedGate("near", 0, threshold=2), PlantedGate("constant")),
    preferences=((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    strengths=(2.0, 2.0),
    habit=(0.0,) * 4,
)


@pytest.fixture(scope="module")
def lessons(corner_env):
    return battery(corner_env, 3000, kind="off-distribution", split="train", seed=1)


def test_the_gap_of_a_network_without_an_opinion_is_what_its_rule_says(corner_env, lessons):
    agent = planted_network(SPEC, lessons, steps=1)
    blank = jax.tree.map(jnp.zeros_like, agent.parameters)
    some = battery(corner_env, 100, seed=2)
    chance = np.asarray(jax.nn.softmax(jnp.asarray(logits_on(SPEC, some))), np.float64)
    entropy = -(chance * np.log2(np.maximum(chance, 1e-30))).sum(1).mean()
    gap = imitation_gap(Agent(corner_env, agent.network, blank), SPEC, some)
    assert gap == pytest.approx(2.0 - entropy, abs=1e-4)


def test_lessons_bring_the_network_to_its_rule_on_levels_it_has_not_seen(corner_env, lessons):
    some = battery(corner_env, 200, seed=2)
    before, after = (
        imitation_gap(planted_network(SPEC, lessons, steps=steps), SPEC, some) for steps in (1, 400)
    )
    assert after < 0.3 * before
    logits, layers = planted_network(SPEC, lessons, steps=1)(some.observations)
    assert logits.shape == (200, 4)
    assert list(layers) == ["dense_1", "dense_2"]
