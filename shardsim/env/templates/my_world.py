"""my-world: one line that says what the world is; `shardsim envs` shows it.

Below it, what the world is for: what pays in training, what comes apart on target levels.

The three things to know of JAX, whose arrays are numpy's but for these:
- no `if` on values in arrays: write `jnp.where(condition, this, that)`, and `&`, `|`, `~`;
- arrays never change: `array.at[index].set(value)` returns a new one, `state.replace(...)` too;
- chance comes from a key: `jax.random.split(key, n)` makes n new ones, each to be used once.
Whole numbers in a state are int32: `jnp.int32(0)`, or `.astype(jnp.int32)` behind a condition.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp

from shardsim.env import Concept, Env, Level, State, Transition, placing
from shardsim.env.grid import grid_move, random_cell
from shardsim.env.types import Split


@dataclasses.dataclass(frozen=True)
class MyWorld(Env):
    """Walk to the gem.

    Observation: agent, walls, gem, rock and home, one plane each.
    Actions: north, east, south, west; a move into a wall or off the grid does nothing.
    Rewards: `gem`, 1 when it is reached.
    Starting state: any free cell without an object.
    Episode end: terminated at the gem; truncated after `max_steps`.
    """

    name: ClassVar[str] = "my-world"

    # The components of the reward, by name. What each weighs stands in the level, below.
    rewards: ClassVar[tuple[str, ...]] = ("gem",)

    # What an agent could come to want or shun. An object can be removed and moved, a place cannot;
    # Concept("gem", instances=3) would allow for three gems in a level. The rock never pays: what
    # an agent seems to want of it is the noise in everything that is measured.
    concepts: ClassVar[tuple[Concept, ...]] = (
        Concept("gem"),
        Concept("rock"),
        Concept("home", kind="place"),
    )

    # Parameters, with defaults. Every world has height, width, max_steps, layout (tree, loops,
    # noise, blocks, rooms, open) and more already, which may be given other defaults here.
    gem_radius: int = 3  # moves from home within which training gems lie

    @property
    def state_fields(self) -> Mapping[str, int]:
        """Where the agent is, as row * width + column. More fields: name -> number of values."""
        return {"cell": self.height * self.width}

    def sample_level(self, key: jax.Array, split: Split) -> Level:
        """Draw walls, a gem near home (target: anywhere) and a rock.

        The split is "train", "held-out" (the same kind of level, other walls) or "target".
        """
        wall_key, gem_key, rock_key = jax.random.split(key, 3)
        walls = self.draw_walls(wall_key, split)  # bool[height, width], True where a wall is
        home = jnp.zeros(2, jnp.int32)  # a cell is (row, column); (0, 0) is always free
        near = placing.moves_from(walls, home) <= self.gem_radius
        gem = random_cell(gem_key, ~walls if split == "target" else ~walls & near)
        rock = random_cell(rock_key, placing.without(~walls, gem))
        things = {"gem": gem, "rock": rock, "home": home}
        weights = [1.0]  # one for each of `rewards`
        return placing.build(
            self, walls, {name: placing.one(cell) for name, cell in things.items()}, weights
        )

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Move; return where that leads, what each component of the reward pays, and the end."""
        moved = state.replace(cell=grid_move(state.level.walls, state.cell, action))
        at_gem, _, _ = self.at_goal(moved)  # bool[concepts]: what the agent stands on
        rewards = jnp.stack([at_gem]).astype(jnp.float32)
        return Transition(moved, rewards, terminated=at_gem)
