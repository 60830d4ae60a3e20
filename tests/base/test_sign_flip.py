"""The exact paired test and its interval, against what can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.statistics import sign_flip_interval, sign_flip_p


def test_all_positive_reaches_the_least_p_that_the_number_allows():
    assert sign_flip_p([1.0, 2.0, 3.0, 4.0]) == 1 / 16
    assert sign_flip_p(np.ones(8) * 0.3) == 1 / 256
    assert sign_flip_p([0.5]) == 1 / 2


def test_one_small_negative_of_four_by_hand():
    # 1 2 3 and -0.5: sums of at least 5.5 are +++- and ++++ only.
    assert sign_flip_p([1.0, 2.0, 3.0, -0.5]) == 2 / 16


def test_the_smallest_turned_among_eight_by_hand():
    # Sum 34 of 36: only turning nothing but the 1 (or nothing) keeps the sum that large.
    assert sign_flip_p([-1.0, 2, 3, 4, 5, 6, 7, 8]) == 2 / 256
    # Turning 3 instead: 30 of 36; smaller or equal losses: {}, {1}, {2}, {3}, {1, 2}.
    assert sign_flip_p([1.0, 2, -3, 4, 5, 6, 7, 8]) == 5 / 256


def test_no_difference_and_symmetry_give_no_evidence():
    assert sign_flip_p(np.zeros(6)) == 1.0
    assert sign_flip_p([-1.0, -2.0, -3.0]) == 1.0
    assert sign_flip_p([1.0, -1.0]) == 3 / 4


def test_many_pairs_are_drawn_and_never_reach_zero():
    assert sign_flip_p(np.ones(40)) == 1 / 65_536


def test_interval_holds_the_right_subset_means():
    # Five values: 31 subset means, one left out on each side at 0.9 (1/32 < 0.05 < 2/32).
    values = np.array([1.0, 2.0, 3.0, 4.0, 10.0])
    found = sign_flip_interval(values)
    assert (found.mean, found.low, found.high) == (4.0, 1.0, 10.0)
    # Eight values: 12 of 255 are left out on each side.
    eight = np.arange(8.0)
    means = sorted(np.mean([eight[n] for n in range(8) if mask >> n & 1]) for mask in range(1, 256))
    found = sign_flip_interval(eight)
    assert np.allclose([found.low, found.high], [means[11], means[-12]])


def test_four_seeds_have_no_exact_interval_of_ninety_per_cent():
    found = sign_flip_interval([1.0, 2.0, 3.0, 4.0])
    assert (found.low, found.high) == (-np.inf, np.inf)
    narrow = sign_flip_interval([1.0, 2.0, 3.0, 4.0], confidence=0.875)
    assert (narrow.low, narrow.high) == (1.0, 4.0)


def test_covers_the_centre_of_a_symmetric_population_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.laplace(size=(1500, 6))
    held = [i.low <= 0 <= i.high for i in map(sign_flip_interval, samples)]
    assert 0.88 < np.mean(held) < 0.96  # 58/64 = 0.906 is exact


def test_nothing_to_test_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        sign_flip_p([])
    with pytest.raises(ValueError, match="1 to 16"):
        sign_flip_interval(np.ones(17))
