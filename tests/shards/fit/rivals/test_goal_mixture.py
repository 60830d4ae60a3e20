"""One goal at a time: the mixture in closed form, and a planted agent with such a memory."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.shards.fit.data import cross_entropy_bits, log_softmax
from shardsim.shards.fit.fit import fit
from shardsim.shards.fit.models import ONE_GOAL, UTILITY
from shardsim.shards.fit.rivals.goal_mixture import Mixture
from tests.shards.fit.rivals.slopes import check_slopes

HABIT = np.array([0.2, 0.0, -0.1, 0.0])
BUMP = -2.0


def test_probabilities_of_two_goals_are_mixed_and_an_unreachable_goal_is_not_kept():
    pulls = np.array([[[0.0, -2.0, -1.0], [-2.0, 0.0, -1.0]]] * 2)
    distance = np.array([[3.0, 1.0]] * 2)
    reachable = np.array([[True, True], [True, False]])
    theta = np.array([1.0, 0.5, 0.25, 0.5])
    mixture = Mixture(pulls, distance, reachable, np.zeros((2, 3), bool))
    logs = mixture.logs(theta, 2.0 * np.ones(2), np.zeros((2, 3)))
    first, second = (np.exp(log_softmax(2.0 * pulls[0, goal])) for goal in (0, 1))
    part = 1 / (1 + np.exp((0.5 - 0.5 * 1.0) - (1.0 - 0.25 * 3.0)))
    np.testing.assert_allclose(np.exp(logs[0]), part * first + (1 - part) * second, atol=1e-6)
    np.testing.assert_allclose(np.exp(logs[1]), first, atol=1e-6)


def test_slopes_are_those_of_finite_differences():
    rng = np.random.default_rng(0)
    reachable = rng.random((20, 3)) < 0.8
    reachable[:, 0] = True
    mixture = Mixture(
        rng.normal(size=(20, 3, 4)),
        rng.integers(0, 9, (20, 3)).astype(np.float64),
        reachable,
        rng.random((20, 4)) < 0.3,
    )
    theta, gain = rng.random(6), 1.0 + rng.random(20)
    habit, bump = rng.normal(size=4), -1.0

    def base(habit, bump):
        return habit + bump * mixture.blocked

    slopes = mixture.slopes(theta, gain, base(habit, bump))
    check_slopes(lambda at: mixture.logs(at, gain, base(habit, bump)), slopes.theta, theta)
    check_slopes(lambda at: mixture.logs(theta, gain, base(at, bump)), slopes.habit, habit)
    one = np.zeros(1)
    check_slopes(
        lambda at: mixture.logs(theta, gain + at, base(habit, bump)), slopes.gain[..., None], one
    )
    check_slopes(
        lambda at: mixture.logs(theta, gain, base(habit, bump + at)), slopes.blocked[..., None], one
    )


@pytest.mark.parametrize("rates", [(0.0, 0.0, 0.0), (0.4, 0.4, 0.1)])
@pytest.mark.slow
def test_a_planted_memory_is_predicted_on_held_out_levels_and_is_no_shards(mazes, rates):
    distance = np.stack([mazes.covariates[f"distance_{name}"] for name in mazes.concepts], 1)
    part = np.exp(log_softmax(np.array([1.0, 0.0, 0.3]) - np.array(rates) * distance))
    pulls = 2.0 * np.maximum(mazes.advantages, -4.0)
    base = HABIT + BUMP * mazes.blocked
    each = np.exp(log_softmax((base[:, :, None] + pulls).transpose(0, 2, 1)))  # [C, O, A]
    logits = np.log((part[:, :, None] * each).sum(1))
    data = mazes.decisions(logits)
    found = fit(data, max_shards=3)
    own = cross_entropy_bits(data.logits, data.logits)
    assert (found.bits[ONE_GOAL] - own).mean() < 0.002
    assert found.bits[ONE_GOAL].mean() < found.bits[UTILITY].mean() - 0.01
    assert found.judgement.best_rival == ONE_GOAL
    assert found.verdict != "shards"
