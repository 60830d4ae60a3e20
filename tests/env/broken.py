"""Envs with one fault each, and how `check_env` must name it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.grid import grid_move, random_cell
from shardsim.env.types import Concept
from tests.env.broken_views import BROKEN_VIEWS
from tests.env.moving import Roams
from tests.env.sound import Good


class WallsAsNumbers(Good):
    def sample_level(self, key, split):
        level = super().sample_level(key, split)
        return level.replace(walls=level.walls.astype(jnp.float32))


class RewardsUnstacked(Good):
    def transition(self, state, action, outcome):
        moved = super().transition(state, action, outcome)
        return moved._replace(rewards=moved.rewards[0])


class CheeseOnTheWall(Good):
    def sample_level(self, key, split):
        level = super().sample_level(key, split)
        return level.replace(position=level.position.at[0, 0].set(jnp.array([1, 1], jnp.int32)))


class SameMazesInEverySplit(Good):
    def sample_level(self, key, split):
        return super().sample_level(key, "train")


class WritesIntoTheState(Good):
    def transition(self, state, action, outcome):
        state.fields["cell"] = grid_move(state.level.walls, state.cell, action)
        eaten = self.at_goal(state)[0]
        return super().transition(state, action, outcome)._replace(terminated=eaten)


class ThrowsDiceInside(Good):
    def transition(self, state, action, outcome):
        moved = super().transition(state, action, outcome)
        return moved._replace(rewards=moved.rewards + jnp.float32(np.random.default_rng().random()))


class EatsTheLevel(Good):
    def transition(self, state, action, outcome):
        moved = super().transition(state, action, outcome)
        level = moved.state.level
        gone = level.replace(present=level.present.at[0].min(~moved.terminated))
        return moved._replace(state=moved.state.replace(level=gone))


class ChancesBelowOne(Good):
    def outcome_probability(self, state, action):
        return jnp.array([0.5, 0.4], jnp.float32)


class WalksThroughWalls(Good):
    def transition(self, state, action, outcome):
        return (
            super()
            .transition(state.replace(level=state.level), action, outcome)
            ._replace(
                state=state.replace(
                    cell=grid_move(jnp.zeros_like(state.level.walls), state.cell, action)
                )
            )
        )


class LeavesTheGrid(Good):
    def transition(self, state, action, outcome):
        moved = super().transition(state, action, outcome)
        return moved._replace(state=state.replace(cell=state.cell + 1))


class PaysTwice(Good):
    def step(self, key, state, action):
        step = super().step(key, state, action)
        return step._replace(reward=2 * step.reward)


class TimeEndsTheWorld(Good):
    def step(self, key, state, action):
        step = super().step(key, state, action)
        return step._replace(
            terminated=step.terminated | step.truncated, truncated=jnp.bool_(False)
        )


class EndsTwice(Good):
    def step(self, key, state, action):
        step = super().step(key, state, action)
        return step._replace(truncated=step.truncated | step.terminated)


class StepsByItsOwnRules(Good):
    def step(self, key, state, action):
        return super().step(key, state, (action + 1) % 4)


class WeakState(Good):
    def transition(self, state, action, outcome):
        moved = super().transition(state, action, outcome)
        weak = jnp.where(moved.state.cell > 0, 0, 1)
        level = moved.state.level
        return moved._replace(state=moved.state.replace(cell=weak, level=level))


class StartsElsewhere(Good):
    def start_probability(self, level):
        return jnp.zeros(self.num_states, jnp.float32).at[0].set(1.0)

    def reset(self, key, level):
        return self.state_at(level, jnp.int32(2)).replace(steps=jnp.int32(0))


class PaysEarlyBirds(Good):
    def transition(self, state, action, outcome):
        moved = super().transition(state, action, outcome)
        return moved._replace(rewards=moved.rewards * (state.steps < 1).astype(jnp.float32))


class TwoOfAName(Good):
    concepts = (Concept("cheese"), Concept("cheese"), Concept("corner", kind="place"))


class Branches(Good):
    def transition(self, state, action, outcome):
        if action > 2:
            action = action - 1
        return super().transition(state, action, outcome)


class RollsAtReset(Good):
    def start(self, key, level):
        key = jax.random.key(np.random.default_rng().integers(2**31))
        row, column = random_cell(key, self.start_mask(level))
        return self.state_at(level, row * self.width + column)


class DrawsLevelsFromNowhere(Good):
    def sample_level(self, key, split):
        return super().sample_level(jax.random.key(np.random.default_rng().integers(2**31)), split)


class NeverEnds(Good):
    def transition(self, state, action, outcome):
        return super().transition(state, action, outcome)._replace(terminated=jnp.bool_(False))


class WalledIn(Good):
    def sample_level(self, key, split):
        level = super().sample_level(key, split)
        walls = level.walls.at[:, 0].set(False).at[:, 1].set(True).at[:, 2].set(False)
        cells = jnp.array([[[0, 2]], [[4, 2]], [[0, 0]]], jnp.int32)
        return level.replace(walls=walls, position=cells)

    def start_mask(self, level):
        return super().start_mask(level).at[:, 2].set(False)


class BeginsElsewhere(Roams):
    """The cheese moves, and begins in the cell 0 where nothing says otherwise."""

    def initial_fields(self, level):
        return {}


class StartsOnAWall(Good):
    def start(self, key, level):
        wall = jnp.argmax(level.walls.reshape(-1)).astype(jnp.int32)
        return self.state_at(level, wall)


class StartsOnAnyCell(Good):
    def start_mask(self, level):
        return jnp.ones_like(level.walls)


# The env, the check that must find its fault, and what it must say (a regular expression).
BROKEN = [
    (WallsAsNumbers, "shapes", r"Level.walls is float32\[5, 3\], not bool\[5, 3\]"),
    (RewardsUnstacked, "shapes", r"rewards is float32\[\], not float32\[1\]"),
    (Branches, "shapes", "TracerBoolConversionError.*jnp.where"),
    (TwoOfAName, "declaration", "concepts holds a name twice"),
    (CheeseOnTheWall, "levels", "train: a cheese lies on a wall"),
    (SameMazesInEverySplit, "splits", "train and held-out levels share"),
    (WritesIntoTheState, "purity", "changes the state that it was given"),
    (ThrowsDiceInside, "purity", "answers the same question in two ways"),
    (EatsTheLevel, "purity", "returns another level"),
    (ChancesBelowOne, "tables", "sum to 0.9"),
    (WalksThroughWalls, "tables", "walk onto a wall"),
    (LeavesTheGrid, "tables", r"gives cell = 15, outside 0..14"),
    (PaysTwice, "steps", "not the rewards times reward_weights"),
    (TimeEndsTheWorld, "steps", "running out of time counts as terminated"),
    (EndsTwice, "steps", "both terminated and truncated"),
    (StepsByItsOwnRules, "steps", "where the table does not"),
    (StartsElsewhere, "starts", "reset begins where start_probability is 0"),
    (WeakState, "compilation", "compiled 2 times"),
    (PaysEarlyBirds, "oracle", "differs by"),
    (RollsAtReset, "purity", "start answers the same question in two ways"),
    (DrawsLevelsFromNowhere, "purity", "sample_level answers the same question in two ways"),
    (NeverEnds, "ends", "nothing ends an episode, and .* changes nothing and pays 1 every time"),
    (WalledIn, "ends", "no episode can reach what ends it"),
    (
        Roams,
        "edits",
        "cheese is not where it was moved to.*place.. also set the state field",
    ),
    (BeginsElsewhere, "starts", "cheese begins elsewhere than its level says; .*initial_fields"),
    (StartsOnAWall, "starts", "an episode begins on a wall"),
    (StartsOnAnyCell, "levels", "an episode can start on a wall"),
    *BROKEN_VIEWS,
]
