"""Playing by keys: moves, undo, edits, ends, pipes and a real pseudo-terminal."""

from __future__ import annotations

import io
import os
import re
import threading

import jax
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env.game import Game
from shardsim.env.play import keys, play
from tests.env.moving import Fleeing

pytestmark = pytest.mark.slow


def best_keys(world, game) -> str:
    """Keys of a shortest way to the first concept, by the tables of the game's own level."""
    from shardsim.env.covariates import analyse

    analysis = jax.jit(lambda level: analyse(world.env, level))(game.state.level)
    index, pressed = int(world.env.index_of(game.state)), ""
    while analysis.distance[index, 0] > 0:
        action = int(np.argmax(analysis.advantage[index, :, 0]))
        pressed += "wdsa"[action]
        index = int(analysis.tabular.next_state[index, action, 0])
    return pressed


def test_the_shortest_way_ends_the_episode_and_undo_takes_it_back(cheese):
    game = Game(cheese.env, level_seed=2)
    first = game.state
    way = best_keys(cheese, game)
    for key in way:
        game.press(key)
    assert game.summary() | {"return": 1.0, "ended": True, "steps": len(way)} == game.summary()
    assert game.message == "cheese 1; the world ended"
    game.press("w")
    assert "episode is over" in game.message
    assert game.summary()["steps"] == len(way)
    for _ in range(len(way) + 3):
        game.press("u")
    assert game.summary()["return"] == 0
    jax.tree.map(np.testing.assert_array_equal, game.state, first)


def test_objects_are_removed_and_moved_by_keys(cheese):
    game = Game(cheese.env, level_seed=1)
    for key in "xd":
        game.press(key)
    assert game.message == "decoy removed"
    assert not game.state.level.present[1, 0]
    game.press("u")
    assert game.state.level.present[1, 0]
    free = np.argwhere(np.asarray(game.env.can_place(game.state, "cheese")))[-1]
    here = np.asarray(game.state.level.position[0, 0])
    down, right = (int(part) for part in free - here)
    shift = ("s" * down if down > 0 else "w" * -down) + ("d" * right if right > 0 else "a" * -right)
    for key in "mc" + shift + "\r":
        game.press(key)
    assert game.message == "cheese moved"
    np.testing.assert_array_equal(game.state.level.position[0, 0], free)
    assert game.summary()["steps"] == 0


def carried(here, there) -> str:
    """Keys that carry a held thing from one cell to another."""
    down, right = (int(part) for part in np.asarray(there) - np.asarray(here))
    return ("s" * down if down > 0 else "w" * -down) + ("d" * right if right > 0 else "a" * -right)


def press(game, pressed: str) -> str:
    for key in pressed:
        game.press(key)
    return game.message


def test_one_of_several_is_chosen_by_number_or_by_being_near(slip):
    game = Game(slip.env, level_seed=1)
    traps, agent = np.asarray(game.state.level.position[1]), int(game.state.cell)
    asked = press(game, "xt")
    assert asked == (
        f"which trap? 1 at ({traps[0][0]}, {traps[0][1]}), 2 at ({traps[1][0]}, {traps[1][1]}); "
        "Enter takes the nearest"
    )
    assert press(game, "2") == "trap removed"
    np.testing.assert_array_equal(game.state.level.present[1], [True, False])
    assert "1 of 2" in game.frame()
    press(game, "u")
    away = np.abs(traps - np.array([agent // 5, agent % 5])).sum(axis=1)
    press(game, "xt\n")
    assert not game.state.level.present[1, np.argmin(away)]
    press(game, "u")
    assert "no trap '3'" in press(game, "mt3")
    free = np.argwhere(np.asarray(game.env.can_place(game.state, "trap")))[0]
    assert press(game, "mt2" + carried(traps[1], free) + "\r") == "trap moved"
    np.testing.assert_array_equal(game.state.level.position[1], [traps[0], free])


def test_what_is_absent_can_be_put_and_only_that(slip):
    game = Game(slip.env, level_seed=1)
    assert press(game, "pt") == "trap: all of it is there already"
    assert press(game, "xg") == "gold removed"
    assert "gold gone" in game.frame()
    assert press(game, "mg") == "gold: none is there; p puts one"
    free = np.argwhere(np.asarray(game.env.can_place(game.state, "gold")))[-1]
    here = [int(part) for part in slip.env.agent_cell(game.state)]
    press(game, "pg" + carried(here, free))
    assert f"row {free[0]}, column {free[1]}" in game.message
    lines = game.frame().split("\n")
    assert "<" in lines[1 + free[0]]  # the cell that it is held over is marked
    assert press(game, "\r") == "gold put"
    assert bool(slip.env.goal_mask(game.state, "gold")[tuple(free)])
    assert press(game, "u") == "undone; 1 more"
    assert not slip.env.goal_mask(game.state, "gold").any()
    assert press(game, "pgz") == "gold stays away"


def test_a_thing_that_moves_is_carried_from_where_it_is(cheese):
    game = Game(Fleeing(height=5, width=5), level_seed=3)
    press(game, "wdsa")
    here = np.argwhere(np.asarray(game.env.goal_mask(game.state, "cheese")))[0]
    free = np.argwhere(np.asarray(game.env.can_place(game.state, "cheese")))[0]
    assert press(game, "mc" + carried(here, free) + "\n") == "cheese moved"
    assert bool(game.env.goal_mask(game.state, "cheese")[tuple(free)])


def test_levels_and_splits_are_leafed_through_and_drives_are_shown(thirst):
    game = Game(thirst.env, level_seed=0)
    press(game, "nt")
    assert game.summary() | {"level_seed": 1, "split": "held-out"} == game.summary()
    press(game, "bbt")
    assert game.summary() | {"level_seed": 0, "split": "target"} == game.summary()
    assert f"thirsty {int(game.state.thirsty)}" in game.frame()
    assert "thirst, target level 0" in game.frame()


def test_wrong_keys_and_edits_are_messages_not_errors(cheese):
    game = Game(cheese.env)
    for pressed, said in (
        ("z", "u undo"),
        ("xC", "corner is a place"),
        ("xz", "nothing is called 'z'"),
        ("mcz", "cheese stays there"),
        ("u", "undone; 0 more"),
    ):
        for key in pressed:
            game.press(key)
        assert said in game.message
    with pytest.raises(UserError, match="no split 'trian'; did you mean 'train'"):
        Game(cheese.env, split="trian")


def test_arrows_are_letters_and_lone_characters_pass():
    assert list(keys("d\x1b[Aq")) == ["d", "\x1b[A", "q"]


def test_a_pipe_plays_and_draws_once(cheese):
    drawn = io.StringIO()
    summary = play(cheese.env, io.StringIO("w\x1b[Bnq" + "w" * 9), drawn, level_seed=4)
    assert summary["level_seed"] == 5
    assert summary["steps"] == 0
    assert drawn.getvalue().count("return 0") == 1
    plain = re.sub(r"\x1b\[[0-9;]*m", "", drawn.getvalue())
    assert "@  agent  c  cheese  d  decoy  C  corner" in plain


def test_a_terminal_is_read_key_by_key_and_left_as_it_was(cheese):
    termios = pytest.importorskip("termios")
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    screen = io.StringIO()
    with os.fdopen(slave, "r", closefd=False) as source:
        # One byte each, without Enter: only raw mode lets them through.
        threading.Timer(0.5, os.write, (master, b"wwq")).start()
        summary = play(cheese.env, source, screen)
    assert summary["steps"] == 2
    assert screen.getvalue().count("\x1b[H\x1b[2J") == 4
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
