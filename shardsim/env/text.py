"""Levels and states as plain text, both ways.

    C . . c      `#` wall, `.` floor, `@` agent, and a letter for each concept (`legend(env)`)
    . # # .
    . . d @      spaces between cells are read as nothing
    weights: 1
    corner: 0,0  a line for whatever the grid alone does not say

A concept's line gives the cells (row,column) of its instances in order, in brackets where the
instance is absent. Only the topmost of agent, objects and places shows in a cell.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.given import is_representable
from shardsim.env.core import Env
from shardsim.env.legend import AGENT_GLYPH, FLOOR_GLYPH, WALL_GLYPH, legend
from shardsim.env.levels import sample_levels, take
from shardsim.env.types import Level, State

Cells = list[tuple[int, int, bool]]  # row, column, present


def level_to_text(env: Env, level: Level) -> str:
    """Write a level. Raises UserError if the env's levels hold more than text can."""
    return _write(env, level, {}, None)


def state_to_text(env: Env, state: State) -> str:
    """Write a state: its level, the agent, the other state fields and the steps."""
    fields = {name: int(value) for name, value in state.fields.items() if name != "cell"}
    row, column = (int(part) for part in jax.device_get(env.agent_cell(state)))
    return _write(env, state.level, {**fields, "steps": int(state.steps)}, (row, column))


def level_from_text(env: Env, text: str) -> Level:
    """Read a level; an agent in it is passed over.

    Raises UserError naming the line for a wrong size, an unknown letter or line, too many
    instances, or a cell that does not exist. Without a `weights` line they are the env's own.
    """
    return _read(env, text)[0]


def state_from_text(env: Env, text: str) -> State:
    """Read a state; fields without a line are 0. Raises UserError if no `@` is there."""
    level, agent, numbers = _read(env, text)
    if agent is None:
        raise UserError(f"the text shows no agent; write one {AGENT_GLYPH!r} into the grid")
    fields = {name: jnp.int32(numbers.get(name, 0)) for name in env.state_fields}
    fields["cell"] = jnp.int32(agent[0] * env.width + agent[1])
    return State(level, fields, jnp.int32(numbers.get("steps", 0)))


def _write(env: Env, level: Level, numbers: dict[str, int], agent: tuple[int, int] | None) -> str:
    _check_plain(env)
    walls, cells = np.asarray(level.walls), _cells(env, level)
    grid = np.where(walls, WALL_GLYPH, FLOOR_GLYPH).astype(object)
    glyphs = legend(env)
    names = sorted(range(len(env.concepts)), key=lambda at: env.concepts[at].kind != "place")
    for index in names:
        for row, column, present in cells[index]:
            if present and not walls[row, column]:
                grid[row, column] = glyphs[env.concept_names[index]].glyph
    if agent is not None:
        grid[agent] = AGENT_GLYPH
    lines = [" ".join(row) for row in grid]
    lines.append("weights: " + " ".join(f"{float(w):.9g}" for w in level.reward_weights))
    shown = _shown(env, grid)
    for name, own in zip(env.concept_names, cells, strict=True):
        if shown[name] != own:
            lines.append(f"{name}: " + " ".join(_spell(*cell) for cell in own))
    lines += [f"{name}: {value}" for name, value in numbers.items() if value]
    return "\n".join(lines) + "\n"


def _cells(env: Env, level: Level) -> list[Cells]:
    position, present = np.asarray(level.position), np.asarray(level.present)
    return [
        [
            (int(row), int(column), bool(there))
            for (row, column), there in zip(position[index], present[index], strict=True)
        ][: concept.instances]
        for index, concept in enumerate(env.concepts)
    ]


def _spell(row: int, column: int, present: bool) -> str:
    return f"{row},{column}" if present else f"({row},{column})"


def _shown(env: Env, grid: np.ndarray) -> dict[str, Cells]:
    """Return what the grid alone says of each concept: row by row, the missing absent at 0,0."""
    glyphs = legend(env)
    found: dict[str, Cells] = {}
    for concept in env.concepts:
        here = np.argwhere(grid == glyphs[concept.name].glyph)
        if len(here) > concept.instances:
            row, column = here[concept.instances]
            raise UserError(
                f"cell ({row}, {column}) shows one {concept.name} too many; {env.name} has "
                f"{concept.instances} a level"
            )
        cells: Cells = [(int(row), int(column), True) for row, column in here]
        found[concept.name] = cells + [(0, 0, False)] * (concept.instances - len(cells))
    return found


