"""The rival that plans one reward exactly: its values, and a planted planner recovered."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.shards.contexts.battery import battery
from shardsim.shards.contexts.tabular_model import soft_action_values, tabulate, term_names
from shardsim.shards.fit.data import cross_entropy_bits, decisions_on
from shardsim.shards.fit.fit import fit
from shardsim.shards.fit.models import REWARD, SHARDS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def goods() -> Env:
    return make("two-goods", height=5, width=5, max_steps=24)


def test_terms_are_what_the_env_pays_and_reaching_each_concept_by_each_drive(goods: Env) -> None:
    names = term_names(goods)
    assert names[:5] == ("food", "water", "reaching food", "reaching water", "reaching decoy")
    assert names[5:] == tuple(f"{name} by thirsty" for name in names[2:5])
    level = take(sample_levels(goods, jax.random.key(0), 1, "train"), 0)
    pay = np.asarray(tabulate(goods, level).pay)
    food, water, at_food, at_water = np.moveaxis(pay, -1, 0)[:4]
    thirsty = (np.arange(goods.num_states) % 2 == 1)[:, None]
    np.testing.assert_array_equal(food, at_food * ~thirsty)
    np.testing.assert_array_equal(water, at_water * thirsty)


def test_a_cold_planner_is_the_optimal_one(goods: Env) -> None:
    level = take(sample_levels(goods, jax.random.key(1), 1, "train"), 0)
    weights = np.zeros(len(term_names(goods)), np.float32)
    weights[:2] = 1.0
    cold = 1e-3
    soft = soft_action_values(tabulate(goods, level), jnp.asarray(weights / cold), 0.9, 24) * cold
    exact = planning.optimal_values(goods.tabular(level), level.reward_weights, 0.9, 24)[1]
    # The entropy term is at most temperature × log A a step.
    np.testing.assert_allclose(soft, exact, atol=24 * cold * np.log(4))


@pytest.mark.slow
def test_a_planner_with_the_drive_in_its_state_is_not_taken_for_shards(goods: Env) -> None:
    on = battery(goods, 1500, split="target", seed=0)
    weights = np.zeros(len(term_names(goods)), np.float32)
    weights[:2] = (5.0, 3.0)
    home, tabular = on.tabular_model

    @jax.jit
    def planned(levels):
        return jax.lax.map(
            lambda level: soft_action_values(
                tabulate(goods, level), jnp.asarray(weights), 0.85, 20
            ),
            levels,
        )

    logits = np.asarray(planned(tabular.levels))[home[:, 0], home[:, 1]]
    data = decisions_on(on, logits)
    found = fit(data, max_shards=3)
    own = cross_entropy_bits(data.logits, data.logits)
    assert (found.bits[REWARD] - own).mean() < 0.01
    assert found.judgement.best_rival == REWARD
    assert found.bits[SHARDS].mean() > found.bits[REWARD].mean()
    assert found.verdict != "shards"


def test_planning_in_what_contexts_lead_to_is_planning_in_the_whole_world() -> None:
    env = make("keys-and-chests", height=4, width=4)
    on = battery(env, 60, split="target", seed=0)
    home, tabular = on.tabular_model
    weights = jnp.linspace(0.5, 2.0, len(term_names(env)), dtype=jnp.float32)
    assert tabular.tables.pay.shape[1] <= env.num_states / 4

    def planned(tables):
        return jax.lax.map(lambda one: soft_action_values(one, weights, 0.9, 20), tables)

    whole = planned(jax.lax.map(lambda level: tabulate(env, level), tabular.levels))
    part = planned(jax.tree.map(jnp.asarray, tabular.tables))
    found = np.asarray(part)[home[:, 0], tabular.rows(home)]
    np.testing.assert_allclose(found, np.asarray(whole)[tuple(home.T)], atol=1e-5)
