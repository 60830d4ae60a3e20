"""thirst: water pays the thirsty, food the others. A test world with a drive."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp

from shardsim.env import Concept, Env, Level, State, Transition, layouts
from shardsim.env.grid import grid_move, random_cell
from shardsim.env.types import Split


@dataclasses.dataclass(frozen=True)
class Thirst(Env):
    """Go to and fro between food and water.

    Rewards: `water`, 1 when drinking while thirsty; `food`, 1 when eating while not.
    Starting state: any free cell without an object, thirsty or not.
    Episode end: truncated after `max_steps`, never terminated.
    """

    name: ClassVar[str] = "thirst"
    rewards: ClassVar[tuple[str, ...]] = ("water", "food")
    concepts: ClassVar[tuple[Concept, ...]] = (Concept("water"), Concept("food"))

    height: int = 3
    width: int = 5
    max_steps: int = 16

    @property
    def state_fields(self) -> Mapping[str, int]:
        """Where the agent is, and its drive."""
        return {"cell": self.height * self.width, "thirsty": 2}

    def sample_level(self, key: jax.Array, split: Split) -> Level:
        """Draw a maze and two cells."""
        wall_key, water_key, food_key = jax.random.split(key, 3)
        walls = layouts.draw(
            wall_key, split, lambda key: layouts.maze(key, self.height, self.width, 0.5)
        )
        water = random_cell(water_key, ~walls)
        food = random_cell(food_key, (~walls).at[water[0], water[1]].set(False))
        return Level(
            walls=walls,
            position=jnp.stack([water, food])[:, None],
            present=jnp.ones((2, 1), bool),
            reward_weights=jnp.ones(2, jnp.float32),
        )

    def start_probability(self, level: Level) -> jax.Array:
        """Be thirsty or not with equal chance."""
        cells = self.start_mask(level).reshape(-1).astype(jnp.float32)
        return jnp.repeat(cells / jnp.sum(cells) / 2, 2, total_repeat_length=self.num_states)

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Move; drinking quenches thirst, eating brings it."""
        moved = state.replace(cell=grid_move(state.level.walls, state.cell, action))
        at_water, at_food = self.at_goal(moved)
        drunk = at_water & (moved.thirsty == 1)
        eaten = at_food & (moved.thirsty == 0)
        thirsty = jnp.where(drunk, 0, jnp.where(eaten, 1, moved.thirsty)).astype(jnp.int32)
        rewards = jnp.stack([drunk, eaten]).astype(jnp.float32)
        return Transition(moved.replace(thirsty=thirsty), rewards, jnp.bool_(False))
