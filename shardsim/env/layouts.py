"""Layouts that envs share, drawn inside jit, with splits that never share one.

In every layout cell (0, 0) is free, all free cells are connected, and they are a third of the grid
or more. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.env import fields
from shardsim.env.mazes import maze, rooms
from shardsim.env.types import Split

SPLIT_BUCKETS: dict[str, tuple[int, ...]] = {"train": (0, 1), "held-out": (2,), "target": (3,)}
# Of all sizes that check_layout lets pass, mazes of 3x5 with the most loops need the most: one draw
# in 2600 is a target layout. Missing all of these tries then has a chance of 1 in 300,000.
MOST_TRIES = 2**15
# Shorter and longer side from which on every split has layouts. Of 3x3 there are too few; of open
# ground in five rows or columns there are at most a dozen, and at some sizes a split has none.
SMALLEST_OF_MOST = (3, 4)
SMALLEST = {"open": (6, 6)}

# Each takes (key, height, width, loop_probability) and returns walls bool[H, W].
LAYOUTS: dict[str, Callable[..., jax.Array]] = {
    "tree": lambda key, height, width, _: maze(key, height, width, 0.0),
    "loops": maze,
    "noise": lambda key, height, width, _: fields.noise(key, height, width),
    "blocks": lambda key, height, width, _: fields.blocks(key, height, width),
    "rooms": rooms,
    "open": lambda key, height, width, _: fields.open_ground(key, height, width),
}


def walls(
    key: jax.Array,
    split: Split,
    layout: str,
    height: int,
    width: int,
    loop_probability: float | jax.Array,
) -> jax.Array:
    """Return walls bool[H, W] of a layout by name, one that belongs to the split."""
    generate = LAYOUTS[layout]
    return draw(key, split, lambda key: generate(key, height, width, loop_probability))


def draw(key: jax.Array, split: Split, generate: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """Draw walls bool[H, W] from `generate(key)` until they belong to the split.

    Half of all layouts are for training and a quarter for each of the others, by their hash.
    Where a split has no layouts, gives up and returns another's, which `check` then reports.
    """
    buckets = jnp.array(SPLIT_BUCKETS[split], jnp.uint32)
    shape = jax.eval_shape(generate, key)
    nothing = jnp.ones(shape.shape, shape.dtype)

    def outside(carry):
        _, walls, tries = carry
        found = jnp.any(layout_bucket(walls) == buckets)
        return (tries == 0) | (~found & (tries < MOST_TRIES))

    def again(carry):
        key, _, tries = carry
        key, draw_key = jax.random.split(key)
        return key, generate(draw_key), tries + 1

    return jax.lax.while_loop(outside, again, (key, nothing, jnp.int32(0)))[1]


def layout_bucket(walls: jax.Array) -> jax.Array:
    """Return uint32[] in 0..3: a hash of walls bool[H, W] that fixes the split of a layout."""
    bits = walls.reshape(-1).astype(jnp.uint32)
    odd = np.random.default_rng(20_230_511).integers(1, 2**31, bits.shape[0], np.uint32) * 2 + 1
    mixed = jnp.sum(bits * jnp.asarray(odd, jnp.uint32), dtype=jnp.uint32)
    mixed = (mixed ^ (mixed >> 15)) * jnp.uint32(0x2C1B3C6D)
    return (mixed ^ (mixed >> 13)) >> 30


def check_layout(layout: str, height: int, width: int, loop_probability: float) -> None:
    """Raise UserError unless all splits have layouts of this kind and size."""
    if layout not in LAYOUTS:
        raise UserError(f"there is no layout {layout!r}; {did_you_mean(layout, LAYOUTS)}")
    short, long = SMALLEST.get(layout, SMALLEST_OF_MOST)
    if min(height, width) < short or max(height, width) < long:
        raise UserError(
            f"layout {layout!r} needs sizes of {short}x{long} or more, not {height}x{width}"
        )
    # With every wall open there is one layout only, and the other splits would have none.
    if not 0 <= loop_probability <= 0.95:
        raise UserError(f"loop_probability must lie in 0..0.95, not {loop_probability}")
