"""`ForeignWorld`: what the wrappers of all families share.

A state is a cell, a direction, what is carried and how the doors stand; levels come from a bank.
Axis letters as in `shardsim.env.types`; K things that can be carried, D doors.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.env import rewards
from shardsim.env.core import Env
from shardsim.env.foreign.bank import CLOSED, LOCKED, PICKABLE, Bank, ForeignLevel
from shardsim.env.levels import take
from shardsim.env.types import Concept, Level, Split, State

VIEWS = ("full", "egocentric", "planes")
CHUNK = 128  # levels that one compiled call resets


def theirs() -> contextlib.AbstractContextManager:
    """Trace foreign code under the promotion of dtypes that it was written for."""
    return jax.numpy_dtype_promotion("standard")


def resets(reset: Callable[[jax.Array], tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield in numpy what a foreign reset gives for `jax.random.key(0)`, for 1, and on."""
    several = jax.jit(jax.vmap(reset))
    for seed in itertools.count(step=CHUNK):
        with theirs():  # not around a yield, which would leave it on for whoever asked
            keys = jax.vmap(jax.random.key)(jnp.arange(seed, seed + CHUNK))
            whole = jax.tree.map(np.asarray, several(keys))
        for at in range(CHUNK):
            yield jax.tree.map(lambda leaf, at=at: leaf[at], whole)


def own(level: Level) -> ForeignLevel:
    """Return a level as the foreign one that it is."""
    assert isinstance(level, ForeignLevel)
    return level


