"""Events of a track: when a shard exceeds a threshold, leads, takes over, splits or merges.

Of every seed by itself, since the seed is the unit. The null of a shard is the share that a further
untrained network would stay under in 95 of 100 cases, from the run's own at checkpoint 0. Whether a
share has crossed a threshold is decided by `stretches`. An event lies between two checkpoints, and
both are told.

Axis letters: T checkpoints · S seeds · K shards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy import stats

from shardsim.base.errors import UserError
from shardsim.shards.tracking import exchanges
from shardsim.shards.tracking.stretches import LIKELY, NEVER, above, largest, noise, stable

NULL = "null"
THRESHOLDS: tuple[str | float, ...] = (NULL, 0.05, 0.1)
FIRST, BELOW, AGAIN = "first exceeds", "falls below", "exceeds again"
LEADS, TAKES_OVER, SPLITS, MERGES = "leads first", "takes over from", "splits into", "merges into"
KINDS = (FIRST, BELOW, AGAIN, LEADS, TAKES_OVER, SPLITS, MERGES)  # in the order of tables
_UNTRAINED = 0.95  # of further untrained networks that stay below the null


class Event(NamedTuple):
    """One event of one seed, between two checkpoints.

    `first exceeds` has a row for each shard, threshold and seed: where the share lies above from
    the first checkpoint on, `from_steps` is -inf; where it never surely does, `to_steps` is inf,
    and `from_steps` the last checkpoint, or an earlier one from which on it lies above by less
    than its noise. All other rows are finite, but a first lead may begin at -inf too.
    """

    shard: int  # its number, from 1
    kind: str  # one of `KINDS`
    threshold: str  # "null" or the share, as "0.1"; "" for events without one
    level: float  # the share that the threshold stands at; NaN without one
    seed: int  # the training seed
    other: int  # number of the other shard: taken over from, split into, merged into; 0 for none
    from_steps: float  # env steps of each seed at the last checkpoint before
    to_steps: float  # and at the first one after

    @property
    def seen(self) -> bool:
        """Whether it lies between two checkpoints, so that a figure can mark it."""
        return bool(np.isfinite(self.from_steps) and np.isfinite(self.to_steps))


class _Track(NamedTuple):
    share: np.ndarray  # float64[T, S, K]
    steps: Sequence[float]  # T
    seeds: Sequence[int]  # S
    shards: Sequence[int]  # K, numbers
    null: np.ndarray  # float64[K], the share of `null_share`
    noise: float  # of √share, see `stretches`


def track_events(track: xr.Dataset, thresholds: Iterable[str | float] = THRESHOLDS) -> list[Event]:
    """Find all events of all seeds.

    Args:
      track: of the schema `TRACK`: `share` with the dims checkpoint, seed and shard, and `steps`.
      thresholds: shares between 0 and 1, and "null".

    Returns:
      Events by shard, kind, threshold and seed.

    Raises:
      UserError: a threshold that is none, or fewer than three checkpoints.
    """
    wanted = list(dict.fromkeys(read_threshold(one) for one in thresholds))
    share = track["share"].transpose("checkpoint", "seed", "shard").values.astype(np.float64)
    steps = track["steps"].values.astype(np.float64).tolist()
    seeds, shards = track["seed"].values.tolist(), track["shard"].values.tolist()
    if not shards:
        return []
    sd = noise(stable(share))
    known = _Track(share, steps, seeds, shards, null_share(share[0], sd), sd)
    alive = _above(known, known.null, NEVER)  # where the null is from, nothing exceeds it
    found = [*_leads(known, alive), *_exchanges(known, alive)]
    for name in wanted:
        level = known.null if name == NULL else np.full(len(shards), float(name))
        up = alive if name == NULL else _above(known, level, LIKELY)
        found += _crossings(known, name, level, up)
    return sorted(found, key=lambda one: (one.shard, KINDS.index(one.kind)))


def read_threshold(given: str | float) -> str:
    """Return a threshold as events name it: "null", or a share as "0.1".

    Args:
      given: a number, or words such as "0.1", "10%" and "null".

    Raises:
      UserError: neither "null" nor a number between 0 and 1.
    """
    text = str(given).strip().lower()
    if text == NULL:
        return NULL
    try:
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        number = np.nan
    if not 0 < number < 1:
        raise UserError(
            f"{given!r} is no threshold of a share; give a number between 0 and 1, as 0.1 or 10%, "
            f"or {NULL!r} for the share of untrained networks"
        )
    return f"{number:g}"


def null_share(untrained: np.ndarray, sd: float) -> np.ndarray:
    """Return float64[K]: what a further untrained network stays under in 95 of 100 cases.

    The upper end of Student's prediction interval over seeds, on the scale of `stable`. One seed
    tells nothing of other networks: the same bound then, of that network measured again.

    Args:
      untrained: float[S, K], shares at checkpoint 0.
      sd: noise of `stable` shares, for one seed.
    """
    curves, count = stable(untrained), len(untrained)
    quantile, spread = stats.norm.ppf(_UNTRAINED), np.full(curves.shape[1], sd)
    if count > 1:
        quantile, spread = stats.t.ppf(_UNTRAINED, count - 1), curves.std(0, ddof=1)
    reach = quantile * spread * np.sqrt(1 + 1 / count)
    return np.sin(np.minimum(curves.mean(0) + reach, np.pi / 2)) ** 2


def _above(track: _Track, level: np.ndarray, begins_above: float) -> np.ndarray:
    """Return bool[T, S, K]: where shares lie above levels [K], beyond their noise."""
    found = np.zeros(track.share.shape, bool)
    curves = stable(track.share)
    for k, bound in enumerate(stable(level)):
        for s in range(len(track.seeds)):
            found[:, s, k] = above(curves[:, s, k], float(bound), track.noise, begins_above)
    return found


def _crossings(track: _Track, threshold: str, level: np.ndarray, up: np.ndarray) -> list[Event]:
    """Return first, later and downward crossings of one threshold, from bool[T, S, K]."""
    found, steps = [], track.steps
    for s, k in np.ndindex(up.shape[1:]):
        own, kind = up[:, s, k], FIRST
        about = {"threshold": threshold, "level": float(level[k]), "seed": track.seeds[s]}
        event = partial(Event, track.shards[k], other=0, **about)
        if own[0]:
            found.append(event(FIRST, from_steps=-np.inf, to_steps=steps[0]))
            kind = AGAIN
        elif not own.any():
            last = steps[_settled(track.share[:, s, k], float(level[k]))]
            found.append(event(FIRST, from_steps=last, to_steps=np.inf))
        for t in (np.flatnonzero(np.diff(own)) + 1).tolist():
            way = kind if own[t] else BELOW
            found.append(event(way, from_steps=steps[t - 1], to_steps=steps[t]))
            kind = AGAIN if own[t] else kind
    return found


def _settled(share: np.ndarray, level: float) -> int:
    """Return the last checkpoint, or that from which on all shares [T] lie above a level."""
    under = np.flatnonzero(share <= level)
    return int(under[-1]) if under.size else 0


def _leads(track: _Track, alive: np.ndarray) -> list[Event]:
    """Return who leads first among shards above their nulls, and every take-over."""
    found = []
    for s, seed in enumerate(track.seeds):
        path, leader = largest(stable(track.share[:, s]), track.noise), None
        for t, first in enumerate(path):
            if first == leader or not alive[t, s, first]:
                continue
            kind = LEADS if leader is None else TAKES_OVER
            number, other = track.shards[first], 0 if leader is None else track.shards[leader]
            start = track.steps[t - 1] if t else -np.inf
            found.append(Event(number, kind, "", np.nan, seed, other, start, track.steps[t]))
            leader = first
    return found


def _exchanges(track: _Track, alive: np.ndarray) -> list[Event]:
    """Return splits and merges."""
    found = []
    for s, seed in enumerate(track.seeds):
        for one in exchanges.find(track.share[:, s], alive[:, s]):
            shard, other = track.shards[one.shard], track.shards[one.other]
            kind = SPLITS if one.splits else MERGES
            start, end = track.steps[one.place - 1], track.steps[one.place]
            found.append(Event(shard, kind, "", np.nan, seed, other, start, end))
    return found
