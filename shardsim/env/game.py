"""A world played by hand: keys in, text out; moves, undo, objects to remove, move and put.

`Game` is the whole of it without a terminal, which is `shardsim.env.play`'s.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.seeds import SEEDS, checked_seed
from shardsim.env import edits
from shardsim.env.core import Env
from shardsim.env.legend import legend
from shardsim.env.levels import sample_levels, take
from shardsim.env.render import legend_ansi, render_ansi
from shardsim.env.types import SPLITS, State

COMPASS = {"w": "north", "d": "east", "s": "south", "a": "west"}
ARROWS = {"\x1b[A": "w", "\x1b[C": "d", "\x1b[B": "s", "\x1b[D": "a"}
ARROWS |= {key.replace("[", "O"): letter for key, letter in ARROWS.items()}
SHIFT = {"w": (-1, 0), "d": (0, 1), "s": (1, 0), "a": (0, -1)}
VERBS = {"x": "remove", "m": "move", "p": "put"}
ENTER = ("\r", "\n")


class Edit(NamedTuple):
    """An edit that is being asked for: first the object, then which of several, then the cell."""

    verb: str  # a key of VERBS
    concept: str = ""
    choice: tuple[int, ...] = ()  # instances to choose from
    instance: int | None = None


class Game:
    """One world under the player's hands; every change can be undone."""

    def __init__(self, env: Env, level_seed: int = 0, split: str = "train") -> None:
        """Begin in the level that a seed draws. Raises UserError for an unknown split or seed."""
        if split not in SPLITS:
            raise UserError(f"there is no split {split!r}; {did_you_mean(split, SPLITS)}")
        self.env, self.split = env, split
        self.seed = checked_seed(level_seed, "level_seed")
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
        self._edit: Edit | None = None
        self._cursor = (0, 0)
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
        verbs = ", ".join(f"{key} {verb}" for key, verb in VERBS.items())
        return (
            f"w a s d or arrows go{others}; {verbs}, u undo; "
            "n next level, b the one before, t other split, q quit"
        )

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
        """Draw the world with its legend, its drives and what was said last, for a terminal."""
        facts = self.summary()
        holds = self._edit is not None and self._edit.instance is not None
        lines = [
            f"{self.env.name}, {self.split} level {self.seed}",
            render_ansi(self.env, self.state, mark=self._cursor if holds else None),
            legend_ansi(self.env, self.state),
        ]
        felt = self.env.drives(self.state)
        if felt:
            lines.append("  ".join(f"{name} {float(value):.2g}" for name, value in felt.items()))
        lines.append(f"step {facts['steps']} of {self.env.max_steps}  return {facts['return']:g}")
        return "\n".join([*lines, self.message, ""])

    def press(self, key: str) -> None:
        """Take one key; what comes of it stands in `message`, never in an error."""
        key = ARROWS.get(key, key)
        try:
            if self._edit is None:
                self._plain(key)
            elif not self._edit.concept:
                self._choose(key, self._edit)
            elif self._edit.instance is None:
                self._which(key, self._edit)
            else:
                self._carry(key, self._edit)
        except UserError as error:
            self._edit = None
            self.message = str(error)

    def _plain(self, key: str) -> None:
        if key in self._actions:
            self._act(key)
        elif key in VERBS:
            self._edit = Edit(key)
            objects = [c.name for c in self.env.concepts if c.kind == "object"]
            letters = ", ".join(f"{legend(self.env)[name].glyph} {name}" for name in objects)
            self.message = f"{VERBS[key]} which? {letters}"
        elif key == "u":
            if len(self.past) > 1:
                self.past.pop()
            self.message = f"undone; {len(self.past) - 1} more"
        elif key in ("n", "b"):
            wanted = self.seed + (1 if key == "n" else -1)
            self.seed = min(max(0, wanted), SEEDS - 1)
            self._begin()
        elif key == "t":
            self.split = SPLITS[(SPLITS.index(self.split) + 1) % len(SPLITS)]
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
            for name, reward in zip(self.env.reward_names, step.rewards, strict=True)
            if reward
        )
        end = "the world ended" if step.terminated else "time ran out" if step.truncated else ""
        self.message = "; ".join(part for part in (paid, end) if part)

    def _choose(self, key: str, edit: Edit) -> None:
        """Take the letter of an object, and see how many of it could be meant."""
        names = {sprite.glyph: name for name, sprite in legend(self.env).items()}
        if key not in names:
            raise UserError(f"nothing is called {key!r}; {self.keys}")
        name = names[key]
        index = edits.object_index(self.env, name)
        count = self.env.concepts[index].instances
        there = np.asarray(self.env.present(self.state))[index, :count]
        choice = tuple(int(at) for at in np.flatnonzero(there != (edit.verb == "p")))
        if not choice:
            say = "all of it is there already" if edit.verb == "p" else "none is there; p puts one"
            raise UserError(f"{name}: {say}")
        self._edit = edit._replace(concept=name, choice=choice)
        if len(choice) == 1 or edit.verb == "p":
            self._take(choice[0])
            return
        spots = ", ".join(
            f"{number} at {self._cell(name, at)}" for number, at in enumerate(choice, 1)
        )
        self.message = f"which {name}? {spots}; Enter takes the nearest"

    def _which(self, key: str, edit: Edit) -> None:
        """Take the number of an instance, or Enter for the one nearest to the agent."""
        numbers = {str(number): at for number, at in enumerate(edit.choice[:9], 1)}
        if key in ENTER:
            here = self.env.agent_cell(self.state)

            def away(at: int) -> int:
                row, column = self._cell(edit.concept, at)
                return abs(row - int(here[0])) + abs(column - int(here[1]))

            self._take(min(edit.choice, key=away))
        elif key in numbers:
            self._take(numbers[key])
        else:
            raise UserError(f"there is no {edit.concept} {key!r}; nothing is changed")

    def _take(self, instance: int) -> None:
        """Remove an instance, or hold it over the cell where it is (the agent's if it is new)."""
        assert self._edit is not None
        verb, name = self._edit.verb, self._edit.concept
        if verb == "x":
            self._change(self.env.remove(self.state, name, instance), f"{name} removed")
            return
        agent = tuple(int(part) for part in self.env.agent_cell(self.state))
        self._cursor = (agent[0], agent[1]) if verb == "p" else self._cell(name, instance)
        self._edit = self._edit._replace(instance=instance)
        self.message = f"{name} is held; w a s d or arrows carry it, Enter puts it down"

    def _carry(self, key: str, edit: Edit) -> None:
        if key in SHIFT:
            rows, columns = self.env.height, self.env.width
            row, column = (a + b for a, b in zip(self._cursor, SHIFT[key], strict=True))
            self._cursor = (min(max(row, 0), rows - 1), min(max(column, 0), columns - 1))
            at = f"row {self._cursor[0]}, column {self._cursor[1]}"
            self.message = f"{edit.concept} to {at}; Enter"
            return
        assert edit.instance is not None
        if key not in ENTER:
            raise UserError(f"{edit.concept} stays {'away' if edit.verb == 'p' else 'there'}")
        moved = self.env.move(self.state, edit.concept, self._cursor, edit.instance)
        self._change(moved, f"{edit.concept} {'put' if edit.verb == 'p' else 'moved'}")

    def _cell(self, name: str, instance: int) -> tuple[int, int]:
        cell = self.env.position(self.state)[self.env.concept_index(name), instance]
        return int(cell[0]), int(cell[1])

    def _change(self, state: State, message: str) -> None:
        _, total, ended = self.past[-1]
        self.past.append((state, total, ended))
        self._edit = None
        self.message = message
