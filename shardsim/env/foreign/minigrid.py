"""MiniGrid (Chevalier-Boisvert et al. 2023, "Minigrid & Miniworld") as envs of this house.

MiniGrid runs in Python; its rules of movement and its encodings are stated here in JAX, and a test
holds them equal to MiniGrid's own, step for step. Levels are read from its resets.
Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.env.foreign import Facts, minigrid_view, require
from shardsim.env.foreign.bank import (
    CLOSED,
    LOCKED,
    OPEN,
    Bank,
    Snapshot,
    Thing,
    build,
)
from shardsim.env.foreign.minigrid_view import front_of
from shardsim.env.foreign.world import ForeignWorld, own
from shardsim.env.types import State, Transition

ACTIONS = {"left": 0, "right": 1, "forward": 2, "pickup": 3, "drop": 4, "toggle": 5}
KINDS = ("goal", "lava", "key", "ball", "box", "door")
# Tasks with rules of their own; all others must leave MiniGrid's step as it is.
UNLOCK = ("UnlockEnv",)
FETCH_IT = ("UnlockPickupEnv", "BlockedUnlockPickupEnv", "KeyCorridorEnv")
SHIFTS = {"MiniGrid-DistShift1-v0": "MiniGrid-DistShift2-v0"}


@dataclasses.dataclass(frozen=True)
class MiniGridWorld(ForeignWorld):
    """A MiniGrid task.

    State: cell, direction (0 east, 1 south, 2 west, 3 north), what is carried, and the doors.
    Actions: MiniGrid's own that do anything here; `foreign_actions` has their numbers there.
    Rewards: `success`, 1 where MiniGrid pays, without its bonus for haste (discounting does that).
    Observation: view "full" is MiniGrid's FullyObsWrapper, "egocentric" its 7x7 partial view, both
    with object, colour and state over their greatest values; "planes" is one plane a concept.
    Starting state: as MiniGrid's reset gave it. Levels: `levels` resets, seeds 0 and on; the splits
    share no layout, or no whole level where a task has fewer than 8 layouts.
    Target levels: those of the task `target`; or, with `corner_radius`, levels with the goal
    anywhere while training has it within so many moves of the top-left cell; else as in training.
    Episode end: terminated as in MiniGrid; truncated after `max_steps`, MiniGrid's own by default.
    """

    headings: ClassVar[tuple[str, ...]] = ("east", "south", "west", "north")

    @cached_property
    def bank(self) -> Bank:
        """The levels, read once a process."""
        target = self.target or SHIFTS.get(self.task, "")
        return build(snapshots, self.task, target, self.levels, self.corner_radius)

    @cached_property
    def rule(self) -> str:
        """What success is: at the "goal", the door "unlock"ed, or the thing wanted picked up."""
        return rule_of(_unwrapped(self.task))

    @cached_property
    def moves(self) -> dict[str, int]:
        """The actions that can do anything among the objects of the bank."""
        kinds = {concept.name for concept in self.bank.concepts}
        useful = {"left", "right", "forward"}
        if kinds & {"key", "ball", "box"}:
            useful |= {"pickup"}
        if kinds & {"door", "box"}:
            useful |= {"toggle"}
        if self.rule == "pickup":
            useful |= {"drop"}
        return {name: number for name, number in ACTIONS.items() if name in useful}

    def foreign_view(self, state: State) -> jax.Array:
        """Return MiniGrid's encoding, float32[h, w, 3] in 0..1."""
        if self.view == "full":
            return minigrid_view.full(self, state)
        see_through = bool(_unwrapped(self.task).see_through_walls)
        return minigrid_view.egocentric(self, state, see_through)

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Do what MiniGrid's step does."""
        act = {name: action == at for at, name in enumerate(self.moves)}
        cell, inside = front_of(self, state)
        row, column = cell // self.width, cell % self.width
        here = jnp.stack([row, column])
        before = self.present(state) & inside
        ahead = before & jnp.all(state.level.position == here, axis=-1)  # bool[O, M]
        met: dict[str, jax.Array] = {kind: jnp.bool_(False) for kind in KINDS}
        met |= {name: jnp.any(ahead[at]) for at, name in enumerate(self.concept_names)}
        solid = state.level.walls[row, column] | ~inside
        for kind in ("key", "ball", "box"):
            solid = solid | met[kind]
        shut = self.shut(state)
        for number, slot in enumerate(self.doors):
            solid |= ahead[slot] & shut[number]
        step = act["forward"] & ~solid
        turn = act["right"].astype(jnp.int32) - act["left"].astype(jnp.int32)
        changed = {
            "cell": jnp.where(step, cell, state.cell).astype(jnp.int32),
            "direction": ((state.direction + turn) % 4).astype(jnp.int32),
        }
        changed |= self._hands(state, act, ahead, solid)
        changed |= self._doors(state, act, ahead)
        moved = state.replace(**changed)
        success, ended = self._outcome(moved, act, step, met)
        return Transition(moved, success.astype(jnp.float32)[None], ended)

    def _hands(self, state: State, act: dict, ahead: jax.Array, solid: jax.Array) -> dict:
        """The fields of what is carried and of what has gone."""
        if not self.carriable:
            return {}
        held = state.carrying
        changed = {}
        taken = jnp.int32(0)
        for number, slot in enumerate(self.carriable):
            taken = jnp.where(ahead[slot], number + 1, taken)
        pick = act["pickup"] & (held == 0)
        now = jnp.where(pick, taken, held)
        if self.leaves:
            free = ~solid & ~jnp.any(ahead[: len(self.objects)])
            drop = act["drop"] & free & (held > 0)
            now = jnp.where(drop, 0, now)
            for number, (index, instance) in enumerate(self.carriable):
                # A box that is toggled gives way to what it holds, here nothing.
                burst = act["toggle"] & ahead[index, instance]
                burst &= self.concept_names[index] == "box"
                gone = state.fields[f"gone_{number}"].astype(bool)
                gone |= burst | (drop & (held == number + 1))
                changed[f"gone_{number}"] = gone.astype(jnp.int32)
        return {"carrying": now.astype(jnp.int32), **changed}

    def _doors(self, state: State, act: dict, ahead: jax.Array) -> dict:
        """The fields of the doors: a key of its colour opens a locked one."""
        changed, colour = {}, own(state.level).colour
        for number, slot in enumerate(self.doors):
            stands = self.door(state, number)
            fits = jnp.bool_(False)
            for key, (index, instance) in enumerate(self.carriable):
                if self.concept_names[index] == "key":
                    same = colour[index, instance] == colour[slot]
                    fits |= (state.carrying == key + 1) & same
            turned = jnp.where(stands == OPEN, CLOSED, OPEN)
            turned = jnp.where((stands == LOCKED) & ~fits, LOCKED, turned)
            now = jnp.where(act["toggle"] & ahead[slot], turned, stands)
            changed[f"door_{number}"] = now.astype(jnp.int32)
        return changed

    def _outcome(self, moved: State, act: dict, step, met: dict):
        """Return bool[] success and bool[] the end of the world."""
        goal = step & met["goal"]
        success, ended = goal, goal | (step & met["lava"])
        if self.rule == "unlock":
            ajar = jnp.bool_(False)
            for number, slot in enumerate(self.doors):
                ajar |= own(moved.level).wanted[slot] & (self.door(moved, number) == OPEN)
            success |= act["toggle"] & ajar
        if self.rule == "pickup":
            for number, slot in enumerate(self.carriable):
                held = moved.carrying == number + 1
                success |= act["pickup"] & held & own(moved.level).wanted[slot]
        return success, ended | success


