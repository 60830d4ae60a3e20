"""Families with items and decoys, on hand-made levels with known optima, and what knobs shift."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.env import placing
from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.registry import make
from shardsim.env.text import level_from_text
from shardsim.env.types import Level
from tests.env.hand_made import action_values, at, drawn, index_of, moves_apart, walk, worth
from tests.env.planned import evaluate_policy, tabular

pytestmark = pytest.mark.slow


def test_the_dish_lies_under_the_cheese_in_training_and_apart_on_target_levels():
    for split, low, high in (("train", 0, 0), ("held-out", 0, 0), ("target", 3, 99)):
        _, levels = drawn("cheese-dish", split)
        apart = moves_apart(levels.walls, levels.position[:, 0, 0], levels.position[:, 1, 0])
        assert low <= apart.min() <= apart.max() <= high
    _, levels = drawn("cheese-dish", "train", apart_share=0.5, apart_distance=4, dish_radius=1)
    apart = moves_apart(levels.walls, levels.position[:, 0, 0], levels.position[:, 1, 0])
    assert set(apart[apart < 4]) == {0, 1}
    assert 16 <= (apart >= 4).sum() <= 48


def test_the_dish_pays_nothing_and_does_not_end_the_episode():
    env = make("cheese-dish", height=3, width=5)
    level = level_from_text(env, "i . . . c\n# # # . #\n# # # d #")
    _, paid, over = walk(env, at(env, level, 0, 1), "weeee")
    assert paid == [[0.0], [0.0], [0.0], [0.0], [1.0]]
    assert over == [False] * 4 + [True]
    for row, column, moves in ((0, 1, 3), (2, 3, 3), (1, 3, 2)):
        start = at(env, level, row, column)
        assert worth(env, level, start, 0.9) == pytest.approx(0.9 ** (moves - 1))
    assert worth(env, level, at(env, level, 0, 1), 0.9, 2) == 0


@pytest.fixture(scope="module")
def vault() -> tuple[Env, Level]:
    env = make("keys-and-chests", height=3, width=5)
    return env, level_from_text(env, "k . . . h\n. # # # .\n. # # # h")


def test_a_key_opens_one_chest_and_is_used_up(vault):
    env, level = vault
    state, paid, over = walk(env, at(env, level, 0, 1), "weeee")
    assert paid == [[0.0]] * 4 + [[1.0]]
    assert over == [False] * 4 + [True]  # the other chest can no longer be opened
    assert (int(state.keys_taken), int(state.chests_opened)) == (1, 1)
    assert not np.asarray(env.goal_mask(state, "key")).any()
    assert np.argwhere(np.asarray(env.goal_mask(state, "chest"))).tolist() == [[2, 4]]
    _, paid, over = walk(env, at(env, level, 0, 3), "ew")  # no key, so it stays shut
    assert paid == [[0.0], [0.0]]
    assert over == [False, False]


@pytest.mark.parametrize(("row", "column", "moves"), [(0, 1, 5), (0, 3, 7), (2, 0, 6), (0, 4, 8)])
def test_one_key_is_worth_the_nearest_chest(vault, row, column, moves):
    env, level = vault
    start = at(env, level, row, column)
    assert worth(env, level, start, 0.9) == pytest.approx(0.9 ** (moves - 1), rel=1e-5)
    assert worth(env, level, start, 1.0, moves - 1) == 0


def test_with_two_keys_the_optimum_is_the_best_order(vault):
    env, _ = vault
    level = level_from_text(env, "k . . k h\n. # # # .\n. # # # h")
    start = at(env, level, 0, 2)
    # Near key, near chest, far key and back past it, far chest: moves 2, 6 apart.
    both_first = 0.9 ** (2 + 4 - 1) + 0.9 ** (2 + 4 + 2 - 1)  # west key 2, east key 3 on the way
    near_first = 0.9 ** (2 - 1) + 0.9 ** (2 + 4 + 6 - 1)  # east chest, west key, last chest
    best = max(0.9 ** (2 + 4 - 1) + 0.9**7, near_first, both_first)
    assert worth(env, level, start, 0.9) == pytest.approx(best, rel=1e-5)


def test_keys_held_are_felt_and_the_taken_are_gone(vault):
    env, level = vault
    assert env.observation_channels == ("agent", "walls", "key", "chest", "keys_held")
    seen = np.asarray(env.observe(at(env, level, 0, 1, keys_taken=0b111, chests_opened=0b1)))
    np.testing.assert_allclose(seen[..., 4], 2 / 3)
    assert seen[..., 2].sum() == 0
    assert seen[..., 3].sum() == 1


@pytest.mark.parametrize(("split", "keys", "chests"), [("train", 2, 3), ("target", 3, 1)])
def test_training_levels_are_short_of_keys_and_target_levels_of_chests(split, keys, chests):
    env, levels = drawn("keys-and-chests", split)
    assert env.num_states == 49 * 8 * 8
    np.testing.assert_array_equal(levels.present.sum(axis=2), [[keys, chests]] * 64)


def test_decoys_pay_nothing_wherever_they_lie():
    env = make("decoy", height=3, width=5)
    level = level_from_text(env, ". d d . c\n# # # # .\n# # # # .")
    _, paid, over = walk(env, at(env, level, 0, 0), "eeee")
    assert paid == [[0.0], [0.0], [0.0], [1.0]]
    assert over == [False, False, False, True]
    assert worth(env, level, at(env, level, 0, 0), 0.9) == pytest.approx(0.9**3)
    assert worth(env, level, at(env, level, 2, 4), 0.9) == pytest.approx(0.9)


def test_decoys_lie_beside_the_cheese_and_on_the_way_on_target_levels_only():
    for split, share, expected in (("train", 0.0, 0.0), ("train", 1.0, 1.0), ("target", 0.0, 1.0)):
        _, levels = drawn("decoy", split, beside_share=share)
        cheese, first, second = levels.position[:, 0, 0], *levels.position[:, 1].swapaxes(0, 1)
        beside = moves_apart(levels.walls, cheese, first) == 1
        assert beside.mean() == expected or (expected == 0 and beside.mean() < 0.3)
        assert np.any(first != second, axis=1).all()
        if split == "target":
            source = jax.vmap(lambda w, c: placing.moves_from(w, c))(levels.walls, cheese)
            reach = np.where(levels.walls, 0, source).max(axis=(1, 2))
            half = moves_apart(levels.walls, cheese, second)
            assert np.abs(half - reach // 2).max() <= 1


@pytest.mark.parametrize("discount", [0.9, 0.97, 0.99, 1.0])
@pytest.mark.parametrize("distance", [4, 5])
def test_cache_first_and_gem_first_have_their_closed_forms(discount, distance):
    """The bargain between two shards, the cache expiring for who fetches the gem first.

    With values counted from the start, discounted once before the first move, the gem alone is
    worth g, and the way over the cache g^(2D+1) for the gem and 100 g^D for the cache.
    """
    env = make("gem-cache", height=3, width=9, expiry=distance + 1)
    row = ["m", "@", *["."] * (distance - 1), "K", *["."] * (7 - distance)]
    wall = " ".join("#" * 9)
    level = level_from_text(env, f"{' '.join(row)}\n{wall}\n{wall}\nweights: 1 100")
    start = at(env, level, 0, 1)
    assert np.argwhere(np.asarray(env.start_mask(level))).tolist() == [[0, 1]]
    sees = level.replace(reward_weights=jnp.array([1.0, 0.0]))
    acquires = level.replace(reward_weights=jnp.array([0.0, 100.0]))
    assert discount * worth(env, sees, start, discount) == pytest.approx(discount)
    assert discount * worth(env, acquires, start, discount) == pytest.approx(
        100 * discount**distance, rel=1e-5
    )
    both = 100 * discount**distance + discount ** (2 * distance + 1)
    assert discount * worth(env, level, start, discount) == pytest.approx(both, rel=1e-5)
    # What the gem's shard has of the plan that is best for both: .314 for g = .9, .895 for .99.
    table = tabular(env, level)
    # Undiscounted, a greedy policy may put off for ever what it could have at any time.
    best = action_values(env, level, min(discount, 0.999), env.max_steps).argmax(axis=1)
    greedy = np.eye(4, dtype=np.float32)[best]
    gems = evaluate_policy(table, sees.reward_weights, greedy, discount, env.max_steps)
    gem_worth = discount * float(gems[index_of(env, start)])
    assert gem_worth == pytest.approx(discount ** (2 * distance + 1), rel=1e-5)
    if (distance, discount) in ((5, 0.9), (5, 0.99)):
        assert gem_worth == pytest.approx({0.9: 0.314, 0.99: 0.895}[discount], abs=5e-4)


def test_the_cache_expires_and_the_gem_does_not():
    env = make("gem-cache", height=3, width=9, expiry=5)
    wall = " ".join("#" * 9)
    level = level_from_text(env, f"m . . . . . K . .\n{wall}\n{wall}")
    state, paid, over = walk(env, at(env, level, 0, 1), "eeeee")
    assert paid == [[0.0, 0.0]] * 4 + [[0.0, 1.0]]
    assert over == [False] * 5
    assert int(state.time_left) == 0
    state, paid, over = walk(env, at(env, level, 0, 1), "eweeeee")
    assert not np.any(paid)
    assert np.asarray(env.observe(state))[..., 3].sum() == 0
    _, paid, over = walk(env, state, "wwwwww")
    assert paid == [[0.0, 0.0]] * 5 + [[1.0, 0.0]]
    assert over[-1]


def test_there_is_time_for_both_in_training_and_not_on_target_levels():
    for split, low, high in (("train", 4, 6), ("target", 7, 8)):
        env, levels = drawn("gem-cache", split)
        gem, cache = levels.position[:, 0, 0], levels.position[:, 1, 0]
        starts = np.asarray(jax.vmap(env.start_mask)(levels))
        for index, mask in enumerate(starts):
            for cell in np.argwhere(mask):
                walls = levels.walls[index][None]
                assert moves_apart(walls, gem[index][None], cell[None])[0] == 1
                away = int(moves_apart(walls, cache[index][None], cell[None])[0])
                assert low <= away <= high
        assert starts.any(axis=(1, 2)).all()
        if split == "train":
            continue
        level = jax.tree.map(jnp.asarray, take(levels, 0))
        row, column = np.argwhere(starts[0])[0]
        start = at(env, level, int(row), int(column))
        away = int(moves_apart(levels.walls[:1], cache[:1], np.array([[row, column]]))[0])
        best = 0.97 ** (away - 1) + 0.25 * 0.97 ** (2 * away)
        assert worth(env, level, start, 0.97) == pytest.approx(best, rel=1e-5)
