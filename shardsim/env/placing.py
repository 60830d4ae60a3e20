"""Where the things of a level lie, drawn inside jit: what env families share.

Everything is pure and batches under vmap. Axis letters as in `shardsim.env.types`; K cells asked
for; a cell is (row, column), a mask bool[H, W], a distance a number of moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.grid import NEIGHBOURS, path_distance, random_cell
from shardsim.env.types import Level

if TYPE_CHECKING:
    from shardsim.env.core import Env

Things = tuple[jax.Array, jax.Array]  # int32[K, 2] cells and bool[K], which of them are there


def build(env: Env, walls: jax.Array, things: Mapping[str, Things], weights) -> Level:
    """Make a level out of walls bool[H, W] and the instances of every concept by name.

    Fewer instances than the axis M holds are filled up with absent ones at cell (0, 0).
    """
    most = max(concept.instances for concept in env.concepts)
    cells, there = [], []
    for concept in env.concepts:
        position, present = things[concept.name]
        spare = most - position.shape[0]
        cells.append(jnp.pad(position.astype(jnp.int32), ((0, spare), (0, 0))))
        there.append(jnp.pad(present, (0, spare)))
    return Level(
        walls=walls,
        position=jnp.stack(cells),
        present=jnp.stack(there),
        reward_weights=jnp.asarray(weights, jnp.float32),
    )


def one(cell: jax.Array, present: jax.Array | bool = True) -> Things:
    """Return a cell int32[2] as the single instance of a concept."""
    return cell[None], jnp.asarray(present, bool)[None]


def scattered(key: jax.Array, mask: jax.Array, count: int) -> Things:
    """Draw `count` different cells of a mask; those that it is too small for are not there.

    One cell of the mask at least stays free, for an episode to start on.
    """
    noise = jnp.where(
        mask.reshape(-1), jax.random.uniform(key, (mask.size,), dtype=jnp.float32), -1.0
    )
    chosen = jnp.argsort(-noise)[:count].astype(jnp.int32)
    cells = jnp.stack([chosen // mask.shape[1], chosen % mask.shape[1]], axis=-1)
    return cells, jnp.arange(count) < jnp.sum(mask, dtype=jnp.int32) - 1


def without(mask: jax.Array, *cells: jax.Array) -> jax.Array:
    """Return a mask without some cells int32[2]."""
    for cell in cells:
        mask = mask.at[cell[0], cell[1]].set(False)
    return mask


def moves_from(walls: jax.Array, cell: jax.Array) -> jax.Array:
    """Return int32[H, W]: moves to every cell from one; H*W where there is no way."""
    return path_distance(walls, jnp.zeros_like(walls).at[cell[0], cell[1]].set(True))


def within(distance: jax.Array, mask: jax.Array, low, high) -> jax.Array:
    """Return the cells of a mask whose distance int32[H, W] lies in low..high.

    Where there is none, those whose distance comes nearest to that range: never an empty mask,
    unless `mask` is.
    """
    off = jnp.maximum(jnp.maximum(low - distance, distance - high), 0)
    off = jnp.where(mask, off, distance.size + 1)
    return mask & (off == jnp.min(off))


def far_cell(key: jax.Array, walls: jax.Array) -> jax.Array:
    """Draw a cell int32[2] far from much of the level: a farthest one from a random cell."""
    first, second = jax.random.split(key)
    distance = moves_from(walls, random_cell(first, ~walls))
    return random_cell(second, within(distance, ~walls, walls.size, walls.size))


def on_the_way(walls: jax.Array, start: jax.Array, end: jax.Array) -> jax.Array:
    """Return the cells on some shortest path between two cells, without the two."""
    there, back = moves_from(walls, start), moves_from(walls, end)
    return without(~walls & (there + back == there[end[0], end[1]]), start, end)


def next_cells(walls: jax.Array, goal: jax.Array) -> jax.Array:
    """Return int32[H * W]: the next cell on a shortest path from every cell to `goal` int32[2].

    Of several, the first of north, east, south, west; the goal, walls and cells without a way lead
    to themselves.
    """
    height, width = walls.shape
    distance = moves_from(walls, goal)
    cells = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1)
    there = cells[:, :, None] + NEIGHBOURS
    inside = np.all((there >= 0) & (there < np.array([height, width])), axis=-1)
    row, column = np.clip(there[..., 0], 0, height - 1), np.clip(there[..., 1], 0, width - 1)
    onward = jnp.where(inside & ~walls[row, column], distance[row, column], distance.size)
    best = jnp.argmin(onward, axis=-1)
    target = jnp.take_along_axis(jnp.asarray(row * width + column), best[..., None], axis=-1)
    nearer = jnp.min(onward, axis=-1) < distance
    own = jnp.arange(height * width, dtype=jnp.int32).reshape(height, width)
    return jnp.where(nearer & ~walls, target[..., 0].astype(jnp.int32), own).reshape(-1)


def bits(number: jax.Array, count: int) -> jax.Array:
    """Return bool[count]: the bits of a state field int32[], lowest first."""
    return (number >> jnp.arange(count, dtype=jnp.int32)) % 2 == 1


def number(flags: jax.Array) -> jax.Array:
    """Return int32[]: bool[count] as one number, lowest bit first."""
    held = flags.astype(jnp.int32) << jnp.arange(flags.shape[0], dtype=jnp.int32)
    return jnp.sum(held, dtype=jnp.int32)


def check_between(name: str, value: float, low: float, high: float | None = None) -> None:
    """Raise UserError unless a parameter of an env lies in low..high."""
    if high is None and value < low:
        raise UserError(f"{name} must be at least {low}, not {value}")
    if high is not None and not low <= value <= high:
        raise UserError(f"{name} must lie in {low}..{high}, not {value}")
