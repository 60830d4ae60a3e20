"""Layouts that are no mazes: scattered walls, solid blocks, and open ground of drawn sizes.

Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from shardsim.env.grid import between, reachable

DENSITY = 0.25  # of the scattered walls, before what they cut off is walled in as well


def noise(key: jax.Array, height: int, width: int) -> jax.Array:
    """Return walls bool[H, W], each drawn by itself, with all that (0, 0) cannot reach walled in.

    Drawn again while less than half of the grid is left.
    """
    corner = jnp.zeros((height, width), bool).at[0, 0].set(True)

    def too_few(carry):
        return 2 * jnp.sum(~carry[1], dtype=jnp.int32) < height * width

    def again(carry):
        key, draw_key = jax.random.split(carry[0])
        walls = (
            jax.random.uniform(draw_key, (height, width), dtype=jnp.float32) < DENSITY
        ) & ~corner
        return key, ~reachable(walls, corner)

    return jax.lax.while_loop(too_few, again, (key, jnp.ones((height, width), bool)))[1]


def blocks(key: jax.Array, height: int, width: int) -> jax.Array:
    """Return walls bool[H, W] of rectangles up to a third of the grid a side, at most half of it.

    Blocks keep a cell apart, also at their corners, and none spans the grid, so that they can cut
    nothing off. One that would break this, or cover (0, 0), is left out.
    """
    tries = 2 + height * width // 16
    size_noise, place_noise = jax.random.uniform(key, (2, tries, 2), dtype=jnp.float32)
    most = jnp.array([max(1, height // 3), max(1, width // 3)])
    size = between(size_noise, 1, most)
    first = between(place_noise, 0, jnp.array([height, width]) - size)
    row, column = jnp.arange(height)[:, None], jnp.arange(width)

    def put(index, walls):
        (top, left), (bottom, right) = first[index], first[index] + size[index]
        block = (row >= top) & (row < bottom) & (column >= left) & (column < right)
        around = (row >= top - 1) & (row <= bottom) & (column >= left - 1) & (column <= right)
        fits = ~jnp.any(around & walls) & ~block[0, 0]
        fits &= 2 * jnp.sum(walls | block, dtype=jnp.int32) <= height * width
        return walls | (block & fits)

    return jax.lax.fori_loop(0, tries, put, jnp.zeros((height, width), bool))


def open_ground(key: jax.Array, height: int, width: int) -> jax.Array:
    """Return walls bool[H, W] around a free rectangle at (0, 0).

    Each of its sides is at least half of the grid's, and its area at least a third.
    """
    row_noise, column_noise = jax.random.uniform(key, (2,), dtype=jnp.float32)
    rows = between(row_noise, (height + 1) // 2, height)
    third = -(-height * width // (3 * rows))  # rounded up
    columns = between(column_noise, jnp.maximum((width + 1) // 2, third), width)
    return (jnp.arange(height)[:, None] >= rows) | (jnp.arange(width) >= columns)
