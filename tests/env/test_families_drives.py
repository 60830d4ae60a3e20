"""Families with drives and noise, on hand-made levels with known optima."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.env.core import Env
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.env.text import level_from_text
from shardsim.env.types import Level, Tabular
from tests.env.hand_made import action_values, after, at, index_of
from tests.env.planned import analysed, optimal_values, tabular

pytestmark = pytest.mark.slow

LONG = 3000  # steps after which nothing is left to earn


@pytest.fixture(scope="module")
def goods() -> tuple[Env, Level]:
    env = make("two-goods", height=3, width=5)
    return env, level_from_text(env, "f . . . w\n# # # # .\n# # # # d")


def test_food_pays_the_hungry_and_water_the_thirsty(goods):
    env, level = goods
    hungry = at(env, level, 0, 1, thirsty=0)
    fed, paid = after(env, hungry, "west")
    assert (paid, int(fed.thirsty)) == ([1.0, 0.0], 1)
    again, paid = after(env, fed, "west")  # bumps: the good is still there but pays no more
    assert (paid, int(again.thirsty)) == ([0.0, 0.0], 1)
    dry, paid = after(env, at(env, level, 0, 3, thirsty=0), "east")
    assert (paid, int(dry.thirsty)) == ([0.0, 0.0], 0)
    wet, paid = after(env, at(env, level, 0, 3, thirsty=1), "east")
    assert (paid, int(wet.thirsty)) == ([0.0, 1.0], 0)
    assert env.observe(hungry)[..., -1].max() == 0
    assert env.observe(fed)[..., -1].min() == 1
    assert env.observation_channels[-1] == "thirsty"


def test_going_to_and_fro_earns_a_geometric_series(goods):
    env, level = goods
    values = action_values(env, level, 0.9, LONG).max(axis=1)
    # Food and water lie 4 moves apart: 1 after d moves, then 1 every 4.
    for column, thirsty, moves in ((1, 0, 1), (3, 0, 3), (1, 1, 3), (2, 1, 2)):
        index = index_of(env, at(env, level, 0, column, thirsty=thirsty))
        np.testing.assert_allclose(values[index], 0.9 ** (moves - 1) / (1 - 0.9**4), rtol=1e-5)
    undiscounted = action_values(env, level, 1.0, 10).max(axis=1)
    assert undiscounted[index_of(env, at(env, level, 0, 1, thirsty=0))] == 3  # at 1, 5 and 9


def test_half_of_all_episodes_begin_thirsty(goods):
    env, level = goods
    start = np.asarray(env.start_probability(level)).reshape(3, 5, 2)
    free = np.array([[0, 1, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]])  # bar the three things
    np.testing.assert_allclose(start, np.repeat(free[..., None] / 8, 2, axis=2), atol=1e-6)


@pytest.mark.parametrize(("split", "west"), [("train", 0), ("held-out", 0), ("target", 1)])
def test_sided_goods_keep_to_halves_that_target_levels_swap(split, west):
    levels = sample_levels(make("two-goods", sided=1.0), jax.random.key(0), 64, split)
    column = np.asarray(levels.position[:, :, 0, 1])
    assert (column[:, west] < 3).all()
    assert (column[:, 1 - west] > 3).all()
    anywhere = sample_levels(make("two-goods"), jax.random.key(0), 64, split)
    assert (np.asarray(anywhere.position[:, west, 0, 1]) > 3).mean() > 0.2


@pytest.fixture(scope="module")
def bar() -> tuple[Env, Level, Tabular]:
    env = make("whisky-gold", paper_map=True)
    level = take(sample_levels(env, jax.random.key(0), 1, "target"), 0)
    return env, level, tabular(env, level)


@pytest.mark.parametrize(
    ("discount", "horizon", "detour", "drink"),
    [
        (1.0, LONG, 44.0, 22.1436),
        (1.0, 100, 44.0, 21.4241),
        (0.99, LONG, 41.6975, 17.0073),
        (0.95, LONG, 33.3909, 8.8135),
    ],
)
def test_the_published_map_has_its_known_values(bar, discount, horizon, detour, drink):
    env, level, table = bar
    start = index_of(env, at(env, level, 0, 1))
    _, values = optimal_values(table, level.reward_weights, discount, horizon)
    east, south = env.action_names.index("east"), env.action_names.index("south")
    np.testing.assert_allclose(values[start, south], detour, atol=1e-3)
    np.testing.assert_allclose(values[start, east], drink, atol=1e-3)
    np.testing.assert_allclose(values[start].max(), detour, atol=1e-3)


def test_whoever_expects_to_stay_sober_drinks(bar):
    env = make("whisky-gold", paper_map=True, exploration=0.0)
    level = bar[1]
    values = action_values(env, level, 1.0, LONG)[index_of(env, at(env, level, 0, 1))]
    np.testing.assert_allclose(values, [50, 51, 49, 49], atol=1e-3)  # but for the first move
    assert env.action_names[int(values.argmax())] == "east"


@pytest.mark.parametrize(("exploration", "better"), [(0.6310, "east"), (0.6314, "south")])
def test_drinking_and_the_detour_are_worth_the_same_at_the_known_rate(bar, exploration, better):
    env = make("whisky-gold", paper_map=True, exploration=exploration)
    values = action_values(env, bar[1], 1.0, LONG)[index_of(env, at(env, bar[1], 0, 1))]
    assert env.action_names[int(values.argmax())] == better
    np.testing.assert_allclose(values.max(), 44, atol=0.02)


def test_drunken_moves_go_astray_as_often_as_said(bar):
    env, level, _ = bar
    sober, drunk = at(env, level, 2, 2), at(env, level, 2, 2, drunk=1)
    np.testing.assert_allclose(env.outcome_probability(sober, jnp.int32(1)), [1, 0, 0, 0])
    np.testing.assert_allclose(
        env.outcome_probability(drunk, jnp.int32(1)), [0.325, 0.225, 0.225, 0.225], rtol=1e-6
    )
    assert int(env.goal_mask(sober, "whisky").sum()) == 1
    assert int(env.goal_mask(drunk, "whisky").sum()) == 0
    ways = {int(after(env, drunk, "east", turn)[0].cell) for turn in range(4)}
    assert ways == {1 * 7 + 2, 2 * 7 + 1, 2 * 7 + 3, 2 * 7 + 2}  # north, west, east, and the wall


def test_training_whisky_lies_near_the_gold_and_target_whisky_anywhere():
    env = make("whisky-gold", whisky_radius=2)
    seen = {}
    for split in ("train", "target"):
        levels = sample_levels(env, jax.random.key(1), 32, split)
        away = analysed(env, levels).distance[:, :, 1]
        cell = levels.position[:, 0, 0] @ jnp.array([env.width, 1])
        seen[split] = np.asarray(away[np.arange(32), 2 * np.asarray(cell)])
    assert set(seen["train"]) == {1, 2}
    assert seen["target"].max() > 4
