"""cue: where the prize lies is shown once, at the first decision. A test world for memories."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp

from shardsim.env import Concept, Env, Level, State, Transition
from shardsim.env.grid import grid_move
from shardsim.env.types import Split


@dataclasses.dataclass(frozen=True)
class Cue(Env):
    """Look, then leave a corridor of three cells by the end where the prize was seen.

    The first action does nothing. From then on the prize is not shown, so that without a memory
    one end is as good as the other.
    Rewards: `prize`, 1.
    Starting state: the middle, looking.
    Episode end: terminated at either end; truncated after `max_steps`.
    """

    name: ClassVar[str] = "cue"
    rewards: ClassVar[tuple[str, ...]] = ("prize",)
    concepts: ClassVar[tuple[Concept, ...]] = (Concept("prize"),)

    height: int = 1
    width: int = 3
    layout: str = ""
    max_steps: int = 6

    @property
    def state_fields(self) -> Mapping[str, int]:
        """Where the agent is, and whether it has looked."""
        return {"cell": 3, "looked": 2}

    def sample_level(self, key: jax.Array, split: Split) -> Level:
        """Put the prize at one end or the other."""
        east = jax.random.bernoulli(key)
        return Level(
            walls=jnp.zeros((1, 3), bool),
            position=jnp.array([[[0, 0]]], jnp.int32).at[0, 0, 1].set(jnp.where(east, 2, 0)),
            present=jnp.ones((1, 1), bool),
            reward_weights=jnp.ones(1, jnp.float32),
        )

    def start_mask(self, level: Level) -> jax.Array:
        """Begin in the middle."""
        return jnp.array([[False, True, False]])

    def observe(self, state: State) -> jax.Array:
        """Show the prize (the third plane) before the first action alone."""
        seen = super().observe(state)
        return seen.at[..., 2].multiply((state.looked == 0).astype(jnp.float32))

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Look; later move."""
        gone = grid_move(state.level.walls, state.cell, action)
        cell = jnp.where(state.looked == 1, gone, state.cell)
        moved = state.replace(cell=cell, looked=jnp.int32(1))
        paid = self.at_goal(moved).astype(jnp.float32)
        return Transition(moved, paid, cell != 1)
