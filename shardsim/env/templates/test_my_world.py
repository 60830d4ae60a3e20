"""Tests of my-world: python -m pytest test_my_world.py"""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp

import shardsim as ss
from shardsim.env.text import state_from_text

FOLDER = Path(__file__).parent
# A level as text: `#` wall, `.` floor, `@` agent, and the letters that `shardsim play` shows.
LEVEL = """
H . . r .
. # # . .
@ . m . #
"""


def test_my_world_keeps_every_promise_of_the_interface():
    assert ss.check_env("my-world", folders=[FOLDER]) == []


def test_the_gem_pays_one_and_ends_the_episode():
    env = ss.make("my-world", folders=[FOLDER], height=3, width=5)
    state, key = state_from_text(env, LEVEL), jax.random.key(0)
    east = jnp.int32(env.action_names.index("east"))
    first = env.step(key, state, east)
    assert (float(first.reward), bool(first.terminated)) == (0.0, False)
    second = env.step(key, first.state, east)
    assert (float(second.reward), bool(second.terminated)) == (1.0, True)
