"""The batched vector env: against Gymnasium's own, against the tables, and its resets."""

from __future__ import annotations

import os

import gymnasium as gym
import jax
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from shardsim.base.errors import UserError
from shardsim.env.gymnasium import GridworldEnv
from shardsim.env.gymnasium_ids import gymnasium_id, register_all
from shardsim.env.gymnasium_vector import GridworldVectorEnv
from shardsim.env.gymnasium_worlds import advance, draw_bank
from shardsim.env.levels import take
from shardsim.env.registry import list_envs
from shardsim.env.render import render_rgb, tiled

pytestmark = pytest.mark.slow

BANK = 8  # one size, so that few programs are compiled
MODES = [mode.value for mode in AutoresetMode]


@pytest.fixture(scope="module", autouse=True)
def registered():
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    register_all()


def played(worlds, steps: int, seed: int = 0) -> list:
    """Everything that random play gives, from a reset on."""
    rng, found = np.random.default_rng(seed), [worlds.reset(seed=seed)]
    for _ in range(steps):
        actions = rng.integers(0, worlds.single_action_space.n, worlds.num_envs)
        found.append(worlds.step(actions))
    return found


@pytest.mark.parametrize("env_id", list_envs())
@pytest.mark.slow
def test_every_listed_env_is_a_vector_env_in_both_ways(env_id):
    # One level in the bank, so that both draw levels with one compiled program.
    for mode, kind, few in (
        (None, GridworldVectorEnv, {"bank_levels": 1}),
        ("sync", SyncVectorEnv, {}),
    ):
        worlds = gym.make_vec(gymnasium_id(env_id), num_envs=2, vectorization_mode=mode, **few)
        assert isinstance(worlds.unwrapped, kind)
        assert worlds.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
        assert worlds.spec.id == gymnasium_id(env_id)
        for observation, *_ in played(worlds, 3):
            assert worlds.observation_space.contains(observation)
        worlds.close()


def looks(value):
    """Shapes and dtypes of everything in nested dicts of arrays, with the masks themselves."""
    if isinstance(value, dict):
        return {key: looks(entry) for key, entry in value.items()}
    return value.tolist() if value.dtype == bool else (value.shape, value.dtype)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_steps_look_like_those_of_gymnasiums_own_vector_env(thirst, mode):
    # Here only time ends episodes, so that both end, reset and report in the same steps.
    ours = GridworldVectorEnv(thirst.env, 3, autoreset_mode=mode, bank_levels=BANK)
    theirs = SyncVectorEnv([lambda: GridworldEnv(thirst.env)] * 3, autoreset_mode=mode)
    ends = 0
    for one, other in zip(played(ours, 40)[1:], played(theirs, 40)[1:], strict=True):
        assert looks(dict(enumerate(one))) == looks(dict(enumerate(other)))
        ends += int(one[3].sum())
    assert ends == 6


