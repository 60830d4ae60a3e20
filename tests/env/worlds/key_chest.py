"""key-chest: a chest pays once the key is carried. A test world with an item."""

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
class KeyChest(Env):
    """Fetch the key, then open the chest.

    Rewards: `key`, 1 when it is taken, with weight 0.25; `chest`, 1 when it is opened.
    Episode end: terminated at the opened chest; truncated after `max_steps`.
    """

    name: ClassVar[str] = "key-chest"
    rewards: ClassVar[tuple[str, ...]] = ("key", "chest")
    concepts: ClassVar[tuple[Concept, ...]] = (
        Concept("key"),
        Concept("chest"),
        Concept("exit", kind="place"),
    )

    height: int = 5
    width: int = 5
    max_steps: int = 20

    @property
    def state_fields(self) -> Mapping[str, int]:
        """Where the agent is, and whether it carries the key."""
        return {"cell": self.height * self.width, "has_key": 2}

    def sample_level(self, key: jax.Array, split: Split) -> Level:
        """Draw a maze, and two cells for key and chest; the exit is the last corner."""
        wall_key, key_key, chest_key = jax.random.split(key, 3)
        walls = layouts.draw(
            wall_key, split, lambda key: layouts.maze(key, self.height, self.width, 0.3)
        )
        first = random_cell(key_key, ~walls)
        second = random_cell(chest_key, (~walls).at[first[0], first[1]].set(False))
        last = jnp.array([self.height - 1, self.width - 1], jnp.int32)
        return Level(
            walls=walls,
            position=jnp.stack([first, second, last])[:, None],
            present=jnp.ones((3, 1), bool),
            reward_weights=jnp.array([0.25, 1.0], jnp.float32),
        )

    def present(self, state: State) -> jax.Array:
        """Say that a key that is carried lies nowhere."""
        return state.level.present.at[0, 0].min(state.has_key == 0)

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Move, take the key that lies there, open the chest with a key."""
        moved = state.replace(cell=grid_move(state.level.walls, state.cell, action))
        at_key, at_chest, _ = self.at_goal(moved)
        opened = at_chest & (moved.has_key == 1)
        rewards = jnp.stack([at_key, opened]).astype(jnp.float32)
        taken = moved.replace(has_key=jnp.maximum(moved.has_key, at_key.astype(jnp.int32)))
        return Transition(taken, rewards, opened)
