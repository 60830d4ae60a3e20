"""Levels and states through text and back."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.errors import UserError
from shardsim.env.levels import take
from shardsim.env.text import level_from_text, level_to_text, state_from_text, state_to_text

GRID = """
C . c # .
. # . # .
. . . . .
. # . # .
. . d . @
"""


def same(first, second):
    """Whether two pytrees are equal, dtypes included."""
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return jax.tree.structure(first) == jax.tree.structure(second) and all(
        one.dtype == other.dtype and np.array_equal(one, other) for one, other in pairs
    )


@given(
    index=st.integers(0, 5),
    state=st.integers(0, 10_000),
    steps=st.integers(0, 9),
    change=st.integers(0, 3),
)
def test_states_survive_the_round_trip(world, index, state, steps, change):
    env = world.env
    level = take(world.levels, index)
    if change & 1:
        level = level.replace(present=level.present.at[0, 0].set(False))
    if change & 2:  # in reverse order, and two things on one cell
        level = level.replace(
            position=level.position[::-1, ::-1], present=level.present[::-1, ::-1]
        )
        counts = jnp.array([concept.instances for concept in env.concepts])[:, None]
        real = jnp.arange(level.present.shape[1])[None] < counts
        level = level.replace(
            present=level.present & real, position=jnp.where(real[..., None], level.position, 0)
        )
    others = env.num_states // level.walls.size
    free = np.flatnonzero(np.repeat(~np.asarray(level.walls).reshape(-1), others))
    whole = env.state_at(level, jnp.int32(free[state % len(free)])).replace(steps=jnp.int32(steps))
    assert same(state_from_text(env, state_to_text(env, whole)), whole)
    assert same(level_from_text(env, level_to_text(env, level)), level)


def test_a_hand_written_level_means_what_it_shows(cheese):
    state = state_from_text(cheese.env, GRID)
    assert int(state.cell) == 24
    np.testing.assert_array_equal(state.level.position[:, 0], [[0, 2], [4, 2], [0, 0]])
    assert state.level.present.all()
    walls = np.zeros((5, 5), bool)
    walls[[0, 1, 1, 3, 3], [3, 1, 3, 1, 3]] = True
    np.testing.assert_array_equal(state.level.walls, walls)
    np.testing.assert_array_equal(state.level.reward_weights, [1])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("C . c # .\n", "", "has 4 rows but cheese-corner has 5"),
        ("C . c # .", "C . c #", r"row 0 \('C.c#'\) has 4 cells but cheese-corner is 5 wide"),
        (". . . . .", ". . x . .", r"cell \(2, 2\) shows 'x'.*c cheese"),
        (". . . . .", ". . c . .", r"cell \(2, 2\) shows one cheese too many"),
        (". . . . .", ". . @ . .", "shows 2 agents"),
        ("@", ".", "shows no agent"),
        ("@\n", "@\nchese: 0,0\n", "line 'chese'; did you mean 'cheese'"),
        ("@\n", "@\ncheese: 0,9\n", "cell 0,9, outside the 5x5 grid"),
        ("@\n", "@\ncheese: a\n", "write a cell as row,column"),
        ("@\n", "@\ncheese: 0,0 0,1\n", "gives 2 cells; cheese-corner has 1"),
        ("@\n", "@\nweights: 1 2\n", "gives 2 weights; cheese-corner has 1 rewards: cheese"),
        ("@\n", "@\nweights: one\n", "are not numbers"),
        ("@\n", "@\nsteps: 99\n", "whole number from 0 to 64"),
    ],
)
def test_mistakes_are_named(cheese, old, new, said):
    with pytest.raises(UserError, match=said):
        state_from_text(cheese.env, GRID.replace(old, new, 1))
