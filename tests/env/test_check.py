"""The conformance check passes the good envs and names each fault of the broken ones."""

from __future__ import annotations

import dataclasses
import re

import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env import layouts
from shardsim.env.check import check_env, resolve
from shardsim.env.registry import build, env_class
from shardsim.env.types import Concept

Good = env_class("cheese-corner")
SMALL = {"height": 5, "width": 3, "max_steps": 12}


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
        state.fields["cell"] = layouts.grid_move(state.level.walls, state.cell, action)
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
                    cell=layouts.grid_move(jnp.zeros_like(state.level.walls), state.cell, action)
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


class CannotBeRemoved(Good):
    def present(self, state):
        return jnp.ones_like(state.level.present)


class SeesGhosts(Good):
    def observe(self, state):
        seen = super().observe(state)
        there = self._cells(state.level.position[0], jnp.ones(1, bool))
        return seen.at[..., 2].set(there.astype(jnp.float32))


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
    (CannotBeRemoved, "edits", "cheese is still there after it was removed"),
    (SeesGhosts, "edits", "does not show that cheese was removed"),
    (WeakState, "compilation", "compiled 2 times"),
    (PaysEarlyBirds, "oracle", "differs by"),
]


@pytest.mark.parametrize(("kind", "check", "said"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_each_fault_is_named_with_its_mend(kind, check, said):
    env = dataclasses.dataclass(frozen=True)(kind)(**SMALL)
    found = check_env(env, only=[check])
    assert found
    assert {finding.check for finding in found} == {check}
    text = " ".join(str(finding) for finding in found)
    assert re.search(said, text), text
    assert all(finding.mend and "\n" not in str(finding) for finding in found)


def test_good_envs_pass_every_check(world):
    assert check_env(world.env) == []


def test_an_env_is_found_by_id_by_path_and_as_it_is(worlds_folder):
    by_id = resolve("thirst", [worlds_folder])
    by_path = resolve(worlds_folder / "thirst.py")
    assert by_id == by_path
    assert resolve(by_id) is by_id
    assert type(resolve(str(worlds_folder / "slip.py"))).__name__ == "Slip"


def test_a_forgotten_decorator_and_a_missing_position_are_named():
    class Plain(Good):
        @property
        def state_fields(self):
            return {"place": 15}

    problems = [str(finding) for finding in check_env(Plain(**SMALL))]
    assert len(problems) == 2
    assert "Plain is no frozen dataclass" in problems[0]
    assert "state_fields['cell'] is None, not height * width = 15" in problems[1]


def test_wrong_questions_are_user_errors(tmp_path):
    (tmp_path / "two.py").write_text("x = 1\n")
    for wrong, said in (
        (lambda: check_env("chese-corner"), "did you mean 'cheese-corner'"),
        (lambda: check_env(build(Good, SMALL), only=["table"]), "did you mean 'tables'"),
        (lambda: check_env(tmp_path / "none.py"), "there is no file"),
        (lambda: check_env(tmp_path / "two.py"), "defines 0 Env subclasses"),
    ):
        with pytest.raises(UserError, match=said):
            wrong()
