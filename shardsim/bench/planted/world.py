"""A world that pays what a reinforcement history says: concepts, each where its own cues hold.

Everything but the agent stays as an episode begins, so that a gate holds all through an episode or
not at all, and an episode ends where it pays. Axis letters as in `shardsim.env.types`; R pairs of a
concept and a gate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.env.core import Env
from shardsim.env.types import Level, Split, State, Transition

NOT = "not "
SIDES = ("north", "west")  # the half of the rows, of the columns, that an object lies in
MISSING = 0.5  # of levels lack an object that is a cue by being there


class Antecedent(NamedTuple):
    """What pays where: reaching a concept pays 1 where all cues hold.

    A cue is the name of a drive (above one half), of an object (there), or of an object and
    "north" or "west" (it lies in that half of the grid); "not " before it turns it round. Without
    a cue the concept pays everywhere.
    """

    concept: str
    cues: tuple[str, ...] = ()


def paying_world(env: Env, antecedents: Sequence[Antecedent]) -> Env:
    """Return an env with the layouts of `env` in which nothing pays but the antecedents given.

    Each is a reward component, of weight 0 in every level until weights are put in. Objects that
    are cues by being there are missing from half of all levels.

    Raises:
      UserError: an unknown concept or cue, or a place as a cue.
    """
    kept = tuple(dict.fromkeys(antecedents))
    for one in kept:
        env.concept_index(one.concept)
        for cue in one.cues:
            check_cue(env, cue)
    present = {bare(cue) for one in kept for cue in one.cues} & set(env.concept_names)
    fields = {f.name: getattr(env, f.name) for f in dataclasses.fields(env) if f.init}
    fields |= {"antecedents": kept, "missing": tuple(sorted(present)), "reward": ""}
    return _paying_class(type(env))(**fields)


def bare(cue: str) -> str:
    """Return a cue without the "not " before it."""
    return cue.removeprefix(NOT)


def check_cue(env: Env, cue: str) -> None:
    """Raise UserError for a cue that an env cannot give."""
    objects = tuple(concept.name for concept in env.concepts if concept.kind == "object")
    known = (*env.drive_names, *objects, *(f"{name} {side}" for name in objects for side in SIDES))
    if bare(cue) not in known:
        raise UserError(f"{env.name} has no cue {cue!r}; {did_you_mean(bare(cue), known)}")


def cue_holds(env: Env, state: State, cue: str) -> jax.Array:
    """Return bool[]: whether a cue holds in a state."""
    name, _, side = bare(cue).rpartition(" ")
    if bare(cue) in env.drive_names:
        value = env.drives(state)[bare(cue)] > 0.5
    elif side in SIDES:
        axis = SIDES.index(side)
        half = (env.height, env.width)[axis] / 2
        number = env.concept_index(name)
        inside = env.position(state)[number, :, axis].astype(jnp.float32) + 0.5 < half
        value = jnp.any(inside & env.present(state)[number])
    else:
        value = jnp.any(env.present(state)[env.concept_index(bare(cue))])
    return ~value if cue.startswith(NOT) else value


def gate_holds(env: Env, state: State, antecedent: Antecedent) -> jax.Array:
    """Return bool[]: whether all cues of an antecedent hold in a state."""
    held = [cue_holds(env, state, cue) for cue in antecedent.cues]
    return jnp.all(jnp.stack(held)) if held else jnp.bool_(True)


def paid_where(env: Env, states: State, antecedents: Sequence[Antecedent]) -> np.ndarray:
    """Return bool[C, K]: in which of the states [C] each antecedent's gate holds."""

    def one(state: State) -> jax.Array:
        return jnp.stack([gate_holds(env, state, each) for each in antecedents])

    count = states.steps.shape[0]
    return np.asarray(jax.vmap(one)(states)) if antecedents else np.zeros((count, 0), bool)


@lru_cache(maxsize=64)
def _paying_class(kind: type[Env]) -> type[Env]:
    """Return the subclass of an env's class that pays antecedents: one, so that it caches."""

    @dataclasses.dataclass(frozen=True)
    class Paying(kind):
        antecedents: tuple[Antecedent, ...] = ()
        missing: tuple[str, ...] = ()

        @property
        def reward_names(self) -> tuple[str, ...]:
            return tuple(" & ".join((one.concept, *one.cues)) for one in self.antecedents)

        def level(self, key: jax.Array, split: Split) -> Level:
            level = kind.sample_level(self, key, split)
            there = level.present
            for number, name in enumerate(self.missing):
                kept = jax.random.bernoulli(jax.random.fold_in(key, 91 + number), 1 - MISSING)
                row = self.concept_index(name)
                there = there.at[row].set(there[row] & kept)
            nothing = jnp.zeros(len(self.antecedents), jnp.float32)
            return level.replace(present=there, reward_weights=nothing)

        def advance(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
            moved = kind.transition(self, state, action, outcome).state
            still = {name: now for name, now in state.fields.items() if name != "cell"}
            after = moved.replace(**still)
            reached = self.reaches(state, after) & (after.cell != state.cell)
            pays = [
                reached[self.concept_index(one.concept)] & gate_holds(self, state, one)
                for one in self.antecedents
            ]
            rewards = jnp.stack(pays).astype(jnp.float32)
            return Transition(after, rewards, jnp.any(rewards * state.level.reward_weights > 0))

    return Paying
