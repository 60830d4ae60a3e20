"""NAVIX (Pignatelli et al. 2024, "NAVIX: Scaling MiniGrid Environments with JAX") as envs here.

Each transition is NAVIX's own: its state is rebuilt from ours, its functions are called, and what
they lead to is read back; so are its observations. Nothing of its rules is stated twice.
Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.env.foreign import Facts, require
from shardsim.env.foreign.bank import CLOSED, LOCKED, OPEN, Bank, Snapshot, Thing, build
from shardsim.env.foreign.minigrid_view import GREATEST
from shardsim.env.foreign.world import ForeignWorld, own, resets, theirs
from shardsim.env.types import State, Transition

ACTIONS = {"rotate_ccw": 0, "rotate_cw": 1, "forward": 2, "pickup": 3, "toggle": 5}
CLASSES = {"goal": "Goal", "lava": "Lava", "key": "Key", "door": "Door"}
SHIFTS = {"Navix-DistShift1-v0": "Navix-DistShift2-v0"}
DISCARD = (0, -1)  # where NAVIX puts what has been picked up
AWAY = 1_000  # a row and column outside every grid, where what is absent lies


@dataclasses.dataclass(frozen=True)
class NavixWorld(ForeignWorld):
    """A NAVIX task, stepped by NAVIX's own code.

    State: cell, direction (0 east, 1 south, 2 west, 3 north), the key carried, and the doors.
    Actions: NAVIX's own that do anything here; `foreign_actions` has their numbers there.
    Rewards: `success`, what NAVIX's reward function pays.
    Observation: view "full" is NAVIX's `symbolic`, "egocentric" its `symbolic_first_person`, both
    with object, colour and state over their greatest values; "planes" is one plane a concept.
    Starting state: as NAVIX's reset gave it. Levels: `levels` resets, from `jax.random.key(0)` on;
    the splits share no layout, or no whole level where a task has fewer than 8 layouts.
    Target levels: those of the task `target`; or, with `corner_radius`, levels with the goal
    anywhere while training has it within so many moves of the top-left cell; else as in training.
    Episode end: terminated as NAVIX's termination function says; truncated after `max_steps`.
    """

    headings: ClassVar[tuple[str, ...]] = ("east", "south", "west", "north")

    @cached_property
    def bank(self) -> Bank:
        """The levels, read once a process."""
        target = self.target or SHIFTS.get(self.task, "")
        return build(snapshots, self.task, target, self.levels, self.corner_radius)

    @cached_property
    def moves(self) -> dict[str, int]:
        """The actions that can do anything among the objects of the bank."""
        kinds = {concept.name for concept in self.bank.concepts}
        idle = {"pickup": "key" not in kinds, "toggle": "door" not in kinds}
        return {name: number for name, number in ACTIONS.items() if not idle.get(name)}

    def foreign_view(self, state: State) -> jax.Array:
        """Return NAVIX's encoding, float32[h, w, 3] in 0..1."""
        observations = require("navix.observations", "navix")
        with theirs():
            if self.view == "full":
                seen = observations.symbolic(self.rebuilt(state))
            else:
                seen = observations.symbolic_first_person(self.rebuilt(state))
        return seen.astype(jnp.float32) / GREATEST

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Call NAVIX's transition, reward and termination functions."""
        made = _made(self.task)
        numbers = jnp.asarray(self.foreign_actions, jnp.int32)
        with theirs():
            # NAVIX writes into the state that it is given, so each function gets its own.
            after = made.transitions_fn(self.rebuilt(state), numbers[action], made.action_set)
            paid = made.reward_fn(self.rebuilt(state), numbers[action], after)
            ended = made.termination_fn(self.rebuilt(state), numbers[action], after)
            fields = self.read_back(state, after)
        moved = state.replace(**{name: value.astype(jnp.int32) for name, value in fields.items()})
        return Transition(moved, jnp.asarray(paid, jnp.float32)[None], jnp.asarray(ended, bool))

    def rebuilt(self, state: State) -> Any:
        """Return NAVIX's state that ours stands for."""
        states, entities = (require(f"navix.{part}", "navix") for part in ("states", "entities"))
        level, there = own(state.level), self.present(state)
        row, column = self.agent_cell(state)
        found = {
            "player": entities.Player.create(
                position=jnp.stack([row, column])[None],
                direction=state.direction[None],
                pocket=self._pocket(state)[None],
            )
        }
        for index, concept in enumerate(self.concepts):
            if concept.kind == "place":
                continue
            slot = (index, slice(concept.instances))
            position = jnp.where(there[slot][:, None], level.position[slot], AWAY)
            if concept.name == "key":
                position = jnp.where(self._held(state)[:, None], jnp.array(DISCARD), position)
            found[concept.name] = self._entity(entities, state, index, position)
        origin = _made_state(self.task)
        return states.State(
            key=jax.random.key(0),  # no task here draws anything
            grid=jnp.where(level.walls, -1, 0).astype(jnp.int32),
            cache=origin.cache,
            # In the order that compiled code gives a dict, in which NAVIX draws one over another.
            entities={name: found[name] for name in sorted(found)},
        )

    def _entity(self, entities: Any, state: State, index: int, position: jax.Array) -> Any:
        """The instances of one concept as NAVIX holds them."""
        name, count = self.concepts[index].name, self.concepts[index].instances
        colour = own(state.level).colour[index, :count]
        if name == "goal":
            made = entities.Goal.create(position=position, probability=jnp.ones(count))
            return made.replace(colour=colour.astype(jnp.uint8))
        if name == "lava":
            return entities.Lava.create(position=position)
        if name == "key":
            identity = jnp.full(count, _key_id(self.task), jnp.int32)
            return entities.Key.create(position=position, colour=colour, id=identity)
        stands = jnp.stack([self.door(state, number) for number in range(count)])
        requires = jnp.where(stands == LOCKED, _key_id(self.task), -1).astype(jnp.int32)
        return entities.Door.create(
            position=position, requires=requires, colour=colour, open=stands == OPEN
        )

    def _held(self, state: State) -> jax.Array:
        """Return bool[K]: which keys are carried."""
        return state.carrying == jnp.arange(1, len(self.carriable) + 1, dtype=jnp.int32)

    def _pocket(self, state: State) -> jax.Array:
        if not self.carriable:
            return jnp.int32(-1)
        return jnp.where(state.carrying > 0, _key_id(self.task), -1).astype(jnp.int32)

    def read_back(self, state: State, after: Any) -> dict[str, jax.Array]:
        """Return our fields of NAVIX's state."""
        player = after.entities["player"]
        row, column = player.position[0]
        found = {"cell": row * self.width + column, "direction": player.direction[0]}
        if self.carriable:
            gone = jnp.all(after.entities["key"].position == jnp.array(DISCARD), axis=-1)
            held = gone & self.present(state)[self.carriable[0][0], : len(self.carriable)]
            picked = jnp.argmax(held).astype(jnp.int32) + 1
            found["carrying"] = jnp.where(jnp.any(held), picked, state.carrying)
        if self.doors:
            door = after.entities["door"]
            shut = jnp.where(door.requires == -1, CLOSED, LOCKED)
            for number in range(len(self.doors)):
                found[f"door_{number}"] = jnp.where(door.open[number], OPEN, shut[number])
        return found


