"""NAVIX as envs of this house: equal to NAVIX's own episodes, step for step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("navix")

import navix

from shardsim.base.errors import UserError
from shardsim.env import planning
from shardsim.env.check import check_env
from shardsim.env.covariates import analyse
from shardsim.env.foreign import navix as ours
from shardsim.env.foreign.minigrid_view import GREATEST
from shardsim.env.foreign.world import theirs
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.env.types import State
from tests.env.one_level import level_of

EPISODES, STEPS = 24, 100
TASKS = {
    "Navix-Empty-Random-5x5-v0": {"success"},
    "Navix-FourRooms-v0": set(),
    "Navix-LavaGapS5-v0": {"success"},
    "Navix-DistShift1-v0": set(),
    "Navix-DoorKey-Random-5x5-v0": {"pickup", "unlock", "success"},
    "Navix-SimpleCrossingS9N1-v0": set(),
}


def _played(env, actions: jax.Array) -> tuple[Any, dict[str, np.ndarray]]:
    """Episodes in NAVIX itself, from keys 0 and on: their first states, and all that was seen."""
    made = navix.make(env.task, max_steps=10 * STEPS)

    def look(state: Any) -> tuple[jax.Array, jax.Array]:
        return navix.observations.symbolic(state), navix.observations.symbolic_first_person(state)

    def episode(key: jax.Array, actions: jax.Array):
        begun = made.reset(key)
        # As every later state: compiled code orders a dict by its keys, and NAVIX draws in order.
        begun = jax.tree.map(lambda leaf: leaf, begun)

        def step(carry, action):
            timestep, live = carry
            after = made._step(timestep, action)
            ended = after.is_termination()
            return (after, live & ~ended), (look(after.state), after.reward, ended, live)

        _, found = jax.lax.scan(step, (begun, jnp.bool_(True)), actions)
        return (begun.state.grid, begun.state.entities), look(begun.state), found

    with theirs():
        keys = jax.vmap(jax.random.key)(jnp.arange(EPISODES))
        numbers = jnp.asarray(env.foreign_actions, jnp.int32)[actions]
        states, first, (seen, paid, ended, live) = jax.jit(jax.vmap(episode))(keys, numbers)
    views = [
        np.concatenate([np.asarray(one)[:, None], np.asarray(rest)], 1)
        for one, rest in zip(first, seen, strict=True)
    ]
    found = {"full": views[0], "part": views[1], "paid": paid, "ended": ended, "live": live}
    return states, {name: np.asarray(value) for name, value in found.items()}


def _level(env, states: Any, at: int):
    grid, entities = jax.tree.map(lambda leaf: np.asarray(leaf[at]), states)
    return level_of(ours.read(grid, entities), env.concepts)


def _ours(env, part, levels: Any, actions: jax.Array):
    def episode(level, actions):
        def step(state: State, action: jax.Array):
            moved = env.step(jax.random.key(0), state, action)
            seen = (env.observe(moved.state), part.observe(moved.state))
            return moved.state, (seen, moved.rewards[0], moved.terminated, moved.state.fields)

        begun = env.reset(jax.random.key(0), level)
        first = (env.observe(begun), part.observe(begun))
        return first, jax.lax.scan(step, begun, actions)[1], begun.fields

    return jax.jit(jax.vmap(episode))(levels, actions)


@pytest.mark.parametrize("task", TASKS)
def test_every_step_and_view_is_navixs_own(task: str):
    env = make(f"navix:{task}", levels=32)
    part = make(f"navix:{task}", levels=32, view="egocentric")
    rng = np.random.default_rng(0)
    chance = np.array([3.0 if name == "forward" else 1.0 for name in env.action_names])
    drawn = rng.choice(env.num_actions, (EPISODES, STEPS), p=chance / chance.sum())
    actions = jnp.asarray(drawn, jnp.int32)
    states, found = _played(env, actions)
    levels = [_level(env, states, at) for at in range(EPISODES)]
    begin, (seen, paid, ended, fields), start = _ours(
        env, part, jax.tree.map(lambda *leaves: jnp.stack(leaves), *levels), actions
    )
    live = found["live"]
    after = np.concatenate([np.ones((EPISODES, 1), bool), live], axis=1)
    for key, at in (("full", 0), ("part", 1)):
        mine = np.concatenate([np.asarray(begin[at])[:, None], np.asarray(seen[at])], axis=1)
        assert np.array_equal(np.rint(mine * GREATEST)[after], found[key][after])
        assert mine.min() >= 0 and mine.max() <= 1
    assert np.array_equal(np.asarray(paid)[live], found["paid"][live])
    assert np.array_equal(np.asarray(ended)[live], found["ended"][live])
    met = {"success"} if (found["paid"][live] > 0).any() else set()
    if "carrying" in fields:
        met |= {"pickup"} if (np.asarray(fields["carrying"])[live] > 0).any() else set()
        opened = (np.asarray(start["door_0"])[:, None] == 2) & (np.asarray(fields["door_0"]) == 0)
        met |= {"unlock"} if opened[live].any() else set()
    assert TASKS[task] <= met, f"the rollouts met {met} alone"


def test_optimal_plan_is_rewarded_by_navix_itself():
    env = make("navix:Navix-DoorKey-Random-5x5-v0", levels=32)
    made = navix.make(env.task)
    step: Callable = jax.jit(made._step)
    for seed in range(2):
        with theirs():
            timestep = made.reset(jax.random.key(seed))
        grid, entities = timestep.state.grid, timestep.state.entities
        snapshot = ours.read(np.asarray(grid), jax.tree.map(np.asarray, entities))
        level = jax.tree.map(jnp.asarray, level_of(snapshot, env.concepts))
        table = analyse(env, level).tabular
        values, plan = planning.optimal_plan(table, level.reward_weights, 0.9, 40)
        state, steps = env.reset(jax.random.key(0), level), 0
        expected = float(values[0, env.index_of(state)])
        while not bool(timestep.is_done()):
            action = int(plan[steps, env.index_of(state)])
            state = env.step(jax.random.key(0), state, jnp.int32(action)).state
            with theirs():
                timestep = step(timestep, jnp.int32(env.foreign_actions[action]))
            steps += 1
        assert float(timestep.reward) == 1.0
        assert expected == pytest.approx(0.9 ** (steps - 1), abs=1e-5)


def test_wrapped_tasks_keep_every_promise_of_the_interface():
    env = make("navix:Navix-Empty-Random-5x5-v0", levels=64)
    assert env.disjoint_by == "level"
    assert check_env(env) == []


def test_distshift_is_shifted_as_navix_shifts_it():
    env = make("navix:Navix-DistShift1-v0", levels=2)
    lava = env.bank.levels.position[:, env.concept_index("lava"), :, 0]
    train, target = (np.unique(lava[env.bank.members[split]]) for split in ("train", "target"))
    assert not np.array_equal(train, target)


def test_what_is_edited_is_what_navix_then_sees():
    env = make("navix:Navix-LavaGapS5-v0", levels=8)
    level = take(sample_levels(env, jax.random.key(0), 1, "train"), 0)
    state = env.reset(jax.random.key(0), level)
    before = np.rint(np.asarray(env.observe(state)) * GREATEST)[..., 0]
    after = np.rint(np.asarray(env.observe(env.remove(state, "lava"))) * GREATEST)[..., 0]
    assert (before == 9).sum() > 0 == (after == 9).sum()
    assert (before != after).sum() == (before == 9).sum()


def test_what_cannot_be_wrapped_is_refused_in_one_line():
    with pytest.raises(UserError, match=r"has a ball and cannot be wrapped"):
        make("navix:Navix-Dynamic-Obstacles-5x5-v0")
    with pytest.raises(UserError, match="has a ball"):
        make("navix:Navix-KeyCorridorS3R1-v0")
    with pytest.raises(UserError, match="mission"):
        make("navix:Navix-GoToDoor-5x5-v0")
    with pytest.raises(UserError, match=r"has no task.*Navix-FourRooms-v0"):
        make("navix:Navix-FourRoom-v0")
