"""Mazes and rooms: spaces joined by the passages of a random tree, and more of them for loops.

Axis letters as in `shardsim.env.types`; n = rows * columns spaces to be joined.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from shardsim.env.grid import NEIGHBOURS, between

ALCOVES = 0.5  # chance of one beside each room that borders on the spare row or column


def maze(key: jax.Array, height: int, width: int, loop_probability: float | jax.Array) -> jax.Array:
    """Return walls bool[H, W] of a depth-first maze with some walls opened to make loops.

    Rooms lie on even cells and there is no outer wall, so cell (0, 0) is always free. The last row
    of an even height holds no rooms but alcoves, dead ends one cell deep; likewise the last column.
    """
    rows, columns = (height + 1) // 2, (width + 1) // 2
    count, spare = rows * columns, (columns * (height % 2 == 0), rows * (width % 2 == 0))
    # One draw for everything: each batched call of the generator costs a quarter of a second of
    # compilation on a CPU, more than the rest of the maze.
    noise = jax.random.uniform(key, (10 * count + 1 + sum(spare),), dtype=jnp.float32)
    opened = passages(noise[: 10 * count + 1], rows, columns, loop_probability)
    alcoves = noise[10 * count + 1 :] < ALCOVES
    walls = jnp.ones((height, width), bool).at[::2, ::2].set(False)
    walls = walls.at[::2, 1 : 2 * columns - 2 : 2].set(~opened[0, :, : columns - 1])
    walls = walls.at[1 : 2 * rows - 2 : 2, ::2].set(~opened[1, : rows - 1, :])
    if spare[0]:
        walls = walls.at[height - 1, ::2].set(~alcoves[: spare[0]])
    if spare[1]:
        walls = walls.at[::2, width - 1].set(~alcoves[spare[0] :])
    return walls


def rooms(
    key: jax.Array, height: int, width: int, loop_probability: float | jax.Array
) -> jax.Array:
    """Return walls bool[H, W] of a grid of rooms of drawn sizes, joined by doors at drawn places.

    A tree of doors joins all rooms; each other pair of neighbours has a door with
    `loop_probability`. A door is one cell wide.
    """
    (first_row, last_row), (first_column, last_column) = slots(height), slots(width)
    rows, columns = len(first_row) + 1, len(first_column) + 1
    count = rows * columns
    tree_noise, place_noise, wall_noise = jnp.split(
        jax.random.uniform(key, (12 * count + 1 + rows + columns - 2,), dtype=jnp.float32),
        [10 * count + 1, 12 * count + 1],
    )
    row_walls = between(wall_noise[: rows - 1], first_row, last_row)
    column_walls = between(wall_noise[rows - 1 :], first_column, last_column)
    opened = passages(tree_noise, rows, columns, loop_probability)
    place_noise = place_noise.reshape(2, rows, columns)
    walls = jnp.zeros((height, width), bool)
    walls = walls.at[row_walls].set(True).at[:, column_walls].set(True)
    door_row = between(place_noise[0].T, *spans(row_walls, height)).T[:, : columns - 1]
    walls = walls.at[door_row, column_walls].set(~opened[0, :, : columns - 1])
    door_column = between(place_noise[1], *spans(column_walls, width))[: rows - 1]
    return walls.at[row_walls[:, None], door_column].set(~opened[1, : rows - 1])


def slots(length: int) -> tuple[list[int], list[int]]:
    """Return the first and last cells where each wall between rooms along a side may stand.

    Two rooms a side, and more once each, with its wall, has four cells; one if two would not fit.
    Slots lie two cells apart or more, so no room vanishes.
    """
    number = max(2, (length + 1) // 4) if length >= 3 else 1
    middle = [(length + 1) * index // number - 1 for index in range(1, number)]
    return [max(1, cell - 1) for cell in middle], [min(length - 2, cell + 1) for cell in middle]


def spans(walls: jax.Array, length: int) -> tuple[jax.Array, jax.Array]:
    """Return int32[n + 1] twice: first and last cells of the rooms between n walls."""
    edge = jnp.full(1, length, jnp.int32)
    return jnp.concatenate([-edge // length, walls]) + 1, jnp.concatenate([walls, edge]) - 1


def passages(
    noise: jax.Array, rows: int, columns: int, loop_probability: float | jax.Array
) -> jax.Array:
    """Return bool[2, rows, columns]: which spaces are open to the east, then to the south.

    A depth-first tree, and every other passage with `loop_probability`. `noise` is
    float32[10n + 1]. Entries off the grid mean nothing.
    """
    tree_noise, loop_noise = jnp.split(noise, [8 * rows * columns + 1])
    opened = depth_first_tree(tree_noise, rows, columns) | (loop_noise < loop_probability)
    return opened.reshape(2, rows, columns)


def depth_first_tree(noise: jax.Array, rows: int, columns: int) -> jax.Array:
    """Return bool[2n]: passages to the east, then to the south, of each room.

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
