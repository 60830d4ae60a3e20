"""Families with proxies, on hand-made levels with known optima, and what their knobs shift."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env import placing, planning
from shardsim.env.core import Env
from shardsim.env.grid import path_distance
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.env.text import level_from_text
from shardsim.env.types import Level, State

SPLITS = ("train", "held-out", "target")


def at(env: Env, level: Level, row: int, column: int, **fields: int) -> State:
    """The state with the agent on a cell, the other fields as an episode begins unless given."""
    begin = env.state_at(level, jnp.int32(0)).replace(**env.initial_fields(level))
    changes = {name: jnp.int32(value) for name, value in fields.items()}
    return begin.replace(cell=jnp.int32(row * env.width + column), **changes)


def worth(env: Env, level: Level, state: State, discount: float, horizon: int | None = None):
    """The optimal return from a state, by the tables."""
    values, _ = _optimum(env)(level, jnp.float32(discount), horizon or env.max_steps)
    return float(values[env.index_of(state)])


_OPTIMA = {}


def _optimum(env: Env):
    if env not in _OPTIMA:

        def solve(level, discount, horizon):
            return planning.optimal_values(
                env.tabular(level), level.reward_weights, discount, horizon
            )

        _OPTIMA[env] = jax.jit(solve, static_argnums=2)
    return _OPTIMA[env]


def walk(env: Env, state: State, words: str) -> tuple[State, list[list[float]], list[bool]]:
    """Where n, e, s, w lead, what each move pays, and after which the episode is over."""
    paid, over = [], []
    for word in words:
        moved = env.transition(state, jnp.int32("nesw".index(word)), jnp.int32(0))
        state = moved.state
        paid.append([float(reward) for reward in moved.rewards])
        over.append(bool(moved.terminated))
    return state, paid, over


def drawn(name: str, split: str, count: int = 64, **params) -> tuple[Env, Level]:
    env = make(name, **params)
    return env, jax.tree.map(np.asarray, sample_levels(env, jax.random.key(1), count, split))


def moves_apart(walls: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Shortest paths between cells [L, 2] of levels."""
    between = jax.jit(jax.vmap(lambda w, a, b: placing.moves_from(w, a)[b[0], b[1]]))
    return np.asarray(between(walls, one, other))


# ------------------------------------------------------------------------------- cheese-dish


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


# ---------------------------------------------------------------------------- keys-and-chests


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


# -------------------------------------------------------------------------------------- decoy


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


# ---------------------------------------------------------------------------------- gem-cache


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
    table = env.tabular(level)
    # Undiscounted, a greedy policy may put off for ever what it could have at any time.
    _, action_values = _optimum(env)(level, jnp.float32(min(discount, 0.999)), env.max_steps)
    greedy = jax.nn.one_hot(jnp.argmax(action_values, axis=1), 4)
    gems = planning.evaluate_policy(table, sees.reward_weights, greedy, discount, env.max_steps)
    gem_worth = discount * float(gems[env.index_of(start)])
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


# ---------------------------------------------------------------------------------- lava-land


