"""Pictures show what is there, where it is, and things apart from one another."""

from __future__ import annotations

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env import legend
from shardsim.env.levels import take
from shardsim.env.render import layers, legend_ansi, render_ansi, render_rgb
from shardsim.env.shapes import SHAPES


def test_cells_that_hold_the_same_look_the_same_and_others_differ(cheese):
    env = cheese.env
    state = env.reset(jax.random.key(1), take(cheese.levels, 0))
    picture = render_rgb(env, state, 16)
    assert picture.dtype == np.uint8
    assert picture.shape == (5 * 16 + 8, 5 * 16 + 8, 3)
    inner = picture[4:-4, 4:-4].reshape(5, 16, 5, 16, 3).transpose(0, 2, 1, 3, 4)
    holds = np.zeros((5, 5), int)
    for bit, (_, mask) in enumerate(layers(env, state)):
        holds += mask.astype(int) << bit
    # A cell without its grid lines and the shade below walls.
    middle = {
        (row, column): inner[row, column, 1:13, 1:16]
        for row, column in itertools.product(range(5), range(5))
    }
    walls = np.asarray(state.level.walls)
    for one, other in itertools.combinations(middle, 2):
        alike = holds[one] == holds[other] and walls[one] == walls[other]
        if holds[one] in (0, 1, 2, 8) and holds[other] in (0, 1, 2, 8):
            assert np.array_equal(middle[one], middle[other]) == alike
    moved = env.state_at(state.level, jnp.int32((int(state.cell) + 4) % 25))
    assert not np.array_equal(render_rgb(env, moved, 16), picture)


def test_ansi_shows_every_letter_in_its_cell(cheese):
    env = cheese.env
    state = env.reset(jax.random.key(1), take(cheese.levels, 0))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", render_ansi(env, state)).split("\n")
    assert [len(line) for line in plain] == [10] * 5
    row, column = (int(part) for part in env.agent_cell(state))
    assert plain[row][2 * column] == "@"
    row, column = (int(part) for part in state.level.position[0, 0])
    assert plain[row][2 * column] in "c@"


def test_the_legend_names_what_is_drawn_and_how_much_of_it_is_left(slip):
    env = slip.env
    state = env.reset(jax.random.key(1), take(slip.levels, 0))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", legend_ansi(env, state))
    assert plain == "@  agent  g  gold  t  trap 2 of 2     wall"
    less = env.remove(env.remove(state, "gold"), "trap", 0)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", legend_ansi(env, less))
    assert plain == "@  agent  g  gold gone  t  trap 1 of 2     wall"


def test_every_concept_of_the_house_looks_its_own_way():
    names = [*legend.KNOWN, "herb", "zebra", "moon", "nest", "monster-2", "xylem", "yeti"]
    found = legend.sprites(names, ["nest"])
    assert len({sprite.glyph for sprite in found.values()}) == len(names)
    assert len({(sprite.shape, sprite.colour) for sprite in found.values()}) == len(names)
    assert not {sprite.glyph for sprite in found.values()} & set("#.@")
    assert found["nest"].shape == "bracket"
    assert all(sprite.shape in SHAPES for sprite in found.values())
    assert legend.sprites(["zebra"])["zebra"] == legend.sprites(["cheese", "zebra"])["zebra"]


def test_fifty_unknown_names_still_have_distinct_letters():
    found = legend.sprites([f"thing-{index}" for index in range(70)])
    assert len({sprite.glyph for sprite in found.values()}) == 70


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_shapes_are_inside_their_cell_and_fill_some_of_it(name):
    at = np.linspace(-1, 1, 65)
    distance = SHAPES[name](*np.meshgrid(at, at))
    inside = distance <= 0
    assert 0.04 < inside.mean() < 0.6
    assert not (inside[0].any() or inside[-1].any() or inside[:, 0].any() or inside[:, -1].any())


def test_too_small_a_picture_is_refused(cheese):
    state = cheese.env.reset(jax.random.key(1), take(cheese.levels, 0))
    with pytest.raises(UserError, match="cell_pixels must be at least 4"):
        render_rgb(cheese.env, state, 3)
