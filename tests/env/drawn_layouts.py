"""Layouts drawn in batches."""

from __future__ import annotations

import hashlib
from functools import partial

import jax
import numpy as np

from shardsim.env import layouts

mapped = jax.jit(jax.lax.map, static_argnums=0)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def many(layout, height, width, count, loops):
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


def digest_of(walls: jax.Array) -> str:
    return hashlib.sha256(np.packbits(np.asarray(walls)).tobytes()).hexdigest()[:16]


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
