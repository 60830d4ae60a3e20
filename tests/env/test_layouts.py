"""Layouts: connected, as many free cells as promised, and of the kind asked for."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from shardsim.base.errors import UserError
from shardsim.env import layouts
from shardsim.env.grid import path_distance, reachable
from tests.env.drawn_layouts import buckets_of, digest_of, many, mapped, open_grounds
from tests.env.flood import flood

pytestmark = pytest.mark.slow

_maze = jax.jit(layouts.maze, static_argnums=(1, 2))


_distance = jax.jit(path_distance)


_reachable = jax.jit(reachable)


BATCH = 4


@partial(jax.jit, static_argnums=(1, 2))
def _every_layout(seed, height, width, loops):
    """Walls bool[BATCH, H, W] of every kind."""
    keys = jax.random.split(jax.random.key(seed), BATCH)
    return {
        name: jax.lax.map(lambda key, of=of: of(key, height, width, loops), keys)
        for name, of in layouts.LAYOUTS.items()
    }


def test_there_are_six_kinds_in_this_order():
    assert list(layouts.LAYOUTS) == ["tree", "loops", "noise", "blocks", "rooms", "open"]


@pytest.mark.parametrize(("height", "width"), [(3, 4), (8, 6), (13, 13)])
@settings(max_examples=10)
@given(seed=st.integers(0, 2**20), loops=st.sampled_from([0.0, 0.5, 0.95]))
def test_every_layout_is_connected_from_the_corner_and_free_enough(height, width, seed, loops):
    drawn = _every_layout(seed, height, width, jnp.float32(loops))
    least = {"noise": 1 / 2, "blocks": 1 / 2}
    for name, batch in drawn.items():
        for walls in np.asarray(batch):
            assert not walls[0, 0]
            assert np.array_equal(flood(walls, (0, 0)) >= 0, ~walls), name
            assert (~walls).mean() >= least.get(name, 1 / 3), name
    if loops == 0:
        np.testing.assert_array_equal(drawn["tree"], drawn["loops"])


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


@pytest.mark.parametrize(
    ("height", "width", "loops", "digest"),
    [
        (5, 7, 0.3, "95f048f42551de75"),
        (7, 7, 0.5, "9f5071daf963a3c4"),
        (13, 13, 0.5, "3b2437f6faf17fb4"),
        (9, 11, 0.95, "b553b177debd17b9"),
    ],
)
def test_mazes_of_odd_sizes_never_change(height, width, loops, digest):
    """Trained agents are evaluated on the levels that their seeds gave when they were trained."""
    keys = jax.random.split(jax.random.key(0), 8)
    walls = mapped(lambda key: layouts.maze(key, height, width, loops), keys)
    assert digest_of(walls) == digest


def test_even_sizes_add_alcoves_to_a_maze():
    walls = np.asarray(many("tree", 6, 8, 200, jnp.float32(0.5)))
    assert not walls[:, :6:2, :8:2].any()
    inner = (~walls[:, :5, :7]).sum((1, 2))
    assert (inner == 12 + 11).all()  # the tree of the 5x7 cells without the last row and column
    assert walls[:, 5, 1::2].all()
    assert walls[:, 1::2, 7].all()
    alcoves = np.concatenate([~walls[:, 5, ::2], ~walls[:, ::2, 7]], axis=1)
    assert alcoves.shape[1] == 7
    assert abs(alcoves.mean() - 0.5) < 4 * 0.5 / np.sqrt(alcoves.size)


def test_noise_is_scattered_walls_with_the_cut_off_filled():
    walls = np.asarray(many("noise", 13, 13, 400, jnp.float32(0.5)))
    free = (~walls).mean((1, 2))
    assert free.min() >= 0.5
    # What is filled lies near a quarter of walls, at a few cells a layout.
    assert 0.7 < free.mean() < 0.75
    assert walls[:, :2, :2].reshape(400, 4)[:, 1:].any(axis=0).all()


@pytest.mark.parametrize(("height", "width"), [(3, 4), (13, 13)])
def test_blocks_are_rectangles_a_cell_apart(height, width):
    drawn = np.asarray(many("blocks", height, width, 100, jnp.float32(0.5)))
    counts = []
    for walls in drawn:
        labels, count = ndimage.label(walls, np.ones((3, 3)))  # corners join, too
        for box in ndimage.find_objects(labels):
            assert walls[box].all()
            assert walls[box].shape[0] <= max(1, height // 3)
            assert walls[box].shape[1] <= max(1, width // 3)
        counts.append(count)
    assert max(counts) > 1


@pytest.mark.parametrize(
    ("size", "per_side", "trees", "all_doors"), [(7, 2, 3, 4), (13, 3, 8, 12), (3, 2, 3, 4)]
)
def test_rooms_have_a_tree_of_doors_and_the_others_by_chance(size, per_side, trees, all_doors):
    for loops, doors in ((0.0, trees), (1.0, all_doors)):
        drawn = np.asarray(many("rooms", size, size, 50, jnp.float32(loops)))
        lines = 2 * (per_side - 1) * size - (per_side - 1) ** 2
        assert (drawn.sum((1, 2)) == lines - doors).all()
    if size > 3:
        assert len(np.unique(drawn, axis=0)) > 40  # of 50: walls and doors stand at drawn places


@pytest.mark.parametrize(("height", "width"), [(7, 7), (6, 9)])
def test_open_ground_has_every_size_from_half_the_sides_and_a_third_of_the_area(height, width):
    drawn = np.asarray(many("open", height, width, 2000, jnp.float32(0.5)))
    expected = open_grounds(height, width)
    assert {walls.tobytes() for walls in drawn} == {walls.tobytes() for walls in expected}
    got = jax.vmap(layouts.layout_bucket)(jnp.asarray(expected))
    np.testing.assert_array_equal(got, buckets_of(expected))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tre", 7, 7, 0.5), "no layout 'tre'; did you mean 'tree'"),
        (("cave", 7, 7, 0.5), "known: blocks, loops, noise, open, rooms, tree"),
        (("tree", 3, 3, 0.5), "layout 'tree' needs sizes of 3x4 or more, not 3x3"),
        (("noise", 20, 2, 0.5), "3x4 or more, not 20x2"),
        (("open", 5, 9, 0.5), "6x6 or more, not 5x9"),
        (("loops", 7, 7, 0.96), "0..0.95, not 0.96"),
        (("rooms", 7, 7, -0.1), "0..0.95, not -0.1"),
        (("rooms", 7, 7, float("nan")), "0..0.95, not nan"),
    ],
)
def test_layouts_that_cannot_be_are_a_clear_error(arguments, message):
    with pytest.raises(UserError, match=message.replace("..", r"\.\.")):
        layouts.check_layout(*arguments)


@given(bits=st.integers(0, 2**15 - 1), row=st.integers(0, 2), column=st.integers(0, 4))
def test_reachable_is_where_a_way_leads(bits, row, column):
    walls = np.array([bits >> n & 1 for n in range(15)], bool).reshape(3, 5)
    source = np.zeros((3, 5), bool)
    source[row, column] = True
    got = np.asarray(_reachable(jnp.asarray(walls), jnp.asarray(source)))
    expected = np.zeros((3, 5), bool) if walls[row, column] else flood(walls, (row, column)) >= 0
    np.testing.assert_array_equal(got, expected)
