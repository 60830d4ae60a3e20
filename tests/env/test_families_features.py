"""Families with two ends, features and monsters, on hand-made levels with known optima."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env.core import Env
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.env.text import level_from_text
from shardsim.env.types import Level
from tests.env.hand_made import action_values, after, at, index_of
from tests.env.planned import analysed, evaluate_policy, hitting_probabilities, tabular

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corridor() -> tuple[Env, Level]:
    env = make("fork", width=9, pay_a=2.0, pay_b=1.0)
    return env, level_from_text(env, "# a . . . d b # #")


@pytest.mark.parametrize("discount", [1.0, 0.9])
@pytest.mark.parametrize(("strong_a", "strong_b"), [(1.0, 1.0), (0.3, 2.5)])
def test_what_each_shard_expects_is_the_closed_form(corridor, discount, strong_a, strong_b):
    env, level = corridor
    start, to_a, to_b = 3, 2, 3
    h_a, h_b = 2.0 * discount**to_a, 1.0 * discount**to_b
    p = 1 / (1 + np.exp(-(strong_a * h_a - strong_b * h_b)))
    # The choice is made once, on the starting cell; either way is then followed to its end.
    west = np.where(np.arange(env.width) < start, 1.0, 0.0)
    west[start] = p
    policy = jnp.asarray(np.stack([west, 1 - west], axis=1), jnp.float32)
    # A reward on the first move is not discounted, so h = discount ** distance needs one more.
    expected = {
        name: discount
        * evaluate_policy(
            tabular(env, level),
            level.reward_weights * jnp.asarray(np.array(env.rewards) == name, jnp.float32),
            policy,
            discount,
            env.max_steps,
        )[start]
        for name in env.rewards
    }
    hit = take(analysed(env, jax.tree.map(lambda leaf: leaf[None], level)), 0)
    first = hitting_probabilities(
        hit.tabular, policy, hit.goals[:, :2], env.max_steps, hit.entered[..., :2]
    )[start]
    if start + 1 <= 4:  # once gone east the agent comes back to no choice
        np.testing.assert_allclose(first, [p, 1 - p], rtol=1e-5)
    np.testing.assert_allclose(expected["A"], h_a * p, rtol=1e-5)
    np.testing.assert_allclose(expected["B"], h_b * (1 - p), rtol=1e-5)


def test_the_better_end_is_the_one_that_discounts_to_more(corridor):
    env, level = corridor
    for discount in (0.5, 0.8, 0.99):
        values = action_values(env, level, discount, env.max_steps)
        for column in (2, 3, 4):
            ends = [2 * discount ** (column - 2), discount ** (5 - column)]
            np.testing.assert_allclose(values[column].max(), max(ends), rtol=1e-5)


def test_ends_are_swapped_on_target_levels():
    env = make("fork")
    for split, sign in (("train", 1), ("held-out", 1), ("target", -1)):
        levels = sample_levels(env, jax.random.key(0), 64, split)
        column = np.asarray(levels.position[:, :, 0, 1])
        length = sign * (column[:, 1] - column[:, 0])
        assert length.min() >= 4
        np.testing.assert_array_equal((~np.asarray(levels.walls)).sum(axis=(1, 2)), length + 1)
        np.testing.assert_allclose(levels.reward_weights, [[1.0, 1.2]] * 64, rtol=1e-6)
    mixed = sample_levels(make("fork", swapped=0.5), jax.random.key(0), 64, "train").position
    assert 0.3 < np.mean(np.asarray(mixed[:, 0, 0, 1] < mixed[:, 1, 0, 1])) < 0.7


APART = "m . . r .\n. # # # .\n. . e . ."


@pytest.mark.parametrize(
    ("intended", "colour", "shape"), [("shape", 0, 1), ("colour", 1, 0), ("both", 0.5, 0.5)]
)
def test_what_was_intended_decides_which_half_of_the_goal_pays(intended, colour, shape):
    env = make("colour-shape", height=3, width=5, intended=intended)
    level = level_from_text(env, APART)
    _, paid = after(env, at(env, level, 0, 1), "west")
    assert paid == [1.0, 0.0]
    _, paid = after(env, at(env, level, 0, 2), "east")
    assert paid == [0.0, 1.0]
    values = action_values(env, level, 0.9, 64)
    for column, to_gem, to_line in ((1, 1, 2), (2, 2, 1)):
        best = max(colour * 0.9 ** (to_gem - 1), shape * 0.9 ** (to_line - 1))
        np.testing.assert_allclose(values[column].max(), best, rtol=1e-6)
    whole = level_from_text(env, "y . . . .\n. # # # .\n. . e . .")
    np.testing.assert_allclose(action_values(env, whole, 0.9, 64)[1].max(), 1, rtol=1e-6)


def test_objects_are_seen_as_their_features():
    env = make("colour-shape", height=3, width=5)
    seen = env.observe(at(env, level_from_text(env, APART), 1, 0))
    shown = {
        name: {(int(r), int(c)) for r, c in np.argwhere(seen[..., index])}
        for index, name in enumerate(env.observation_channels)
    }
    gem, line, other = (0, 0), (0, 3), (2, 2)
    assert shown["yellow"] == {gem}
    assert shown["red"] == {line, other}
    assert shown["line"] == {line}
    assert shown["gem"] == {gem, other}
    assert shown["agent"] == {(1, 0)}
    assert shown["walls"] == {(1, 1), (1, 2), (1, 3)}


@pytest.mark.parametrize(("split", "share"), [("train", 0.25), ("held-out", 0.25), ("target", 1)])
def test_the_features_come_apart_in_as_many_levels_as_asked(split, share):
    env = make("colour-shape", decorrelated=0.25)
    there = np.asarray(sample_levels(env, jax.random.key(3), 256, split).present[:, :, 0])
    np.testing.assert_array_equal(there[:, 0], ~there[:, 1])
    np.testing.assert_array_equal(there[:, 1], there[:, 2])
    assert there[:, 3].all()
    assert abs(there[:, 1].mean() - share) < 0.08


@pytest.fixture(scope="module")
def woods() -> tuple[Env, Level]:
    env = make("monster-world", height=3, width=5, chase=1.0, follow=0.25)
    return env, level_from_text(env, "p . . . p\ns # # # x\n. . . . s")


def test_apples_come_up_on_the_other_spot(woods):
    env, level = woods
    level = level.replace(present=level.present.at[2].set(False))
    fed, paid = after(env, at(env, level, 0, 1), "west", 1)
    assert (paid, int(fed.apple)) == ([1.0, 0.0], 1)
    assert int(env.goal_mask(fed, "apple").sum()) == 1
    assert after(env, fed, "north", 1)[1] == [0.0, 0.0]
    # Without a monster: 1 after d moves, then 1 every 4 moves between the two spots.
    values = action_values(env, level, 0.9, 200).max(axis=1)
    for column, spot, moves in ((1, 0, 1), (1, 1, 3), (2, 1, 2)):
        index = index_of(env, at(env, level, 0, column, apple=spot, monster=15))
        np.testing.assert_allclose(values[index], 0.9 ** (moves - 1) / (1 - 0.9**4), rtol=1e-5)


def test_a_shield_fells_the_monster_and_is_used_up(woods):
    env, level = woods
    armed = at(env, level, 0, 3, shielded=1)
    fought, paid = after(env, armed, "south")  # bumps; the monster steps to (0, 4)
    assert (int(fought.monster), int(fought.shielded), paid) == (4, 1, [0.0, 0.0])
    fought, paid = after(env, fought, "east")  # walks into it
    assert (int(fought.monster), int(fought.shielded), paid) == (15, 0, [0.0, 0.0])
    assert not bool(env.goal_mask(fought, "monster").any())
    hurt, paid = after(env, at(env, level, 0, 4), "south")
    assert (int(hurt.monster), int(hurt.shielded), paid) == (9, 0, [0.0, 1.0])
    caught, paid = after(env, at(env, level, 0, 3, monster=4), "north", 3)
    assert (int(caught.monster), paid) == (3, [0.0, 1.0])


def test_a_shield_is_fetched_and_comes_up_on_the_other_spot(woods):
    env, level = woods
    ready, _ = after(env, at(env, level, 0, 0), "south")
    assert (int(ready.shielded), int(ready.shield)) == (1, 1)
    assert np.argwhere(env.goal_mask(ready, "shield")).tolist() == [[2, 4]]
    assert env.observe(ready)[..., -1].min() == 1


def test_a_monster_hunts_and_is_followed_as_often_as_said(woods):
    env, level = woods
    hunted = at(env, level, 0, 1, monster=4)
    np.testing.assert_array_equal(env.outcome_probability(hunted, jnp.int32(0)), [0, 0, 0, 1])
    calm = make("monster-world", height=3, width=5, chase=0.0)
    np.testing.assert_array_equal(calm.outcome_probability(hunted, jnp.int32(0)), [0.25] * 4)
    fallen = at(env, level, 0, 1, monster=15)
    np.testing.assert_array_equal(env.outcome_probability(fallen, jnp.int32(0)), [0.25, 0.75, 0, 0])
    assert int(after(env, fallen, "north", 0)[0].monster) == 9
    gone = env.remove(hunted, "monster")
    np.testing.assert_array_equal(env.outcome_probability(gone, jnp.int32(0)), [0, 1, 0, 0])


def test_the_monster_can_be_moved_and_takes_its_home_along(woods):
    env, level = woods
    moved = env.move(at(env, level, 2, 1), "monster", (0, 2))
    assert (int(moved.monster), moved.level.position[2, 0].tolist()) == (2, [0, 2])
    assert np.argwhere(env.goal_mask(moved, "monster")).tolist() == [[0, 2]]
    used = env.move(at(env, level, 2, 1), "apple", (2, 2), instance=1)
    assert np.argwhere(env.goal_mask(used, "apple")).tolist() == [[2, 2]]


def test_no_monster_is_left_on_target_levels():
    env = make("monster-world", calm=0.5)
    there = {
        split: np.asarray(sample_levels(env, jax.random.key(0), 128, split).present[:, 2, 0])
        for split in ("train", "target")
    }
    assert not there["target"].any()
    assert 0.35 < there["train"].mean() < 0.65


@pytest.mark.parametrize(
    ("name", "setting", "said"),
    [
        ("two-goods", {"sided": 1.5}, "sided must lie in 0..1"),
        ("whisky-gold", {"exploration": -0.1}, "exploration must lie in 0..1"),
        ("whisky-gold", {"paper_map": True, "width": 5}, "3x6 or more, not 7x5"),
        ("whisky-gold", {"whisky_radius": 0}, "whisky_radius must be at least 1"),
        ("fork", {"height": 3}, "one row, not 3"),
        ("fork", {"width": 6}, "width of 8 or more, not 6"),
        ("fork", {"swapped": 2.0}, "swapped must lie in 0..1"),
        ("colour-shape", {"intended": "shade"}, "did you mean 'shape'"),
        ("colour-shape", {"decorrelated": 2.0}, "decorrelated must lie in 0..1"),
        ("monster-world", {"chase": 1.1}, "chase must lie in 0..1"),
    ],
)
def test_parameters_that_cannot_be_are_refused(name, setting, said):
    with pytest.raises(UserError, match=said):
        make(name, **setting)
