"""XLand-MiniGrid's MiniGrid tasks as envs of this house: equal to its own episodes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("xminigrid")

import xminigrid

from shardsim.base.errors import UserError
from shardsim.env import planning
from shardsim.env.check import check_env
from shardsim.env.covariates import analyse
from shardsim.env.foreign import xland as ours
from shardsim.env.foreign.world import theirs
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.env.types import State
from tests.env.one_level import level_of

EPISODES, STEPS = 24, 150
TASKS = {
    "MiniGrid-EmptyRandom-5x5": {"success"},
    "MiniGrid-FourRooms": set(),
    "MiniGrid-DoorKey-5x5": {"pickup", "unlock", "close", "success"},
    "MiniGrid-Unlock": {"pickup"},
}


def _played(task: str, numbers: jax.Array) -> tuple[Any, dict[str, np.ndarray]]:
    """Episodes in XLand-MiniGrid itself, from keys 0 and on, and all that was seen."""
    made, params = xminigrid.make(task, max_steps=10 * STEPS)

    def episode(key: jax.Array, actions: jax.Array):
        begun = made.reset(params, key)

        def step(carry, action):
            now, live = carry
            after = made.step(params, now, action)
            ended = after.discount == 0
            return (after, live & ~ended), (after.observation, after.reward, ended, live)

        _, found = jax.lax.scan(step, (begun, jnp.bool_(True)), actions)
        state = begun.state
        return (state.grid, state.agent, state.goal_encoding), begun.observation, found

    with theirs():
        keys = jax.vmap(jax.random.key)(jnp.arange(EPISODES))
        states, first, (seen, paid, ended, live) = jax.jit(jax.vmap(episode))(keys, numbers)
    view = np.concatenate([np.asarray(first)[:, None], np.asarray(seen)], 1)
    found = {"view": view, "paid": paid, "ended": ended, "live": live}
    return states, {name: np.asarray(value) for name, value in found.items()}


def _level(env, states: Any, at: int):
    return level_of(ours.read(*jax.tree.map(lambda x: np.asarray(x[at]), states)), env.concepts)


def _ours(env, levels: Any, actions: jax.Array):
    def episode(level, actions):
        def step(state: State, action: jax.Array):
            moved = env.step(jax.random.key(0), state, action)
            said = (env.observe(moved.state), moved.rewards[0], moved.terminated)
            return moved.state, (*said, moved.state.fields)

        begun = env.reset(jax.random.key(0), level)
        return env.observe(begun), jax.lax.scan(step, begun, actions)[1], begun.fields

    return jax.jit(jax.vmap(episode))(levels, actions)


@pytest.mark.parametrize("task", TASKS)
def test_every_step_and_view_is_xlands_own(task: str):
    env = make(f"xland:{task}", levels=64)
    rng = np.random.default_rng(0)
    chance = np.array([3.0 if name == "move_forward" else 1.0 for name in env.action_names])
    drawn = rng.choice(env.num_actions, (EPISODES, STEPS), p=chance / chance.sum())
    actions = jnp.asarray(drawn, jnp.int32)
    states, found = _played(task, jnp.asarray(env.foreign_actions, jnp.int32)[actions])
    levels = jax.tree.map(
        lambda *leaves: jnp.stack(leaves), *(_level(env, states, at) for at in range(EPISODES))
    )
    # Keys 0 and on are those of the bank, whose order is another; the goals go by its numbers.
    numbers = [
        next(n for n, origin in enumerate(env.bank.origins) if np.array_equal(origin, goal))
        for goal in np.asarray(states[2])
    ]
    levels = levels.replace(number=jnp.asarray(numbers, jnp.int32))
    begin, (seen, paid, ended, fields), start = _ours(env, levels, actions)
    live = found["live"]
    after = np.concatenate([np.ones((EPISODES, 1), bool), live], axis=1)
    mine = np.concatenate([np.asarray(begin)[:, None], np.asarray(seen)], axis=1)
    assert np.array_equal(np.rint(mine * ours.GREATEST)[after], found["view"][after])
    assert mine.min() >= 0 and mine.max() <= 1
    assert np.array_equal(np.asarray(paid)[live] > 0, found["paid"][live] > 0)
    assert np.array_equal(np.asarray(ended)[live], found["ended"][live])
    met = {"success"} if (found["paid"][live] > 0).any() else set()
    if "carrying" in fields:
        met |= {"pickup"} if (np.asarray(fields["carrying"])[live] > 0).any() else set()
        door = np.concatenate([np.asarray(start["door_0"])[:, None], fields["door_0"]], axis=1)
        before, then = door[:, :-1][live], door[:, 1:][live]
        met |= {"unlock"} if ((before == 2) & (then == 0)).any() else set()
        met |= {"close"} if ((before == 0) & (then == 1)).any() else set()
    assert TASKS[task] <= met, f"the rollouts met {met} alone"


@pytest.mark.parametrize("task", ["MiniGrid-DoorKey-5x5", "MiniGrid-Unlock"])
def test_optimal_plan_is_rewarded_by_xland_itself(task: str):
    env = make(f"xland:{task}", levels=64)
    made, params = xminigrid.make(task)
    step = jax.jit(made.step, static_argnums=0)
    with theirs():
        now = made.reset(params, jax.random.key(0))
    goal = np.asarray(now.state.goal_encoding)
    number = next(n for n, x in enumerate(env.bank.origins) if np.array_equal(x, goal))
    snapshot = ours.read(np.asarray(now.state.grid), now.state.agent, goal)
    level = jax.tree.map(jnp.asarray, level_of(snapshot, env.concepts))
    level = level.replace(number=jnp.int32(number))
    table = jax.jit(lambda level: analyse(env, level).tabular)(level)
    values, plan = planning.optimal_plan(table, level.reward_weights, 0.9, 60)
    state, steps = env.reset(jax.random.key(0), level), 0
    expected = float(values[0, env.index_of(state)])
    while not bool(now.last()):
        action = int(plan[steps, env.index_of(state)])
        state = env.step(jax.random.key(0), state, jnp.int32(action)).state
        with theirs():
            now = step(params, now, jnp.int32(env.foreign_actions[action]))
        steps += 1
    assert float(now.reward) > 0
    assert expected == pytest.approx(0.9 ** (steps - 1), abs=1e-5)


def test_wrapped_tasks_keep_every_promise_of_the_interface():
    env = make("xland:MiniGrid-EmptyRandom-5x5", levels=64, view="planes")
    assert env.disjoint_by == "level"
    assert check_env(env) == []


def test_a_door_that_is_moved_is_still_the_one_to_open():
    env = make("xland:MiniGrid-Unlock", levels=16)
    level = take(sample_levels(env, jax.random.key(0), 1, "train"), 0)
    state = env.reset(jax.random.key(0), level)
    door = env.concept_index("door")
    row, column = (int(part) for part in level.position[door, 0])
    free = np.argwhere(np.asarray(env.can_place(state, "door")))[-1]
    moved = env.move(state, "door", (int(free[0]), int(free[1])))
    goal = np.asarray(env.rebuilt(moved).goal_encoding)
    assert tuple(goal[3:5]) == tuple(np.asarray(moved.level.position[door, 0])) != (row, column)


def test_what_cannot_be_wrapped_is_refused_in_one_line():
    with pytest.raises(UserError, match="cannot be wrapped"):
        make("xland:XLand-MiniGrid-R1-9x9")
    with pytest.raises(UserError, match="cannot be wrapped"):
        make("xland:MiniGrid-MemoryS8")
    with pytest.raises(UserError, match=r"has no task.*MiniGrid-FourRooms"):
        make("xland:MiniGrid-FourRoom")
    with pytest.raises(UserError, match="no view"):
        make("xland:MiniGrid-FourRooms", view="full")
