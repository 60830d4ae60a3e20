"""Tracks whose events are known: clean curves, and the same with noise as large as real tracks'.

Axis letters: T checkpoints · S seeds · K shards.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from shardsim.base.schema import labelled
from shardsim.shards.schema import TRACK
from shardsim.shards.tracking.events import FIRST, MERGES, SPLITS, THRESHOLDS, Event, null_share
from shardsim.shards.tracking.stretches import stable

SEEDS = 4
UPDATES = [0, 1, 2, 3, 4, 6, 9, 13, 19, 27, 39, 57, 82, 118, 170, 245]  # the demo's checkpoints
STEPS = np.array(UPDATES) * 2048.0
NOISE = 0.024  # standard deviation of arcsin √share of the demo's corner shard, the noisier one
BYSTANDER = 0.03


class Planted(NamedTuple):
    """Clean shares, and what is to be found that no threshold tells."""

    clean: np.ndarray  # float64[T, S, K]
    exchanged: dict[int, tuple[str, int, int, int]]  # seed -> kind, shard, other, place


def ramps(*points: tuple[int, float]) -> np.ndarray:
    """A curve float64[T] through (checkpoint, share), straight between them."""
    places, shares = zip(*points, strict=True)
    return np.interp(np.arange(len(STEPS)), places, shares)


def planted(name: str, rng: np.random.Generator) -> Planted:
    """One case; its times and heights differ a little between seeds."""
    curves, exchanged = [], {}
    for seed in range(SEEDS):
        at, high = int(rng.integers(-1, 2)), float(rng.uniform(0.9, 1.1))
        first, second, told = CASES[name](at, high, rng)
        third = np.full(len(STEPS), BYSTANDER)
        curves.append(np.stack([first, second, third], -1))
        if told:
            exchanged[seed] = told
    return Planted(np.stack(curves, 1), exchanged)


def fades_in(at, high, rng):
    """The first comes to lead early; the second comes slowly, and stays the smaller."""
    first = ramps((2 + at, 0.015), (6 + at, 0.28 * high))
    return first, ramps((7 + at, 0.01), (12 + at, 0.15 * high)), None


def swaps(at, high, rng):
    """Both come, and then the second takes over."""
    first = ramps((1, 0.01), (4, 0.3 * high), (8 + at, 0.3 * high), (11 + at, 0.14))
    second = ramps((1, 0.01), (4, 0.14), (8 + at, 0.14), (11 + at, 0.3 * high))
    return first, second, None


def splits(at, high, rng):
    """A third of the first becomes the second."""
    whole = ramps((1, 0.01), (4, 0.36 * high))
    second = ramps((7 + at, 0.01), (10 + at, 0.13))
    return whole - np.maximum(second - 0.01, 0), second, (SPLITS, 1, 2, 8 + at)


def merges(at, high, rng):
    """The second goes into the first."""
    second = ramps((1, 0.01), (4, 0.14), (8 + at, 0.14), (11 + at, 0.01))
    whole = ramps((1, 0.02), (4, 0.38 * high))
    return whole - second, second, (MERGES, 2, 1, 11 + at)


def dies_and_returns(at, high, rng):
    """The first is gone for some checkpoints; the second is there all along, and then leads."""
    first = ramps(
        (1, 0.01),
        (3, 0.3 * high),
        (5 + at, 0.3 * high),
        (7 + at, 0.01),
        (10 + at, 0.01),
        (12 + at, 0.3 * high),
    )
    return first, ramps((1, 0.01), (4, 0.15)), None


def nothing(at, high, rng):
    """Whatever there is stays as large as it was in the untrained network."""
    one, two = rng.uniform(0.01, 0.3, 2)
    return np.full(len(STEPS), one), np.full(len(STEPS), two), None


CASES = {
    "fades in": fades_in,
    "swaps": swaps,
    "splits": splits,
    "merges": merges,
    "dies and returns": dies_and_returns,
    "nothing": nothing,
}


def noisy(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shares with noise that is equally large on the scale of `stable`."""
    curves = stable(clean) + rng.normal(0.0, NOISE, clean.shape)
    return np.sin(np.clip(curves, 0.0, np.pi / 2)) ** 2


def as_track(share: np.ndarray, steps: np.ndarray = STEPS) -> xr.Dataset:
    """A track with these shares [T, S, K]."""
    count, seeds, shards = share.shape
    coordinates = {
        "steps": steps,
        "checkpoint": range(count),
        "update": range(count),
        "seed": range(seeds),
        "shard": range(1, shards + 1),
        "shard_name": [f"concept {k}" for k in range(shards)],
    }
    return labelled(TRACK, {"share": share}, coordinates)


def truth(case: Planted, share: np.ndarray) -> set[tuple]:
    """What is to be found: (shard, kind, threshold, other, seed, place), from the clean curves."""
    null = null_share(share[0], NOISE)
    found: set[tuple] = set()
    for seed in range(SEEDS):
        clean = case.clean[:, seed]
        for threshold in map(str, THRESHOLDS):
            level = null if threshold == "null" else float(threshold)
            found |= crossed(clean > level, threshold, seed)
        found |= led(clean, clean > null, seed)
        if seed in case.exchanged:
            kind, shard, other, place = case.exchanged[seed]
            found.add((shard, kind, "", other, seed, place))
    return found


def crossed(up: np.ndarray, threshold: str, seed: int) -> set[tuple]:
    """Crossings of bool[T, K]."""
    found = set()
    for t, k in np.argwhere(up[1:] != up[:-1]):
        rises = FIRST if not up[: t + 1, k].any() else "exceeds again"
        kind = rises if up[t + 1, k] else "falls below"
        found.add((k + 1, kind, threshold, 0, seed, t + 1))
    return found


def led(clean: np.ndarray, alive: np.ndarray, seed: int) -> set[tuple]:
    """Changes of the largest share that is above its null."""
    found, leader = set(), None
    for t, (row, up) in enumerate(zip(clean, alive, strict=True)):
        first = int(row.argmax())
        if first != leader and up[first]:
            kind = "leads first" if leader is None else "takes over from"
            found.add((first + 1, kind, "", 0 if leader is None else leader + 1, seed, t))
            leader = first
    return found


def told(events: list[Event]) -> set[tuple]:
    """The same of events that were found between two checkpoints."""
    return {
        (e.shard, e.kind, e.threshold, e.other, e.seed, STEPS.tolist().index(e.to_steps))
        for e in events
        if e.seen
    }


def hits(found: set[tuple], wanted: set[tuple]) -> int:
    """How many of those found are wanted, at that checkpoint or the next to it; each once."""
    left, count = set(wanted), 0
    for *what, place in sorted(found):
        near = [(*what, place + shift) for shift in (0, -1, 1)]
        match = next((one for one in near if one in left), None)
        if match:
            left.remove(match)
            count += 1
    return count
