"""Splits and merges of one seed's shards, from what one gains and another loses meanwhile.

The dictionary of a track is fixed, so a shard that splits is one that another appears beside,
mostly out of its share; two merge where one disappears, mostly into another. Shares sum to 1, so
every gain lowers all others in proportion: only what goes beyond that counts.

Axis letters: T checkpoints · K shards.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

WINDOW = 4  # checkpoints on either side of the event that are compared
PARTLY = 0.5, 1.5  # of what one shard gains beyond proportion, the part that the other loses


class Exchange(NamedTuple):
    """One split or merge."""

    shard: int  # place of the shard that splits, or of the one that disappears
    other: int  # place of the one that appears, or of the one merged into
    place: int  # the first checkpoint after it
    splits: bool


def find(share: np.ndarray, alive: np.ndarray) -> list[Exchange]:
    """Return the splits and merges of one seed.

    Args:
      share: float64[T, K].
      alive: bool[T, K], where each shard is above its null.
    """
    found = []
    for k in range(share.shape[1]):
        turns = (np.flatnonzero(np.diff(alive[:, k])) + 1).tolist()
        ends = [0, *turns, len(share)]
        for start, place, end in zip(ends, turns, ends[2:], strict=False):
            inside = slice(max(start, place - WINDOW), min(end, place + WINDOW))
            partner = _partner(share[inside], alive[inside], k, place - inside.start)
            if partner is not None and alive[place, k]:
                found.append(Exchange(partner, k, place, True))
            elif partner is not None:
                found.append(Exchange(k, partner, place, False))
    return found


def _partner(share: np.ndarray, alive: np.ndarray, changed: int, place: int) -> int | None:
    """Return the place of the shard that most of a change of another was exchanged with, or None.

    Args:
      share: float64[T', K], around the change.
      alive: bool[T', K].
      changed: place of the shard that appears or disappears.
      place: the first row after the change.
    """
    before, after = np.median(share[:place], 0), np.median(share[place:], 0)
    # Read backwards in time, a merge is a split.
    if not alive[place, changed]:
        before, after = after, before
    gain = after[changed] - before[changed]
    diluted = before * gain / (1.0 - before[changed])
    part = (before - after - diluted) / np.maximum(gain - diluted, 1e-12)
    fits = alive.all(0) & (part >= PARTLY[0]) & (part <= PARTLY[1])
    fits[changed] = False
    return int(np.where(fits, -np.abs(part - 1.0), -np.inf).argmax()) if fits.any() else None
