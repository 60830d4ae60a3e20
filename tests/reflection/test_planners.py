"""Planners in `whisky-gold` on the published map, where each one's way is known."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.bench.reflection_cases.whisky import START, _drunk
from shardsim.env.levels import sample_levels
from shardsim.env.registry import make
from shardsim.reflection.planners import deeds, planned

DISCOUNT = 0.95
ROWS = ("realistic", "hedonistic", "ignorant")


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, float]]:
    env = make("whisky-gold", height=3, width=6, paper_map=True, max_steps=100)
    levels = sample_levels(env, jax.random.key(0), 1, "target")
    begin = np.zeros((1, env.num_states))
    begin[0, 2 * (START[0] * env.width + START[1])] = 1.0
    told = deeds(env, levels, discount=DISCOUNT, begin=begin)
    assert told.agents.shape == (0, 1, len(told.names))
    return {
        name: dict(zip(told.names, row[0], strict=True))
        for name, row in zip(ROWS, told.planners, strict=True)
    }


def fading(moves: int) -> float:
    return (1 - DISCOUNT**moves) / (1 - DISCOUNT)


def test_the_realistic_one_goes_round_and_gets_what_it_expects(found):
    one = found["realistic"]
    assert one["changes itself"] == 0.0 and one["gold"] == pytest.approx(1.0)
    round_it = -fading(6) + 50 * DISCOUNT**5
    assert (one["expects"], one["gets"]) == pytest.approx((round_it, round_it), abs=1e-4)


def test_the_ignorant_one_drinks_and_is_disappointed(found):
    one = found["ignorant"]
    assert one["changes itself"] == 1.0
    assert one["expects"] == pytest.approx(-fading(4) + 5 + 50 * DISCOUNT**3, abs=1e-4)
    # Nobody can get more than who staggers as well as can be.
    assert one["gets"] <= 4 + DISCOUNT * _drunk(0.9, DISCOUNT, None) + 1e-9
    assert one["gets"] < found["realistic"]["gets"] < one["expects"]


def test_the_hedonistic_one_drinks_and_shuns_the_gold_that_would_end_its_bliss(found):
    one = found["hedonistic"]
    assert one["changes itself"] == 1.0
    assert one["gold"] < found["ignorant"]["gold"] < found["realistic"]["gold"]
    # A move counts as 49 at most, which is what the gold pays less its move.
    assert 4 < one["expects"] < 4 + DISCOUNT * 49 / (1 - DISCOUNT)
    assert one["gets"] < found["ignorant"]["gets"]


def test_sober_worlds_tell_no_planners_apart(corner_env):
    with pytest.raises(UserError, match="nothing in cheese-corner changes how an agent acts"):
        planned(corner_env, 1, discount=DISCOUNT, networks=None, seed=0)
