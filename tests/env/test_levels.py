"""Banks of levels: what cannot be drawn is refused in one line."""

from __future__ import annotations

import jax
import pytest

from shardsim.base.errors import UserError
from shardsim.env.levels import sample_levels
from shardsim.env.registry import make


@pytest.mark.parametrize("count", [0, -1])
def test_no_levels_are_refused(count: int) -> None:
    with pytest.raises(UserError, match="levels must be a whole number of at least 1"):
        sample_levels(make("cheese-corner"), jax.random.key(0), count, "target")


def test_an_unknown_split_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"no split 'tset'.*target"):
        sample_levels(make("cheese-corner"), jax.random.key(0), 1, "tset")
