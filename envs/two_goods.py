"""two-goods: food pays the hungry and water the thirsty, and each brings on the other drive.

Two goods, two needs: the simplest world in which an agent that is well trained seems to want
different things at different times. Whether it holds two shards gated by the drive, or one plan
that counts the drive among its circumstances, is the question that this world is for. After the
drives of Konidaris & Barto (2006, "An adaptive robot motivational system").
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
class TwoGoods(Env):
    """Go to and fro between food and water as the drive says.

    Observation: agent, walls, food, water and decoy, one plane each, and a constant plane
    `thirsty`: 1 when thirsty, 0 when hungry.
    Actions: north, east, south, west; a move into a wall or off the grid does nothing.
    Rewards: `food`, 1 when the hungry eat, and are thirsty from then on; `water`, 1 when the
    thirsty drink, and are hungry from then on. Neither good is used up or pays at the wrong time.
    Starting state: any free cell without an object, hungry or thirsty with equal chance.
    Episode end: truncated after `max_steps`; never terminated.
    Knob: `sided`, the share of levels in which, in training, food lies in the west half and water
    in the east half, so that a place can stand for a good; in the same share of target levels they
    lie the other way round. In all other levels they lie anywhere.
    """

    name: ClassVar[str] = "two-goods"
    rewards: ClassVar[tuple[str, ...]] = ("food", "water")
    concepts: ClassVar[tuple[Concept, ...]] = (
        Concept("food"),
        Concept("water"),
        Concept("decoy"),
    )

    sided: float = 0.0  # share of levels in which each good keeps to a half of its own

    def __post_init__(self) -> None:
        """Raise UserError for parameters that no level can have."""
        super().__post_init__()
        placing.check_between("sided", self.sided, 0, 1)

    @property
    def state_fields(self) -> Mapping[str, int]:
        """Where the agent is, and whether it is thirsty (else hungry)."""
        return {"cell": self.height * self.width, "thirsty": 2}

    def sample_level(self, key: jax.Array, split: Split) -> Level:
        """Draw walls, food and water anywhere or in halves of their own, and the decoy."""
        wall_key, side_key, food_key, water_key, decoy_key = jax.random.split(key, 5)
        walls = self.draw_walls(wall_key, split)
        column = jnp.broadcast_to(jnp.arange(self.width, dtype=jnp.int32), walls.shape)
        west, east = (0, self.width // 2 - 1), ((self.width + 1) // 2, self.width - 1)
        food_half, water_half = (east, west) if split == "target" else (west, east)
        sided = jax.random.uniform(side_key, dtype=jnp.float32) < self.sided

        def half(free: jax.Array, ends: tuple[int, int]) -> jax.Array:
            return jnp.where(sided, placing.within(column, free, *ends), free)

        food = random_cell(food_key, half(~walls, food_half))
        water = random_cell(water_key, half(placing.without(~walls, food), water_half))
        decoy = random_cell(decoy_key, placing.without(~walls, food, water))
        things = {"food": food, "water": water, "decoy": decoy}
        return placing.build(
            self, walls, {name: placing.one(cell) for name, cell in things.items()}, [1.0, 1.0]
        )

    def start_probability(self, level: Level) -> jax.Array:
        """Be hungry or thirsty with equal chance on every free cell without an object."""
        cells = self.start_mask(level).reshape(-1).astype(jnp.float32)
        return jnp.repeat(cells / jnp.sum(cells) / 2, 2, total_repeat_length=self.num_states)

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Move; eating makes thirsty and drinking makes hungry."""
        moved = state.replace(cell=grid_move(state.level.walls, state.cell, action))
        at_food, at_water, _ = self.at_goal(moved)
        eaten = at_food & (state.thirsty == 0)
        drunk = at_water & (state.thirsty == 1)
        thirsty = jnp.where(eaten, 1, jnp.where(drunk, 0, state.thirsty)).astype(jnp.int32)
        rewards = jnp.stack([eaten, drunk]).astype(jnp.float32)
        return Transition(moved.replace(thirsty=thirsty), rewards, jnp.bool_(False))
