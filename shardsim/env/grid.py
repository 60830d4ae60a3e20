"""What holds on every grid: steps, path lengths, and things drawn at random from given noise.

Axis letters as in `shardsim.env.types`. A wall is True, a free cell False.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

NEIGHBOURS = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])  # north, east, south, west


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


def reachable(walls: jax.Array, source: jax.Array) -> jax.Array:
    """Return bool[H, W]: free cells to which a way leads from bool[H, W] `source`.

    Where distances are not needed, this takes a quarter of the time of `path_distance`.
    """

    def spread(reached):
        padded = jnp.pad(reached, 1)
        beside = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
        return (reached | beside) & ~walls

    def again(carry):
        reached, _ = carry
        further = spread(spread(reached))
        return further, jnp.any(further != reached)

    start = (source & ~walls, jnp.bool_(True))
    return jax.lax.while_loop(lambda carry: carry[1], again, start)[0]


def random_cell(key: jax.Array, mask: jax.Array) -> jax.Array:
    """Return int32[2]: a cell drawn uniformly from bool[H, W] `mask`."""
    noise = jax.random.uniform(key, (mask.size,), dtype=jnp.float32)
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


def between(noise: jax.Array, low, high) -> jax.Array:
    """Return int32: noise uniform on [0, 1) as a whole number uniform on low..high, both in."""
    low, high = jnp.asarray(low, jnp.int32), jnp.asarray(high, jnp.int32)
    return low + (noise * (high - low + 1).astype(noise.dtype)).astype(jnp.int32)
