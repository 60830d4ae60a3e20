"""`Env`: what an author writes, and what the base derives from it.

An env is a frozen dataclass of static parameters. The author writes how it moves and how its
levels are made; stepping, tables, edits, observations and covariates follow from that, so that
nothing exact is ever written by hand for one env. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import ClassVar, SupportsInt

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.env import edits
from shardsim.env import tabular as tables
from shardsim.env.types import Concept, Level, Split, State, Step, Tabular, Transition

MIRRORED_ACTIONS = {"east": "west", "west": "east"}


@dataclasses.dataclass(frozen=True)
class Env:
    """A gridworld family. Subclass it, as `envs/cheese_corner.py` does.

    To write: `name`, `action_names`, `rewards`, `concepts`, `state_fields`, `sample_level`,
    `transition`; where the defaults do not fit also `start_mask` or `start`,
    `outcome_probability`, `present`, `observe`, `covariates`.
    """

    name: ClassVar[str]
    action_names: ClassVar[tuple[str, ...]] = ("north", "east", "south", "west")
    rewards: ClassVar[tuple[str, ...]]
    concepts: ClassVar[tuple[Concept, ...]]

    height: int = 7
    width: int = 7
    max_steps: int = 64
    max_states: int = 20_000

    # ------------------------------------------------------------------ written by the author

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

    def start(self, key: jax.Array, level: Level) -> State:
        """Draw where an episode begins, by default from `start_probability`."""
        chance = self.start_probability(level)
        drawn = jax.random.categorical(key, jnp.log(chance))
        return self.state_at(level, drawn.astype(jnp.int32))

    def present(self, state: State) -> jax.Array:
        """Return bool[O, M]: which instances are still there (items taken are not)."""
        return state.level.present

    def observe(self, state: State) -> jax.Array:
        """Return float32[H, W, C]: one plane for each of `observation_channels`."""
        concepts = [self.goal_mask(state, concept.name) for concept in self.concepts]
        planes = [self._agent_plane(state), state.level.walls, *concepts]
        drives = [
            jnp.full(state.level.walls.shape, value / max(1, self.state_fields[name] - 1))
            for name, value in state.fields.items()
            if name != "cell"
        ]
        return jnp.stack([plane.astype(jnp.float32) for plane in planes + drives], axis=-1)

    def covariates(self, state: State) -> dict[str, jax.Array]:
        """Return scalars that gates may use beside the base's own: drives, items."""
        return {
            name: value.astype(jnp.float32)
            for name, value in state.fields.items()
            if name != "cell"
        }

    # ------------------------------------------------------------------------------- derived

    def start_probability(self, level: Level) -> jax.Array:
        """Return float32[S]: how likely an episode begins in each state.

        Exact and uniform over `start_mask` (other fields at 0); an env that overrides `start`
        gets an estimate from fixed draws unless it overrides this too.
        """
        if type(self).start is not Env.start:
            return tables.sampled_start_probability(self, level)
        cells = self.start_mask(level).reshape(-1)
        others = self.num_states // cells.shape[0]
        where = np.arange(cells.shape[0]) * others
        if next(iter(self.state_fields)) != "cell":
            raise UserError(f"{self.name}: put 'cell' first in state_fields, or write start()")
        chance = cells.astype(jnp.float32) / jnp.maximum(1, jnp.sum(cells)).astype(jnp.float32)
        return jnp.zeros(self.num_states, jnp.float32).at[where].set(chance)

    @property
    def observation_channels(self) -> tuple[str, ...]:
        """Names of the planes that `observe` stacks."""
        drives = (name for name in self.state_fields if name != "cell")
        return ("agent", "walls", *self.concept_names, *drives)

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of an observation."""
        return (self.height, self.width, len(self.observation_channels))

    @property
    def num_actions(self) -> int:
        """Number of actions, A."""
        return len(self.action_names)

    @cached_property
    def num_outcomes(self) -> int:
        """Number of outcomes an action can have, N."""
        level = template_level(self)
        index = jax.ShapeDtypeStruct((), jnp.int32)
        shape = jax.eval_shape(
            lambda level, index, action: self.outcome_probability(
                tables.state_at(self, level, index), action
            ),
            level,
            index,
            index,
        )
        return shape.shape[0]

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

    def index_of(self, state: State) -> jax.Array:
        """Return the index int32[] of a state among all states."""
        return tables.index_of(self, state)

    def state_at(self, level: Level, index: jax.Array) -> State:
        """Return the state with this index, with no steps taken."""
        return tables.state_at(self, level, index)

    def tabular(self, level: Level) -> Tabular:
        """Tabulate one level (vmap over levels)."""
        return tables.tabular(self, level)

    def reset(self, key: jax.Array, level: Level) -> State:
        """Begin an episode in this level."""
        return self.start(key, level).replace(level=level, steps=jnp.int32(0))

    def step(self, key: jax.Array, state: State, action: jax.Array) -> Step:
        """Take one action. Truncation is never termination; nothing resets by itself."""
        outcome = jnp.int32(0)
        if self.num_outcomes > 1:
            chance = self.outcome_probability(state, action)
            outcome = jax.random.categorical(key, jnp.log(chance)).astype(jnp.int32)
        moved = self.transition(state, action, outcome)
        steps = state.steps + 1
        return Step(
            state=moved.state.replace(steps=steps),
            reward=jnp.dot(state.level.reward_weights, moved.rewards),
            rewards=moved.rewards,
            terminated=moved.terminated,
            truncated=(steps >= self.max_steps) & ~moved.terminated,
        )

    def goal_mask(self, state: State, concept: str) -> jax.Array:
        """Return bool[H, W]: the cells where a concept is in this state."""
        index = self.concept_index(concept)
        return self._cells(state.level.position[index], self.present(state)[index])

    def at_goal(self, state: State) -> jax.Array:
        """Return bool[O]: which concepts the agent stands on."""
        row, column = self.agent_cell(state)
        return jnp.stack(
            [self.goal_mask(state, concept.name)[row, column] for concept in self.concepts]
        )

    def agent_cell(self, state: State) -> tuple[jax.Array, jax.Array]:
        """Return (row, column) of the agent."""
        return state.cell // self.width, state.cell % self.width

    def remove(self, state: State, concept: str, instance: int | None = None) -> State:
        """Return the state without an object (all its instances, or one); eager and checked."""
        return edits.remove(self, state, concept, instance)

    def move(
        self, state: State, concept: str, cell: Sequence[SupportsInt], instance: int = 0
    ) -> State:
        """Return the state with an object moved (or added) to a cell; eager and checked."""
        return edits.move(self, state, concept, cell, instance)

    def can_place(self, state: State, concept: str) -> jax.Array:
        """Return bool[H, W]: where an object can be moved to."""
        return edits.can_place(self, state, concept)

    def mirror(self, observation: jax.Array) -> tuple[jax.Array, np.ndarray]:
        """Return an observation [..., H, W, C] flipped east-west, and the actions that undo it.

        Places keep their own cells, so a policy that wants a place answers a mirrored world
        differently; the permutation int[A] maps each action to its mirror image.
        """
        places = [concept.name for concept in self.concepts if concept.kind == "place"]
        keep = np.array([channel in places for channel in self.observation_channels])
        flipped = jnp.where(keep, observation, jnp.flip(observation, axis=-2))
        both = set(MIRRORED_ACTIONS) <= set(self.action_names)
        names = [MIRRORED_ACTIONS.get(name, name) if both else name for name in self.action_names]
        return flipped, np.array([self.action_names.index(name) for name in names])

    def _agent_plane(self, state: State) -> jax.Array:
        cells = jnp.arange(self.height * self.width, dtype=jnp.int32)
        return (cells == state.cell).reshape(self.height, self.width)

    def _cells(self, position: jax.Array, present: jax.Array) -> jax.Array:
        """Return bool[H, W] from the positions int32[M, 2] of the instances bool[M]."""
        rows = jnp.arange(self.height)[:, None, None] == position[:, 0]
        columns = jnp.arange(self.width)[None, :, None] == position[:, 1]
        return jnp.any(rows & columns & present, axis=-1)


@lru_cache(maxsize=64)
def template_level(env: Env) -> Level:
    """Return a level of shapes and dtypes only (no values): what every level of an env is like."""
    return jax.eval_shape(lambda key: env.sample_level(key, "train"), jax.random.key(0))
