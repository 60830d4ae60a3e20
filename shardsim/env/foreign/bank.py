"""A bank of levels read from a foreign world's own resets, and how it is dealt into splits.

Axis letters as in `shardsim.env.types`; B levels of the bank.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import jax
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.grid import path_distance
from shardsim.env.types import SPLITS, Concept, Level

CORNER = "corner"
OPEN, CLOSED, LOCKED = 0, 1, 2
PICKABLE = ("key", "ball", "box", "square", "pyramid", "hex", "star")
DEAL: tuple[str, ...] = ("train", "held-out", "train", "target")
FEWEST = 8  # layouts with which a bank is dealt by layout
PATIENCE = 40  # resets tried for each level that a condition on levels must leave

_moves = jax.jit(path_distance)


class Thing(NamedTuple):
    """One object as a foreign world placed it."""

    kind: str
    colour: int
    condition: int  # of a door: OPEN, CLOSED or LOCKED
    cell: tuple[int, int]
    wanted: bool = False  # what the task asks for


class Snapshot(NamedTuple):
    """One level as a foreign reset gave it."""

    walls: np.ndarray  # bool[H, W]
    things: tuple[Thing, ...]
    start: tuple[int, int, int]  # row, column, direction
    origin: Any = None  # the foreign state, where the foreign code itself will move it

    @property
    def whole(self) -> bytes:
        """What makes two levels the same."""
        return self.walls.tobytes() + repr((sorted(self.things), self.start)).encode()


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ForeignLevel(Level):
    """A level with what foreign objects have beside a place."""

    __no_type_check__ = True  # as in Level

    number: jax.Array  # int32[], its place in the bank
    colour: jax.Array  # int32[O, M], as the foreign world counts colours
    condition: jax.Array  # int32[O, M], of doors, as an episode begins
    wanted: jax.Array  # bool[O, M], what the task asks for
    start: jax.Array  # int32[2], cell and direction


class Bank(NamedTuple):
    """Levels, and what is common to them."""

    levels: ForeignLevel  # numpy, [B]
    concepts: tuple[Concept, ...]
    members: dict[str, np.ndarray]  # split -> int32[...], its levels
    disjoint_by: str  # "layout", "level", or "nothing" where there are too few levels
    origins: tuple[Any, ...]  # the foreign states

    def slots(self, kinds: Sequence[str]) -> tuple[tuple[int, int], ...]:
        """(concept, instance) of every object of these kinds, in order."""
        return tuple(
            (index, instance)
            for index, concept in enumerate(self.concepts)
            if concept.name in kinds
            for instance in range(concept.instances)
        )


@lru_cache(maxsize=48)
def build(
    snapshots: Callable[[str], Iterator[Snapshot]],
    task: str,
    target: str,
    count: int,
    corner_radius: int,
) -> Bank:
    """Read `count` levels and deal them, once a process for the same arguments.

    Args:
        snapshots: yields levels of a task, seed by seed.
        task: of training and held-out levels.
        target: the task of target levels, where another; its levels alone are target levels then.
        count: levels to keep; only different ones are.
        corner_radius: if above 0, training and held-out levels are those alone whose goal lies
            within so many moves of the top-left free cell; target levels are all.

    Raises:
        UserError: grids of two sizes, or no level that meets the condition.
    """
    near = _distinct(snapshots(task), count, corner_radius)
    if not near:
        raise UserError(
            f"no level of {task} has its goal within {corner_radius} moves of the corner; "
            "raise corner_radius, or 0 for no condition"
        )
    by, dealt = _deal(near)
    if target and target != task:
        far = _distinct(snapshots(target), count, 0)
        if far[0].walls.shape != near[0].walls.shape:
            raise UserError(
                f"levels of {target} are {far[0].walls.shape} and those of {task} "
                f"{near[0].walls.shape}; the two must have one size"
            )
        dealt["target"] = far
    elif corner_radius:
        taken = {_identity(by, level) for split in SPLITS[:2] for level in dealt[split]}
        anywhere = _distinct(snapshots(task), count, 0)
        dealt["target"] = [level for level in anywhere if _identity(by, level) not in taken]
    every = [level for split in SPLITS for level in dealt[split]]
    ends = np.cumsum([0, *(len(dealt[split]) for split in SPLITS)])
    members = {
        split: np.arange(ends[at], ends[at + 1], dtype=np.int32) for at, split in enumerate(SPLITS)
    }
    concepts = _concepts(every)
    return Bank(
        levels=stacked(every, concepts),
        concepts=concepts,
        members=members,
        disjoint_by=by,
        origins=tuple(level.origin for level in every),
    )


def _distinct(levels: Iterator[Snapshot], count: int, radius: int) -> list[Snapshot]:
    """The first `count` levels that differ and meet the condition; fewer where there are fewer."""
    tries = count * (PATIENCE if radius else 1)
    found: dict[bytes, Snapshot] = {}
    for level in islice(levels, tries):
        if level.whole not in found and (not radius or _near(level, radius)):
            found[level.whole] = level
            if len(found) == count:
                break
    return list(found.values())


def _near(level: Snapshot, radius: int) -> bool:
    """Whether what the task asks for lies within `radius` moves of the corner, objects aside."""
    goals, corner = np.zeros_like(level.walls), np.zeros_like(level.walls)
    for thing in level.things:
        goals[thing.cell] |= thing.wanted
    corner[corner_of(level.walls)] = True
    distance = np.asarray(_moves(level.walls, corner))
    return int(distance[goals].min(initial=radius + 1)) <= radius


def corner_of(walls: np.ndarray) -> tuple[int, int]:
    """The free cell nearest to the top left of bool[H, W]."""
    free = np.argwhere(~walls)
    row, column = free[free.sum(1).argmin()]
    return int(row), int(column)


def _identity(by: str, level: Snapshot) -> bytes:
    return level.walls.tobytes() if by == "layout" else level.whole


def _deal(levels: Sequence[Snapshot]) -> tuple[str, dict[str, list[Snapshot]]]:
    """Half the layouts to training, a quarter to each other split; by level where few layouts."""
    few = len({level.walls.tobytes() for level in levels}) < FEWEST
    by = "level" if few else "layout"
    if few and len(levels) < len(DEAL):
        return "nothing", {split: list(levels) for split in SPLITS}
    place: dict[bytes, str] = {}
    dealt: dict[str, list[Snapshot]] = {split: [] for split in SPLITS}
    for level in levels:
        split = place.setdefault(_identity(by, level), DEAL[len(place) % len(DEAL)])
        dealt[split].append(level)
    return by, dealt


def _concepts(levels: Sequence[Snapshot]) -> tuple[Concept, ...]:
    """The kinds that occur with their greatest number, and the corner where it is always free."""
    kinds = dict.fromkeys(thing.kind for level in levels for thing in level.things)
    most = {
        kind: max(sum(thing.kind == kind for thing in level.things) for level in levels)
        for kind in kinds
    }
    # What the task asks for first, then the rest by name: the same order whatever came first.
    asked = {thing.kind for level in levels for thing in level.things if thing.wanted}
    order = sorted(kinds, key=lambda kind: (kind not in asked, kind))
    found = tuple(Concept(kind, "object", most[kind]) for kind in order)
    corners = {corner_of(level.walls) for level in levels}
    return (*found, Concept(CORNER, "place")) if len(corners) == 1 else found


def stacked(levels: Sequence[Snapshot], concepts: tuple[Concept, ...]) -> ForeignLevel:
    """All levels as one, numpy arrays with a leading axis B."""
    shape = (len(levels), len(concepts), max(concept.instances for concept in concepts))
    position = np.zeros((*shape, 2), np.int32)
    present, wanted = np.zeros(shape, bool), np.zeros(shape, bool)
    colour, condition = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for number, level in enumerate(levels):
        for index, concept in enumerate(concepts):
            own = [thing for thing in level.things if thing.kind == concept.name]
            if concept.kind == "place":
                own = [Thing(CORNER, 0, 0, corner_of(level.walls))]
            for instance, thing in enumerate(own):
                at = (number, index, instance)
                position[at], present[at], wanted[at] = thing.cell, True, thing.wanted
                colour[at], condition[at] = thing.colour, thing.condition
    width = levels[0].walls.shape[1]
    fields: dict[str, Any] = {
        "walls": np.stack([level.walls for level in levels]),
        "position": position,
        "present": present,
        "reward_weights": np.ones((len(levels), 1), np.float32),
        "number": np.arange(len(levels), dtype=np.int32),
        "colour": colour,
        "condition": condition,
        "wanted": wanted,
        "start": np.array([(r * width + c, d) for r, c, d in (x.start for x in levels)], np.int32),
    }
    return ForeignLevel(**fields)
