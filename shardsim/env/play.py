"""Playing an env by hand in a terminal, with undo, and objects to remove and to move.

`Game` is the whole of it without a terminal: it takes keys one by one. `play` reads them from a
terminal as they are pressed, or from a pipe.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

import jax
import jax.numpy as jnp

from shardsim.base.errors import UserError, did_you_mean
from shardsim.env.core import Env
from shardsim.env.legend import legend
from shardsim.env.levels import sample_levels, take
from shardsim.env.render import render_ansi
from shardsim.env.types import SPLITS, State

COMPASS = {"w": "north", "d": "east", "s": "south", "a": "west"}
ARROWS = {"\x1b[A": "w", "\x1b[C": "d", "\x1b[B": "s", "\x1b[D": "a"}
ARROWS |= {key.replace("[", "O"): letter for key, letter in ARROWS.items()}
SHIFT = {"w": (-1, 0), "d": (0, 1), "s": (1, 0), "a": (0, -1)}
CLEAR = "\x1b[H\x1b[2J"

Stream = TextIO | io.TextIOBase


class Game:
    """One world under the player's hands; every change can be undone."""

    def __init__(self, env: Env, level_seed: int = 0, split: str = "train") -> None:
        """Begin in the level that a seed draws. Raises UserError for an unknown split."""
        if split not in SPLITS:
            raise UserError(f"there is no split {split!r}; {did_you_mean(split, SPLITS)}")
        self.env, self.seed, self.split = env, level_seed, split
        self._step = jax.jit(env.step)
        self._actions = {
            key: env.action_names.index(name)
            for key, name in COMPASS.items()
            if name in env.action_names
        }
        others = [name for name in env.action_names if name not in COMPASS.values()]
        self._others = dict(zip("123456789", others, strict=False))
        self._actions |= {key: env.action_names.index(name) for key, name in self._others.items()}
        self._begin()

    def _begin(self) -> None:
        key = jax.random.key(self.seed)
        level = take(sample_levels(self.env, key, 1, self.split), 0)
        # Each entry: state, return so far, whether the episode is over.
        self.past: list[tuple[State, float, bool]] = [(self.env.reset(key, level), 0.0, False)]
        self._waiting, self._held, self._cursor = "", "", (0, 0)
        self.message = self.keys
        self.over = False

    @property
    def state(self) -> State:
        """Where the game stands."""
        return self.past[-1][0]

    @property
    def keys(self) -> str:
        """What each key does, in one line."""
        others = "".join(f", {key} {name}" for key, name in self._others.items())
        return f"w a s d or arrows move{others}; x remove, m move, u undo, n next level, q quit"

    def summary(self) -> dict[str, Any]:
        """Return the level, the steps, the return and whether the episode has ended."""
        state, total, ended = self.past[-1]
        return {
            "env": self.env.name,
            "level_seed": self.seed,
            "split": self.split,
            "steps": int(state.steps),
            "return": total,
            "ended": ended,
        }

    def frame(self) -> str:
        """Draw the world, with the legend and what was said last, for a terminal."""
        facts = self.summary()
        things = "  ".join(f"{sprite.glyph} {name}" for name, sprite in legend(self.env).items())
        drives = "".join(
            f"  {name} {int(value)}" for name, value in self.state.fields.items() if name != "cell"
        )
        return (
            f"{render_ansi(self.env, self.state)}\n{things}{drives}\n"
            f"step {facts['steps']}  return {facts['return']:g}\n{self.message}\n"
        )

    def press(self, key: str) -> None:
        """Take one key; what comes of it stands in `message`, never in an error."""
        key = ARROWS.get(key, key)
        try:
            if self._held:
                self._carry(key)
            elif self._waiting:
                self._choose(key)
            else:
                self._plain(key)
        except UserError as error:
            self._held = self._waiting = ""
            self.message = str(error)

    def _plain(self, key: str) -> None:
        if key in self._actions:
            self._act(key)
        elif key in ("x", "m"):
            self._waiting = key
            objects = [c.name for c in self.env.concepts if c.kind == "object"]
            letters = ", ".join(f"{legend(self.env)[name].glyph} {name}" for name in objects)
            self.message = f"{'remove' if key == 'x' else 'move'} which? {letters}"
        elif key == "u":
            if len(self.past) > 1:
                self.past.pop()
            self.message = f"undone; {len(self.past) - 1} more"
        elif key == "n":
            self.seed += 1
            self._begin()
        elif key in ("q", "\x03", "\x04"):
            self.over = True
        else:
            self.message = self.keys

    def _act(self, key: str) -> None:
        state, total, ended = self.past[-1]
        if ended:
            self.message = "the episode is over; u undo, n next level, q quit"
            return
        chance = jax.random.fold_in(jax.random.key(self.seed), len(self.past))
        step = self._step(chance, state, jnp.int32(self._actions[key]))
        ended = bool(step.terminated | step.truncated)
        self.past.append((step.state, total + float(step.reward), ended))
        paid = ", ".join(
            f"{name} {float(reward):g}"
            for name, reward in zip(self.env.rewards, step.rewards, strict=True)
            if reward
        )
        end = "the world ended" if step.terminated else "time ran out" if step.truncated else ""
        self.message = "; ".join(part for part in (paid, end) if part)

    def _choose(self, key: str) -> None:
        names = {sprite.glyph: name for name, sprite in legend(self.env).items()}
        verb, self._waiting = self._waiting, ""
        if key not in names:
            self.message = f"nothing is called {key!r}; " + self.keys
        elif verb == "x":
            self._edit(self.env.remove(self.state, names[key]), f"{names[key]} removed")
        else:
            index = self.env.concept_index(names[key])
            here = self.state.level.position[index, 0]
            self._held, self._cursor = names[key], (int(here[0]), int(here[1]))
            self.message = f"{self._held} is held; move it, then Enter"

    def _carry(self, key: str) -> None:
        if key in SHIFT:
            rows, columns = self.env.height, self.env.width
            row, column = (a + b for a, b in zip(self._cursor, SHIFT[key], strict=True))
            self._cursor = (min(max(row, 0), rows - 1), min(max(column, 0), columns - 1))
            self.message = f"{self._held} to row {self._cursor[0]}, column {self._cursor[1]}; Enter"
            return
        held, self._held = self._held, ""
        if key in ("\r", "\n"):
            self._edit(self.env.move(self.state, held, self._cursor), f"{held} moved")
        else:
            self.message = f"{held} stays"

    def _edit(self, state: State, message: str) -> None:
        _, total, ended = self.past[-1]
        self.past.append((state, total, ended))
        self.message = message


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
