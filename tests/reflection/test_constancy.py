"""Verdicts on changes whose answer is known, and κ at its landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.reflection import constancy as c


def test_small_large_and_uncertain_changes_get_the_three_verdicts():
    change = np.array([[0.01, -0.2, 0.2], [0.012, -0.21, -0.2], [0.008, -0.19, 0.0]])
    found = c.constancy(change, 0.05)
    assert found.shards == ("constant", "drifted", "undecided")
    assert found.verdict == "drifted"


def test_all_shards_must_be_constant():
    assert c.constancy(np.full((4, 2), 0.01), 0.05).verdict == "constant"
    assert c.constancy(np.array([[0.0, 0.3], [0.0, -0.3]]), 0.05).verdict == "undecided"


def test_one_seed_decides_nothing():
    assert c.constancy(np.zeros((1, 2)), 0.05).verdict == "undecided"
    with pytest.raises(UserError, match="at least one seed"):
        c.constancy(np.zeros((0, 2)), 0.05)


def test_change_is_in_units_of_the_range_and_nothing_where_there_is_none():
    change = c.relative_change(*np.array([[0.5, 0.5], [0.3, 0.9], [0.1, 0.5], [0.9, 0.5]]))
    assert change == pytest.approx([-0.25, 0.0])


def test_carry_over_at_its_landmarks():
    base, post = np.full(4, 2.0), np.array([1.0, 1.0, 1.0, 2.0])
    kept = c.carry_over(base, np.array([1.0, 2.0, 3.0, 1.0]), post)
    assert kept[:3] == pytest.approx([1.0, 0.0, -1.0])
    assert np.isnan(kept[3])
