"""Counterfactual edits: objects removed from a level, moved in it, or added to it.

Eager and checked, for people; `shardsim.env.instances` has the pure forms that batch under vmap.
An edited state simply carries another level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import SupportsInt

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.gridworld import Gridworld
from shardsim.env.instances import without
from shardsim.env.types import State


def can_place(env: Gridworld, state: State, concept: str) -> jax.Array:
    """Return bool[H, W]: free cells that hold no other object and not the agent."""
    object_index(env, concept)
    row, column = env.agent_cell(state)
    free = (~state.level.walls).at[row, column].set(False)
    for other in env.concepts:
        if other.kind == "object":
            free &= ~env.goal_mask(state, other.name)
    return free


def remove(env: Gridworld, state: State, concept: str, instance: int | None) -> State:
    """Return the state without an object; raises UserError for a place or a wrong instance."""
    index = object_index(env, concept)
    check_instance(env, concept, instance)
    return state.replace(level=without(state.level, index, instance))


def move(
    env: Gridworld, state: State, concept: str, cell: Sequence[SupportsInt], instance: int
) -> State:
    """Return the state with an object moved or added; raises UserError where it cannot stand."""
    index = object_index(env, concept)
    check_instance(env, concept, instance)
    row, column = (int(part) for part in cell)
    if not (0 <= row < env.height and 0 <= column < env.width):
        raise UserError(
            f"cell ({row}, {column}) is outside the {env.height}x{env.width} grid; "
            "count rows and columns from 0"
        )
    here = env.position(state)[index, instance]
    stays = bool(env.present(state)[index, instance]) and (int(here[0]), int(here[1])) == (
        row,
        column,
    )
    if not stays and not bool(can_place(env, state, concept)[row, column]):
        raise UserError(
            f"{concept} cannot stand on cell ({row}, {column}): a wall, another object or the "
            "agent is there; can_place() shows the free cells"
        )
    moved = env.place(state, index, instance, jnp.array([row, column], jnp.int32))
    if not bool(env.present(moved)[index, instance]):
        raise UserError(
            f"{concept} is taken in this state, so moving it shows nothing; "
            "change the state field that says so with state.replace() first"
        )
    return moved


def add(env: Gridworld, state: State, concept: str, cell: Sequence[SupportsInt]) -> State:
    """Return the state with an absent instance put on a cell; raises UserError if all are there."""
    index = object_index(env, concept)
    absent = np.flatnonzero(~np.asarray(env.present(state)[index]))
    spare = [int(instance) for instance in absent if instance < env.concepts[index].instances]
    if not spare:
        raise UserError(
            f"all {env.concepts[index].instances} of {concept} are in the level already; "
            "remove one first, or move it"
        )
    return move(env, state, concept, cell, spare[0])


def object_index(env: Gridworld, concept: str) -> int:
    """Return the index of an object; raises UserError for a place, which cannot be edited."""
    index = env.concept_index(concept)
    if env.concepts[index].kind == "place":
        raise UserError(
            f"{concept} is a place of {env.name} and cannot be edited; "
            "its influence is its coefficient and the mirror test"
        )
    return index


def check_instance(env: Gridworld, concept: str, instance: int | None) -> None:
    """Raise UserError if a concept has no such instance."""
    count = env.concepts[env.concept_index(concept)].instances
    if instance is not None and not 0 <= instance < count:
        raise UserError(f"{concept} has {count} instance(s); instance {instance} does not exist")