def test_lava_costs_at_each_step_and_ends_the_episode_if_told():
    text = "@ . l c .\n. # # . #\n. . . . d"
    env = make("lava-land", height=3, width=5, lava_cells=5)
    level = level_from_text(env, text)
    _, paid, over = walk(env, at(env, level, 0, 0), "eeee")
    assert paid == [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    assert over[:3] == [False, False, True]
    # Three moves through the lava, or seven around it.
    assert worth(env, level, at(env, level, 0, 0), 0.9) == pytest.approx(0.9**6)
    mild = level.replace(reward_weights=jnp.array([1.0, -0.1]))
    assert worth(env, mild, at(env, mild, 0, 0), 0.9) == pytest.approx(0.9**2 - 0.1 * 0.9)
    ends = make("lava-land", height=3, width=5, lava_cells=5, lava_ends=True)
    _, paid, over = walk(ends, at(ends, level, 0, 0), "ee")
    assert over == [False, True]
    mild = level_from_text(ends, text + "\nweights: 1 -0.1")
    assert worth(ends, mild, at(ends, mild, 0, 0), 0.9) == pytest.approx(0.9**6)


def test_lava_lies_close_to_the_cheese_on_target_levels_and_nowhere_in_training():
    for split, share, expected in (("train", 0.0, 0), ("train", 1.0, 6), ("target", 0.0, 6)):
        _, levels = drawn("lava-land", split, lava_share=share)
        pool = levels.present[:, 1]
        assert set(pool.sum(axis=1)) == {expected}
        cells = levels.position[:, 1]
        assert len({tuple(cell) for cell in cells[0][pool[0]].tolist()}) == expected
        if expected:
            away = moves_apart(levels.walls, levels.position[:, 0, 0], cells[:, 0])
            assert set(away) <= {2, 3}
            for thing in (0, 2):
                on_it = np.all(levels.position[:, thing, :1] == cells, axis=-1) & pool
                assert not on_it.any()


# ---------------------------------------------------------------------------------- follow-me


def led(text: str, leader: tuple[int, int], order: tuple[int, int, int], **params):
    """A level of follow-me whose leader has an order of its own."""
    env = make("follow-me", height=3, width=5, **params)
    walls = jnp.array([[letter == "#" for letter in line.split()] for line in text.splitlines()])
    cells = {letter: divmod(text.replace("\n", " ").split().index(letter), 5) for letter in "123"}
    beacons = jnp.array([cells[letter] for letter in "123"], jnp.int32)
    plain = sample_levels(env, jax.random.key(0), 1, "train")
    level = take(plain, 0).replace(
        walls=walls,
        position=jnp.stack([beacons, jnp.zeros((3, 2), jnp.int32).at[0].set(jnp.array(leader))]),
        present=jnp.array([[True] * 3, [True, False, False]]),
        order=jnp.array(order, jnp.int32),
        way=jax.vmap(partial(placing.next_cells, walls))(beacons),
    )
    return env, level


CORRIDOR = "1 . 2 . 3\n# # . # #\n# # . # #"


def test_beacons_pay_in_their_order_and_show_only_while_lit():
    env, level = led(CORRIDOR, (0, 1), (0, 1, 2))
    state, paid, over = walk(env, at(env, level, 0, 1), "eww")
    assert paid == [[0.0], [0.0], [1.0]]
    assert np.argwhere(np.asarray(env.goal_mask(state, "beacon"))).tolist() == [[0, 2]]
    state, paid, over = walk(env, state, "eeee")
    assert paid == [[0.0], [1.0], [0.0], [1.0]]
    assert over == [False, False, False, True]
    start = at(env, level, 0, 1)
    assert worth(env, level, start, 0.9) == pytest.approx(1 + 0.9**2 + 0.9**4)
    assert worth(env, level, at(env, level, 2, 2), 1.0, 8) == 3
    assert worth(env, level, at(env, level, 2, 2), 1.0, 7) == 2
    assert env.num_states == 15 * 15 * 3 * 3


def test_the_leader_walks_its_order_and_waits_for_the_agent():
    env, level = led(CORRIDOR, (0, 1), (1, 2, 0))
    state, _, _ = walk(env, at(env, level, 1, 2), "sss")
    assert int(state.leader_cell) == 2  # at the second beacon, waiting
    state, _, _ = walk(env, state, "nn")
    assert (int(state.cell), int(state.leader_cell), int(state.leader_leg)) == (2, 2, 1)
    state, _, _ = walk(env, state, "ee")
    assert (int(state.leader_cell), int(state.leader_leg)) == (4, 2)
    state, _, _ = walk(env, state, "wwwweeee")
    assert int(state.leader_cell) == 0  # its last beacon
    alone, level = led(CORRIDOR, (0, 1), (1, 2, 0), leader_waits=False)
    state, _, _ = walk(alone, at(alone, level, 2, 2), "s" * 7)
    assert (int(state.leader_cell), int(state.leader_leg)) == (0, 0)  # 2, 3, 4, 3, 2, 1, 0
    state, _, _ = walk(alone, state, "ss")
    assert (int(state.leader_cell), int(state.leader_leg)) == (2, 1)


def test_a_leader_or_beacon_that_is_moved_walks_on_from_there():
    env, level = led(CORRIDOR, (0, 1), (0, 1, 2))
    state = env.move(at(env, level, 0, 3), "leader", (2, 2))
    assert np.argwhere(np.asarray(env.goal_mask(state, "leader"))).tolist() == [[2, 2]]
    state, _, _ = walk(env, state, "w")
    assert int(state.leader_cell) == 7
    state = env.move(at(env, level, 0, 3), "beacon", (2, 2), 0)
    state, _, _ = walk(env, state, "eeee")
    assert int(state.leader_cell) == 12
    with pytest.raises(UserError, match="taken in this state"):
        env.move(at(env, level, 0, 3), "beacon", (2, 2), 1)  # dark
    gone = env.remove(at(env, level, 0, 3), "leader")
    assert not np.asarray(env.goal_mask(gone, "leader")).any()


def test_the_leader_knows_the_order_in_training_and_is_astray_or_absent_on_target_levels():
    _, levels = drawn("follow-me", "train")
    np.testing.assert_array_equal(levels.order, [[0, 1, 2]] * 64)
    _, levels = drawn("follow-me", "target")
    assert np.all(levels.order[:, 0] != 0)
    np.testing.assert_array_equal(np.sort(levels.order), [[0, 1, 2]] * 64)
    _, levels = drawn("follow-me", "target", leader_absent=True)
    assert not levels.present[:, 1].any()
    _, levels = drawn("follow-me", "train", leader_absent=True, astray_share=0.5)
    assert levels.present[:, 1, 0].all()
    assert 16 <= (levels.order[:, 0] != 0).sum() <= 48


# ------------------------------------------------------------------------ what they all share

PROXIES = {  # what a proxy wants, and the least that it leaves of the optimum on target levels
    "cheese-dish": ("cheese=0, dish=1", {}),
    "keys-and-chests": ("chest=0.1, key=1", {"height": 5, "width": 5}),
    "gem-cache": ("gem=1, cache=0.1", {}),
    "lava-land": ("lava=0", {}),
    "follow-me": ("beacon=0, leader=1", {}),
}


@pytest.mark.parametrize("name", PROXIES)
def test_the_proxy_pays_in_training_and_not_on_target_levels(name):
    reward, params = PROXIES[name]
    env, misled = make(name, **params), make(name, reward=reward, **params)

    def kept(level: Level, wish: Level):
        tables = env.tabular(level)
        best, _ = planning.optimal_values(tables, level.reward_weights, 0.97, env.max_steps)
        _, wanted = planning.optimal_values(
            misled.tabular(wish), wish.reward_weights, 0.97, env.max_steps
        )
        greedy = (wanted >= wanted.max(axis=1, keepdims=True) - 1e-6).astype(jnp.float32)
        policy = greedy / greedy.sum(axis=1, keepdims=True)
        got = planning.evaluate_policy(tables, level.reward_weights, policy, 0.97, env.max_steps)
        return tables.start @ got, tables.start @ best

    ratio = {}
    both = jax.jit(lambda levels: jax.lax.map(lambda pair: kept(*pair), levels))
    for split in ("train", "target"):
        levels = sample_levels(env, jax.random.key(2), 12, split)
        wishes = sample_levels(misled, jax.random.key(2), 12, split)
        np.testing.assert_array_equal(levels.walls, wishes.walls)
        got, best = both((levels, wishes))
        ratio[split] = float(got.mean() / best.mean())
    assert ratio["train"] > 0.85
    assert ratio["target"] < 0.85


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("cheese-dish", {"apart_share": 1.5}, "apart_share must lie in 0..1, not 1.5"),
        ("cheese-dish", {"apart_distance": 0}, "apart_distance must be at least 1"),
        ("keys-and-chests", {"train_keys": 4}, "train_keys must lie in 1..3"),
        ("keys-and-chests", {"target_chests": 0}, "target_chests must lie in 1..3"),
        ("decoy", {"beside_share": -0.1}, "beside_share must lie in 0..1"),
        ("gem-cache", {"expiry": 4}, "expiry must be at least 5 with gem_distance 1"),
        ("gem-cache", {"gem_distance": 0}, "gem_distance must be at least 1"),
        ("lava-land", {"lava_cells": 9}, "lava_cells must lie in 1..8"),
        ("lava-land", {"lava_cells": 6, "height": 3, "width": 5}, "too many for 3x5"),
        ("follow-me", {"astray_share": 2.0}, "astray_share must lie in 0..1"),
    ],
)
def test_parameters_that_cannot_be_are_refused(name, params, said):
    with pytest.raises(UserError, match=said):
        make(name, **params)


