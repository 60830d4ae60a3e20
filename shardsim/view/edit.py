"""A level as someone has changed it: read from what a page sends, checked, and made a state.

Axis letters as in `shardsim.env.types`; N cells, H·W of them, row by row.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.core import Env, template_level
from shardsim.env.instances import without
from shardsim.env.types import Level, State

ABSENT = -1  # stands for the cell of an instance that is not there
MOST_VALUES = 16  # of a state field that can be chosen: others hold cells


class Edit(NamedTuple):
    """Where things are. Only what can be changed: a level may hold more."""

    walls: np.ndarray  # bool[H, W]
    cells: np.ndarray  # int32[O, M], row * width + column, `ABSENT` where there is none
    fields: dict[str, int]  # the state's fields but the agent's cell


def edit_of(env: Env, state: State) -> Edit:
    """The edit that changes nothing of a state."""
    position, present = np.asarray(env.position(state)), np.asarray(env.present(state))
    cells = np.where(present, position[..., 0] * env.width + position[..., 1], ABSENT)
    fields = {name: int(value) for name, value in state.fields.items() if name != "cell"}
    return Edit(np.asarray(state.level.walls), cells.astype(np.int32), fields)


def initial_state(env: Env, level: Level) -> State:
    """The state in which an episode on a level begins, with the agent on the first cell."""
    return env.state_at(level, jnp.int32(0)).replace(**env.initial_fields(level))


def walls_can_move(env: Env) -> bool:
    """Whether a level holds nothing beside the base's fields that may be derived from its walls."""
    return type(template_level(env)) is Level


def choosable(env: Env, state: State) -> dict[str, int]:
    """State fields that a person can choose, with their numbers of values.

    Those of few values that neither move an object nor take it away, which is done by hand.
    """
    cells = edit_of(env, state).cells
    found = {}
    for name, size in env.state_fields.items():
        if name != "cell" and 1 < size <= MOST_VALUES:
            others = [state.replace(**{name: jnp.int32(value)}) for value in range(size)]
            if all((edit_of(env, other).cells == cells).all() for other in others):
                found[name] = size
    return found


def read_edit(env: Env, base: Edit, given: Any, choices: Mapping[str, int]) -> Edit:
    """Read what a page sends: `walls` bool[N], `cells` int[O][M], `fields`; what is missing stays.

    `choices` are the fields that can be chosen, with their numbers of values.

    Raises:
        UserError: it is none, or something would stand in a wall or on something else.
    """
    if not isinstance(given, Mapping):
        raise UserError("an edit holds walls, cells and fields; reload the page")
    walls = _numbers(given.get("walls", base.walls), base.walls.size, 0, 1, "walls") > 0
    last = base.walls.size - 1
    cells = _numbers(given.get("cells", base.cells), base.cells.size, ABSENT, last, "cells")
    found = Edit(walls.reshape(base.walls.shape), cells.reshape(base.cells.shape), base.fields)
    _check(env, base, found)
    return found._replace(fields=base.fields | _fields(choices, given.get("fields", {})))


def _numbers(given: Any, size: int, low: int, high: int, name: str) -> np.ndarray:
    """int32[size] of nested lists; raises UserError for anything else."""
    try:
        values = np.asarray(given).reshape(-1)
    except ValueError:
        values = np.zeros(0)
    if values.size != size or values.dtype.kind not in "biu":
        raise UserError(f"{name} are not {size} whole numbers; reload the page")
    values = values.astype(np.int64)
    if values.min() < low or values.max() > high:
        raise UserError(f"{name} hold a number outside of {low} to {high}; reload the page")
    return values.astype(np.int32)


def _fields(known: Mapping[str, int], given: Any) -> dict[str, int]:
    if not isinstance(given, Mapping):
        raise UserError("fields are not given by name; reload the page")
    for name, value in given.items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        if name not in known or not whole or not 0 <= value < known[name]:
            raise UserError(f"no field {name!r} can be {value!r}; reload the page")
    return dict(given)


def _check(env: Env, base: Edit, edit: Edit) -> None:
    """Raise UserError where a level cannot be like that."""
    if not walls_can_move(env) and (edit.walls != base.walls).any():
        raise UserError(f"levels of {env.name} hold more that follows from walls; leave them")
    objects = np.array([concept.kind == "object" for concept in env.concepts])
    if (edit.cells != base.cells)[~objects].any():
        raise UserError("a place cannot be moved; move an object or a wall")
    there = edit.cells >= 0
    in_wall = edit.walls.reshape(-1)[np.maximum(edit.cells, 0)] & there
    if in_wall.any():
        name = env.concept_names[int(np.argwhere(in_wall)[0][0])]
        raise UserError(f"{name} would stand in a wall; choose a free cell")
    taken = edit.cells[objects][there[objects]]
    own = base.cells[objects][there[objects]]
    if len(np.unique(taken)) < len(taken) and (taken != own).any():
        raise UserError("two objects would stand on one cell; choose a free cell")


@partial(jax.jit, static_argnums=0)
def edited(
    env: Env,
    level: Level,
    walls: jax.Array,
    cells: jax.Array,
    before: jax.Array,
    fields: dict[str, jax.Array],
) -> State:
    """The state of a level after an edit, with the agent on the first cell; one program for all.

    Args:
        env: the world.
        level: the level before; what the edit does not say stays.
        walls: bool[H, W].
        cells: int32[O, M].
        before: int32[O, M], the cells before the edit: what is not moved stays as the level has it.
        fields: name -> int32[].
    """
    state = env.state_at(level.replace(walls=walls), jnp.int32(0)).replace(**fields)
    for number, concept in enumerate(env.concepts):
        if concept.kind == "place":
            continue
        for instance in range(concept.instances):
            cell = cells[number, instance]
            spot = jnp.stack([jnp.maximum(cell, 0) // env.width, jnp.maximum(cell, 0) % env.width])
            placed = env.place(state, number, instance, spot)
            gone = state.replace(level=without(state.level, number, instance))
            moved = jax.tree.map(partial(jnp.where, cell < 0), gone, placed)
            same = cell == before[number, instance]
            state = jax.tree.map(partial(jnp.where, same), state, moved)
    return state
