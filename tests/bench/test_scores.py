"""Scores against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.bench.scores import (
    Shards,
    covered,
    gate_rand,
    preference_cosine,
    share_error,
)

STRENGTH = np.array([[2.0, 0.0, 0.0]] * 4 + [[0.0, 1.0, 0.2]] * 4 + [[0.1, 0.0, 3.0]] * 4)
PLANTED = Shards(STRENGTH, np.eye(3), np.array([0.4, 0.3, 0.2]))


def test_perfect_recovery_scores_one_one_nought_in_any_order():
    for order in ([0, 1, 2], [2, 0, 1]):
        found = Shards(STRENGTH[:, order], np.eye(3)[order], PLANTED.shares[order])
        assert gate_rand(PLANTED, found) == pytest.approx(1.0)
        assert preference_cosine(PLANTED, found) == pytest.approx(1.0)
        assert share_error(PLANTED, found) == pytest.approx(0.0)


def test_nothing_found_scores_nought_and_the_mean_share():
    nothing = Shards(np.zeros((12, 0)), np.zeros((0, 3)), np.zeros(0))
    assert gate_rand(PLANTED, nothing) == 0.0
    assert preference_cosine(PLANTED, nothing) == 0.0
    assert share_error(PLANTED, nothing) == pytest.approx(0.9 / 3)


def test_one_constant_shard_scores_nought_and_its_cosines_share():
    mixed = np.full((1, 3), 3**-0.5)
    one = Shards(np.ones((12, 1)), mixed, np.array([0.9]))
    assert gate_rand(PLANTED, one) == pytest.approx(0.0)
    assert preference_cosine(PLANTED, one) == pytest.approx(3**-0.5 / 3)
    # its partner is any of the three: .9 - s off, and the two others are missing
    partner = np.abs(PLANTED.shares - 0.9) + 0.9 - PLANTED.shares
    assert min(partner) / 3 <= share_error(PLANTED, one) <= max(partner) / 3


def test_one_shard_too_many_is_wrong_by_its_share():
    found = Shards(
        np.c_[STRENGTH, np.zeros(12)],
        np.r_[np.eye(3), np.full((1, 3), 3**-0.5)],
        np.array([0.4, 0.3, 0.1, 0.1]),
    )
    assert share_error(PLANTED, found) == pytest.approx((0.1 + 0.1) / 4)


def test_where_the_truth_is_not_clear_its_strongest_shard_does_not_count():
    weak = np.r_[STRENGTH, 0.1 * np.eye(3)]
    guess = np.r_[STRENGTH, np.eye(3)[[1, 2, 0]]]
    unexplained = np.r_[np.full(12, 0.5), np.full(3, 0.2)]
    truth = PLANTED._replace(strength=weak, unexplained=unexplained)
    found = PLANTED._replace(strength=guess)
    assert gate_rand(truth, found, clear=True) == 1.0 > gate_rand(truth, found)
    exact = truth._replace(unexplained=None)
    assert gate_rand(exact, found, clear=True) == gate_rand(truth, found)


def test_a_share_is_covered_by_its_interval_or_where_both_are_estimates_by_the_differences():
    ends = np.array([[0.3, 0.5], [0.2, 0.45], [0.1, 0.3]])
    found = Shards(STRENGTH, np.eye(3), np.array([0.4, 0.3, 0.2]), ends)
    truth = PLANTED._replace(shares=np.array([0.53, 0.16, 0.2]))
    assert covered(truth, PLANTED) == []
    assert covered(truth, found) == [False, False, True]
    # from .4 up: (.1² + .09²)^½ = .1345 > .13; from .3 down: (.1² + .09²)^½ = .1345 < .14
    unsure = truth._replace(interval=np.array([[0.44, 0.54], [0.15, 0.25], [0.2, 0.2]]))
    assert covered(unsure, found) == [True, False, True]


def test_contexts_in_which_none_dominates_do_not_count():
    shared = np.r_[STRENGTH, np.ones((5, 3)), np.zeros((5, 3))]
    guess = np.r_[STRENGTH, np.eye(3)[[0, 1, 2, 0, 1]], np.ones((5, 3))]
    planted, found = PLANTED._replace(strength=shared), PLANTED._replace(strength=guess)
    assert gate_rand(planted, found) == pytest.approx(1.0)
    alone = PLANTED._replace(strength=STRENGTH[:4])
    assert np.isnan(gate_rand(alone, alone))


def test_a_half_merged_clustering_has_the_index_worked_out_by_hand():
    # classes 4, 4, 4; guessed 8 (first two) and 4: 12 + 6 pairs agree inside
    merged = np.c_[STRENGTH[:, :2].sum(1), STRENGTH[:, 2]]
    found = Shards(merged, np.eye(3)[:2], np.array([0.7, 0.2]))
    index, rows, columns, pairs = 18.0, 18.0, 28.0 + 6.0, 66.0
    expected = rows * columns / pairs
    by_hand = (index - expected) / ((rows + columns) / 2 - expected)
    assert gate_rand(PLANTED, found) == pytest.approx(by_hand)


def test_coverage_is_of_the_matched_shard():
    interval = np.array([[0.1, 0.25], [0.35, 0.5], [0.31, 0.4]])
    order = [2, 0, 1]
    found = Shards(STRENGTH[:, order], np.eye(3)[order], PLANTED.shares[order], interval)
    assert covered(PLANTED, found) == [True, False, True]  # .4 in, .3 below .31, .2 in
    assert covered(PLANTED, PLANTED) == []
