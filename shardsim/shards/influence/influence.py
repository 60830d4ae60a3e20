"""Influence: what one concept, in one context, does to the action distribution.

Signed and unsigned effects of removing or moving a concept, after Turner et al. (2023,
"Understanding and controlling a maze-solving policy network") and Mini et al. (2023,
"Understanding and controlling a maze-solving policy network", arXiv 2310.08043).

Axis letters: K policies (seeds, checkpoints; any leading axes) · C contexts · O concepts ·
A actions · D distance bins.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.core import Env
from shardsim.env.edits import can_place, without
from shardsim.env.types import State
from shardsim.shards.contexts.battery import Battery, observations_of
from shardsim.shards.contexts.policies import StatePolicy, respond
from shardsim.shards.contexts.sampling import DISTANCE_BINS, distance_bin
from shardsim.shards.fit.data import LOWEST_ADVANTAGE, DecisionData
from shardsim.shards.fit.shard_model import ShardModel

Logits = Callable[[State | None, np.ndarray], np.ndarray]  # states, observations -> [..., C, A]


class Influence(NamedTuple):
    """All in exact units; NaN where a concept cannot be edited or is not there.

    A signed influence is in moves: how much nearer to the concept's best action it pulls.
    """

    size: np.ndarray  # float64[..., C, O], total variation when the object is removed, in 0..1
    signed: np.ndarray  # float64[..., C, O], S: moves toward (positive) or away from it
    moved: np.ndarray  # float64[..., C, O], M: the same, the object moved elsewhere
    shuffled: np.ndarray  # float64[..., C, O], S with another context's advantages: a null
    mirror_size: np.ndarray  # float64[..., C, O], total variation under the mirror test, places
    mirror_signed: np.ndarray  # float64[..., C, O], signed mirror test, places only


class Edited(NamedTuple):
    """A battery's contexts with one edit each, for every object in turn."""

    objects: tuple[int, ...]  # concept indices
    removed: tuple[State, ...]  # batched [C], one for each object
    moved: tuple[State, ...]
    movable: tuple[np.ndarray, ...]  # bool[C]: present, and with somewhere to go
    mirrored: np.ndarray  # float32[C, H, W, planes]
    unmirror: np.ndarray  # int[A]


def influence(policy: Callable[..., Any], battery: Battery, *, seed: int = 0) -> Influence:
    """Measure every concept's influence in every context of a battery.

    Args:
      policy: as `identify` takes it.
      battery: the contexts.
      seed: of the cells that objects are moved to.

    Returns:
      Arrays [C, O]. Places cannot be removed: size, signed and moved are NaN for them, and the
      mirror tests are NaN for objects (and for all concepts where the env's actions have no mirror
      image, or a `state_policy` cannot be asked on observations alone).
    """

    def logits(states: State | None, observations: np.ndarray) -> np.ndarray:
        return respond(policy, battery.env, states, observations).logits

    blind = isinstance(policy, StatePolicy) and policy.env is None
    return influence_of(logits, battery, edit(battery, seed), mirror=not blind)


