"""Cells for things: on the way, apart, within a range; and bits as numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.env import placing
from shardsim.env.grid import path_distance
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make


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
