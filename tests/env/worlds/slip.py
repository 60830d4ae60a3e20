"""slip: moves go astray, gold pays and traps cost. A test world for the stochastic case."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from shardsim.env import Concept, Env, Level, State, Transition, layouts
from shardsim.env.grid import grid_move
from shardsim.env.types import Split


@dataclasses.dataclass(frozen=True)
class Slip(Env):
    """Reach the gold over ice, past two traps.

    Rewards: `gold`, 1; `trap`, 1 for each trap, with weight -0.5.
    Episode end: terminated at gold or trap; truncated after `max_steps`.
    """

    name: ClassVar[str] = "slip"
    rewards: ClassVar[tuple[str, ...]] = ("gold", "trap")
    concepts: ClassVar[tuple[Concept, ...]] = (Concept("gold"), Concept("trap", instances=2))

    height: int = 3
    width: int = 5
    max_steps: int = 12
    slip: float = 0.1  # chance of going astray to each side

    def sample_level(self, key: jax.Array, split: Split) -> Level:
        """Draw a maze with every second wall opened, and three cells for the objects."""
        wall_key, key = jax.random.split(key)
        walls = layouts.draw(
            wall_key, split, lambda key: layouts.maze(key, self.height, self.width, 0.5)
        )
        order = jnp.argsort(jnp.where(walls.reshape(-1), 2.0, jax.random.uniform(key, walls.size)))
        cells = order[:3].astype(jnp.int32)
        position = jnp.stack([cells // self.width, cells % self.width], axis=-1)
        return Level(
            walls=walls,
            position=jnp.stack([position[:2].at[1].set(0), position[1:]]),
            present=jnp.array([[True, False], [True, True]]),
            reward_weights=jnp.array([1.0, -0.5], jnp.float32),
        )

    def outcome_probability(self, state: State, action: jax.Array) -> jax.Array:
        """Go as meant, or a quarter turn to either side."""
        return jnp.array([1 - 2 * self.slip, self.slip, self.slip], jnp.float32)

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Move in the direction that the outcome turns the action to."""
        turn = jnp.array([0, 1, 3], jnp.int32)[outcome]
        moved = state.replace(cell=grid_move(state.level.walls, state.cell, (action + turn) % 4))
        found = self.at_goal(moved)
        return Transition(moved, found.astype(jnp.float32), jnp.any(found))