@dataclasses.dataclass(frozen=True)
class ForeignWorld(Env):
    """Base of the wrapped worlds; a family writes `bank`, `moves`, `transition` and `foreign_view`.

    Its `headings` say which way each direction faces, in rows and columns.
    """

    task: ClassVar[str]
    views: ClassVar[tuple[str, ...]] = VIEWS
    headings: ClassVar[tuple[str, ...]]  # names of directions 0..3
    rewards: ClassVar[tuple[str, ...]] = ("success",)

    layout: str = "foreign"  # always: layouts are the foreign world's own
    view: str = "full"  # what is observed: full, egocentric or planes
    levels: int = 512  # different levels that are read from the foreign world's resets
    corner_radius: int = 0  # moves from the corner within which training goals lie; 0: anywhere
    target: str = ""  # the task of target levels, where another

    def __post_init__(self) -> None:
        """Raise UserError for a parameter that the foreign world cannot follow."""
        own = {field.name: field.default for field in dataclasses.fields(self)}
        for name in ("height", "width", "layout"):
            if getattr(self, name) != own[name]:
                raise UserError(
                    f"{self.name} has {name} {own[name]!r}, as it was made elsewhere; "
                    "leave it out, or choose another task"
                )
        if self.view not in self.views:
            raise UserError(
                f"{self.name} has no view {self.view!r}; {did_you_mean(self.view, self.views)}"
            )
        if self.levels < 1 or self.corner_radius < 0:
            raise UserError("levels must be at least 1, and corner_radius at least 0")
        rewards.component_names(self)
        if self.num_states > self.max_states:
            raise UserError(
                f"{self.name} has {self.num_states:,} states with its doors and what is carried, "
                f"more than max_states = {self.max_states:,}; choose a smaller task, "
                "or raise max_states if memory allows"
            )

    # ------------------------------------------------------------------ written by a family

    @cached_property
    def bank(self) -> Bank:
        """The levels, read once a process."""
        raise NotImplementedError

    @cached_property
    def moves(self) -> dict[str, int]:
        """The actions that matter in this task, by name, with the numbers they have elsewhere."""
        raise NotImplementedError

    def foreign_view(self, state: State) -> jax.Array:
        """Return float32[h, w, C] in 0..1, as the foreign world shows itself."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------- derived

    @property
    def action_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The foreign names of the actions that do anything in this task."""
        return tuple(self.moves)

    @property
    def foreign_actions(self) -> tuple[int, ...]:
        """The numbers of the actions in the foreign world: `logits[:, list(foreign_actions)]`."""
        return tuple(self.moves.values())

    @property
    def concepts(self) -> tuple[Concept, ...]:  # type: ignore[override]
        """The kinds of object that occur in the bank, and the corner."""
        return self.bank.concepts

    @property
    def objects(self) -> tuple[str, ...]:
        """Names of the concepts that are objects; they stand before the places."""
        return tuple(concept.name for concept in self.concepts if concept.kind == "object")

    @property
    def disjoint_by(self) -> str:
        """What no two splits share: "layout", whole "level", or "nothing"."""
        return self.bank.disjoint_by

    @cached_property
    def carriable(self) -> tuple[tuple[int, int], ...]:
        """(concept, instance) of the K things that can be carried."""
        picks = {"pickup", "pick_up"} & set(self.moves)
        return self.bank.slots(PICKABLE) if picks else ()

    @cached_property
    def doors(self) -> tuple[tuple[int, int], ...]:
        """(concept, instance) of the D doors."""
        return self.bank.slots(("door",))

    @property
    def leaves(self) -> bool:
        """Whether things can leave the world: where a task cannot be done without dropping."""
        return bool({"drop", "put_down"} & set(self.moves))

    @cached_property
    def state_fields(self) -> Mapping[str, int]:  # type: ignore[override]
        """Cell and direction; what is carried; each door; which things have left the world."""
        sizes = {"cell": self.height * self.width, "direction": 4}
        if self.carriable:
            sizes["carrying"] = len(self.carriable) + 1
        levels = self.bank.levels
        for number, (index, instance) in enumerate(self.doors):
            locked = bool(np.any(levels.condition[:, index, instance] == LOCKED))
            sizes[f"door_{number}"] = 3 if locked else 2
        if self.leaves:
            sizes |= {f"gone_{number}": 2 for number in range(len(self.carriable))}
        return sizes

    def sample_level(self, key: jax.Array, split: Split) -> Level:
        """Pick a level of the bank."""
        members = jnp.asarray(self.bank.members[split])
        number = members[jax.random.randint(key, (), 0, members.shape[0], dtype=jnp.int32)]
        level = take(jax.tree.map(jnp.asarray, self.bank.levels), number)
        return level.replace(reward_weights=jnp.ones(len(self.rewards), jnp.float32))

    def initial_fields(self, level: Level) -> dict[str, jax.Array]:
        """The direction, and the doors as the foreign reset left them."""
        doors = {
            f"door_{number}": own(level).condition[slot] for number, slot in enumerate(self.doors)
        }
        return {"direction": own(level).start[1], **doors}

    def start_mask(self, level: Level) -> jax.Array:
        """Return bool[H, W]: the one cell in which the foreign reset put the agent."""
        cells = jnp.arange(self.height * self.width, dtype=jnp.int32)
        return (cells == own(level).start[0]).reshape(self.height, self.width)

    def present(self, state: State) -> jax.Array:
        """Return bool[O, M]: what is neither carried nor gone."""
        there = state.level.present
        for number, slot in enumerate(self.carriable):
            away = state.carrying == number + 1
            if self.leaves:
                away |= state.fields[f"gone_{number}"] == 1
            there = there.at[slot].set(there[slot] & ~away)
        return there

    def reaches(self, before: State, after: State) -> jax.Array:
        """Return bool[O]: what a move stands on, or picks up from where it was."""
        picked = self.present(before) & ~self.present(after)
        return self.at_goal(after) | jnp.any(picked, axis=1)

    def drives(self, state: State) -> dict[str, jax.Array]:
        """Which way the agent faces, what it carries, and how far each door is shut."""
        felt = {
            f"faces_{name}": state.direction == number for number, name in enumerate(self.headings)
        }
        for index, concept in enumerate(self.concepts):
            own = [n + 1 for n, slot in enumerate(self.carriable) if slot[0] == index]
            if own:
                felt[f"carries_{concept.name}"] = jnp.any(state.carrying == np.array(own, np.int32))
        found = {name: value.astype(jnp.float32) for name, value in felt.items()}
        for number in range(len(self.doors)):
            found[f"door_{number}"] = self.door(state, number).astype(jnp.float32) / LOCKED
        return found

    def door(self, state: State, number: int) -> jax.Array:
        """Return int32[]: OPEN, CLOSED or LOCKED."""
        return state.fields[f"door_{number}"]

    def observe(self, state: State) -> jax.Array:
        """Return float32[h, w, C]: the foreign view, or with view "planes" those of this house."""
        return super().observe(state) if self.view == "planes" else self.foreign_view(state)

    @property
    def side(self) -> int:
        """Cells on a side of the egocentric view."""
        return 7

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """(h, w, C) of an observation."""
        inside = (self.side,) * 2 if self.view == "egocentric" else (self.height, self.width)
        return (inside[0], inside[1], len(self.observation_channels))

    @property
    def partly_observed(self) -> bool:  # type: ignore[override]
        """Whether the view hides something: what lies behind, or what is carried and what gone."""
        return self.view == "egocentric" or (self.view == "full" and self.leaves)

    @property
    def estimated(self) -> tuple[str, ...]:  # type: ignore[override]
        """Figures that are exact here and would differ in the foreign world itself."""
        return ("distances", "advantages", "optimal return") if self.leaves else ()

    @cached_property
    def observation_channels(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the last axis of an observation."""
        if self.view == "planes":
            return Env.observation_channels.fget(self)  # type: ignore[attr-defined]
        return ("object", "colour", "state")

    def shut(self, state: State) -> jax.Array:
        """Return bool[D]: which doors are closed or locked."""
        if not self.doors:
            return jnp.zeros(0, bool)
        stands = [self.door(state, number) for number in range(len(self.doors))]
        return jnp.stack(stands) >= CLOSED
