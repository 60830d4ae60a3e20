"""The reach of an influence made by hand: its kernel, and where it halves."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from shardsim.env.levels import sample_levels
from shardsim.env.registry import make
from shardsim.studies import influence_reach
from shardsim.studies.influence_reach import Kernel, Reach


@pytest.fixture
def reach() -> Reach:
    """S = 0.8 · 2^-(steps - 1), and twice that for the second policy; straight = steps / 2."""
    steps = np.repeat(np.arange(1.0, 9.0), 40)
    signed = 0.8 * 2.0 ** -(steps - 1) * np.array([[1.0], [2.0]])
    return Reach(signed, steps, steps / 2, steps > 4, np.ones(len(steps)))


def test_the_kernel_is_the_influence_and_halves_where_it_does(reach):
    found = influence_reach.kernel(reach, "steps")
    np.testing.assert_array_equal(found.distance, np.arange(1, 9))
    np.testing.assert_allclose(found.mean[0], 0.8 * 2.0 ** -np.arange(8.0))
    np.testing.assert_allclose(found.mean[1], 2 * found.mean[0])
    np.testing.assert_allclose(influence_reach.half_distance(found), 2.0)
    conflict = influence_reach.only(reach, reach.conflict)
    np.testing.assert_allclose(
        influence_reach.half_distance(influence_reach.kernel(conflict, "steps")), 6.0
    )


def test_half_is_read_off_between_distances_and_may_never_come():
    distance = np.array([1.0, 2, 4])
    rows = np.array([[1.0, 0.75, 0.25], [1, 0.9, 0.8], [-1, -1, -1], [0.5, 1, 0]])
    found = influence_reach.half_distance(Kernel(distance, rows))
    np.testing.assert_allclose(found, [3.0, np.inf, np.nan, 3.0])


def test_far_over_near_is_a_ratio_of_means(reach):
    near, far = 0.8 * np.mean([1, 0.5]), 0.8 * np.mean(2.0 ** -np.arange(6.0, 8.0))
    np.testing.assert_allclose(influence_reach.far_over_near(reach, "steps", 2, 7), far / near)


def test_at_equal_steps_only_what_is_left_counts():
    steps = np.repeat([1.0, 2.0, 3.0], 20)
    straight = steps - np.tile([0.0, 0.5], 30)
    signed = (2.0**-steps - 0.3 * straight)[None]
    found = Reach(signed, steps, straight, steps > 0, np.ones(60))
    np.testing.assert_allclose(influence_reach.at_equal(found, "straight", "steps"), -0.3)


def test_a_policy_that_sees_nothing_has_no_influence_anywhere():
    env = make("cheese-corner", height=5, width=5, max_steps=16)
    levels = sample_levels(env, jax.random.key(1), 20, "target")
    blind = lambda seen: np.ones((2, len(seen), 4), np.float32) * np.arange(4, dtype=np.float32)  # noqa: E731
    found = influence_reach.reaches(env, levels, blind, 2)
    assert found.keys() == {"cheese", "decoy"}
    for one in found.values():
        np.testing.assert_array_equal(one.signed, 0)
        assert np.all(one.straight <= one.steps + 1e-6) and one.weight.mean() == pytest.approx(1)


def test_the_mean_over_no_decision_is_not_known(reach):
    assert np.isnan(influence_reach.mean_influence(reach, reach.steps > 99)).all()
    np.testing.assert_allclose(influence_reach.mean_influence(reach, reach.steps == 3), [0.2, 0.4])
    assert np.isnan(influence_reach.far_over_near(reach, "steps", 0.5, 7)).all()
