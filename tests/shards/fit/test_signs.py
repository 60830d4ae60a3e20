"""A concept is shunned where held-out levels want that, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.bench.planted import rules
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.shards.fit import selection, signs, solvers
from shardsim.shards.fit.structure import find_structure

LEVELS = np.repeat(np.arange(40), 10)
RARE = np.tile(np.arange(10) == 0, 40).astype(float)  # one context in ten


def decisions(mazes, preference, noise=0.2):
    spec = PlantedSpec(
        kind="shun",
        concepts=mazes.concepts,
        gates=(PlantedGate("near", 0, threshold=4), PlantedGate("constant")),
        preferences=(preference, (0.0, 0.0, 1.0)),
        strengths=(2.5, 1.5),
        habit=(0.0,) * 4,
        noise=noise,
        seed=5,
    )
    args = mazes.covariates, mazes.advantages, mazes.blocked
    return mazes.decisions(rules.planted_logits(spec, *args))


def test_a_sign_is_judged_where_it_acts():
    before = np.ones(400)
    after = before - 0.5 * RARE  # a twentieth of the whole loss, half of it where the sign acts
    assert signs.is_shunned(before, after, RARE, LEVELS)
    assert not signs.is_shunned(before, before - 0.05 * RARE, RARE, LEVELS)
    assert not signs.is_shunned(before, after, 0.0 * RARE, LEVELS)


def test_chance_over_levels_is_no_sign():
    rng = np.random.default_rng(0)
    before = np.ones(400)
    noise = rng.normal(size=40)
    noise += 0.15 - noise.mean()  # more than a tenth on average, one standard error
    assert not signs.is_shunned(before, before - noise[LEVELS], np.ones(400), LEVELS)
    assert signs.is_shunned(before, before - np.full(400, 0.15), np.ones(400), LEVELS)


def test_a_small_negative_weight_does_not_count():
    gates = np.array([[2.0, 1.0], [0.0, 3.0]])
    preferences = np.array([[0.8, -0.6], [1.0, -0.1]])
    np.testing.assert_allclose(signs.shunning(gates, preferences, 1), [1.2, 0.0])
    np.testing.assert_allclose(signs.shunning(gates, preferences, 0), [0.0, 0.0])


def test_the_loss_falls_beside_shards_that_shun_and_not_beside_others(mazes):
    axes = np.eye(3)[[0, 2]]
    columns, plus = np.arange(3), np.ones(3)
    found = {}
    for name, preference in (("shuns", (0.9, -(0.19**0.5), 0.0)), ("wants", (1.0, 0.0, 0.0))):
        work = selection.prepare(decisions(mazes, preference, noise=0.0), 0)
        fit = solvers.alternate(
            work.problem, axes, 1e-4 * solvers.penalty_limit(work.problem.linear)
        )
        found[name] = signs.falls_beside(work.problem, fit, columns, plus, columns)
    assert found["shuns"].argmax() == 1 and found["shuns"][1] > 0.5
    assert found["wants"].max() < 0.1
    nothing = selection.no_shards(work)
    np.testing.assert_array_equal(
        signs.falls_beside(work.problem, nothing, columns, plus, columns), 0
    )


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [0.3, 0.6])
def test_a_shard_that_wants_one_and_shuns_another_comes_back(mazes, ratio):
    preference = np.array([1.0, -ratio, 0.0]) / np.hypot(1.0, ratio)
    found = find_structure(decisions(mazes, tuple(preference))).preferences
    assert len(found) == 2
    assert (found @ preference).max() > 0.98
    assert (found @ np.array([0.0, 0.0, 1.0])).max() > 0.98


@pytest.mark.slow
def test_an_agent_that_only_wants_gets_no_negative_preference(mazes):
    found = find_structure(decisions(mazes, (0.8, 0.6, 0.0), noise=0.5)).preferences
    assert found.min() >= 0.0
