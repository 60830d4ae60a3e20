"""The checks of `check_env` on edits: remove, move, add, and levels as text.

Each yields what breaks one promise of the interface. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.conformance.levels import unplayable
from shardsim.env.conformance.subject import Finding, Subject, equal
from shardsim.env.core import Env
from shardsim.env.text import is_plain, state_from_text, state_to_text
from shardsim.env.types import Concept, State

_found = partial(Finding, "edits")


def edits(subject: Subject) -> Iterator[Finding]:
    """Objects can be removed, moved to every free cell and added; the rest stays; all is seen."""
    env, state = subject.env, subject.state
    for number, concept in enumerate(env.concepts):
        if concept.kind == "place":
            continue
        less = env.remove(state, concept.name)
        wrong = list(_removed(env, state, less, concept))
        yield from wrong
        cells = np.argwhere(np.asarray(env.can_place(less, concept.name)))
        if wrong or not len(cells):
            continue
        walls = np.asarray(less.level.walls)
        if np.any(walls[tuple(cells.T)]):
            yield _found(
                f"can_place offers walls for {concept.name}", "leave `can_place` to the base"
            )
            continue
        wrong = list(_placed(env, less, number, cells))
        yield from wrong
        if not wrong:
            yield from _eager(env, less, concept, cells)


def _removed(env: Env, state: State, less: State, concept: Concept) -> Iterator[Finding]:
    name = concept.name
    if np.any(env.goal_mask(less, name)):
        yield _found(
            f"{name} is still there after it was removed",
            "start present() from state.level.present",
        )
    elif np.any(env.goal_mask(state, name)) and equal(env.observe(state), env.observe(less)):
        yield _found(
            f"the observation does not show that {name} was removed",
            "draw goal_mask(state, concept), not the level's position",
        )
    for other in env.concept_names:
        if other != name and not equal(env.goal_mask(state, other), env.goal_mask(less, other)):
            yield _found(f"removing {name} changes where {other} is", "leave `remove` to the base")
    if not equal(state.level.walls, less.level.walls):
        yield _found(f"removing {name} changes the walls", "leave `remove` to the base")


def _placed(env: Env, less: State, number: int, cells: np.ndarray) -> Iterator[Finding]:
    """Place a removed object on every cell int[K, 2] that is free for it, all at once."""
    name = env.concept_names[number]

    def one(cell: jax.Array) -> tuple[State, jax.Array, jax.Array]:
        put = env.place(less, number, 0, cell)
        masks = jnp.stack([env.goal_mask(put, other) for other in env.concept_names])
        return put, masks, env.observe(put)

    put, masks, seen = jax.jit(jax.vmap(one))(jnp.asarray(cells, jnp.int32))
    masks, where = np.asarray(masks), np.arange(len(cells))
    wanted = np.zeros(masks[:, number].shape, bool)
    wanted[where, cells[:, 0], cells[:, 1]] = True
    if not np.array_equal(masks[:, number], wanted):
        yield _found(
            f"{name} is not where it was moved to",
            "let position() read state.level.position; for a thing that moves, let place() also "
            "set the state field that holds its cell",
        )
        return
    before = np.stack([env.goal_mask(less, other) for other in env.concept_names])
    for at, other in enumerate(env.concept_names):
        if at != number and np.any(masks[:, at] != before[at]):
            yield _found(f"moving {name} changes where {other} is", "let place() leave the rest")
    if np.any(np.asarray(put.level.walls) != np.asarray(less.level.walls)):
        yield _found(f"moving {name} changes the walls", "let place() leave the rest")
    if np.any(np.asarray(put.fields["cell"]) != np.asarray(less.cell)):
        yield _found(f"moving {name} moves the agent", "let place() leave the rest")
    looks = {picture.tobytes() for picture in np.asarray(seen)}
    if len(looks) < len(cells):
        yield _found(
            f"the observation does not show where {name} is",
            "give it a plane: goal_mask(state, concept)",
        )
    for problem in unplayable(env, put.level):
        yield _found(f"after moving {name}, {problem}", "fix start_mask")


def _eager(env: Env, less: State, concept: Concept, cells: np.ndarray) -> Iterator[Finding]:
    """The checked edits for people do what the pure one does."""
    cell = (int(cells[-1][0]), int(cells[-1][1]))
    for verb, edited in (
        ("moved", env.move(less, concept.name, cell)),
        ("added", env.add(less, concept.name, cell)),
    ):
        if not bool(env.goal_mask(edited, concept.name)[cell]):
            yield _found(
                f"{concept.name} is not where it was {verb} to", f"leave `{verb}` to the base"
            )


def text(subject: Subject) -> Iterator[Finding]:
    """States survive being written as text and read again."""
    env, state = subject.env, subject.state
    if not is_plain(env):
        return
    chosen = np.linspace(0, len(subject.reached) - 1, 3).astype(int)
    states = [env.state_at(subject.level, jnp.int32(subject.reached[at])) for at in chosen]
    objects = [concept.name for concept in env.concepts if concept.kind == "object"]
    states += [env.remove(state, name) for name in objects[:1]]
    for whole in states:
        try:
            again = state_from_text(env, state_to_text(env, whole))
        except UserError as error:
            yield Finding("text", f"a state cannot be read back: {error}", "see shardsim.env.text")
            return
        if not equal(again, whole):
            yield Finding(
                "text",
                "a state that is written as text is read back as another",
                "keep unused instances at cell (0, 0), and everything in state_fields",
            )
            return