def _read(env: Env, text: str) -> tuple[Level, tuple[int, int] | None, dict[str, int]]:
    _check_plain(env)
    # Editors may begin a file with a byte-order mark.
    lines = [line.strip() for line in text.removeprefix("\ufeff").strip().splitlines()]
    rows = [line.replace(" ", "") for line in lines if ":" not in line]
    grid = _grid(env, rows)
    cells, numbers = _shown(env, grid), {}
    weights = None
    for line in lines:
        name, colon, rest = line.partition(":")
        if not colon:
            continue
        if name == "weights":
            weights = _weights(env, rest)
        elif name in env.concept_names and not (name in env.state_fields and "," not in rest):
            cells[name] = _instances(env, name, rest)
        else:
            numbers[name] = _number(env, name, rest)
    level = Level(
        walls=jnp.asarray(grid == WALL_GLYPH),
        position=_stacked(env, [[cell[:2] for cell in cells[name]] for name in env.concept_names]),
        present=_stacked(env, [[cell[2] for cell in cells[name]] for name in env.concept_names]),
        reward_weights=usual_level(env).reward_weights if weights is None else weights,
    )
    agents = np.argwhere(grid == AGENT_GLYPH)
    if len(agents) > 1:
        raise UserError(f"the text shows {len(agents)} agents; leave one {AGENT_GLYPH!r}")
    return level, (int(agents[0][0]), int(agents[0][1])) if len(agents) else None, numbers


def _grid(env: Env, rows: list[str]) -> np.ndarray:
    """Return object[H, W] of letters; raises UserError for a wrong size or an unknown letter."""
    if len(rows) != env.height:
        raise UserError(
            f"the text has {len(rows)} rows but {env.name} has {env.height}; "
            "add rows, or make the env with another height"
        )
    known = {WALL_GLYPH: "wall", FLOOR_GLYPH: "floor", AGENT_GLYPH: "agent"}
    known |= {sprite.glyph: name for name, sprite in legend(env).items()}
    for number, row in enumerate(rows):
        if len(row) != env.width:
            raise UserError(
                f"row {number} ({row!r}) has {len(row)} cells but {env.name} is {env.width} wide"
            )
        for column, glyph in enumerate(row):
            if glyph not in known:
                meanings = ", ".join(f"{letter} {name}" for letter, name in known.items())
                raise UserError(
                    f"cell ({number}, {column}) shows {glyph!r}, which means nothing in "
                    f"{env.name}; known: {meanings}"
                )
    return np.array([list(row) for row in rows], object)


def _instances(env: Env, name: str, text: str) -> Cells:
    count = env.concepts[env.concept_index(name)].instances
    words = text.split()
    if len(words) != count:
        raise UserError(f"the line of {name} gives {len(words)} cells; {env.name} has {count}")
    cells: Cells = []
    for word in words:
        row, _, column = word.strip("()").partition(",")
        if not (row.isdecimal() and column.isdecimal()):
            raise UserError(f"the line of {name} has {word!r}; write a cell as row,column: 0,3")
        if not (int(row) < env.height and int(column) < env.width):
            raise UserError(
                f"the line of {name} has cell {word}, outside the {env.height}x{env.width} grid"
            )
        cells.append((int(row), int(column), not word.startswith("(")))
    return cells


def _weights(env: Env, text: str) -> jax.Array:
    try:
        given = [float(word) for word in text.split()]
    except ValueError as error:
        raise UserError(
            f"the weights {text.strip()!r} are not numbers; write: weights: 1"
        ) from error
    if not all(map(is_representable, given)):
        raise UserError(
            f"the weights {text.strip()!r} are not finite in 32 bits; write: weights: 1"
        )
    weights = np.array(given, np.float32)
    if len(weights) != len(env.reward_names):
        raise UserError(
            f"the text gives {len(weights)} weights; {env.name} has {len(env.reward_names)} "
            f"rewards: {', '.join(env.reward_names)}"
        )
    return jnp.asarray(weights)


def _number(env: Env, name: str, text: str) -> int:
    sizes = {key: size for key, size in env.state_fields.items() if key != "cell"}
    known = [*sizes, "steps", "weights", *env.concept_names]
    if name not in (*sizes, "steps"):
        raise UserError(f"the text has a line {name!r}; {did_you_mean(name, known)}")
    top = sizes.get(name, env.max_steps + 1)
    if not text.strip().isdecimal() or int(text) >= top:
        raise UserError(f"{name} must be a whole number from 0 to {top - 1}, not {text.strip()!r}")
    return int(text)


def _stacked(env: Env, rows: list[list]) -> jax.Array:
    """Pad every concept to M instances as its env does, and stack: bool[O, M] or int32[O, M, 2]."""
    usual = usual_level(env)
    kind = usual.present if isinstance(rows[0][0], bool) else usual.position
    filled = np.zeros(kind.shape, kind.dtype)
    for index, row in enumerate(rows):
        filled[index, : len(row)] = row
    return jnp.asarray(filled)


@lru_cache(maxsize=16)
def usual_level(env: Env) -> Level:
    """Return one training level of an env, for what a text leaves out."""
    return take(sample_levels(env, jax.random.key(0), 1, "train"), 0)


def is_plain(env: Env) -> bool:
    """Whether text can say all that levels of an env hold."""
    return not _more(env)


def _more(env: Env) -> list[str]:
    own = {field.name for field in dataclasses.fields(usual_level(env))}
    return sorted(own - {field.name for field in dataclasses.fields(Level)})


def _check_plain(env: Env) -> None:
    more = _more(env)
    if more:
        raise UserError(
            f"levels of {env.name} also hold {', '.join(more)}, which text cannot say; "
            "save them as arrays instead"
        )
