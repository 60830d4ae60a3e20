"""`Gridworld`: the rules of a world as its author writes them, and what can be read off them.

`shardsim.env.core.Env` derives the rest. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.env import planes
from shardsim.env.instances import with_moved
from shardsim.env.types import Concept, Level, Split, State, Transition


@dataclasses.dataclass(frozen=True)
class Gridworld:
    """What an author writes of a world; `Env` is what to subclass."""

    name: ClassVar[str]
    action_names: ClassVar[tuple[str, ...]] = ("north", "east", "south", "west")
    rewards: ClassVar[tuple[str, ...]]
    concepts: ClassVar[tuple[Concept, ...]]
    partly_observed: ClassVar[bool] = False  # True where observations are meant to hide something
    # Figures that are exact here and differ in the world that this one stands for, made elsewhere.
    estimated: ClassVar[tuple[str, ...]] = ()
    # A state field and a parameter: agents in which the field is above 0 do not act as they choose,
    # and with the parameter at 0 they would.
    self_change: ClassVar[tuple[str, str] | None] = None

    height: int = 7
    width: int = 7
    max_steps: int = 64
    max_states: int = 20_000
    layout: str = "loops"  # tree, loops, noise, blocks, rooms or open; see `shardsim.env.layouts`
    loop_probability: float = 0.5  # chance that a wall left by a maze's tree is opened
    reward: str = ""  # weights by name, as in "cheese=1, corner=0.2"; see `shardsim.env.rewards`

    @property
    def state_fields(self) -> Mapping[str, int]:
        """The finite state: field -> number of values. `cell` is row * width + column."""
        return {"cell": self.height * self.width}

    def sample_level(self, key: jax.Array, split: Split) -> Level:
        """Draw a level of one split; the splits never share a layout."""
        raise NotImplementedError

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Say where an action with an outcome leads; `steps` is counted by the base."""
        raise NotImplementedError

    def outcome_probability(self, state: State, action: jax.Array) -> jax.Array:
        """Return float32[N]: how likely each outcome of an action is."""
        return jnp.ones(1, jnp.float32)

    def start_mask(self, level: Level) -> jax.Array:
        """Return bool[H, W]: where an episode may begin; by default any free cell bar objects."""
        free = ~level.walls
        for index, concept in enumerate(self.concepts):
            if concept.kind == "object":
                free &= ~self._cells(level.position[index], level.present[index])
        return free

    def initial_fields(self, level: Level) -> dict[str, jax.Array]:
        """Return int32[] for the fields beside `cell` that do not begin at 0."""
        return {}

    def present(self, state: State) -> jax.Array:
        """Return bool[O, M]: which instances are still there (items taken are not)."""
        return state.level.present

    def position(self, state: State) -> jax.Array:
        """Return int32[O, M, 2]: where the instances are (row, column); things may move."""
        return state.level.position

    def place(
        self, state: State, concept: int, instance: int | jax.Array, cell: jax.Array
    ) -> State:
        """Return the state with an instance present at `cell` int32[2]; pure and unchecked.

        An env in which things move also sets the state field that says where this one is.
        """
        return state.replace(level=with_moved(state.level, concept, cell, instance))

    def drives(self, state: State) -> dict[str, jax.Array]:
        """Return float32[] in 0..1: what the agent feels or carries, by name.

        Each is a constant plane of the observation and a covariate. By default every state field
        but the cell, over its greatest value; override to leave out what the planes show already.
        """
        return {
            name: value.astype(jnp.float32) / max(1, self.state_fields[name] - 1)
            for name, value in state.fields.items()
            if name != "cell"
        }

    def observe(self, state: State) -> jax.Array:
        """Return float32[H, W, C]: one plane for each of `observation_channels`."""
        where, there = self.position(state), self.present(state)
        drives = list(self.drives(state).values())
        return planes.stack(state.cell, state.level.walls, where, there, drives)

    def covariates(self, state: State) -> dict[str, jax.Array]:
        """Return float32[] scalars for gates beside the base's own: by default the drives."""
        return self.drives(state)

    # ---------------------------------------------------------------------- what follows from it

    @property
    def num_actions(self) -> int:
        """Number of actions, A."""
        return len(self.action_names)

    @property
    def num_states(self) -> int:
        """Number of states, S: the same for every level."""
        return int(np.prod(list(self.state_fields.values())))

    @property
    def concept_names(self) -> tuple[str, ...]:
        """Names of all concepts, objects and places, in order."""
        return tuple(concept.name for concept in self.concepts)

    def concept_index(self, name: str) -> int:
        """Return the index of a concept; raises UserError with the nearest name."""
        if name not in self.concept_names:
            hint = did_you_mean(name, self.concept_names)
            raise UserError(f"{self.name} has no concept {name!r}; {hint}")
        return self.concept_names.index(name)

    def goal_mask(self, state: State, concept: str) -> jax.Array:
        """Return bool[H, W]: the cells where a concept is in this state."""
        index = self.concept_index(concept)
        return self._cells(self.position(state)[index], self.present(state)[index])

    def at_goal(self, state: State) -> jax.Array:
        """Return bool[O]: which concepts the agent stands on."""
        here = jnp.stack(self.agent_cell(state))
        on_it = jnp.all(self.position(state) == here, axis=-1)
        return jnp.any(on_it & self.present(state), axis=1)

    def reaches(self, before: State, after: State) -> jax.Array:
        """Return bool[O]: which concepts a move reaches, gone afterwards or not.

        Those that it ends on, and those that it ends where an instance was that it took itself.
        """
        row, column = self.agent_cell(after)
        on_it = jnp.all(self.position(before) == jnp.stack([row, column]), axis=-1)
        taken = on_it & self.present(before) & ~self.present(after)
        return self.at_goal(after) | jnp.any(taken, axis=1)

    def agent_cell(self, state: State) -> tuple[jax.Array, jax.Array]:
        """Return (row, column) of the agent."""
        return state.cell // self.width, state.cell % self.width

    def _cells(self, position: jax.Array, present: jax.Array) -> jax.Array:
        """Return bool[H, W] from the positions int32[M, 2] of the instances bool[M]."""
        rows = jnp.arange(self.height)[:, None, None] == position[:, 0]
        columns = jnp.arange(self.width)[None, :, None] == position[:, 1]
        return jnp.any(rows & columns & present, axis=-1)
