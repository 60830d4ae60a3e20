"""cheese-corner's share of decorrelated levels: exact at its ends, a mixture between them."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env.levels import sample_levels
from shardsim.env.registry import make

LEVELS = 300


def cheese(split: str = "train", **params) -> np.ndarray:
    """Cells int[L, 2] of the cheese, on the same levels whatever the parameters."""
    levels = sample_levels(make("cheese-corner", **params), jax.random.key(3), LEVELS, split)
    return np.asarray(levels.position[:, 0, 0])


def test_the_ends_are_the_env_without_and_with_cheese_anywhere():
    near, anywhere = cheese(), cheese(cheese_anywhere=True)
    assert near.sum(1).max() <= 2 < anywhere.sum(1).max()
    np.testing.assert_array_equal(cheese(anywhere_share=0.0), near)
    np.testing.assert_array_equal(cheese(anywhere_share=1.0), anywhere)
    np.testing.assert_array_equal(cheese("target", anywhere_share=0.3), cheese("target"))


def test_between_them_every_level_is_of_one_kind_or_the_other():
    near, anywhere, mixed = cheese(), cheese(cheese_anywhere=True), cheese(anywhere_share=0.3)
    differ = (near != anywhere).any(1)
    like_target = (mixed == anywhere).all(1)
    assert np.all(like_target | (mixed == near).all(1))
    share = like_target[differ].mean()
    error = np.sqrt(0.3 * 0.7 / differ.sum())
    assert abs(share - 0.3) < 4 * error


def test_more_decorrelated_levels_keep_those_that_were():
    few, many = cheese(anywhere_share=0.1), cheese(anywhere_share=0.6)
    anywhere, near = cheese(cheese_anywhere=True), cheese()
    was = (few == anywhere).all(1) & (near != anywhere).any(1)
    assert was.any() and (many == anywhere).all(1)[was].all()


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(UserError, match=r"anywhere_share must lie in 0\.\.1"):
        make("cheese-corner", anywhere_share=share)
