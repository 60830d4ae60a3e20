"""Rivals asked in contexts that they were not fitted to."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.bench.planted.policy import logits_on
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.env.registry import make
from shardsim.shards.active.predict import PREDICTORS
from shardsim.shards.contexts.battery import battery
from shardsim.shards.fit import verdict
from shardsim.shards.fit.data import decisions_on, log_softmax
from shardsim.shards.fit.fit import fit
from shardsim.shards.fit.models import REWARD

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two():
    """An agent of one constant utility: its fit, that battery, and one of other levels."""
    env = make("cheese-corner", height=5, width=5)
    batteries = [battery(env, 300, seed=1), battery(env, 200, kind="off-distribution", seed=2)]
    concepts = batteries[0].concepts
    gate, wants = (PlantedGate("constant"),), ((0.8, 0.0, 0.6),)
    agent = PlantedSpec("one-utility", concepts, gate, wants, (1.0,), (0.3, 0.0, 0.0, -0.3))
    fitted, new = (decisions_on(on, logits_on(agent, on)) for on in batteries)
    return fit(fitted, max_shards=2), fitted, new


def test_every_rival_of_the_verdict_can_be_asked_elsewhere():
    assert set(verdict.RIVALS) <= set(PREDICTORS)


@pytest.mark.parametrize("name", [n for n in PREDICTORS if n not in (REWARD,)])
def test_a_rival_that_holds_the_truth_tells_it_in_new_levels(two, name):
    found, fitted, new = two
    said = PREDICTORS[name](found, fitted, 0)(new)
    exact, told = np.exp(log_softmax(new.logits)), np.exp(log_softmax(said))
    miss = 0.5 * np.abs(exact - told).sum(1).mean()  # total variation
    alone = 0.5 * np.abs(exact - 0.25).sum(1).mean()
    assert miss < (0.02 if name.startswith(("one utility", "utility")) else 0.5 * alone)


def test_a_reward_planned_exactly_gives_its_own_fit_back_on_the_contexts_of_the_fit(two):
    found, fitted, new = two
    predict = PREDICTORS[REWARD](found, fitted, 0)
    here, there = (np.exp(log_softmax(predict(data))) for data in (fitted, new))
    exact = np.exp(log_softmax(fitted.logits))
    assert 0.5 * np.abs(exact - here).sum(1).mean() < 0.15
    assert there.shape == new.logits.shape and np.allclose(there.sum(1), 1.0)
