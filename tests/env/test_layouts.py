"""Layouts: connected, as many free cells as promised, of the kind asked for, and split apart."""

from __future__ import annotations

import hashlib
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
from shardsim.env.levels import sample_levels
from shardsim.env.types import SPLITS
from tests.env.flood import flood

_map = jax.jit(jax.lax.map, static_argnums=0)
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


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _many(layout, height, width, count, loops):
    """Walls bool[count, H, W] of one kind."""
    keys = jax.random.split(jax.random.key(5), count)
    return jax.lax.map(lambda key: layouts.LAYOUTS[layout](key, height, width, loops), keys)


def buckets_of(walls: np.ndarray) -> np.ndarray:
    """The hash of walls bool[n, H, W] in numpy, 0..3 each: 0, 1 train, 2 held-out, 3 target."""
    bits = walls.reshape(len(walls), -1).astype(np.uint64)
    odd = np.random.default_rng(20_230_511).integers(1, 2**31, bits.shape[1], np.uint32) * 2 + 1
    mixed = (bits @ odd.astype(np.uint64)) % 2**32
    mixed = (mixed ^ (mixed >> 15)) * 0x2C1B3C6D % 2**32
    return ((mixed ^ (mixed >> 13)) >> 30).astype(int)


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
    walls = _map(lambda key: layouts.maze(key, height, width, loops), keys)
    assert _digest(walls) == digest


@pytest.mark.parametrize(
    ("split", "digest"),
    [
        ("train", "f3895741c79b9954"),
        ("held-out", "102f7a70238b7bab"),
        ("target", "f9f5b8cfe4828e18"),
    ],
)
def test_the_mazes_of_each_split_never_change(split, digest):
    keys = jax.random.split(jax.random.key(1), 8)
    walls = _map(lambda key: layouts.walls(key, split, "loops", 7, 7, 0.5), keys)
    assert _digest(walls) == digest


def _digest(walls: jax.Array) -> str:
    return hashlib.sha256(np.packbits(np.asarray(walls)).tobytes()).hexdigest()[:16]


def test_even_sizes_add_alcoves_to_a_maze():
    walls = np.asarray(_many("tree", 6, 8, 200, jnp.float32(0.5)))
    assert not walls[:, :6:2, :8:2].any()
    inner = (~walls[:, :5, :7]).sum((1, 2))
    assert (inner == 12 + 11).all()  # the tree of the 5x7 cells without the last row and column
    assert walls[:, 5, 1::2].all()
    assert walls[:, 1::2, 7].all()
    alcoves = np.concatenate([~walls[:, 5, ::2], ~walls[:, ::2, 7]], axis=1)
    assert alcoves.shape[1] == 7
    assert abs(alcoves.mean() - 0.5) < 4 * 0.5 / np.sqrt(alcoves.size)


def test_noise_is_scattered_walls_with_the_cut_off_filled():
    walls = np.asarray(_many("noise", 13, 13, 400, jnp.float32(0.5)))
    free = (~walls).mean((1, 2))
    assert free.min() >= 0.5
    # What is filled lies near a quarter of walls, at a few cells a layout.
    assert 0.7 < free.mean() < 0.75
    assert walls[:, :2, :2].reshape(400, 4)[:, 1:].any(axis=0).all()


@pytest.mark.parametrize(("height", "width"), [(3, 4), (13, 13)])
def test_blocks_are_rectangles_a_cell_apart(height, width):
    drawn = np.asarray(_many("blocks", height, width, 100, jnp.float32(0.5)))
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
        drawn = np.asarray(_many("rooms", size, size, 50, jnp.float32(loops)))
        lines = 2 * (per_side - 1) * size - (per_side - 1) ** 2
        assert (drawn.sum((1, 2)) == lines - doors).all()
    if size > 3:
        assert len(np.unique(drawn, axis=0)) > 40  # of 50: walls and doors stand at drawn places


def open_grounds(height: int, width: int) -> np.ndarray:
    """Every layout bool[n, H, W] of open ground, by its definition."""
    sizes = [
        (rows, columns)
        for rows in range(height + 1)
        for columns in range(width + 1)
        if 2 * rows >= height and 2 * columns >= width and 3 * rows * columns >= height * width
    ]
    rows, columns = np.array(sizes).T[:, :, None, None]
    return (np.arange(height)[:, None] >= rows) | (np.arange(width) >= columns)


@pytest.mark.parametrize(("height", "width"), [(7, 7), (6, 9)])
def test_open_ground_has_every_size_from_half_the_sides_and_a_third_of_the_area(height, width):
    drawn = np.asarray(_many("open", height, width, 2000, jnp.float32(0.5)))
    expected = open_grounds(height, width)
    assert {walls.tobytes() for walls in drawn} == {walls.tobytes() for walls in expected}
    got = jax.vmap(layouts.layout_bucket)(jnp.asarray(expected))
    np.testing.assert_array_equal(got, buckets_of(expected))


def test_every_split_has_open_ground_of_all_sizes_that_pass_the_check():
    short, long = layouts.SMALLEST["open"]
    for height in range(short, 24):
        for width in range(long, 24):
            buckets = buckets_of(open_grounds(height, width))
            assert {2, 3} < set(buckets), (height, width)
    assert not {2, 3} <= set(buckets_of(open_grounds(5, 6)))  # why 5 rows are refused


@pytest.mark.parametrize("loops", [0.0, 0.95])
def test_mazes_and_rooms_of_3x3_are_too_few(loops):
    for layout in ("tree", "loops", "rooms"):
        drawn = np.asarray(_many(layout, 3, 3, 500, jnp.float32(loops)))
        assert len(np.unique(drawn, axis=0)) <= 5
        assert 2 not in buckets_of(drawn)  # none is held out


@pytest.mark.parametrize("layout", list(layouts.LAYOUTS))
@pytest.mark.parametrize("loops", [0.0, 0.95])
def test_splits_share_no_layout_even_at_the_smallest_size(layout, loops):
    height, width = layouts.SMALLEST.get(layout, layouts.SMALLEST_OF_MOST)
    layouts.check_layout(layout, height, width, loops)
    drawn = _splits(layout, height, width, jnp.float32(loops))
    owned = {"train": {0, 1}, "held-out": {2}, "target": {3}}
    for split, walls in drawn.items():
        assert set(buckets_of(np.asarray(walls))) <= owned[split]


@partial(jax.jit, static_argnums=(0, 1, 2))
def _splits(layout, height, width, loops):
    keys = jax.random.split(jax.random.key(2), 64)
    return {
        split: jax.lax.map(
            lambda key, split=split: layouts.walls(key, split, layout, height, width, loops), keys
        )
        for split in SPLITS
    }


def test_a_generator_of_one_layout_does_not_draw_for_ever():
    walls = jnp.zeros((5, 5), bool)
    for split in SPLITS:
        got = layouts.draw(jax.random.key(0), split, lambda key: walls)
        np.testing.assert_array_equal(got, walls)


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
