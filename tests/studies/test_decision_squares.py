"""Decision squares and what predicts the choice there, on agents whose log-odds are known."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env.levels import sample_levels
from shardsim.env.registry import make
from shardsim.env.types import Concept
from shardsim.studies import square_regression as regressions
from shardsim.studies.decision_squares import Pair, decision_squares, first_object, pair_of, rivals

ENV = make("cheese-corner", height=5, width=5, max_steps=16)
LEVELS = sample_levels(ENV, jax.random.key(0), 60, "target")
PAIR = Pair(0, 2)


def steady(logits: list[list[float]]):
    """Policies that say the same everywhere."""
    return lambda seen: np.repeat(np.array(logits, np.float32)[:, None], len(seen), 1)


@pytest.fixture(scope="module")
def squares():
    return decision_squares(ENV, LEVELS, steady([[0, 0, 0, 0], [2, 0, 0, 0]]), PAIR)


def test_an_even_policy_has_the_odds_of_its_numbers_of_best_actions(squares):
    odds = np.log(squares.ways[:, 0] / squares.ways[:, 1])
    np.testing.assert_allclose(squares.log_odds[0], odds, atol=1e-6)
    assert squares.ways.min() == 1 and squares.ways.sum(1).max() <= 4
    assert ((squares.first >= 0) & (squares.first <= 1)).all()


def test_distances_are_those_of_the_grid(squares):
    assert np.all(squares.straight <= squares.steps + 1e-6)
    assert np.all(squares.apart <= squares.straight + squares.straight_rival + 1e-5)
    np.testing.assert_allclose(squares.straight**2, np.rint(squares.straight**2), atol=1e-4)
    mass = np.bincount(squares.level, squares.weight)
    np.testing.assert_allclose(mass[mass > 0], mass.max())  # every level counts the same


def test_log_odds_that_are_linear_in_steps_give_that_coefficient_and_no_straight_one(squares):
    odds = (3.0 - 0.7 * squares.steps)[None]
    found = regressions.log_odds(squares, odds)
    share = squares.weight / squares.weight.sum()
    spread = np.sqrt(share @ (squares.steps - share @ squares.steps) ** 2)
    np.testing.assert_allclose(found["joint steps"], -0.7 * spread, rtol=1e-3)
    for name in ("joint straight", "joint apart", "residual straight", "equal steps straight"):
        np.testing.assert_allclose(found[name], 0, atol=1e-3)


def test_a_discounter_of_fixed_values_shows_nothing_at_equal_steps_and_is_its_own_null(squares):
    offset = np.log(squares.ways[:, 0] / squares.ways[:, 1])
    odds = 4 * 0.8**squares.steps - 3 * 0.8**squares.steps_rival - 0.2 + offset
    planned = squares._replace(log_odds=odds[None])
    np.testing.assert_allclose(regressions.discounter(planned), odds[None], atol=1e-8)
    found = regressions.log_odds(planned, planned.log_odds)
    np.testing.assert_allclose(found["equal steps straight"], 0, atol=1e-8)


def test_a_straight_influence_is_found_at_equal_steps(squares):
    share = squares.weight / squares.weight.sum()
    spread = np.sqrt(share @ (squares.straight - share @ squares.straight) ** 2)
    odds = 5 * 0.6**squares.steps - 0.4 * squares.straight
    found = regressions.log_odds(squares, odds[None])
    np.testing.assert_allclose(found["equal steps straight"], -0.4 * spread, rtol=1e-6)
    np.testing.assert_allclose(found["equal steps apart"], 0, atol=1e-6)


def test_the_pair_is_the_first_object_and_the_first_place_unless_named():
    assert pair_of(ENV) == Pair(0, 2)
    assert pair_of(ENV, "decoy", "cheese") == Pair(1, 0)
    with pytest.raises(UserError, match="did you mean 'cheese'"):
        pair_of(ENV, "chese")
    with pytest.raises(UserError, match="needs two concepts"):
        pair_of(ENV, "cheese", "cheese")


@pytest.mark.parametrize(
    ("concepts", "said"),
    [
        ((Concept("cheese"),), "has only one concept, so no two goals"),
        ((Concept("corner", "place"),), "has only one concept, so no two goals"),
        ((Concept("corner", "place"), Concept("exit", "place")), "has no object"),
    ],
)
def test_a_world_that_has_no_two_ways_is_told(concepts, said):
    env = type("Bare", (type(ENV),), {"concepts": concepts})(height=5, width=5)
    for ask in (first_object, pair_of):
        with pytest.raises(UserError, match=said):
            ask(env)
    assert (first_object(ENV), rivals(ENV, 0), pair_of(ENV)) == ("cheese", [1, 2], PAIR)
