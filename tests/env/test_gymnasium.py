"""The Gymnasium adapter, by Gymnasium's own checker and by comparison with `Env.step`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from shardsim.base.errors import UserError
from shardsim.env.gymnasium import GridworldEnv
from shardsim.env.gymnasium_ids import gymnasium_id, register_all
from shardsim.env.levels import take
from shardsim.env.registry import list_envs
from shardsim.env.render import render_rgb

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PYGAME = importlib.util.find_spec("pygame") is not None


@pytest.fixture(scope="module", autouse=True)
def registered():
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    register_all()
    register_all()  # twice does no harm


@pytest.mark.parametrize("env_id", list_envs())
def test_every_listed_env_passes_gymnasiums_checker(env_id):
    env = gym.make(gymnasium_id(env_id), render_mode="rgb_array")
    # Warnings are errors while testing; every render mode is made and drawn.
    check_env(env.unwrapped, skip_render_check=not PYGAME)
    env.reset(seed=0)
    world = env.unwrapped.env
    assert env.render().shape == (world.height * 32 + 16, world.width * 32 + 16, 3)
    assert env.spec.id == gymnasium_id(env_id)


def test_worlds_with_chance_and_drives_pass_the_checker(world):
    env = GridworldEnv(world.env, render_mode="ansi")
    check_env(env, skip_render_check=True)
    assert "@" in env.render()


def test_envs_of_a_folder_of_ones_own_are_registered_with_it(worlds_folder):
    register_all(folders=[worlds_folder])
    try:
        assert gym.make("shardsim/slip-v0").unwrapped.env.num_outcomes == 3
        assert gym.make_vec("shardsim/slip-v0", num_envs=2).unwrapped.env.num_outcomes == 3
    finally:
        for name in ("slip", "key-chest", "thirst"):
            gym.registry.pop(gymnasium_id(name))


def test_truncation_is_apart_from_termination(thirst, cheese):
    env = GridworldEnv(thirst.env)
    env.reset(seed=1)
    ends = [env.step(np.int64(0))[2:4] for _ in range(thirst.env.max_steps)]
    assert ends == [(False, False)] * (thirst.env.max_steps - 1) + [(False, True)]
    # One step from the cheese: terminated, and the component named.
    level = take(cheese.levels, 0)
    env = GridworldEnv(cheese.env)
    env.reset(seed=0, options={"level": level})
    state, action = np.argwhere(cheese.analysis.entered[0, :, :, 0, 0])[0]
    env._state = cheese.env.state_at(level, jnp.int32(state))
    _, reward, terminated, truncated, info = env.step(np.int64(action))
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert info == {"rewards": {"cheese": 1.0}}


def test_a_seed_fixes_the_episode_and_another_changes_it(slip):
    def played(seed):
        env = GridworldEnv(slip.env)
        seen = [env.reset(seed=seed)[0]]
        for action in (0, 1, 2, 3, 1, 2):
            observation, *_ = env.step(np.int64(action))
            seen.append(observation)
        return np.stack(seen)

    np.testing.assert_array_equal(played(3), played(3))
    assert not np.array_equal(played(3), played(4))


def test_the_splits_reach_the_level(cheese):
    env = GridworldEnv(cheese.env, split="target", render_mode="rgb_array")
    seen = []
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        row, column = np.argwhere(observation[..., 2])[0]
        seen.append(row + column)
        np.testing.assert_array_equal(env.render(), render_rgb(cheese.env, env._state))
    assert max(seen) > 2  # a cheese of training levels lies within 2 moves of the corner


def test_a_window_opens_shows_the_frame_and_closes(cheese, monkeypatch):
    pygame = pytest.importorskip("pygame")
    env = GridworldEnv(cheese.env, render_mode="human")
    monkeypatch.setattr(env._window, "_rate", 1000)
    env.reset(seed=3)
    env.step(np.int64(1))
    assert env.render() is None
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)
    np.testing.assert_array_equal(shown, render_rgb(cheese.env, env._state))
    env.close()
    env.close()
    assert not pygame.display.get_init()
    env.render()  # a window that was closed stays closed
    assert not pygame.display.get_init()


def test_closing_the_window_by_hand_ends_it(cheese, monkeypatch):
    pygame = pytest.importorskip("pygame")
    env = GridworldEnv(cheese.env, render_mode="human")
    monkeypatch.setattr(env._window, "_rate", 1000)
    env.reset(seed=3)
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    env.render()
    assert env._window.closed


def test_a_missing_pygame_is_named_with_its_remedy(cheese, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(UserError, match=r"pip install 'shardsim\[human\]'"):
        GridworldEnv(cheese.env, render_mode="human")


def test_mistakes_are_named(cheese):
    env = GridworldEnv(cheese.env)
    for wrong, said in (
        (lambda: env.step(np.int64(0)), "call reset"),
        (lambda: env.step(np.int64(4)), "actions 0 to 3"),
        (lambda: env.render(), "no render mode"),
        (lambda: env.reset(options={"levl": None}), "no option 'levl'; did you mean 'level'"),
        (
            lambda: env.reset(options={"level": cheese.levels}),
            "not a single level of cheese-corner",
        ),
        (lambda: env.reset(options={"level": "first"}), "not a single level of cheese-corner"),
        (lambda: env.reset(seed=-1), "seed must be a whole number from 0"),
        (lambda: GridworldEnv(cheese.env, split="test"), "no split 'test'"),
        (lambda: GridworldEnv(cheese.env, render_mode="rgb"), "did you mean 'rgb_array'"),
        (lambda: GridworldEnv("chese-corner"), "did you mean 'cheese-corner'"),
    ):
        with pytest.raises(UserError, match=said):
            wrong()


@pytest.mark.parametrize("order", ["import shardsim, gymnasium", "import gymnasium, shardsim"])
def test_importing_shardsim_registers_in_either_order_and_loads_no_jax(order):
    code = (
        f"import sys; {order}; from gymnasium.envs.registration import registry; "
        "assert 'shardsim/cheese-corner-v0' in registry; assert 'jax' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_shardsim_alone_loads_neither():
    code = "import shardsim, sys; assert not {'jax', 'gymnasium', 'numpy'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
