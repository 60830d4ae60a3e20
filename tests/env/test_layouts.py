"""Layouts, splits and banks of levels."""

from __future__ import annotations

from collections import deque

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.errors import UserError
from shardsim.env import layouts
from shardsim.env.covariates import covariates, line_of_sight
from shardsim.env.levels import sample_levels, take

_maze = jax.jit(layouts.maze, static_argnums=(1, 2))
_distance = jax.jit(layouts.path_distance)
_sight = jax.jit(line_of_sight)


def flood(walls: np.ndarray, source: tuple[int, int]) -> np.ndarray:
    """Moves from `source` to every cell by breadth-first search, -1 where there is no way."""
    found = np.full(walls.shape, -1)
    found[source], queue = 0, deque([source])
    while queue:
        row, column = queue.popleft()
        for down, right in ((-1, 0), (0, 1), (1, 0), (0, -1)):
            cell = row + down, column + right
            inside = 0 <= cell[0] < walls.shape[0] and 0 <= cell[1] < walls.shape[1]
            if inside and not walls[cell] and found[cell] < 0:
                found[cell] = found[row, column] + 1
                queue.append(cell)
    return found


@given(seed=st.integers(0, 2**20), loops=st.sampled_from([0.0, 0.5, 1.0]))
def test_mazes_are_connected_and_loops_are_what_was_asked(seed, loops):
    walls = np.asarray(_maze(jax.random.key(seed), 5, 7, loops))
    assert not walls[::2, ::2].any()
    assert walls[1::2, 1::2].all()
    assert np.all((flood(walls, (0, 0)) >= 0) == ~walls)
    passages = (~walls).sum() - 12
    assert passages >= 11
    if loops == 0:
        assert passages == 11  # a tree over 12 rooms
    if loops == 1:
        assert passages == 17  # every wall between rooms opened
    distance = np.asarray(_distance(jnp.asarray(walls), jnp.zeros((5, 7), bool).at[0, 0].set(True)))
    np.testing.assert_array_equal(np.where(walls, -1, distance), flood(walls, (0, 0)))


def test_splits_share_no_layout_and_training_cheese_lies_near_the_corner(cheese):
    env = cheese.env
    banks = {
        split: sample_levels(env, jax.random.key(0), 200, split)
        for split in ("train", "held-out", "target")
    }
    layouts_of = {
        split: {np.packbits(walls).tobytes() for walls in np.asarray(bank.walls)}
        for split, bank in banks.items()
    }
    assert not layouts_of["train"] & layouts_of["held-out"]
    assert not layouts_of["train"] & layouts_of["target"]
    assert not layouts_of["held-out"] & layouts_of["target"]
    away = {
        split: np.array(
            [
                flood(walls, (0, 0))[tuple(cell)]
                for walls, cell in zip(
                    np.asarray(bank.walls), np.asarray(bank.position[:, 0, 0]), strict=True
                )
            ]
        )
        for split, bank in banks.items()
    }
    assert away["train"].max() == 2
    assert away["held-out"].max() == 2
    assert away["target"].max() > 6
    assert min(found.min() for found in away.values()) >= 0
    same = sample_levels(env, jax.random.key(0), 200, "train")
    jax.tree.map(np.testing.assert_array_equal, same, banks["train"])


def test_an_unknown_split_is_a_clear_error(cheese):
    with pytest.raises(UserError, match="did you mean 'target'"):
        sample_levels(cheese.env, jax.random.key(0), 1, "targets")  # type: ignore[arg-type]


@given(bits=st.integers(0, 2**15 - 1), row=st.integers(0, 2), column=st.integers(0, 4))
def test_sight_ends_at_walls(bits, row, column):
    walls = np.array([bits >> n & 1 for n in range(15)], bool).reshape(3, 5)
    walls[row, column] = False
    expected = np.zeros_like(walls)
    for down, right in ((-1, 0), (0, 1), (1, 0), (0, -1)):
        r, c = row, column
        while 0 <= r < 3 and 0 <= c < 5 and not walls[r, c]:
            expected[r, c] = True
            r, c = r + down, c + right
    got = _sight(jnp.asarray(walls), jnp.int32(row), jnp.int32(column))
    np.testing.assert_array_equal(got, expected)


def test_covariates_say_where_things_are(cheese):
    env, first = cheese.env, take(cheese.levels, 0)
    analysis = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), cheese.analysis)
    states = jax.vmap(lambda i: env.state_at(first, i))(
        jnp.asarray(np.flatnonzero(analysis.tabular.start), jnp.int32)
    )
    got = jax.jit(jax.vmap(lambda state: covariates(env, analysis, state), (_axes(states),)))(
        states
    )
    rows, columns = np.divmod(np.asarray(states.cell), env.width)
    cheese_cell = np.asarray(first.position[0, 0])
    np.testing.assert_array_equal(got["row"], rows)
    np.testing.assert_array_equal(got["rows_to_cheese"], cheese_cell[0] - rows)
    np.testing.assert_array_equal(got["columns_to_cheese"], cheese_cell[1] - columns)
    np.testing.assert_allclose(got["straight_corner"], np.hypot(rows, columns), rtol=1e-6)
    exact = flood(np.asarray(first.walls), tuple(cheese_cell))
    np.testing.assert_array_equal(got["distance_cheese"], exact[rows, columns])
    degree = [
        sum(
            0 <= r + d < env.height and 0 <= c + e < env.width and not first.walls[r + d, c + e]
            for d, e in ((-1, 0), (0, 1), (1, 0), (0, -1))
        )
        for r, c in zip(rows, columns, strict=True)
    ]
    np.testing.assert_array_equal(got["exits"], degree)
    best = np.asarray(analysis.advantage)[np.asarray(states.cell)] == 0
    apart = ~np.any(best[:, :, 0] & best[:, :, 2], axis=1)
    np.testing.assert_array_equal(got["conflict_cheese_corner"], apart)
    assert got["conflict_cheese_corner"].sum() > 0 or got["conflict_cheese_decoy"].sum() > 0


def _axes(states):
    return jax.tree.map(lambda _: 0, states)
