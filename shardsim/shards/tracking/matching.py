"""Matching shards of two fits by what they do, with births, deaths, splits and merges.

Axis letters: K, M shards of the two fits · C contexts · A actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

SHUFFLES = 20
PERCENTILE = 95.0
BETTER = 0.05  # cosine that a sum of two shards must gain on the best of them to be a split


class Event(NamedTuple):
    """What happened to one shard between two checkpoints."""

    kind: str  # "birth", "death", "split" or "merge"
    shard: int  # of the later fit for a birth or a merge, else of the earlier one
    seed: int = -1
    checkpoint: int = -1  # the later of the two


def similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return float64[K, M]: cosines of the pulls [K, C, A] and [M, C, A] over the battery.

    Centred over actions, since adding one number to all logits of a context changes nothing.
    """
    a, b = _flat(first), _flat(second)
    norms = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    return np.divide(a @ b.T, norms, out=np.zeros(norms.shape), where=norms > 1e-12)


def _flat(pulls: np.ndarray) -> np.ndarray:
    centred = pulls - pulls.mean(-1, keepdims=True)
    return centred.reshape(len(pulls), pulls.shape[1] * pulls.shape[2])


def null_similarity(fields: Sequence[np.ndarray], seed: int) -> float:
    """Return the similarity that fields reach on shuffled batteries in one case of twenty.

    Every field [K, C, A] is compared with itself, its contexts dealt out anew.
    """
    rng = np.random.default_rng(seed)
    found = [
        similarity(pulls, pulls[:, rng.permutation(pulls.shape[1])]).ravel()
        for pulls in fields
        for _ in range(SHUFFLES)
    ]
    return float(np.percentile(np.concatenate(found), PERCENTILE))


def assign(alike: np.ndarray, threshold: float) -> list[tuple[int, int]]:
    """Return matched pairs (row, column) of a similarity float[K, M].

    The assignment of greatest total similarity in which a shard may stay alone, at the price of a
    birth or a death: `threshold` for a pair (Kuhn 1955, "The Hungarian method for the assignment
    problem", on the matrix with a dummy for every shard).
    """
    rows, columns = alike.shape
    size = rows + columns
    cost = np.zeros((size, size))
    cost[:rows, :columns] = -alike
    cost[:rows, columns:] = cost[rows:, :columns] = -threshold / 2
    left, right = linear_sum_assignment(cost)
    return [
        (int(a), int(b))
        for a, b in zip(left, right, strict=True)
        if a < rows and b < columns and alike[a, b] > threshold
    ]


def follow(before: np.ndarray, after: np.ndarray, threshold: float) -> list[Event]:
    """Say what happened between two fits with pulls [K, C, A] and [M, C, A].

    A shard that is matched by two, whose sum does what it did better than either, has split; the
    contrary is a merge; what is left unmatched has died or been born.
    """
    pairs = assign(similarity(before, after), threshold)
    old, new = {a for a, _ in pairs}, {b for _, b in pairs}
    born, dead = set(range(len(after))) - new, set(range(len(before))) - old
    events: list[Event] = []
    for a, b in pairs:
        child = _joins(before[a], after, b, born)
        if child is not None:
            events.append(Event("split", a))
            born.discard(child)
        parent = _joins(after[b], before, a, dead)
        if parent is not None:
            events.append(Event("merge", b))
            dead.discard(parent)
    events += [Event("death", a) for a in sorted(dead)]
    return events + [Event("birth", b) for b in sorted(born)]


def _joins(whole: np.ndarray, parts: np.ndarray, matched: int, free: set[int]) -> int | None:
    """The unmatched part that makes, with the matched one, more of the whole than that alone."""
    alone = float(similarity(whole[None], parts[matched][None])[0, 0])
    gains = {
        other: float(similarity(whole[None], (parts[matched] + parts[other])[None])[0, 0]) - alone
        for other in free
    }
    best = max(gains, key=lambda other: gains[other], default=None)
    return best if best is not None and gains[best] > BETTER else None
