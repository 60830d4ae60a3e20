"""Steep discounting: its curve in closed form, a planted discounter recovered, shards told."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.bench.planted import rules
from shardsim.bench.planted.rules import PlantedGate, PlantedSpec
from shardsim.shards.fit.data import cross_entropy_bits
from shardsim.shards.fit.fit import fit
from shardsim.shards.fit.models import ONE_GOAL, STEEP, UTILITY
from shardsim.shards.fit.rivals.discounting import discount, utility, utility_slopes
from tests.shards.fit.rivals.slopes import check_slopes

pytestmark = pytest.mark.slow

HABIT = np.array([0.2, 0.0, -0.1, 0.0])
BUMP = -2.0


def moves(mazes):
    """Moves to each concept from where each action leads, [C, A, O]."""
    here = np.stack([mazes.covariates[f"distance_{name}"] for name in mazes.concepts], 1)
    return np.maximum(here - 1.0, 0.0)[:, None, :] - np.maximum(mazes.advantages, -4.0)


@pytest.mark.parametrize("distance", [0.0, 1.0, 7.0])
def test_the_curve_is_exponential_at_one_end_and_hyperbolic_at_one(distance):
    rate = np.float64(0.4)
    near_zero = discount(np.float64(distance), rate, np.float64(1e-3))
    np.testing.assert_allclose(near_zero, np.exp(-0.4 * distance), rtol=5e-3)
    hyperbolic = discount(np.float64(distance), rate, np.float64(1.0))
    np.testing.assert_allclose(hyperbolic, 1 / (1 + 0.4 * distance), rtol=1e-5)


def test_the_last_move_is_worth_its_weight_and_the_move_before_less():
    """Two actions, one that ends at the concept and one a move away, then both a move farther."""
    theta = np.array([2.0, np.log(0.5), 1.0])
    after = np.array([[[0.0, 1.0], [1.0, 2.0]]])
    worth = utility(theta, after)
    last = 2.0 / (1 - 1 / 1.5)
    expected = [2.0, last * (1 / 1.5 - 1 / 2)]
    np.testing.assert_allclose(worth[:, 0] - worth[:, 1], expected, rtol=1e-5)


def test_slopes_are_those_of_finite_differences():
    after = np.random.default_rng(0).integers(0, 9, (3, 20, 4)).astype(np.float64)
    theta = np.array([2.0, -1.0, 0.5, np.log(0.5), -1.0, 0.2, 0.7])
    check_slopes(lambda at: utility(at, after), utility_slopes(theta, after)[1], theta)


@pytest.mark.parametrize("curve", ["exponential", "hyperbolic"])
@pytest.mark.slow
def test_a_planted_discounter_is_predicted_on_held_out_levels_and_is_no_shards(mazes, curve):
    after = moves(mazes)
    if curve == "exponential":
        worth = np.array([8.0, 0.0, 20.0]) * np.exp(-np.array([1.2, 0.1, 0.08]) * after)
    else:
        worth = np.array([6.0, 4.0, 8.0]) / (1.0 + 0.8 * after)
    data = mazes.decisions(worth.sum(2) + HABIT + BUMP * mazes.blocked)
    found = fit(data, max_shards=3)
    own = cross_entropy_bits(data.logits, data.logits)
    assert (found.bits[STEEP] - own).mean() < 0.002
    assert found.bits[STEEP].mean() < found.bits[UTILITY].mean() - 0.05
    assert found.judgement.best_rival == STEEP
    assert found.verdict != "shards"


@pytest.mark.slow
def test_two_shards_are_still_two_shards_beside_both_new_rivals(mazes):
    spec = PlantedSpec(
        kind="shards",
        concepts=mazes.concepts,
        gates=(PlantedGate("column", threshold=4), PlantedGate("sees", 0)),
        preferences=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
        strengths=(2.0, 3.0),
        habit=tuple(HABIT),
        affordance=BUMP,
        noise=0.2,
        seed=5,
    )
    logits = rules.planted_logits(spec, mazes.covariates, mazes.advantages, mazes.blocked)
    found = fit(mazes.decisions(logits), max_shards=4)
    assert found.verdict == "shards"
    assert found.num_shards == 2
    assert min(found.bits[STEEP].mean(), found.bits[ONE_GOAL].mean()) > found.bits["shards"].mean()
