"""The MiniGrid tasks of XLand-MiniGrid (Nikulin et al. 2024) as envs of this house.

Each step is XLand-MiniGrid's own: its state is rebuilt from ours, its `step` is called, and what it
leads to is read back; so are its observations. Nothing of its rules is stated twice.
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
from shardsim.env.foreign.world import ForeignWorld, own, resets, theirs
from shardsim.env.types import State, Transition

ACTIONS = {
    "move_forward": 0,
    "turn_clockwise": 1,
    "turn_counterclockwise": 2,
    "pick_up": 3,
    "put_down": 4,
    "toggle": 5,
}
FLOOR, WALL = (1, 7), (2, 6)  # tile and colour
KINDS = {3: "ball", 4: "square", 5: "pyramid", 6: "goal", 7: "key", 11: "hex", 12: "star"}
TILES = {name: tile for tile, name in KINDS.items()}
DOORS = {10: OPEN, 9: CLOSED, 8: LOCKED}
GREATEST = np.array([12, 11], np.float32)
HOLD, STAND, DOOR_OPEN = 1, 2, 5  # the goals that are known here, as XLand-MiniGrid numbers them


@dataclasses.dataclass(frozen=True)
class XLandWorld(ForeignWorld):
    """A MiniGrid task of XLand-MiniGrid, stepped by its own code.

    State: cell, direction (0 north, 1 east, 2 south, 3 west), what is carried, and the doors.
    Actions: its own that do anything here; `foreign_actions` has their numbers there.
    Rewards: `success`, 1 where it pays, without its bonus for haste (discounting does that).
    Observation: view "egocentric" is its own, tile and colour of the cells before the agent over
    their greatest values; "planes" is one plane a concept.
    Starting state: as its reset gave it. Levels: `levels` resets, from `jax.random.key(0)` on; the
    splits share no layout, or no whole level where a task has fewer than 8 layouts.
    Target levels: those of the task `target`; or, with `corner_radius`, levels with the goal
    anywhere while training has it within so many moves of the top-left cell; else as in training.
    Episode end: terminated when its goal is met; truncated after `max_steps`, its own by default.
    """

    headings: ClassVar[tuple[str, ...]] = ("north", "east", "south", "west")
    views: ClassVar[tuple[str, ...]] = ("egocentric", "planes")

    view: str = "egocentric"

    @cached_property
    def bank(self) -> Bank:
        """The levels, read once a process."""
        return build(snapshots, self.task, self.target, self.levels, self.corner_radius)

    @cached_property
    def goals(self) -> np.ndarray:
        """uint8[B, 5]: the goal of each level, as XLand-MiniGrid encodes it."""
        return np.stack(self.bank.origins)

    @cached_property
    def moves(self) -> dict[str, int]:
        """The actions that can do anything among the objects of the bank."""
        kinds = {concept.name for concept in self.bank.concepts}
        things = bool(kinds & (set(TILES) - {"goal"}))
        useful = {
            "pick_up": things,
            "put_down": things and bool(np.any(self.goals[:, 0] == HOLD)),
            "toggle": "door" in kinds,
        }
        return {name: number for name, number in ACTIONS.items() if useful.get(name, True)}

    @property
    def side(self) -> int:
        """Cells on a side of the egocentric view."""
        return int(_made(self.task)[1].view_size)

    @cached_property
    def observation_channels(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the last axis of an observation."""
        return super().observation_channels if self.view == "planes" else ("object", "colour")

    def foreign_view(self, state: State) -> jax.Array:
        """Return XLand-MiniGrid's encoding, float32[h, w, 2] in 0..1."""
        look = require("xminigrid.core.observation", "xland").transparent_field_of_view
        with theirs():
            whole = self.rebuilt(state)
            seen = look(whole.grid, whole.agent, self.side, self.side)
        return seen.astype(jnp.float32) / GREATEST

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Call XLand-MiniGrid's step."""
        made, params = _made(self.task)
        types = require("xminigrid.types", "xland")
        number = jnp.asarray(self.foreign_actions, jnp.int32)[action]
        with theirs():
            now = types.TimeStep(
                state=self.rebuilt(state),
                step_type=jnp.uint8(1),
                reward=jnp.float32(0),
                discount=jnp.float32(1),
                observation=jnp.zeros(0, jnp.uint8),
            )
            after = made.step(params, now, number)
            ended = after.discount == 0  # truncation leaves it at 1
            fields = self.read_back(state, after.state)
        moved = state.replace(**{name: value.astype(jnp.int32) for name, value in fields.items()})
        return Transition(moved, ended.astype(jnp.float32)[None], ended)

    def rebuilt(self, state: State) -> Any:
        """Return XLand-MiniGrid's state that ours stands for."""
        types = require("xminigrid.types", "xland")
        rules = require("xminigrid.core.rules", "xland")
        level = own(state.level)
        row, column = self.agent_cell(state)
        goal = jnp.asarray(self.goals)[level.number]
        for slot in self.doors:  # the door that is to be opened may have been moved
            place = level.position[slot].astype(jnp.uint8)
            follows = level.wanted[slot] & (goal[0] == DOOR_OPEN)
            goal = jnp.where(follows, goal.at[3:5].set(place), goal)
        agent = types.AgentState(
            position=jnp.stack([row, column]),
            direction=state.direction,
            pocket=self._pocket(state),
        )
        return types.State(
            key=jax.random.key(0),
            step_num=jnp.int32(0),
            grid=self.grid(state),
            agent=agent,
            goal_encoding=goal,
            rule_encoding=rules.EmptyRule().encode()[None],
            carry=types.EnvCarry(),
        )

    def grid(self, state: State) -> jax.Array:
        """Return uint8[H, W, 2]: tile and colour of each cell."""
        level, objects = own(state.level), len(self.objects)
        there = self.present(state)[:objects]
        tiles = np.array([TILES.get(name, 0) for name in self.objects], np.int32)[:, None]
        tiles = jnp.broadcast_to(jnp.asarray(tiles), there.shape)
        for number, slot in enumerate(self.doors):
            # OPEN, CLOSED, LOCKED are 10, 9, 8 there.
            tiles = tiles.at[slot].set(max(DOORS) - self.door(state, number))
        codes = jnp.stack([tiles, level.colour[:objects]], axis=-1).astype(jnp.uint8)
        ground = [jnp.array(code, jnp.uint8) for code in (WALL, FLOOR)]
        grid = jnp.where(level.walls[..., None], *ground)
        position = level.position[:objects]
        row = jnp.where(there, position[..., 0], self.height)  # outside: dropped
        return grid.at[row, position[..., 1]].set(codes, mode="drop")

    def _pocket(self, state: State) -> jax.Array:
        """Return uint8[2]: tile and colour of what is carried, 0 for nothing."""
        pocket = jnp.zeros(2, jnp.int32)
        for number, (index, instance) in enumerate(self.carriable):
            colour = own(state.level).colour[index, instance]
            code = jnp.stack([jnp.int32(TILES[self.concept_names[index]]), colour])
            pocket = jnp.where(state.carrying == number + 1, code, pocket)
        return pocket.astype(jnp.uint8)

    def read_back(self, state: State, after: Any) -> dict[str, jax.Array]:
        """Return our fields of XLand-MiniGrid's state."""
        row, column = after.agent.position
        found = {"cell": row * self.width + column, "direction": after.agent.direction}
        position, before = state.level.position, self.present(state)
        taken = jnp.int32(0)
        for number, slot in enumerate(self.carriable):
            lies = after.grid[position[slot][0], position[slot][1], 0]
            lifted = before[slot] & (lies != TILES[self.concept_names[slot[0]]])
            taken = jnp.where(lifted, number + 1, taken)
        if self.carriable:
            empty = after.agent.pocket[0] == 0
            held = jnp.where(state.carrying > 0, state.carrying, taken)
            found["carrying"] = jnp.where(empty, 0, held)
            if self.leaves:
                for number in range(len(self.carriable)):
                    dropped = empty & (state.carrying == number + 1)
                    gone = state.fields[f"gone_{number}"].astype(bool) | dropped
                    found[f"gone_{number}"] = gone.astype(jnp.int32)
        for number, slot in enumerate(self.doors):
            tile = after.grid[position[slot][0], position[slot][1], 0].astype(jnp.int32)
            stands = jnp.where(before[slot], max(DOORS) - tile, self.door(state, number))
            found[f"door_{number}"] = stands
        return found