WORLD = NavixWorld


@lru_cache(maxsize=32)
def _made(task: str) -> Any:
    """NAVIX's own environment. Raises UserError for a task that it does not have."""
    navix = require("navix", "navix")
    names = list(require("navix.environments.registry", "navix").registry())
    if task not in names:
        raise UserError(f"NAVIX has no task {task!r}; {did_you_mean(task, names)}")
    return navix.make(task)


@lru_cache(maxsize=32)
def _made_state(task: str) -> Any:
    """One state of a task, for what all its states have in common."""
    with theirs(), jax.ensure_compile_time_eval():
        return _made(task).reset(jax.random.key(0)).state


def _key_id(task: str) -> int:
    return int(np.asarray(_made_state(task).entities["key"].id)[0])  # a number in a trace too


def facts(task: str) -> Facts:
    """Say what a task is; raises UserError for one that cannot be wrapped."""
    made, state = _made(task), _made_state(task)
    kinds = {name: type(value).__name__ for name, value in state.entities.items()}
    known = {**CLASSES, "player": "Player", "wall": "Wall"}
    odd = [name for name, kind in kinds.items() if known.get(name) != kind]
    keys = len(state.entities["key"].position) if "key" in kinds else 0
    if odd or state.mission is not None or keys > 1:
        what = f"a {kinds[odd[0]].lower()}" if odd else "a mission that changes, or several keys"
        raise UserError(
            f"{task} has {what} and cannot be wrapped; choose a task of a goal, lava, doors and "
            "one key"
        )
    return Facts(made.height, made.width, made.max_steps, f"{task}, read from NAVIX.")


def snapshots(task: str) -> Iterator[Snapshot]:
    """Return the levels of `jax.random.key(0)`, of 1, and on."""
    made = _made(task)

    def reset(key: jax.Array) -> tuple[jax.Array, dict[str, Any]]:
        state = made.reset(key).state
        return state.grid, state.entities

    return (read(*parts) for parts in resets(reset))


def read(grid: np.ndarray, entities: dict[str, Any]) -> Snapshot:
    """Return the level that a grid int32[H, W] and entities make."""
    walls = np.asarray(grid) != 0
    things = []
    for name, entity in entities.items():
        for number, (row, column) in enumerate(np.asarray(entity.position).tolist()):
            if name == "wall":
                walls[row, column] = True
            elif name != "player":
                colour = int(entity.colour[number]) if hasattr(entity, "colour") else 0
                condition = _condition(entity, number) if name == "door" else 0
                things.append(Thing(name, colour, condition, (row, column), name == "goal"))
    row, column = np.asarray(entities["player"].position)[0].tolist()
    return Snapshot(walls, tuple(things), (row, column, int(entities["player"].direction[0])))


def _condition(door: Any, number: int) -> int:
    if bool(door.open[number]):
        return OPEN
    return CLOSED if int(door.requires[number]) == -1 else LOCKED