@pytest.mark.parametrize("mode", MODES)
def test_steps_are_those_of_the_tables_and_resets_fall_where_the_mode_says(slip, mode):
    env, count = slip.env, 4
    worlds = GridworldVectorEnv(env, count, autoreset_mode=mode, bank_levels=BANK)
    worlds.reset(seed=11)
    levels = draw_bank(env, 11, BANK, "train").levels
    tables = jax.jit(jax.vmap(env.tabular))(levels)
    rng, ended_before, ends = np.random.default_rng(0), np.zeros(count, bool), 0

    def where(state):
        """The bank's level and the index of each world's state."""
        same = np.asarray(state.level.walls)[:, None] == np.asarray(levels.walls)
        there = np.asarray(state.level.position)[:, None] == np.asarray(levels.position)
        level = np.argmax(same.all(axis=(2, 3)) & there.all(axis=(2, 3, 4)), axis=1)
        return level, np.asarray(jax.vmap(env.index_of)(state))

    for _ in range(40):
        state = worlds._worlds.state
        level, index = where(state)
        actions = rng.integers(0, 4, count)
        seen, reward, terminated, truncated, info = worlds.step(actions)
        after = worlds._worlds.state
        np.testing.assert_array_equal(seen, jax.vmap(env.observe)(after))
        over = ended_before if mode == "NextStep" else np.zeros(count, bool)
        ended = terminated | truncated
        assert not (terminated & truncated).any()
        for world in range(count):
            at = (level[world], index[world], actions[world])
            if over[world]:
                assert (reward[world], ended[world]) == (0, False)
                assert not info.get("_rewards", np.zeros(count, bool))[world]
                continue
            possible = np.flatnonzero(np.asarray(tables.probability[at]) > 0)
            paid = np.asarray(tables.rewards[at[0], :, at[1], at[2]]).T @ [1.0, -0.5]
            outcomes = {
                (round(float(paid[n]), 4), bool(tables.terminated[at][n])) for n in possible
            }
            assert (round(reward[world], 4), bool(terminated[world])) in outcomes
            assert truncated[world] == (
                int(state.steps[world]) + 1 >= env.max_steps and not terminated[world]
            )
        begun = over if mode == "NextStep" else ended if mode == "SameStep" else over
        assert (np.asarray(after.steps)[begun] == 0).all()
        assert (np.asarray(after.steps)[~begun] == np.asarray(state.steps)[~begun] + 1).all()
        if mode == "SameStep" and ended.any():
            for world in np.flatnonzero(ended):
                assert info["final_obs"][world].shape == env.observation_shape
                assert not np.array_equal(info["final_obs"][world], seen[world])
            np.testing.assert_array_equal(info["_final_obs"], ended)
        if mode == "Disabled" and ended.any():
            with pytest.raises(UserError, match="has ended; reset it first"):
                worlds.step(actions)
            fresh, _ = worlds.reset(options={"reset_mask": ended})
            np.testing.assert_array_equal(fresh[~ended], seen[~ended])
            assert (np.asarray(worlds._worlds.state.steps)[ended] == 0).all()
        ended_before, ends = ended, ends + int(ended.sum())
    assert ends > count


def test_a_seed_fixes_everything_and_each_world_has_its_own(slip):
    def trace(seed, count):
        steps = played(GridworldVectorEnv(slip.env, count, bank_levels=BANK), 20, seed)
        return np.stack([step[0] for step in steps])

    np.testing.assert_array_equal(trace(5, 4), trace(5, 4))
    assert not np.array_equal(trace(5, 4), trace(6, 4))
    first = trace(5, 4)
    assert not np.array_equal(first[:, 0], first[:, 1])
    # A reset without a seed goes on with other episodes; the same seed begins again.
    worlds = GridworldVectorEnv(slip.env, 4, bank_levels=BANK)
    one, _ = worlds.reset(seed=5)
    other, _ = worlds.reset()
    again, _ = worlds.reset(seed=5)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    listed, _ = GridworldVectorEnv(slip.env, 4, bank_levels=BANK).reset(seed=[5, 6, 7, 8])
    np.testing.assert_array_equal(listed, one)


def test_a_given_level_is_played_by_all_that_are_reset_and_by_them_alone(cheese):
    worlds = GridworldVectorEnv(cheese.env, 3, bank_levels=BANK)
    before, _ = worlds.reset(seed=np.int64(2))
    level = take(cheese.levels, 1)
    mask = np.array([True, False, True])
    seen, _ = worlds.reset(seed=2, options={"level": level, "reset_mask": mask})
    np.testing.assert_array_equal(seen[1], before[1])
    for world in (0, 2):
        np.testing.assert_array_equal(seen[world, ..., 1], level.walls)
        state = take(worlds._worlds.state, world)
        np.testing.assert_array_equal(state.level.position, level.position)
        np.testing.assert_array_equal(seen[world], cheese.env.observe(state))
    again, _ = worlds.reset(seed=2)  # the next episodes are the bank's once more
    np.testing.assert_array_equal(again, before)


