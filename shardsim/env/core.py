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
from shardsim.env import edits, layouts, planes, rewards
from shardsim.env import tabular as tables
from shardsim.env.types import Concept, Level, Split, State, Step, Tabular, Transition

MIRRORED_ACTIONS = {"east": "west", "west": "east"}


@dataclasses.dataclass(frozen=True)
class Env:
    """A gridworld family. Subclass it, as `envs/cheese_corner.py` does.

    To write: `name`, `action_names`, `rewards`, `concepts`, `state_fields`, `sample_level`,
    `transition`; where the defaults do not fit also `start_mask`, `initial_fields` or `start`,
    `outcome_probability`, `present`, `position` and `place`, `drives`, `observe`, `covariates`.
    """

    name: ClassVar[str]
    action_names: ClassVar[tuple[str, ...]] = ("north", "east", "south", "west")
    rewards: ClassVar[tuple[str, ...]]
    concepts: ClassVar[tuple[Concept, ...]]
    partly_observed: ClassVar[bool] = False  # True where observations are meant to hide something
    # Figures that are exact here and differ in the world that this one stands for, made elsewhere.
    estimated: ClassVar[tuple[str, ...]] = ()

    height: int = 7
    width: int = 7
    max_steps: int = 64
    max_states: int = 20_000
    layout: str = "loops"  # tree, loops, noise, blocks, rooms or open; see `shardsim.env.layouts`
    loop_probability: float = 0.5  # chance that a wall left by a maze's tree is opened
    reward: str = ""  # weights by name, as in "cheese=1, corner=0.2"; see `shardsim.env.rewards`

    def __post_init__(self) -> None:
        """Raise UserError for a layout that cannot be, or a weight of nothing."""
        if self.layout:  # empty where an env makes walls of its own
            layouts.check_layout(self.layout, self.height, self.width, self.loop_probability)
        if self.reward:
            rewards.component_names(self)

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

    def initial_fields(self, level: Level) -> dict[str, jax.Array]:
        """Return int32[] for the fields beside `cell` that do not begin at 0."""
        return {}

    def start(self, key: jax.Array, level: Level) -> State:
        """Draw where an episode begins, by default from `start_probability`."""
        chance = self.start_probability(level)
        drawn = jax.random.categorical(key, jnp.log(chance))
        return self.state_at(level, drawn.astype(jnp.int32))

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
        return state.replace(level=edits.with_moved(state.level, concept, cell, instance))

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

    # ------------------------------------------------------------------------------- derived

    def start_probability(self, level: Level) -> jax.Array:
        """Return float32[S]: how likely an episode begins in each state.

        Exact and uniform over `start_mask`, with `initial_fields`; an env that overrides `start`
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
        begin = self.state_at(level, jnp.int32(0)).replace(**self.initial_fields(level))
        return jnp.zeros(self.num_states, jnp.float32).at[where + self.index_of(begin)].set(chance)

    @property
    def observation_channels(self) -> tuple[str, ...]:
        """Names of the planes that `observe` stacks."""
        return ("agent", "walls", *self.concept_names, *self.drive_names)

    @cached_property
    def drive_names(self) -> tuple[str, ...]:
        """Names of the drives and carried items."""
        index = jax.ShapeDtypeStruct((), jnp.int32)
        felt = jax.eval_shape(
            lambda level, at: self.drives(self.state_at(level, at)), template_level(self), index
        )
        return tuple(felt)

    @cached_property
    def reward_names(self) -> tuple[str, ...]:
        """Names on the axis R: the env's own components, then the generic ones it weighs."""
        return rewards.component_names(self)

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

    def level(self, key: jax.Array, split: Split) -> Level:
        """Draw a level of one split, with the rewards weighed as `reward` says."""
        return rewards.weigh(self, self.sample_level(key, split))

    def draw_walls(self, key: jax.Array, split: Split) -> jax.Array:
        """Draw walls bool[H, W] of the env's layout that belong to a split."""
        return layouts.walls(
            key, split, self.layout, self.height, self.width, self.loop_probability
        )

    def advance(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Say where an action leads and what every component pays, the generic ones too."""
        moved = self.transition(state, action, outcome)
        more = rewards.generic(self, state, moved.state)
        return moved._replace(rewards=jnp.concatenate([moved.rewards, more]))

    def reset(self, key: jax.Array, level: Level) -> State:
        """Begin an episode in this level."""
        return self.start(key, level).replace(level=level, steps=jnp.int32(0))

    def step(self, key: jax.Array, state: State, action: jax.Array) -> Step:
        """Take one action. Truncation is never termination; nothing resets by itself."""
        luck = jax.random.uniform(key) if self.num_outcomes > 1 else jnp.float32(0)
        return self.step_by(luck, state, action)

    def step_by(self, luck: jax.Array, state: State, action: jax.Array) -> Step:
        """Take one action whose outcome float32[] `luck` decides, uniform on [0, 1).

        For rollouts: one draw serves all steps of all envs, where `step` needs a key for each.
        """
        outcome = jnp.int32(0)
        if self.num_outcomes > 1:
            below = jnp.cumsum(self.outcome_probability(state, action))
            outcome = jnp.sum(below <= luck * below[-1], dtype=jnp.int32)
        moved = self.advance(state, action, outcome)
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

    def remove(self, state: State, concept: str, instance: int | None = None) -> State:
        """Return the state without an object (all its instances, or one); eager and checked."""
        return edits.remove(self, state, concept, instance)

    def move(
        self, state: State, concept: str, cell: Sequence[SupportsInt], instance: int = 0
    ) -> State:
        """Return the state with an object moved (or added) to a cell; eager and checked."""
        return edits.move(self, state, concept, cell, instance)

    def add(self, state: State, concept: str, cell: Sequence[SupportsInt]) -> State:
        """Return the state with one more instance of an object on a cell; eager and checked."""
        return edits.add(self, state, concept, cell)

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

    def _cells(self, position: jax.Array, present: jax.Array) -> jax.Array:
        """Return bool[H, W] from the positions int32[M, 2] of the instances bool[M]."""
        rows = jnp.arange(self.height)[:, None, None] == position[:, 0]
        columns = jnp.arange(self.width)[None, :, None] == position[:, 1]
        return jnp.any(rows & columns & present, axis=-1)


@lru_cache(maxsize=64)
def template_level(env: Env) -> Level:
    """Return a level of shapes and dtypes only (no values): what every level of an env is like."""
    return jax.eval_shape(lambda key: env.level(key, "train"), jax.random.key(0))
