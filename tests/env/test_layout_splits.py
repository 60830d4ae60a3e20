"""Every split has layouts of its own, of every kind and size."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env import layouts
from shardsim.env.levels import sample_levels
from shardsim.env.types import SPLITS
from tests.env.drawn_layouts import buckets_of, digest_of, many, mapped, open_grounds
from tests.env.flood import flood

pytestmark = pytest.mark.slow


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
    walls = mapped(lambda key: layouts.walls(key, split, "loops", 7, 7, 0.5), keys)
    assert digest_of(walls) == digest


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
        drawn = np.asarray(many(layout, 3, 3, 500, jnp.float32(loops)))
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
