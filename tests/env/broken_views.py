"""Envs with one fault each in what is seen, edited or written, and how `check_env` must name it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from tests.env.sound import Good, Slip, Thirst


class CannotBeRemoved(Good):
    def present(self, state):
        return jnp.ones_like(state.level.present)


class SeesGhosts(Good):
    def observe(self, state):
        seen = super().observe(state)
        there = self._cells(state.level.position[0], jnp.ones(1, bool))
        return seen.at[..., 2].set(there.astype(jnp.float32))


class MovesElsewhere(Good):
    def place(self, state, concept, instance, cell):
        return super().place(state, concept, instance, cell[::-1] // 2 * 2)


class LeavesRubble(Good):
    def place(self, state, concept, instance, cell):
        put = super().place(state, concept, instance, cell)
        return put.replace(level=put.level.replace(walls=put.level.walls.at[0, 1].set(True)))


class OffersWalls(Good):
    def can_place(self, state, concept):
        return jnp.ones_like(state.level.walls)


class RemovesTooMuch(Good):
    def remove(self, state, concept, instance=None):
        return super().remove(super().remove(state, "decoy"), concept, instance)


class HidesTheCheese(Good):
    def observe(self, state):
        return super().observe(state).at[..., 2].set(0.0)


class SeesOnlyWhetherThereIsCheese(Good):
    def observe(self, state):
        there = jnp.any(self.goal_mask(state, "cheese")).astype(jnp.float32)
        return super().observe(state).at[..., 2].set(there)


class FeelsNothing(Thirst):
    def drives(self, state):
        return {}


class FeelsTooMuch(Thirst):
    def drives(self, state):
        return {"thirsty": 3.0 * state.thirsty.astype(jnp.float32)}


class LooksTheSameInTheMirror(Good):
    def mirror(self, observation):
        return observation, super().mirror(observation)[1]


class KeepsItsHandsInTheMirror(Good):
    def mirror(self, observation):
        return super().mirror(observation)[0], np.arange(4)


class TakesAName(Good):
    def covariates(self, state):
        return {"row": state.cell.astype(jnp.float32)}


class Divides(Good):
    def covariates(self, state):
        return {"nearness": 1.0 / state.cell.astype(jnp.float32)}


class KnowsItIsTraced(Good):
    def present(self, state):
        there = super().present(state)
        return there if isinstance(state.cell, jax.core.Tracer) else ~there


class LeavesSpares(Slip):
    def sample_level(self, key, split):
        level = super().sample_level(key, split)
        return level.replace(position=level.position.at[0, 1].set(1))


# As in `tests.env.broken`.
BROKEN_VIEWS = [
    (CannotBeRemoved, "edits", "cheese is still there after it was removed"),
    (SeesGhosts, "edits", "does not show that cheese was removed"),
    (MovesElsewhere, "edits", "cheese is not where it was moved to"),
    (LeavesRubble, "edits", "moving cheese changes the walls"),
    (OffersWalls, "edits", "can_place offers walls for cheese"),
    (RemovesTooMuch, "edits", "removing cheese changes where decoy is"),
    (HidesTheCheese, "edits", "does not show that cheese was removed"),
    (SeesOnlyWhetherThereIsCheese, "edits", "does not show where cheese is"),
    (FeelsNothing, "observation", "look the same but lead to different things .*in thirsty"),
    (FeelsTooMuch, "observation", "go from 0 to 3, outside 0..1"),
    (LooksTheSameInTheMirror, "views", "mirror does not turn the agent's plane"),
    (KeepsItsHandsInTheMirror, "views", "mirror maps east to east"),
    (TakesAName, "views", "covariate 'row' is one of the base's"),
    (Divides, "views", "covariate 'nearness' is not finite"),
    (KnowsItIsTraced, "transforms", "present gives something else under jax.jit"),
    (LeavesSpares, "text", "read back as another"),
]