# ------------------------------------------------------------------------------------ placing


def test_a_way_is_a_shortest_path_everywhere():
    env = make("cheese-dish", layout="noise", height=6, width=7)
    walls = take(sample_levels(env, jax.random.key(3), 1, "train"), 0).walls
    goal = jnp.array([0, 0], jnp.int32)
    way = np.asarray(placing.next_cells(walls, goal))
    far = np.asarray(path_distance(walls, jnp.zeros_like(walls).at[0, 0].set(True))).reshape(-1)
    free = ~np.asarray(walls).reshape(-1)
    other = free & (far > 0)
    np.testing.assert_array_equal(far[way[other]], far[other] - 1)
    assert way[0] == 0
    np.testing.assert_array_equal(way[~free], np.flatnonzero(~free))
    rows, columns = np.divmod(np.arange(42), 7)
    steps = np.abs(rows[way] - rows) + np.abs(columns[way] - columns)
    np.testing.assert_array_equal(steps[other], 1)


def test_scattered_cells_are_different_and_missing_where_there_is_no_room():
    mask = jnp.zeros((3, 4), bool).at[1, :3].set(True)
    cells, there = placing.scattered(jax.random.key(0), mask, 5)
    assert np.asarray(there).tolist() == [True] * 2 + [False] * 3  # one is left to start on
    assert sorted(np.asarray(cells)[:3].tolist()) == [[1, 0], [1, 1], [1, 2]]


@pytest.mark.parametrize(("low", "high", "expected"), [(1, 2, {1, 2}), (9, 12, {4}), (0, 0, {0})])
def test_a_range_without_cells_gives_the_nearest_to_it(low, high, expected):
    distance = jnp.array([[0, 1, 2, 3, 4]], jnp.int32)
    found = placing.within(distance, jnp.ones((1, 5), bool), low, high)
    assert set(np.asarray(distance)[np.asarray(found)].tolist()) == expected


@pytest.mark.parametrize("value", [0, 1, 5, 7])
def test_bits_and_numbers_are_each_other(value):
    assert int(placing.number(placing.bits(jnp.int32(value), 3))) == value
