"""Shares in closed form, their intervals, and how equal fits widen them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.statistics import Interval
from shardsim.shards.influence.shares import (
    Parts,
    level_sums,
    shard_pulls,
    share_interval,
    shares_of,
    strengths,
    widened,
)


def _two_actions() -> Parts:
    """Logits 0 and 0 (a fair choice): one shard adds ±3, the habit ∓1, and the rest ∓2."""
    return Parts(
        shards=np.array([[[3.0], [-3.0]]]),
        habit=np.array([-1.0, 1.0]),
        affordance=np.zeros((1, 2)),
        logits=np.zeros((1, 2)),
    )


def test_strength_is_the_standard_deviation_under_the_policy():
    assert np.allclose(strengths(_two_actions()), [[3.0, 1.0, 0.0, 2.0]])


def test_strength_follows_the_policy_not_the_actions():
    sharp = _two_actions()._replace(logits=np.array([[np.log(9.0), 0.0]]))
    # Under (.9, .1) a contrast of 2x has deviation 2x·sqrt(.09) = .6x.
    assert np.allclose(strengths(sharp)[0, :2], [1.8, 0.6])


def test_shares_sum_to_one_with_habits_affordances_and_rest():
    share = shares_of(strengths(_two_actions()), np.ones(1))
    assert np.allclose(share, [1 / 2, 1 / 6, 0.0, 1 / 3])


@given(st.integers(0, 10_000))
def test_shares_are_a_distribution_whatever_the_parts(seed):
    rng = np.random.default_rng(seed)
    parts = Parts(
        rng.normal(size=(7, 4, 2)),
        rng.normal(size=4),
        rng.normal(size=(7, 4)),
        rng.normal(size=(7, 4)),
    )
    share = shares_of(strengths(parts), rng.uniform(0.1, 2, 7))
    assert np.isclose(share.sum(), 1.0)
    assert (share >= 0).all()


def test_weights_say_which_contexts_count():
    strength = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.allclose(shares_of(strength, np.array([3.0, 1.0])), [0.75, 0.25])


def test_pulls_are_gate_times_preference_times_advantage():
    advantages = np.array([[[0.0, -2.0], [-1.0, 0.0]]])  # one context, two actions, two concepts
    pulls = shard_pulls(np.array([[2.0]]), np.array([[0.6, 0.8]]), advantages)
    assert np.allclose(pulls[0, :, 0], [2 * 0.8 * -2.0, 2 * 0.6 * -1.0])


def test_level_sums_keep_the_weighted_total():
    rng = np.random.default_rng(0)
    strength, weight = rng.uniform(size=(2, 6, 3)), rng.uniform(size=6)
    sums = level_sums(strength, weight, np.array([4, 4, 9, 9, 9, 2]))
    assert sums.shape == (2, 3, 3)
    assert np.allclose(sums[1, 0], strength[1, 5] * weight[5])  # level 2 comes first
    assert np.allclose(sums.sum(1), np.einsum("scp,c->sp", strength, weight))


def test_the_interval_is_a_point_where_levels_and_seeds_agree():
    strength = np.tile(np.array([3.0, 1.0]), (4, 20, 1))
    found = share_interval(strength, np.ones(20), np.arange(20) // 2, seed=0, draws=100)
    assert np.allclose(found.low, [0.75, 0.25])
    assert np.allclose(found.high, [0.75, 0.25])


def test_the_interval_covers_seeds_that_differ():
    strength = np.stack([np.tile([2.0 + s, 1.0], (20, 1)) for s in (-1.0, 0.0, 1.0)])
    found = share_interval(strength, np.ones(20), np.arange(20), seed=0, draws=200)
    assert found.low[0] < found.mean[0] < found.high[0]
    assert found.high[0] - found.low[0] > 0.1


def test_equal_fits_widen_to_their_own_shares():
    plain = Interval(np.array([0.5, 0.5]), np.array([0.4, 0.4]), np.array([0.6, 0.6]))
    wide = widened(plain, [np.array([0.3, 0.7])])
    assert np.allclose(wide.low, [0.2, 0.4])
    assert np.allclose(wide.high, [0.6, 0.8])
    assert np.allclose(widened(plain, []).low, plain.low)
