"""What objects do to activations, and whether that says which shard is active.

The effect of an object in a context is h(s) − h(s∖o), a difference of two forward passes, to which
nothing is fitted. Raw activations mostly hold which action comes next, or what the agent carries;
effects hold what each object adds.

Axis letters: S agents (seeds) · C contexts · O objects that can be removed · K shards · A actions ·
D units of a layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

from shardsim.env.levels import take
from shardsim.shards.agents import Agents, Answers
from shardsim.shards.contexts.battery import Battery, observations_of
from shardsim.shards.influence.influence import Edited

ACTIVE = 0.3  # logits: a shard that pulls less is not active
NONE = -1  # where no shard is active, or a shard is for no object
LEAST = 20  # contexts with and without activity, to tell them apart


class Effects(NamedTuple):
    """What removing each object changes, by layer."""

    objects: tuple[int, ...]  # O, concept indices
    inputs: np.ndarray  # float32[C, O, H·W·planes], the same of the observation
    layers: Mapping[str, np.ndarray]  # name -> float32[S, C, O, D]
    untrained: Mapping[str, np.ndarray]  # the same before training; empty where there is none


def measure(
    agents: Agents, on: Battery, edited: Edited, rows: np.ndarray, own: Answers, blank: Answers
) -> Effects:
    """Ask agents in some contexts of a battery without each object.

    Args:
      agents: S of them; their untrained networks are asked too, where there are any.
      on: the battery.
      edited: its contexts without each object.
      rows: int[C], the contexts.
      own: what the agents answer in them.
      blank: what the untrained networks answer; no layers where there are none.
    """
    fresh = agents.untrained if blank.layers else None
    inputs, trained, untrained = [], [], []
    for removed in edited.removed:
        states = take(removed, rows)
        seen = np.asarray(observations_of(on.env, states))
        inputs.append((on.observations[rows] - seen).reshape(len(rows), -1))
        trained.append(agents.respond(states, seen).layers)
        if fresh is not None:
            untrained.append(fresh.respond(states, seen).layers)
    return Effects(
        edited.objects,
        np.stack(inputs, 1) if inputs else np.zeros((len(rows), 0, 0), np.float32),
        _changes(own.layers, trained),
        _changes(blank.layers, untrained),
    )


def _changes(
    before: Mapping[str, np.ndarray], after: list[dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Return layer -> float32[S, C, O, D]; nothing where no object can be removed."""
    if not after:
        return {}
    return {name: np.stack([old - new[name] for new in after], 2) for name, old in before.items()}


def sizes(effects: np.ndarray) -> np.ndarray:
    """Return float64[..., C, O]: the Euclidean norm of effects [..., C, O, D]."""
    return np.linalg.norm(np.asarray(effects, np.float64), axis=-1)


def pull_sizes(pulls: np.ndarray) -> np.ndarray:
    """Return float64[C, K]: standard deviation over actions of what shards add [C, A, K], logits.

    Every action counts the same, so that a nearly deterministic policy hides nothing.
    """
    return np.asarray(pulls, np.float64).std(1)


def strongest(size: np.ndarray) -> np.ndarray:
    """Return int64[C]: the shard that pulls most, `NONE` where none pulls by `ACTIVE` logits."""
    return np.where(size.max(1) > ACTIVE, size.argmax(1), NONE)


def objects_of(preferences: np.ndarray, objects: tuple[int, ...]) -> np.ndarray:
    """Return int64[K]: the place in `objects` of what each shard [K, concepts] prefers most.

    `NONE` where that is a place, which cannot be removed.
    """
    most = np.abs(preferences).argmax(1)
    return np.array([objects.index(o) if o in objects else NONE for o in most], np.int64)


def activity_auc(
    size: np.ndarray, pull: np.ndarray, objects: np.ndarray, there: np.ndarray
) -> np.ndarray:
    """Say how well the size of an object's effect tells whether its shard is active.

    Args:
      size: float[C, O], sizes of effects.
      pull: float[C, K], of `pull_sizes`.
      objects: int[K], of `objects_of`.
      there: bool[C, O], contexts in which the object is there and can be reached.

    Returns:
      float64[K]: the chance that an active context has the larger effect of two (area under the
      ROC curve; Hanley & McNeil 1982, "The meaning and use of the area under a receiver operating
      characteristic curve"); .5 is chance. NaN for a place, or with too few contexts of a kind.
    """
    found = np.full(len(objects), np.nan)
    for shard, place in enumerate(objects):
        if place == NONE:
            continue
        active = pull[there[:, place], shard] > ACTIVE
        if min(active.sum(), (~active).sum()) >= LEAST:
            found[shard] = roc_auc_score(active, size[there[:, place], place])
    return found
