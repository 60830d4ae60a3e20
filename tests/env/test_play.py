"""Playing by keys: moves, undo, edits, ends, pipes and a real pseudo-terminal."""

from __future__ import annotations

import io
import os
import threading

import jax
import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env.play import Game, keys, play


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


def test_wrong_keys_and_edits_are_messages_not_errors(cheese):
    game = Game(cheese.env)
    for pressed, said in (
        ("z", "u undo"),
        ("xC", "corner is a place"),
        ("xz", "nothing is called 'z'"),
        ("mcz", "cheese stays"),
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
    assert "c cheese  d decoy  C corner" in drawn.getvalue()


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