WORLD = XLandWorld


@lru_cache(maxsize=32)
def _made(task: str) -> tuple[Any, Any]:
    """XLand-MiniGrid's own environment and its parameters; UserError for an unknown task."""
    xminigrid = require("xminigrid", "xland")
    names = list(xminigrid.registered_environments())
    if task not in names:
        raise UserError(f"XLand-MiniGrid has no task {task!r}; {did_you_mean(task, names)}")
    with theirs():
        return xminigrid.make(task)


def facts(task: str) -> Facts:
    """Say what a task is; raises UserError for one that cannot be wrapped."""
    made, params = _made(task)
    base = require("xminigrid.environment", "xland").Environment
    with theirs():
        state = made.reset(params, jax.random.key(0)).state
    known = int(state.goal_encoding[0]) in (HOLD, STAND, DOOR_OPEN)
    if type(made).step is not base.step or not known or np.any(state.rule_encoding):
        raise UserError(
            f"{task} has rules of its own, or a goal that is not to stand on a square, open a "
            "door or hold one object, and cannot be wrapped; choose a plain MiniGrid task"
        )
    return Facts(
        params.height, params.width, params.max_steps, f"{task}, read from XLand-MiniGrid."
    )


def snapshots(task: str) -> Iterator[Snapshot]:
    """Return the levels of `jax.random.key(0)`, of 1, and on."""
    made, params = _made(task)

    def reset(key: jax.Array) -> tuple[jax.Array, Any, jax.Array]:
        state = made.reset(params, key).state
        return state.grid, state.agent, state.goal_encoding

    return (read(*parts) for parts in resets(reset))


def read(grid: np.ndarray, agent: Any, goal: np.ndarray) -> Snapshot:
    """Return the level that a grid uint8[H, W, 2], an agent and an encoded goal make."""
    walls = grid[..., 0] == WALL[0]
    things = []
    for row, column in np.argwhere(~walls & (grid[..., 0] != FLOOR[0])).tolist():
        tile, colour = (int(part) for part in grid[row, column])
        if tile not in KINDS and tile not in DOORS:
            raise UserError(f"XLand-MiniGrid put tile {tile} into a level; it cannot be wrapped")
        wanted = (tile, colour) == (int(goal[1]), int(goal[2]))
        if int(goal[0]) == DOOR_OPEN:
            wanted = (row, column) == (int(goal[3]), int(goal[4]))
        kind, condition = KINDS.get(tile, "door"), DOORS.get(tile, 0)
        things.append(Thing(kind, colour, condition, (row, column), wanted))
    row, column = np.asarray(agent.position).tolist()
    return Snapshot(walls, tuple(things), (row, column, int(agent.direction)), np.asarray(goal))
