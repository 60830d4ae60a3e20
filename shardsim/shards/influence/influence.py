"""Influence: what one concept, in one context, does to the action distribution.

Signed effects of removing an object, and of mirroring the level for places, after Turner et al.
(2023, "Understanding and controlling a maze-solving policy network") and Mini et al. (2023,
"Understanding and controlling a maze-solving policy network", arXiv 2310.08043).

Axis letters: K policies (seeds, checkpoints; any leading axes) · C contexts · O concepts ·
A actions · D distance bins.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.core import Env
from shardsim.env.instances import without
from shardsim.env.types import State
from shardsim.shards.contexts.battery import Battery, observations_of
from shardsim.shards.contexts.sampling import DISTANCE_BINS, distance_bin
from shardsim.shards.fit.data import LOWEST_ADVANTAGE, DecisionData, probabilities
from shardsim.shards.fit.shard_model import ShardModel

Logits = Callable[[State | None, np.ndarray], np.ndarray]  # states, observations -> [..., C, A]


class Influence(NamedTuple):
    """In moves: how much nearer to the concept's best action it pulls, negative away from it.

    NaN where a concept cannot be edited so or is not there.
    """

    signed: np.ndarray  # float64[..., C, O], S, of removing an object
    mirror: np.ndarray  # float64[..., C, O], the same under the mirror test, places


class Edited(NamedTuple):
    """A battery's contexts with one edit each, for every object in turn."""

    objects: tuple[int, ...]  # concept indices
    removed: tuple[State, ...]  # batched [C], one for each object
    present: tuple[np.ndarray, ...]  # bool[C], whether it was there
    mirrored: np.ndarray  # float32[C, H, W, planes]
    unmirror: np.ndarray  # int[A]


def influence_of(
    logits: Logits, battery: Battery, edited: Edited, *, mirror: bool = True
) -> Influence:
    """Measure every concept's influence in every context, on any number of policies at once.

    Args:
      logits: of the policies.
      battery: the contexts.
      edited: their edits.
      mirror: whether the policies can be asked on mirrored observations, which have no state.

    Returns:
      Arrays [..., C, O]. Places cannot be removed, and only they have a mirror test (none where
      the env's actions have no mirror image).
    """
    before = probabilities(logits(battery.states, battery.observations))
    shape = (*before.shape[:-1], len(battery.concepts))
    found = Influence(*(np.full(shape, np.nan) for _ in Influence._fields))
    for number, states, present in zip(edited.objects, edited.removed, edited.present, strict=True):
        observations = np.asarray(observations_of(battery.env, states))
        after = probabilities(logits(states, observations))
        there = battery.reachable[:, number] & present
        effect = pull(before, after, advantage_toward(battery, number))
        found.signed[..., number] = np.where(there, effect, np.nan)
    if mirror and can_mirror(battery.env):
        flipped = probabilities(logits(None, edited.mirrored))[..., edited.unmirror]
        for number, concept in enumerate(battery.env.concepts):
            if concept.kind == "place":
                effect = pull(before, flipped, advantage_toward(battery, number))
                found.mirror[..., number] = np.where(battery.reachable[:, number], effect, np.nan)
    return found


def edit(battery: Battery) -> Edited:
    """Make the edited contexts once, to be shown to any number of policies."""
    env = battery.env
    objects = tuple(n for n, concept in enumerate(env.concepts) if concept.kind == "object")
    parts = [_removed(env, number, battery.states) for number in objects]
    mirrored, unmirror = env.mirror(jnp.asarray(battery.observations))
    return Edited(
        objects=objects,
        removed=tuple(states for states, _ in parts),
        present=tuple(np.asarray(there) for _, there in parts),
        mirrored=np.asarray(mirrored),
        unmirror=unmirror,
    )


@partial(jax.jit, static_argnums=(0, 1))
def _removed(env: Env, number: int, states: State) -> tuple[State, jax.Array]:
    def one(state: State) -> tuple[State, jax.Array]:
        gone = state.replace(level=without(state.level, number))
        return gone, jnp.any(env.present(state)[number])

    return jax.vmap(one)(states)


def can_mirror(env: Env) -> bool:
    """Whether an east-west flip has an action for every action: east and west are among them."""
    return {"east", "west"} <= set(env.action_names)


def advantage_toward(battery: Battery, concept: int) -> np.ndarray:
    """Return float64[C, A]: the advantages for one concept, clipped where moves lead to a trap."""
    return np.maximum(battery.advantages[:, :, concept].astype(np.float64), LOWEST_ADVANTAGE)


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
