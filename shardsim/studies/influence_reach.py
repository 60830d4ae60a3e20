"""How far an object's influence reaches: its mean by distance, and where that has halved.

The contextual activation of the cheese shard that Aristizabal (2024, "Exploring shard-like
behavior") looked for: k(r) = E[S | distance = r], S the pull toward the object that its removal
takes away, by steps and by straight distance.

Axis letters: K policies (seeds) · L levels · S states · A actions · O objects · N decisions ·
D distance bins.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from shardsim.env import planning
from shardsim.env.core import Env
from shardsim.env.instances import without
from shardsim.env.levels import all_states
from shardsim.env.types import Level
from shardsim.shards.contexts.sampling import survey
from shardsim.shards.fit.data import LOWEST_ADVANTAGE, probabilities
from shardsim.shards.influence.influence import pull
from shardsim.shards.influence.nulls import head_scale
from shardsim.studies import regression
from shardsim.studies.decision_squares import LogitsFn, logits_on_levels, straight_to

LEAST = 30  # decisions that a distance needs to have a mean


class Reach(NamedTuple):
    """Influence of one object in every decision from which it can be reached."""

    signed: np.ndarray  # float64[K, N], S in moves
    steps: np.ndarray  # float64[N], moves to the object
    straight: np.ndarray  # float64[N], cells in a straight line
    conflict: np.ndarray  # bool[N], no best action for it is one for the rival
    weight: np.ndarray  # float64[N], mean 1; every level counts the same


class Kernel(NamedTuple):
    """Mean influence by distance."""

    distance: np.ndarray  # float64[D], moves or cells
    mean: np.ndarray  # float64[K, D]


def reaches(env: Env, levels: Level, logits_fn: LogitsFn, rival: int) -> dict[str, Reach]:
    """Measure every object's influence in all decisions of levels [L].

    Args:
      env: the world.
      levels: batched.
      logits_fn: the policies.
      rival: the concept against which a decision may be in conflict.

    Returns:
      Object's name -> its influence; objects that are in none of the levels are left out.
    """
    found = jax.tree.map(np.asarray, survey(env, levels))
    before = probabilities(logits_on_levels(env, levels, logits_fn))
    straight = np.asarray(_straight(env, levels))
    best = planning.best_actions(found.advantage)
    reached = {}
    for number, concept in enumerate(env.concepts):
        there = found.decision & found.reachable[..., number] & (found.distance[..., number] > 0)
        if concept.kind != "object" or not there.any():
            continue
        gone = jax.vmap(lambda level, n=number: without(level, n))(levels)
        after = probabilities(logits_on_levels(env, gone, logits_fn))
        toward = np.maximum(found.advantage[..., number], LOWEST_ADVANTAGE)
        shared = (best[..., number] & best[..., rival]).any(-1)
        each = 1.0 / np.maximum(there.sum(1, keepdims=True), 1) + np.zeros(there.shape)
        reached[concept.name] = Reach(
            signed=pull(before, after, toward)[:, there],
            steps=found.distance[..., number][there].astype(np.float64),
            straight=straight[..., number][there].astype(np.float64),
            conflict=~shared[there] & found.reachable[..., rival][there],
            weight=each[there] / each[there].mean(),
        )
    return reached


@partial(jax.jit, static_argnums=0)
def _straight(env: Env, levels: Level) -> jax.Array:
    """Return float32[L, S, O]: straight distances in every state."""
    found = jax.vmap(lambda state: straight_to(env, state))(all_states(env, levels))
    return found.reshape(levels.walls.shape[0], env.num_states, -1)


def only(reach: Reach, keep: np.ndarray) -> Reach:
    """Some of the decisions."""
    return Reach(reach.signed[:, keep], *(value[keep] for value in reach[1:]))


def kernel(reach: Reach, by: str) -> Kernel:
    """Mean influence at each whole distance, "steps" or "straight" (rounded to a cell).

    Distances with fewer than `LEAST` decisions are left out.
    """
    bins = np.rint(getattr(reach, by)).astype(int)
    distances = np.array([one for one in np.unique(bins) if np.sum(bins == one) >= LEAST], int)
    member = (bins == distances[:, None]) * reach.weight  # [D, N]
    mean = reach.signed @ member.T / np.maximum(member.sum(1), 1e-300)
    return Kernel(distances.astype(np.float64), mean)


def half_distance(found: Kernel) -> np.ndarray:
    """Return float64[K]: where the mean influence has fallen to half of its peak.

    Between distances it is read off a straight line; infinite where it never falls so far, NaN
    where there is no positive influence at all.
    """
    return np.array([_half_of(found.distance, row) for row in found.mean])


def _half_of(distance: np.ndarray, mean: np.ndarray) -> float:
    if not mean.size or mean.max() <= 0:
        return float("nan")
    peak = int(mean.argmax())
    half = mean[peak] / 2
    below = np.flatnonzero(mean[peak:] <= half)
    if not below.size:
        return float("inf")
    right = peak + int(below[0])
    fallen = (mean[right - 1] - half) / (mean[right - 1] - mean[right])
    return float(distance[right - 1] + fallen * (distance[right] - distance[right - 1]))


def mean_influence(reach: Reach, keep: np.ndarray) -> np.ndarray:
    """Return float64[K]: mean influence over some of the decisions, NaN over none."""
    share = reach.weight * keep
    if not share.any():
        return np.full(len(reach.signed), np.nan)
    return reach.signed @ share / share.sum()


def far_over_near(reach: Reach, by: str, near: float, far: float) -> np.ndarray:
    """Return float64[K]: mean influence at `far` and beyond over that within `near`."""
    distance = getattr(reach, by)
    return mean_influence(reach, distance >= far) / mean_influence(reach, distance <= near)


def at_equal(reach: Reach, by: str, given: str) -> np.ndarray:
    """Return float64[K]: change of influence a cell (or move) of one distance, the other equal."""
    one = getattr(reach, by)[:, None]
    return regression.within_cells(one, reach.signed, reach.weight, getattr(reach, given))[:, 0]


def scaled(untrained: LogitsFn, trained: LogitsFn, observations: np.ndarray) -> LogitsFn:
    """The untrained policies with heads scaled to the trained ones' entropy: a null."""
    even = np.ones(len(observations))
    chance = probabilities(trained(observations))
    target = -(chance * np.log2(np.maximum(chance, 1e-300))).sum(-1).mean(-1)
    factor = head_scale(np.asarray(untrained(observations), np.float64), target, even)
    return lambda seen: np.asarray(untrained(seen)) * factor[:, None, None]
