"""A whole reflection of small networks with planted gates: what must hold whatever they learn."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.agent.config import NetworkConfig
from shardsim.agent.network import build_network
from shardsim.agent.policy import Agent
from shardsim.base.errors import UserError
from shardsim.env.registry import make
from shardsim.reflection.config import RULES, ReflectConfig
from shardsim.reflection.reflect import reflect_run
from shardsim.reflection.setting import Subjects
from shardsim.reflection.single import reflect
from shardsim.reflection.tables import MODELS
from shardsim.shards.contexts.battery import battery

SEEDS = 2
CONFIG = ReflectConfig(
    steps=8,
    learning_rate=3e-3,
    contexts=3,
    plans=16,
    probes=4,
    candidates=24,
    open=0.02,
    identify_contexts=200,
)


class Planted(NamedTuple):
    """Gates that are 1 everywhere, over two plain preferences."""

    preferences: np.ndarray
    gates: np.ndarray

    def gate(self, features):
        """Gates [N, 2]."""
        return np.ones((len(features), len(self.preferences)))


@pytest.fixture(scope="module")
def small() -> Subjects:
    env = make("cheese-corner", height=5, width=5)
    network = build_network(NetworkConfig(widths=(8,)), env)
    seen = jnp.zeros((1, *env.observation_shape))
    keys = jax.random.split(jax.random.key(0), SEEDS)
    parameters = jax.vmap(lambda key: network.init(key, seen))(keys)
    preferences = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    models = [Planted(preferences, np.ones((4, 2))) for _ in range(SEEDS)]
    target = battery(env, 400, seed=0)
    held_out = battery(env, 60, split="held-out", seed=0)
    return Subjects(env, network, parameters, models, target, held_out, 0.97)


def run(small: Subjects, **changes):
    config = CONFIG.model_copy(update=changes)
    return reflect_run(small, config, seed=1)


@pytest.fixture(scope="module")
def found(small):
    return run(small)


def test_all_rules_begin_alike_and_outcomes_sum_to_one(found):
    data = found.dataset
    outcomes = [f"hit_{name}" for name in data["outcome"].values]
    assert sum(data[name].values for name in outcomes) == pytest.approx(
        np.ones_like(data["hit_neither"].values), abs=1e-5
    )
    first = data[outcomes[0]].isel(step=0)
    assert np.ptp(first.values, axis=1) == pytest.approx(0.0, abs=1e-6)
    assert data["model"].values.tolist() == list(MODELS)
    assert data["onset"].values.tolist() == ["near-corner", "near-cheese", "contested"]


def test_judges_share_one_and_contexts_are_counted(found):
    data = found.dataset
    assert data["judge"].sum("shard").values == pytest.approx(1.0)
    assert (data["contexts"].values == CONFIG.contexts).all()


def test_values_lie_in_their_achievable_range(found):
    data = found.dataset.sel(model=list(RULES))
    for name in ("value_before", "value_after"):
        assert (data[name] >= data["value_low"] - 1e-9).all()
        assert (data[name] <= data["value_high"] + 1e-9).all()


def test_turns_leave_fewer_plans_that_reach_nothing(found):
    """Both goals at once are what the judges of an untrained network can agree on."""
    drift = found.dataset["drift_mean"].sel(quantity="hit_neither").mean("onset")
    assert drift.sel(model="turns") < -0.05
    assert drift.sel(model="turns") < drift.sel(model="sham") - 0.05


def test_without_learning_all_stays_constant(small):
    result = run(small, learning_rate=1e-12)
    assert set(result.summary["constancy"].values()) == {"constant"}
    change = result.dataset["value_change"].sel(model=list(RULES))
    assert np.abs(change.values).max() < 1e-6


def test_the_same_seed_gives_the_same_result(small, found):
    assert run(small).dataset.identical(found.dataset)


def test_without_shards_nobody_judges(small):
    empty = [Planted(np.zeros((0, 3)), np.zeros((4, 0)))] * SEEDS
    result = run(small._replace(models=empty))
    assert set(result.summary["constancy"].values()) == {"undefined"}


def test_one_agent_needs_a_known_model_and_shards(small):
    agent = Agent(small.env, small.network, jax.tree.map(lambda leaf: leaf[0], small.parameters))
    with pytest.raises(UserError, match="did you mean 'summed'"):
        reflect(agent, small.battery, model="sumed")
    with pytest.raises(UserError, match="nobody judges"):
        reflect(agent, small.battery)
