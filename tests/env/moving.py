"""A world in which the cheese runs: for tests of edits to things that move."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp

from shardsim.env.grid import grid_move
from shardsim.env.registry import env_class

Good = env_class("cheese-corner")


class Roams(Good):
    """The cheese lies where a state field says, and `place` does not know of it."""

    @property
    def state_fields(self):
        """The agent's cell and the cheese's."""
        return {"cell": self.height * self.width, "cheese": self.height * self.width}

    def initial_fields(self, level):
        return {"cheese": level.position[0, 0, 0] * self.width + level.position[0, 0, 1]}

    def position(self, state):
        cell = jnp.stack([state.cheese // self.width, state.cheese % self.width])
        return state.level.position.at[0, 0].set(cell)

    def drives(self, state):
        return {}


@dataclasses.dataclass(frozen=True)
class Fleeing(Roams):
    """Each move of the agent's to the north moves the cheese to the south, and so on."""

    name = "fleeing"

    def place(self, state, concept, instance, cell):
        put = super().place(state, concept, instance, cell)
        if concept != 0:
            return put
        return put.replace(cheese=jnp.asarray(cell[0] * self.width + cell[1], jnp.int32))

    def transition(self, state, action, outcome):
        cheese = grid_move(state.level.walls, state.cheese, (action + 2) % 4)
        return super().transition(state.replace(cheese=cheese), action, outcome)
