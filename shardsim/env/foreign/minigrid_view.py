"""How MiniGrid encodes what is seen: the whole grid, and the agent's own 7x7 view.

Both are object, colour and state of each cell, over their greatest values. MiniGrid indexes
[column, row]; here rows come first. Axis letters as in `shardsim.env.types`; V side of the view.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.foreign.world import ForeignWorld, own
from shardsim.env.types import State

OBJECTS = {
    "unseen": 0,
    "empty": 1,
    "wall": 2,
    "floor": 3,
    "door": 4,
    "key": 5,
    "ball": 6,
    "box": 7,
    "goal": 8,
    "lava": 9,
    "agent": 10,
}
WALL = (OBJECTS["wall"], 5, 0)
EMPTY = (OBJECTS["empty"], 0, 0)
GREATEST = np.array([10, 5, 3], np.float32)
SIZE = 7
VECTORS = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)], np.int32)  # rows, columns of directions


def front_of(env: ForeignWorld, state: State) -> tuple[jax.Array, jax.Array]:
    """Return the cell int32[] before the agent, clipped, and whether it lies in the grid."""
    row, column = env.agent_cell(state)
    there = jnp.stack([row, column]) + jnp.asarray(VECTORS)[state.direction]
    size = jnp.array([env.height, env.width], jnp.int32)
    clipped = jnp.clip(there, 0, size - 1)
    cell = clipped[0] * env.width + clipped[1]
    return cell.astype(jnp.int32), jnp.all(there == clipped)


def encoded(env: ForeignWorld, state: State) -> jax.Array:
    """Return int32[H, W, 3]: the grid without the agent, as `Grid.encode` gives it."""
    walls = state.level.walls[..., None]
    grid = jnp.where(walls, jnp.array(WALL, jnp.int32), jnp.array(EMPTY, jnp.int32))
    objects = len(env.objects)  # which stand before the places
    there = env.present(state)[:objects]
    kinds = np.array([OBJECTS[name] for name in env.objects], np.int32)[:, None]
    stands = jnp.zeros(there.shape, jnp.int32)
    for number, slot in enumerate(env.doors):
        stands = stands.at[slot].set(env.door(state, number))
    codes = [
        jnp.broadcast_to(jnp.asarray(kinds), there.shape),
        own(state.level).colour[:objects],
        stands,
    ]
    position = state.level.position[:objects]
    row = jnp.where(there, position[..., 0], env.height)  # outside: dropped
    return grid.at[row, position[..., 1]].set(jnp.stack(codes, axis=-1), mode="drop")


def full(env: ForeignWorld, state: State) -> jax.Array:
    """Return float32[H, W, 3] as `FullyObsWrapper` shows it: with the agent and its direction."""
    row, column = env.agent_cell(state)
    agent = jnp.stack([jnp.int32(OBJECTS["agent"]), jnp.int32(0), state.direction])
    grid = encoded(env, state).at[row, column].set(agent.astype(jnp.int32))
    return grid.astype(jnp.float32) / GREATEST


def egocentric(env: ForeignWorld, state: State, see_through: bool) -> jax.Array:
    """Return float32[V, V, 3]: what the agent sees, itself at the bottom in the middle."""
    window = _window(env, state)
    carried = jnp.array(EMPTY, jnp.int32)
    for number, (index, instance) in enumerate(env.carriable):
        kind = OBJECTS[env.concept_names[index]]
        code = jnp.stack(
            [jnp.int32(kind), own(state.level).colour[index, instance], jnp.int32(0)]
        ).astype(jnp.int32)
        carried = jnp.where(state.carrying == number + 1, code, carried)
    seen = jnp.ones((SIZE, SIZE), bool) if see_through else visible(window)
    window = window.at[SIZE - 1, SIZE // 2].set(carried)
    return jnp.where(seen[..., None], window, 0).astype(jnp.float32) / GREATEST


def _window(env: ForeignWorld, state: State) -> jax.Array:
    """Return int32[V, V, 3]: the cells before the agent, wall where there are none."""
    row, column = env.agent_cell(state)
    forward = jnp.asarray(VECTORS)[state.direction]
    right = jnp.asarray(VECTORS)[(state.direction + 1) % 4]
    ahead = jnp.arange(SIZE - 1, -1, -1, dtype=jnp.int32)[:, None, None]
    aside = jnp.arange(SIZE, dtype=jnp.int32)[None, :, None] - SIZE // 2
    cell = jnp.stack([row, column]) + forward * ahead + right * aside
    size = jnp.array([env.height, env.width], jnp.int32)
    inside = jnp.all((cell >= 0) & (cell < size), axis=-1)
    cell = jnp.clip(cell, 0, size - 1)
    grid = encoded(env, state)[cell[..., 0], cell[..., 1]]
    return jnp.where(inside[..., None], grid, jnp.array(WALL, jnp.int32))


def visible(window: jax.Array) -> jax.Array:
    """Return bool[V, V]: the cells of int32[V, V, 3] that light reaches, as `Grid.process_vis`.

    Row by row away from the agent, each spreading its light sideways and on to the next row.
    """
    kind, stands = window[..., 0], window[..., 2]
    opaque = (kind == OBJECTS["wall"]) | ((kind == OBJECTS["door"]) & (stands != 0))

    def spread(arriving: jax.Array, clear: jax.Array) -> tuple[jax.Array, jax.Array]:
        lit = list(arriving)
        onward = [jnp.bool_(False)] * SIZE
        for side, columns in ((1, range(SIZE - 1)), (-1, range(SIZE - 1, 0, -1))):
            for column in columns:
                shines = lit[column] & clear[column]
                for beyond in (column, column + side):
                    onward[beyond] |= shines
                lit[column + side] |= shines
        return jnp.stack(onward), jnp.stack(lit)

    begin = jnp.zeros(SIZE, bool).at[SIZE // 2].set(True)
    return jax.lax.scan(spread, begin, ~opaque, reverse=True)[1]
