"""Layouts that envs share, drawn inside jit, with splits that never share one.

Rooms lie on even cells, so mazes need odd heights and widths and have no outer wall: cell (0, 0)
is always free. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.types import Split

SPLIT_BUCKETS: dict[str, tuple[int, ...]] = {"train": (0, 1), "held-out": (2,), "target": (3,)}
NEIGHBOURS = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])


def draw(key: jax.Array, split: Split, generate: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """Draw walls bool[H, W] from `generate(key)` until they belong to the split.

    Half of all layouts are for training and a quarter for each of the others, by their hash.
    """
    buckets = jnp.array(SPLIT_BUCKETS[split], jnp.uint32)
    shape = jax.eval_shape(generate, key)
    nothing = jnp.ones(shape.shape, shape.dtype)

    def outside(carry):
        _, walls, tries = carry
        return (tries == 0) | ~jnp.any(layout_bucket(walls) == buckets)

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


def maze(key: jax.Array, height: int, width: int, loop_probability: float | jax.Array) -> jax.Array:
    """Return walls bool[H, W] of a depth-first maze with some walls opened to make loops."""
    check_odd(height, width)
    rows, columns = (height + 1) // 2, (width + 1) // 2
    # One draw for everything: each batched call of the generator costs a quarter of a second of
    # compilation on a CPU, more than the rest of the maze.
    tree_noise, loop_noise = jnp.split(
        jax.random.uniform(key, (10 * rows * columns + 1,)), [8 * rows * columns + 1]
    )
    opened = depth_first_tree(tree_noise, rows, columns) | (loop_noise < loop_probability)
    opened = opened.reshape(2, rows, columns)
    walls = jnp.ones((height, width), bool).at[::2, ::2].set(False)
    walls = walls.at[::2, 1::2].set(~opened[0, :, : columns - 1])
    return walls.at[1::2, ::2].set(~opened[1, : rows - 1, :])


def depth_first_tree(noise: jax.Array, rows: int, columns: int) -> jax.Array:
    """Return bool[2 * rows * columns]: passages to the east, then to the south, of each room.

    Randomised depth-first search with an explicit stack: one push or pop at each of 2n steps.
    `noise` is float32[8n + 1], uniform on [0, 1): four numbers a step and one for the first room.
    """
    count = rows * columns
    first = jnp.minimum(noise[-1] * count, count - 1).astype(jnp.int32)
    noise = noise[:-1].reshape(2 * count, 4)
    moves = jnp.asarray(NEIGHBOURS, jnp.int32)

    def step(index, carry):
        visited, opened, stack, depth = carry
        room = stack[depth]
        cell = jnp.stack([room // columns, room % columns]) + moves
        inside = jnp.all((cell >= 0) & (cell < jnp.array([rows, columns])), axis=1)
        beside = jnp.where(inside, cell[:, 0] * columns + cell[:, 1], room)
        fresh = inside & ~visited[beside]
        go = jnp.any(fresh)
        chosen = jnp.argmax(jnp.where(fresh, noise[index], -1.0))
        target = beside[chosen]
        south = (chosen % 2 == 0).astype(jnp.int32)
        opened = opened.at[south * count + jnp.minimum(room, target)].max(go)
        depth = jnp.where(go, depth + 1, jnp.maximum(depth - 1, 0))
        stack = stack.at[depth].set(jnp.where(go, target, stack[depth]))
        return visited.at[target].max(go), opened, stack, depth

    visited = jnp.zeros(count, bool).at[first].set(True)
    stack = jnp.zeros(count, jnp.int32).at[0].set(first)
    carry = (visited, jnp.zeros(2 * count, bool), stack, jnp.int32(0))
    return jax.lax.fori_loop(0, 2 * count, step, carry)[1]


def path_distance(walls: jax.Array, source: jax.Array) -> jax.Array:
    """Return int32[H, W]: moves from the nearest cell of bool[H, W] `source` (H*W if none)."""
    far = walls.size
    start = jnp.where(source, 0, far).astype(jnp.int32)

    def relax(carry):
        distance, _ = carry
        padded = jnp.pad(distance, 1, constant_values=far)
        beside = jnp.stack(
            [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
        )
        shorter = jnp.minimum(distance, jnp.min(beside, axis=0) + 1)
        shorter = jnp.where(walls, far, shorter)
        return shorter, jnp.any(shorter != distance)

    return jax.lax.while_loop(lambda carry: carry[1], relax, (start, jnp.bool_(True)))[0]


def random_cell(key: jax.Array, mask: jax.Array) -> jax.Array:
    """Return int32[2]: a cell drawn uniformly from bool[H, W] `mask`."""
    noise = jax.random.uniform(key, (mask.size,))
    index = jnp.argmax(jnp.where(mask.reshape(-1), noise, -1.0)).astype(jnp.int32)
    return jnp.stack([index // mask.shape[1], index % mask.shape[1]])


def grid_move(walls: jax.Array, cell: jax.Array, action: jax.Array) -> jax.Array:
    """Return the cell int32[] after a move north, east, south or west; walls and edges stop it."""
    height, width = walls.shape
    here = jnp.stack([cell // width, cell % width])
    there = here + jnp.asarray(NEIGHBOURS, jnp.int32)[action]
    inside = jnp.all((there >= 0) & (there < jnp.array([height, width])))
    clipped = jnp.clip(there, 0, jnp.array([height - 1, width - 1]))
    free = inside & ~walls[clipped[0], clipped[1]]
    return jnp.where(free, clipped[0] * width + clipped[1], cell).astype(jnp.int32)


def check_odd(height: int, width: int) -> None:
    """Raise UserError unless a maze can have this size."""
    odd = height % 2 == 1 and width % 2 == 1
    # The few mazes of 3x3 do not fill all splits: drawing one for a split without any never ends.
    if not odd or min(height, width) < 3 or max(height, width) < 5:
        raise UserError(f"a maze needs odd sizes, 3x5 or more, not {height}x{width}")
