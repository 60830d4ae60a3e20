"""Playing an env in a terminal as keys are pressed, or with keys from a pipe."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from shardsim.base.errors import UserError
from shardsim.env.core import Env
from shardsim.env.game import Game

CLEAR = "\x1b[H\x1b[2J"

Stream = TextIO | io.TextIOBase


def play(
    env: Env, source: Stream, screen: Stream | None, level_seed: int = 0, split: str = "train"
) -> dict[str, Any]:
    """Play until `q` or the end of `source`, drawing to `screen`; return `Game.summary()`.

    A terminal is read key by key. From a pipe the keys are read as text: `printf ddsx | ...`;
    then only the last frame is drawn. Raises UserError for an unknown split.
    """
    game = Game(env, level_seed, split)
    live = source.isatty()
    with _raw(source) if live else contextlib.nullcontext():
        if live and screen:
            _draw(game, screen)
        for key in keys(_characters(source)):
            game.press(key)
            if live and screen:
                _draw(game, screen)
            if game.over:
                break
    if screen and not live:
        screen.write(game.frame())
    return game.summary()


def keys(characters: Iterable[str]) -> Iterator[str]:
    """Join the characters of an arrow key's escape sequence; yield all others as they are."""
    rest = iter(characters)
    for character in rest:
        if character == "\x1b":
            character += next(rest, "") + next(rest, "")
        yield character


def _characters(source: Stream) -> Iterator[str]:
    while character := source.read(1):
        yield character


def _draw(game: Game, screen: Stream) -> None:
    # In raw mode a line feed no longer returns to the first column.
    screen.write(CLEAR + game.frame().replace("\n", "\r\n"))
    screen.flush()


@contextlib.contextmanager
def _raw(source: Stream) -> Iterator[None]:
    """Read a terminal key by key, and leave it as it was."""
    try:
        import termios
        import tty
    except ImportError as error:
        raise UserError(
            "this system has no terminal mode for single keys; pipe the keys in instead, "
            "as in: echo ddsq | shardsim play ID"
        ) from error
    before = termios.tcgetattr(source.fileno())
    try:
        tty.setraw(source.fileno())
        yield
    finally:
        termios.tcsetattr(source.fileno(), termios.TCSADRAIN, before)