def test_the_banks_starts_are_drawn_as_resets_are(thirst):
    bank = draw_bank(thirst.env, 0, BANK, "train")
    chance = np.asarray(jax.jit(jax.vmap(thirst.env.start_probability))(bank.levels))
    thirsty = np.asarray(bank.starts["thirsty"])
    own = np.take_along_axis(chance, np.asarray(bank.starts["cell"]) * 2 + thirsty, axis=1)
    assert (own > 0).all()
    # Half of the starts are thirsty: 128 draws stray by less than five standard errors.
    assert abs(np.mean(thirsty) - 0.5) < 5 * 0.5 / 128**0.5


def test_worlds_that_were_never_begun_wait_for_their_reset(slip):
    worlds = GridworldVectorEnv(slip.env, 2, autoreset_mode="Disabled", bank_levels=BANK)
    worlds.reset(seed=1, options={"reset_mask": np.array([True, False])})
    with pytest.raises(UserError, match="world 1 has ended; reset it first"):
        worlds.step(np.zeros(2, int))
    worlds.reset(options={"reset_mask": np.array([False, True])})
    worlds.step(np.zeros(2, int))


def test_one_program_serves_all_steps_and_resets(cheese, monkeypatch):
    advance.cache_clear()
    traced, step = [], type(cheese.env).step
    monkeypatch.setattr(type(cheese.env), "step", lambda *inputs: traced.append(1) or step(*inputs))
    worlds = GridworldVectorEnv(cheese.env, 3, bank_levels=BANK)
    played(worlds, 30)
    played(worlds, 30, seed=1)
    assert len(traced) == 1  # Python is run only where something is compiled


def test_frames_of_all_worlds(cheese, monkeypatch):
    worlds = GridworldVectorEnv(cheese.env, 3, render_mode="rgb_array", bank_levels=BANK)
    worlds.reset(seed=0)
    frames = worlds.render()
    for index, frame in enumerate(frames):
        state = take(worlds._worlds.state, index)
        np.testing.assert_array_equal(frame, render_rgb(cheese.env, state))
    whole, side = tiled(frames), frames[0].shape[0]
    assert whole.shape == (2 * side, 2 * side, 3)
    np.testing.assert_array_equal(whole[side:, :side], frames[2])
    pygame = pytest.importorskip("pygame")
    worlds = GridworldVectorEnv(cheese.env, 3, render_mode="human", bank_levels=BANK)
    worlds.metadata["render_fps"] = 1000
    worlds.reset(seed=0)
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)
    np.testing.assert_array_equal(shown, whole)
    worlds.close()
    assert not pygame.display.get_init()


def test_mistakes_are_named(cheese):
    worlds = GridworldVectorEnv(cheese.env, 2, bank_levels=BANK)
    with pytest.raises(UserError, match="call reset"):
        worlds.step(np.zeros(2, np.int64))
    worlds.reset(seed=0)
    for wrong, said in (
        (lambda: worlds.step(np.array([0, 4])), "actions 0 to 3"),
        (lambda: worlds.step(np.zeros(3, np.int64)), r"not int64\[3\]"),
        (lambda: worlds.step(np.zeros(2)), r"not float64\[2\]"),
        (lambda: worlds.reset(seed=[1, 2, 3]), "need as many seeds"),
        (lambda: worlds.reset(options={"reset_mask": np.zeros(2, bool)}), "at least one True"),
        (lambda: worlds.reset(options={"levels": None}), "did you mean 'level'"),
        (lambda: worlds.reset(options={"level": cheese.levels}), "not a single level of cheese"),
        (lambda: worlds.reset(seed=-1), "seed must be a whole number"),
        (lambda: worlds.render(), "no render mode"),
        (
            lambda: GridworldVectorEnv(cheese.env, 0),
            "num_envs must be a whole number",
        ),
        (lambda: GridworldVectorEnv(cheese.env, 2, bank_levels=0), "bank_levels must be"),
        (lambda: GridworldVectorEnv(cheese.env, 2, autoreset_mode="Next"), "'NextStep'"),
    ):
        with pytest.raises(UserError, match=said):
            wrong()