def influence_of(
    logits: Logits, battery: Battery, edited: Edited, *, mirror: bool = True
) -> Influence:
    """Measure influence from a function that gives logits [..., C, A]: many policies at once."""
    before = probabilities(logits(battery.states, battery.observations))
    shape = (*before.shape[:-1], len(battery.concepts))
    found = Influence(*(np.full(shape, np.nan) for _ in Influence._fields))
    for position, number in enumerate(edited.objects):
        toward = advantage_toward(battery, number)
        there = battery.reachable[:, number] & edited.movable[position]
        without_it = probabilities(_ask(logits, battery.env, edited.removed[position]))
        elsewhere = probabilities(_ask(logits, battery.env, edited.moved[position]))
        found.size[..., number] = np.where(there, total_variation(before, without_it), np.nan)
        found.signed[..., number] = np.where(there, pull(before, without_it, toward), np.nan)
        other = np.roll(toward, len(toward) // 2, axis=0)
        found.shuffled[..., number] = np.where(there, pull(before, without_it, other), np.nan)
        found.moved[..., number] = np.where(there, pull(before, elsewhere, toward), np.nan)
    if mirror and can_mirror(battery.env):
        flipped = probabilities(logits(None, edited.mirrored))[..., edited.unmirror]
        for number, concept in enumerate(battery.env.concepts):
            if concept.kind == "place":
                there = battery.reachable[:, number]
                size = total_variation(before, flipped)
                signed = pull(before, flipped, advantage_toward(battery, number))
                found.mirror_size[..., number] = np.where(there, size, np.nan)
                found.mirror_signed[..., number] = np.where(there, signed, np.nan)
    return found


def edit(battery: Battery, seed: int = 0) -> Edited:
    """Make the edited contexts once, to be shown to any number of policies."""
    env = battery.env
    objects = tuple(n for n, concept in enumerate(env.concepts) if concept.kind == "object")
    keys = jax.random.split(jax.random.key(seed), battery.size)
    parts = [_edit_object(env, number, keys, battery.states) for number in objects]
    mirrored, unmirror = env.mirror(jnp.asarray(battery.observations))
    return Edited(
        objects=objects,
        removed=tuple(part[0] for part in parts),
        moved=tuple(part[1] for part in parts),
        movable=tuple(np.asarray(part[2]) for part in parts),
        mirrored=np.asarray(mirrored),
        unmirror=unmirror,
    )


@partial(jax.jit, static_argnums=(0, 1))
def _edit_object(
    env: Env, number: int, keys: jax.Array, states: State
) -> tuple[State, State, jax.Array]:
    name = env.concepts[number].name

    def one(key: jax.Array, state: State) -> tuple[State, State, jax.Array]:
        room = can_place(env, state, name).reshape(-1)
        cell = jax.random.categorical(key, jnp.where(room, 0.0, -jnp.inf)).astype(jnp.int32)
        spot = jnp.stack([cell // env.width, cell % env.width])
        gone = without(state.level, number)
        present = env.present(state)[number]
        # The first that is there: to put one on a cell that was taken would show nothing.
        moved = env.place(state.replace(level=gone), number, jnp.argmax(present), spot)
        there = jnp.any(present) & jnp.any(room)
        return state.replace(level=gone), moved, there

    return jax.vmap(one)(keys, states)


def _ask(logits: Logits, env: Env, states: State) -> np.ndarray:
    return logits(states, np.asarray(observations_of(env, states)))


def can_mirror(env: Env) -> bool:
    """Whether an east-west flip has an action for every action: compass words, or none at all."""
    return {"east", "west"} <= set(env.action_names)


def advantage_toward(battery: Battery, concept: int) -> np.ndarray:
    """Return float64[C, A]: the advantages for one concept, clipped where moves lead to a trap."""
    return np.maximum(battery.advantages[:, :, concept].astype(np.float64), LOWEST_ADVANTAGE)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return float64[..., A]: softmax."""
    values = np.asarray(logits, np.float64)
    raised = np.exp(values - values.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def total_variation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return float64[...]: half the sum over actions of absolute differences, in 0..1."""
    return 0.5 * np.abs(first - second).sum(-1)


def pull(before: np.ndarray, after: np.ndarray, advantage: np.ndarray) -> np.ndarray:
    """Return float64[...]: Σ_a (before − after)·A_o, the mean advantage that the concept brings."""
    return ((before - after) * advantage).sum(-1)


def by_distance(
    values: np.ndarray, distance: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average influence over the contexts of each distance bin.

    Args:
      values: float[..., C, O]; NaN is left out.
      distance: float[C, O], in moves.
      weight: float[C].

    Returns:
      float64[..., O, D], NaN where a bin is empty, and counts int64[O, D] of finite distances.
    """
    member = distance_bin(distance)[..., None] == np.arange(len(DISTANCE_BINS))  # [C, O, D]
    member &= np.isfinite(distance)[..., None]
    known = np.isfinite(values)
    mass = np.einsum("...co,cod,c->...od", known.astype(np.float64), member, weight, optimize=True)
    filled = np.where(known, values, 0.0)
    total = np.einsum("...co,cod,c->...od", filled, member, weight, optimize=True)
    mean = np.divide(total, mass, out=np.full_like(total, np.nan), where=mass > 0)
    return mean, member.sum(0)


def in_model(found: ShardModel, data: DecisionData) -> np.ndarray:
    """Return float64[C, O]: signed influence with each concept removed from the fitted model.

    The intervention that the model predicts, to be compared with the one made in the level; the
    only one there is for a place.
    """
    before = probabilities(found.predict(data))
    removed = [
        pull(before, probabilities(found.remove_concept(data, o)), data.advantages[:, :, o])
        for o in range(data.advantages.shape[2])
    ]
    return np.where(data.reachable, np.stack(removed, 1), np.nan)
