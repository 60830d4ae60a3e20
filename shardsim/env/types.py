"""The values that envs are made of, all of them pytrees that can be batched on a leading axis.

Axis letters, here and in all of `shardsim.env`:
H, W rows and columns · O concepts (objects and places, in the order of `Env.concepts`) ·
M instances of a concept · R reward components · S states · A actions · N outcomes.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, NamedTuple, TypeVar

import jax

AnyLevel = TypeVar("AnyLevel", bound="Level")
Split = Literal["train", "held-out", "target"]
SPLITS: tuple[Split, ...] = ("train", "held-out", "target")


class Concept(NamedTuple):
    """A named thing in a level that an agent could value or shun."""

    name: str
    kind: Literal["object", "place"] = "object"
    instances: int = 1


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Level:
    """One layout: where the walls and the concepts are, and what each reward component weighs.

    An env that needs more in a level subclasses this, with the same two decorators.
    """

    # JAX also rebuilds pytrees around shapes, numpy arrays or None, which a checker would refuse.
    __no_type_check__ = True

    walls: jax.Array  # bool[H, W]
    position: jax.Array  # int32[O, M, 2], (row, column)
    present: jax.Array  # bool[O, M]
    reward_weights: jax.Array  # float32[R]

    def replace(self: AnyLevel, **changes: Any) -> AnyLevel:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    """A level with the finite state in it; `state.cell` reads a field, `replace` writes one."""

    __no_type_check__ = True  # as in Level

    level: Level
    fields: dict[str, jax.Array]  # name -> int32[]
    steps: jax.Array  # int32[], steps taken since the episode began

    def __getattr__(self, name: str) -> jax.Array:
        """Read a state field by its name (called only where no attribute has that name)."""
        fields = self.__dict__.get("fields")
        if isinstance(fields, dict) and name in fields:
            return fields[name]
        raise AttributeError(f"this state has no field {name!r}")

    def replace(self, **changes: Any) -> State:
        """Return a copy with state fields, `level`, `fields` or `steps` changed."""
        own = {key: changes.pop(key) for key in ("level", "fields", "steps") if key in changes}
        fields = own.get("fields", self.fields)
        unknown = set(changes) - set(fields)
        if unknown:
            raise AttributeError(f"this state has no field {sorted(unknown)[0]!r}")
        return State(
            level=own.get("level", self.level),
            fields={**fields, **changes},
            steps=own.get("steps", self.steps),
        )


class Transition(NamedTuple):
    """What one action with one outcome leads to, as an env's author writes it."""

    state: State
    rewards: jax.Array  # float32[R], before weighting
    terminated: jax.Array  # bool[]


class Step(NamedTuple):
    """What a step gives: termination (the world ended) and truncation (time ran out) apart."""

    state: State
    reward: jax.Array  # float32[], the rewards weighted and summed
    rewards: jax.Array  # float32[R]
    terminated: jax.Array  # bool[]
    truncated: jax.Array  # bool[], never true where terminated is


class Tabular(NamedTuple):
    """An env on one level as tables over all its states."""

    next_state: jax.Array  # int32[S, A, N]
    probability: jax.Array  # float32[S, A, N], sums to 1 over N
    rewards: jax.Array  # float32[R, S, A, N]
    terminated: jax.Array  # bool[S, A, N]
    reachable: jax.Array  # bool[S], from a start, by some actions
    start: jax.Array  # float32[S], how likely an episode starts there
