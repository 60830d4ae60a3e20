"""The exact paired test, against what can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.statistics import sign_flip_p


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
    assert sign_flip_p(np.ones(40)) == 1 / 65_537


def test_nothing_to_test_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        sign_flip_p([])
