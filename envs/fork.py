"""fork: a corridor with an end that pays on either side, and nothing else to decide.

The smallest world in which two values compete for one choice. An end is worth h = discount **
distance * pay from here; with w the strength of a shard for each end, the chance of going for A is
p = sigmoid(w_A h_A - w_B h_B), and the shards expect J_A = h_A p and J_B = h_B (1 - p): closed
forms that every model of reflection can be checked against. A choice between two delayed
rewards, as in Ainslie (1975, "Specious reward: a behavioral theory of impulsiveness and
impulse control").
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from shardsim.base.errors import UserError
from shardsim.env import Concept, Env, Level, State, Transition, layouts, placing
from shardsim.env.grid import between, grid_move
from shardsim.env.types import Split

SHORTEST = 4  # moves from end to end that leave room for a start and a decoy


@dataclasses.dataclass(frozen=True)
class Fork(Env):
    """Go west to one end of a corridor or east to the other.

    Observation: agent, walls, A, B and decoy, one plane each. The grid has one row, walled off
    beyond either end; `loop_probability` means nothing here.
    Actions: west, east.
    Rewards: `A` and `B`, 1 on reaching that end, with weights `pay_a` and `pay_b`.
    Starting state: any free cell without an object.
    Episode end: terminated at either end; truncated after `max_steps`.
    Knobs: `pay_a` and `pay_b`; `swapped`, the share of training levels in which A lies in the east
    and B in the west. In all others A lies in the west, so that a side can stand for an end; on
    target levels they are always swapped.
    """

    name: ClassVar[str] = "fork"
    action_names: ClassVar[tuple[str, ...]] = ("west", "east")
    rewards: ClassVar[tuple[str, ...]] = ("A", "B")
    concepts: ClassVar[tuple[Concept, ...]] = (Concept("A"), Concept("B"), Concept("decoy"))

    height: int = 1
    width: int = 21
    layout: str = ""  # its walls are its own
    pay_a: float = 1.0
    pay_b: float = 1.2
    swapped: float = 0.0  # share of training levels with A in the east

    def __post_init__(self) -> None:
        """Raise UserError for parameters that no corridor can have."""
        super().__post_init__()
        if self.height != 1:
            raise UserError(f"a fork has one row, not {self.height}; set height to 1")
        if self.width < 2 * SHORTEST:  # below that some split would have no layout
            raise UserError(f"a fork needs a width of {2 * SHORTEST} or more, not {self.width}")
        placing.check_between("swapped", self.swapped, 0, 1)

    def sample_level(self, key: jax.Array, split: Split) -> Level:
        """Draw where the corridor begins and ends, which end is A, and a decoy inside."""
        wall_key, side_key, decoy_key = jax.random.split(key, 3)
        walls = layouts.draw(wall_key, split, self._corridor)
        west = jnp.argmin(walls[0]).astype(jnp.int32)
        east = jnp.int32(self.width - 1) - jnp.argmin(walls[0, ::-1]).astype(jnp.int32)
        swap = (split == "target") | (
            jax.random.uniform(side_key, dtype=jnp.float32) < self.swapped
        )
        decoy = between(jax.random.uniform(decoy_key, dtype=jnp.float32), west + 1, east - 1)
        columns = {
            "A": jnp.where(swap, east, west),
            "B": jnp.where(swap, west, east),
            "decoy": decoy,
        }
        things = {
            name: placing.one(jnp.stack([jnp.int32(0), column])) for name, column in columns.items()
        }
        return placing.build(self, walls, things, [self.pay_a, self.pay_b])

    def _corridor(self, key: jax.Array) -> jax.Array:
        """Return walls bool[1, W] around a free corridor."""
        first, last = jax.random.uniform(key, (2,), dtype=jnp.float32)
        west = between(first, 0, self.width - 1 - SHORTEST)
        east = between(last, west + SHORTEST, self.width - 1)
        column = jnp.arange(self.width, dtype=jnp.int32)[None]
        return (column < west) | (column > east)

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Move; either end pays and ends the episode."""
        compass = jnp.array([3, 1], jnp.int32)[action]
        moved = state.replace(cell=grid_move(state.level.walls, state.cell, compass))
        ends = self.at_goal(moved)[:2]
        return Transition(moved, ends.astype(jnp.float32), jnp.any(ends))
