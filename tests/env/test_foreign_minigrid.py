"""MiniGrid as an env of this house: equal to MiniGrid's own code, step for step."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("minigrid")

import gymnasium
from minigrid.wrappers import FullyObsWrapper

from shardsim.base.errors import UserError
from shardsim.env import planning
from shardsim.env.check import check_env
from shardsim.env.covariates import analyse
from shardsim.env.foreign import minigrid as ours
from shardsim.env.foreign.minigrid_view import GREATEST
from shardsim.env.levels import sample_levels, take
from shardsim.env.registry import make
from shardsim.env.types import State
from tests.env.one_level import level_of

EPISODES, STEPS = 12, 120
# What random rollouts must have met to prove anything: task -> events that must occur.
TASKS = {
    "MiniGrid-Empty-Random-5x5-v0": {"success"},
    "MiniGrid-FourRooms-v0": set(),
    "MiniGrid-LavaCrossingS9N2-v0": {"death"},
    "MiniGrid-LavaGapS5-v0": {"death", "success"},
    "MiniGrid-DistShift2-v0": {"death"},
    "MiniGrid-DoorKey-5x5-v0": {"pickup", "unlock", "success"},
    "MiniGrid-MultiRoom-N2-S4-v0": {"open", "close"},
    "MiniGrid-Unlock-v0": {"pickup", "success"},
    "MiniGrid-UnlockPickup-v0": {"pickup"},
    "MiniGrid-KeyCorridorS3R1-v0": {"open", "close"},
}


def _elsewhere(task: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return gymnasium.make(task).unwrapped


def _rollout(env, made, seed: int, rng: np.random.Generator) -> dict:
    """One episode in MiniGrid itself; what is dropped is left out, since it leaves our world."""
    made.reset(seed=seed)
    level = level_of(ours.read(made), env.concepts)
    whole = FullyObsWrapper(made)
    known = [name for name in env.action_names if name != "drop"]
    chance = np.array([3.0 if name == "forward" else 1.0 for name in known])
    rows: dict[str, list] = {key: [] for key in ("action", "full", "part", "paid", "ended")}

    def look() -> None:
        view = made.gen_obs()
        rows["full"].append(whole.observation(dict(view))["image"].transpose(1, 0, 2))
        rows["part"].append(view["image"].transpose(1, 0, 2))

    look()
    for _ in range(STEPS):
        name = str(rng.choice(known, p=chance / chance.sum()))
        _, paid, ended, _, _ = made.step(env.moves[name])
        rows["action"].append(env.action_names.index(name))
        rows["paid"].append(paid != 0)  # below 0 once MiniGrid's time is up
        rows["ended"].append(ended)
        look()
        if ended:
            break
    missing = STEPS - len(rows["action"])
    for key, values in rows.items():
        rows[key] = values + [values[-1]] * missing
    live = np.arange(STEPS + 1) <= STEPS - missing
    return {**{key: np.array(value) for key, value in rows.items()}, "live": live, "level": level}


@pytest.mark.parametrize("task", TASKS)
def test_every_step_and_view_is_minigrids_own(task: str):
    env = make(f"minigrid:{task}", levels=16)
    part = make(f"minigrid:{task}", levels=16, view="egocentric")
    made, rng = _elsewhere(task), np.random.default_rng(0)
    played = [_rollout(env, made, seed, rng) for seed in range(EPISODES)]
    theirs = jax.tree.map(lambda *leaves: np.stack(leaves), *played)

    def episode(level, actions):
        def step(state: State, action):
            moved = env.step(jax.random.key(0), state, action)
            seen = (env.observe(moved.state), part.observe(moved.state))
            return moved.state, (seen, moved.rewards[0], moved.terminated, moved.state.fields)

        begun = env.reset(jax.random.key(0), level)
        first = (env.observe(begun), part.observe(begun))
        return first, jax.lax.scan(step, begun, actions)[1], begun.fields

    begin, (seen, paid, ended, fields), start = jax.jit(jax.vmap(episode))(
        jax.tree.map(jnp.asarray, theirs["level"]), jnp.asarray(theirs["action"], jnp.int32)
    )
    live = theirs["live"]
    for key, at in (("full", 0), ("part", 1)):
        mine = np.concatenate([np.asarray(begin[at])[:, None], np.asarray(seen[at])], axis=1)
        assert np.array_equal(np.rint(mine * GREATEST)[live], theirs[key][live])
        assert mine.min() >= 0 and mine.max() <= 1
    assert np.array_equal(np.asarray(paid)[live[:, 1:]] > 0, theirs["paid"][live[:, 1:]])
    assert np.array_equal(np.asarray(ended)[live[:, 1:]], theirs["ended"][live[:, 1:]])
    missed = TASKS[task] - _events(theirs, start, fields, live)
    assert not missed, f"the rollouts never met {missed}"


def _events(theirs, start, fields, live) -> set[str]:
    """What happened in the rollouts."""
    found = set()
    if theirs["paid"].any():
        found.add("success")
    if (theirs["ended"] & ~theirs["paid"])[live[:, 1:]].any():
        found.add("death")
    whole = {
        name: np.concatenate([np.asarray(start[name])[:, None], np.asarray(fields[name])], 1)
        for name in fields
    }
    if (whole.get("carrying", np.zeros(1)) > 0).any():
        found.add("pickup")
    for name, stands in whole.items():
        if name.startswith("door"):
            before, after = stands[:, :-1], stands[:, 1:]
            found |= {"unlock"} if ((before == 2) & (after == 0)).any() else set()
            found |= {"open"} if ((before == 1) & (after == 0)).any() else set()
            found |= {"close"} if ((before == 0) & (after == 1)).any() else set()
    return found


def test_optimal_plan_succeeds_in_minigrid_itself():
    env = make("minigrid:MiniGrid-DoorKey-5x5-v0", levels=8)
    made = _elsewhere(env.task)
    for seed in range(4):
        made.reset(seed=seed)
        level = jax.tree.map(jnp.asarray, level_of(ours.read(made), env.concepts))
        table = analyse(env, level).tabular
        values, plan = planning.optimal_plan(table, level.reward_weights, 0.9, 40)
        state, paid, steps = env.reset(jax.random.key(0), level), 0.0, 0
        expected = float(values[0, env.index_of(state)])
        ended = False
        while not ended:
            action = int(plan[steps, env.index_of(state)])
            state = env.step(jax.random.key(0), state, jnp.int32(action)).state
            _, paid, ended, _, _ = made.step(env.foreign_actions[action])
            steps += 1
        assert paid > 0
        assert expected == pytest.approx(0.9 ** (steps - 1), abs=1e-5)


def test_distance_counts_turns_and_picking_up():
    env = make("minigrid:MiniGrid-DoorKey-5x5-v0", levels=32)
    level = take(sample_levels(env, jax.random.key(1), 1, "train"), 0)
    found = analyse(env, level)
    index = int(jnp.argmax(found.tabular.start))
    key, door, goal = (env.concept_index(name) for name in ("key", "door", "goal"))
    distance = np.asarray(found.distance[index])
    assert 1 <= distance[key] < distance[door] < distance[goal]
    # Nobody stands on a key: it is reached by the move that picks it up.
    assert not (np.asarray(found.goals)[:, key] & np.asarray(found.tabular.reachable)).any()
    picking = np.asarray(found.entered)[:, env.action_names.index("pickup"), 0, key]
    assert picking.sum() > 0
    held = np.asarray(jax.vmap(lambda i: env.state_at(level, i).carrying)(jnp.arange(len(picking))))
    assert not held[picking].any()


@pytest.mark.parametrize("task", ["MiniGrid-DoorKey-5x5-v0", "MiniGrid-DistShift1-v0"])
def test_wrapped_tasks_keep_every_promise_of_the_interface(task: str):
    assert check_env(make(f"minigrid:{task}", levels=64)) == []


def test_splits_share_nothing_and_say_what():
    rooms = make("minigrid:MiniGrid-FourRooms-v0", levels=64)
    assert rooms.disjoint_by == "layout"
    layouts = {
        split: {walls.tobytes() for walls in rooms.bank.levels.walls[members]}
        for split, members in rooms.bank.members.items()
    }
    assert all(layouts.values())
    assert not layouts["train"] & (layouts["held-out"] | layouts["target"])
    assert not layouts["held-out"] & layouts["target"]
    assert make("minigrid:MiniGrid-Empty-Random-6x6-v0", levels=48).disjoint_by == "level"
    assert make("minigrid:MiniGrid-Empty-8x8-v0", levels=4).disjoint_by == "nothing"


def test_corner_radius_shifts_target_levels_alone():
    env = make("minigrid:MiniGrid-FourRooms-v0", levels=24, corner_radius=6)
    goal = env.bank.levels.position[:, env.concept_index("goal"), 0]
    # The goal is no nearer by path than by rows and columns.
    near = np.abs(goal - 1).sum(1) <= 6
    assert near[env.bank.members["train"]].all() and near[env.bank.members["held-out"]].all()
    assert not near[env.bank.members["target"]].all()


def test_distshift_is_shifted_as_minigrid_shifts_it():
    env = make("minigrid:MiniGrid-DistShift1-v0")
    lava = env.concept_index("lava")
    rows = env.bank.levels.position[:, lava, :, 0]
    train, target = (rows[env.bank.members[split]] for split in ("train", "target"))
    assert not np.array_equal(np.unique(train), np.unique(target))


def test_edits_move_and_remove_what_minigrid_placed():
    env = make("minigrid:MiniGrid-DoorKey-6x6-v0", levels=8)
    level = take(sample_levels(env, jax.random.key(0), 1, "train"), 0)
    state = env.reset(jax.random.key(0), level)
    without_door = env.remove(state, "door")
    values = [
        float(
            planning.optimal_values(
                analyse(env, each.level).tabular, each.level.reward_weights, 0.95, 60
            )[0][env.index_of(state)]
        )
        for each in (state, without_door)
    ]
    assert values[1] > values[0] > 0  # the way is open without the door, and no key is needed
    before = np.rint(np.asarray(env.observe(state)) * GREATEST)
    after = np.rint(np.asarray(env.observe(without_door)) * GREATEST)
    assert (before != after).any(-1).sum() == 1


def test_what_cannot_be_wrapped_is_refused_in_one_line():
    with pytest.raises(UserError, match="rules of its own"):
        make("minigrid:MiniGrid-Dynamic-Obstacles-6x6-v0")
    with pytest.raises(UserError, match=r"has no task.*MiniGrid-FourRooms-v0"):
        make("minigrid:MiniGrid-FourRoom-v0")
    with pytest.raises(UserError, match="no view"):
        make("minigrid:MiniGrid-Empty-5x5-v0", view="rgb")
    with pytest.raises(UserError, match="height 5"):
        make("minigrid:MiniGrid-Empty-5x5-v0", height=7)
    with pytest.raises(UserError, match="states"):
        make("minigrid:MiniGrid-MultiRoom-N6-v0", levels=4)


def test_what_is_dropped_leaves_the_world_and_figures_are_called_estimated():
    env = make("minigrid:MiniGrid-UnlockPickup-v0", levels=8)
    assert "distances" in env.estimated
    assert make("minigrid:MiniGrid-DoorKey-5x5-v0", levels=8).estimated == ()
    level = take(sample_levels(env, jax.random.key(0), 1, "train"), 0)
    state = env.reset(jax.random.key(0), level)
    slot = env.carriable.index((env.concept_index("key"), 0))
    # In a cell with nothing before it, holding the key.
    row, column = np.argwhere(np.asarray(env.can_place(state, "key")))[0]
    state = state.replace(
        cell=jnp.int32(row * env.width + column),
        direction=jnp.int32(1),
        carrying=jnp.int32(slot + 1),
    )
    moved = env.step(jax.random.key(0), state, jnp.int32(env.action_names.index("drop"))).state
    front = state.level.walls[row + 1, column]
    assert bool(front) or (int(moved.carrying) == 0 and int(moved.fields[f"gone_{slot}"]) == 1)
    assert not bool(env.present(moved)[env.carriable[slot]])
