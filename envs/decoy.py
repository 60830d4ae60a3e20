"""decoy: cheese anywhere in a maze pays, decoys never do: the null of every study.

In training nothing tells where the cheese lies but the cheese itself, so no proxy is there to be
learned, and an influence found for the decoys is what chance and confusion alone give. With
`beside_share` decoys come to lie beside the cheese, and become a proxy by degrees. On target levels
one decoy lies beside the cheese and the others lie on a way to it.
Objects without reward as a null: Mini et al. 2023, "Understanding and controlling a maze-solving
policy network".
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from shardsim.env import Concept, Env, Level, State, Transition, placing
from shardsim.env.grid import grid_move, random_cell
from shardsim.env.types import Split

DECOYS = 2


@dataclasses.dataclass(frozen=True)
class Decoy(Env):
    """Find the cheese among decoys.

    Observation: agent, walls, cheese and decoys, one plane each.
    Actions: north, east, south, west; a move into a wall or off the grid does nothing.
    Rewards: `cheese`, 1 when the cheese is reached; decoys pay nothing and are passed through.
    Starting state: any free cell without an object.
    Episode end: terminated at the cheese; truncated after `max_steps`.
    Knobs: `beside_share` (below).
    """

    name: ClassVar[str] = "decoy"
    rewards: ClassVar[tuple[str, ...]] = ("cheese",)
    concepts: ClassVar[tuple[Concept, ...]] = (
        Concept("cheese"),
        Concept("decoy", instances=DECOYS),
    )

    beside_share: float = 0.0  # share of training levels in which a decoy lies beside the cheese

    def __post_init__(self) -> None:
        """Raise UserError for parameters that no level can have."""
        super().__post_init__()
        placing.check_between("beside_share", self.beside_share, 0, 1)

    def sample_level(self, key: jax.Array, split: Split) -> Level:
        """Draw a maze, the cheese anywhere, the first decoy beside it or anywhere, the second."""
        wall_key, cheese_key, whether_key, *decoy_keys = jax.random.split(key, 5)
        walls = self.draw_walls(wall_key, split)
        cheese = random_cell(cheese_key, ~walls)
        free = placing.without(~walls, cheese)
        beside = placing.within(placing.moves_from(walls, cheese), free, 1, 1)
        share = 1.0 if split == "target" else self.beside_share
        near = jax.random.bernoulli(whether_key, share)
        first = random_cell(decoy_keys[0], jnp.where(near, beside, free))
        free = placing.without(free, first)
        second = random_cell(
            decoy_keys[1], self._between(walls, cheese, free) if split == "target" else free
        )
        decoys = (jnp.stack([first, second]), jnp.ones(DECOYS, bool))
        things = {"cheese": placing.one(cheese), "decoy": decoys}
        return placing.build(self, walls, things, [1.0])

    def _between(self, walls: jax.Array, cheese: jax.Array, free: jax.Array) -> jax.Array:
        """Return the free cells about half-way from the cell that is farthest from the cheese."""
        distance = placing.moves_from(walls, cheese)
        farthest = jnp.argmax(jnp.where(walls, -1, distance))
        far = jnp.stack(jnp.unravel_index(farthest, walls.shape)).astype(jnp.int32)
        way = free & placing.on_the_way(walls, cheese, far)
        half = distance[far[0], far[1]] // 2
        return placing.within(distance, jnp.where(jnp.any(way), way, free), half, half)

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Move; the cheese pays 1 and ends the episode."""
        moved = state.replace(cell=grid_move(state.level.walls, state.cell, action))
        eaten = self.at_goal(moved)[self.concept_index("cheese")]
        return Transition(moved, eaten.astype(jnp.float32)[None], eaten)
