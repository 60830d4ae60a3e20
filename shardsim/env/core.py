"""`Env`: what an author writes, and what the base derives from it.

An env is a frozen dataclass of static parameters. The author writes how it moves and how its
levels are made; stepping, tables, edits, observations and covariates follow from that, so that
nothing exact is ever written by hand for one env. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import SupportsInt

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env import edits, layouts, rewards
from shardsim.env import tabular as tables
from shardsim.env.gridworld import Gridworld
from shardsim.env.types import Level, Split, State, Step, Tabular, Transition

MIRRORED_ACTIONS = {"east": "west", "west": "east"}


@dataclasses.dataclass(frozen=True)
class Env(Gridworld):
    """A gridworld family. Subclass it, as `envs/cheese_corner.py` does.

    To write: `name`, `action_names`, `rewards`, `concepts`, `state_fields`, `sample_level`,
    `transition`; where the defaults do not fit also `start_mask`, `initial_fields` or `start`,
    `outcome_probability`, `present`, `position` and `place`, `drives`, `observe`, `covariates`.
    """

    def __post_init__(self) -> None:
        """Raise UserError for a layout that cannot be, or a weight of nothing."""
        if self.layout:  # empty where an env makes walls of its own
            layouts.check_layout(self.layout, self.height, self.width, self.loop_probability)
        if self.reward:
            rewards.component_names(self)

    def start(self, key: jax.Array, level: Level) -> State:
        """Draw where an episode begins, by default from `start_probability`."""
        chance = self.start_probability(level)
        drawn = jax.random.categorical(key, jnp.log(chance))
        return self.state_at(level, drawn.astype(jnp.int32))

    def start_probability(self, level: Level) -> jax.Array:
        """Return float32[S]: how likely an episode begins in each state.

        Exact and uniform over `start_mask`, with `initial_fields`; an env that overrides `start`
        gets an estimate from fixed draws unless it overrides this too.
        """
        if type(self).start is not Env.start:
            return tables.sampled_start_probability(self, level, self.start)
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

    @cached_property
    def num_outcomes(self) -> int:
        """Number of outcomes an action can have, N."""
        return tables.num_outcomes(self)

    def index_of(self, state: State) -> jax.Array:
        """Return the index int32[] of a state among all states."""
        return tables.index_of(self, state)

    def state_at(self, level: Level, index: jax.Array) -> State:
        """Return the state with this index, with no steps taken."""
        return tables.state_at(self, level, index)

    def tabular(self, level: Level) -> Tabular:
        """Tabulate one level (vmap over levels)."""
        return tables.tabular(self, level, self.advance, self.start_probability(level))

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
        uniform = (
            jax.random.uniform(key, dtype=jnp.float32) if self.num_outcomes > 1 else jnp.float32(0)
        )
        return self.step_with_uniform(uniform, state, action)

    def step_with_uniform(self, uniform: jax.Array, state: State, action: jax.Array) -> Step:
        """Take one action whose outcome float32[] `uniform` on [0, 1) decides.

        For rollouts: one draw serves all steps of all envs, where `step` needs a key for each.
        """
        outcome = jnp.int32(0)
        if self.num_outcomes > 1:
            below = jnp.cumsum(self.outcome_probability(state, action))
            outcome = jnp.sum(below <= uniform * below[-1], dtype=jnp.int32)
        moved = self.advance(state, action, outcome)
        steps = state.steps + 1
        return Step(
            state=moved.state.replace(steps=steps),
            reward=jnp.dot(state.level.reward_weights, moved.rewards),
            rewards=moved.rewards,
            terminated=moved.terminated,
            truncated=(steps >= self.max_steps) & ~moved.terminated,
        )

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


@lru_cache(maxsize=64)
def template_level(env: Env) -> Level:
    """Return a level of shapes and dtypes only (no values): what every level of an env is like."""
    return jax.eval_shape(lambda key: env.level(key, "train"), jax.random.key(0))
