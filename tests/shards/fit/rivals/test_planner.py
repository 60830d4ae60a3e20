"""The planner by distances: its utility in a limit, and its slopes."""

from __future__ import annotations

import numpy as np

from shardsim.shards.fit.rivals.planner import utility, utility_slopes
from tests.shards.fit.rivals.slopes import check_slopes

THETA = np.array([0.2, 1.0, -0.5, 0.3, -1.0, 0.2, 0.1, 0.0, 0.4, 0.0])


def distances() -> np.ndarray:
    """Moves [O, C, A]."""
    return np.random.default_rng(0).integers(0, 9, (3, 20, 4)).astype(np.float64)


def test_a_cold_planner_takes_the_best_goal_alone():
    after = distances()
    theta = np.r_[-3.0, THETA[1:7], np.zeros(3)]
    each = theta[1:4, None, None] - np.exp(theta[4:7])[:, None, None] * after
    np.testing.assert_allclose(utility(theta, after), each.max(0), atol=np.exp(-3.0) * np.log(3))


def test_slopes_are_those_of_finite_differences():
    after = distances()
    check_slopes(lambda at: utility(at, after), utility_slopes(THETA, after)[1], THETA)