WORLD = MiniGridWorld


@lru_cache(maxsize=32)
def _unwrapped(task: str) -> Any:
    """MiniGrid's own env. Raises UserError for a task that it does not have."""
    gymnasium = require("gymnasium", "minigrid")
    require("minigrid", "minigrid")
    names = [name for name in gymnasium.registry if name.startswith("MiniGrid-")]
    if task not in names:
        raise UserError(f"MiniGrid has no task {task!r}; {did_you_mean(task, names)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of newer versions, which the id did not ask for
        return gymnasium.make(task).unwrapped


def facts(task: str) -> Facts:
    """Say what a task is; raises UserError for one that cannot be wrapped."""
    made = _unwrapped(task)
    rule_of(made)
    return Facts(made.height, made.width, made.max_steps, f"{task}, read from MiniGrid.")


def rule_of(made: Any) -> str:
    """Return the rule of success; raises UserError where a task has one that is not known here."""
    name = type(made).__name__
    if name in UNLOCK:
        return "unlock"
    if name in FETCH_IT:
        return "pickup"
    base = next(kind for kind in type(made).__mro__ if kind.__name__ == "MiniGridEnv")
    if type(made).step is not base.step:
        raise UserError(
            f"{made.spec.id if made.spec else name} has rules of its own (a mission that changes, "
            "or things that move) and cannot be wrapped; choose a task whose goal is a square, "
            "a door or one object"
        )
    return "goal"


def snapshots(task: str) -> Iterator[Snapshot]:
    """Yield the level of seed 0, 1, and on."""
    made = _unwrapped(task)
    seed = 0
    while True:
        made.reset(seed=seed)
        yield read(made)
        seed += 1


def read(made: Any) -> Snapshot:
    """Return the level that a MiniGrid env has just been reset to."""
    walls = np.zeros((made.height, made.width), bool)
    rule, things = rule_of(made), []
    sought = {"goal": None, "unlock": "door", "pickup": "obj"}[rule]
    asked = getattr(made, sought) if sought else None
    for number, item in enumerate(made.grid.grid):
        cell = (number // made.width, number % made.width)
        if item is None:
            continue
        if item.type == "wall":
            walls[cell] = True
            continue
        if item.type not in KINDS or item.contains is not None:
            raise UserError(f"{type(made).__name__} holds a {item.type} that cannot be wrapped")
        wanted = item is asked if sought else item.type == "goal"
        _, colour, condition = (int(part) for part in item.encode())
        things.append(Thing(item.type, colour, condition, cell, wanted))
    column, row = (int(part) for part in made.agent_pos)
    return Snapshot(walls, tuple(things), (row, column, int(made.agent_dir)))
