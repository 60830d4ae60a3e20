"""The planes of an observation, written in one pass.

Stacking a mask for each concept on the last axis costs a CPU several times as much as writing the
few cells that are not 0 into planes that hold the walls and the drives already.
Axis letters as in `shardsim.env.types`; C planes: agent, walls, concepts, drives; D drives.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np


def stack(
    agent: jax.Array,
    walls: jax.Array,
    position: jax.Array,
    present: jax.Array,
    drives: Sequence[jax.Array],
) -> jax.Array:
    """Return float32[H, W, C] of the agent's cell int32[] (row * width + column), walls bool[H, W],
    the concepts' position int32[O, M, 2] and present bool[O, M], and D drives float32[].
    """
    concepts, instances = present.shape
    first = 2  # the first concept's plane
    constant = [jnp.zeros(first + concepts, jnp.float32), *(jnp.float32(x)[None] for x in drives)]
    levels = jnp.concatenate(constant)
    is_wall = np.arange(levels.size) == 1
    planes = jnp.where(is_wall, walls.reshape(-1, 1).astype(jnp.float32), levels)
    cells = position[..., 0] * walls.shape[1] + position[..., 1]
    cells = jnp.where(present, cells, walls.size).reshape(-1)  # outside: dropped
    channels = np.repeat(np.arange(first, first + concepts), instances)
    where = jnp.append(cells, agent), np.append(channels, 0)
    return planes.at[where].set(1.0, mode="drop").reshape(*walls.shape, -1)
