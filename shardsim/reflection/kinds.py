"""Verdicts of constancy on whole classes of onsets, over seeds, onsets and levels together.

Axis letters: D seeds · U onsets · V classes of onsets · M models · L target levels · K shards ·
Q the two places, onset and target.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shardsim.base.crossed import crossed_interval
from shardsim.base.statistics import Interval
from shardsim.reflection.constancy import combine
from shardsim.reflection.power import Estimate, detectable, estimate, needed

UNDEFINED = "undefined"


class Changes(NamedTuple):
    """Relative changes of values; NaN where a seed has no such context or a model no values."""

    onset: np.ndarray  # float64[U, M, D, K], at the onset
    target: np.ndarray  # float64[U, M, D, L, K], from the starts of each target level
    shared: np.ndarray  # bool[U], all agents begin in the same contexts


class Kinds(NamedTuple):
    """What is said of each class of onsets."""

    verdict: np.ndarray  # str[V, M]
    change: np.ndarray  # float64[V, M, Q, K], mean
    interval: np.ndarray  # float64[V, M, Q, K, 2]
    says: np.ndarray  # str[V, M, Q, K], verdict on each value
    detectable: np.ndarray  # float64[V, M, Q, K]
    seeds_needed: np.ndarray  # float64[V, M]
    onsets_needed: np.ndarray  # float64[V, M]


def judged(
    changes: Changes, classes: Sequence[str], epsilon: float, *, ahead: bool = True
) -> Kinds:
    """Judge every class of onsets in every model.

    A class is `drifted` if one shard's value is in one place, and `constant` if all are in both.

    Args:
        changes: of all onsets.
        classes: U, the class of each onset.
        epsilon: margin, as a fraction of the achievable range.
        ahead: whether to say what was detectable and what is needed, which takes most of the time.
    """
    names = list(dict.fromkeys(classes))
    models, shards = changes.onset.shape[1], changes.onset.shape[-1]
    shape = len(names), models, 2, shards
    found = Kinds(
        verdict=np.full(shape[:2], UNDEFINED, dtype=object),
        change=np.full(shape, np.nan),
        interval=np.full((*shape, 2), np.nan),
        says=np.full(shape, UNDEFINED, dtype=object),
        detectable=np.full(shape, np.nan),
        seeds_needed=np.full(shape[:2], np.nan),
        onsets_needed=np.full(shape[:2], np.nan),
    )
    for number, name in enumerate(names):
        rows = np.array([one == name for one in classes])
        for model in range(models):
            estimates = estimates_of(changes, rows, model, epsilon)
            if estimates:
                _put(found, (number, model), estimates, epsilon, ahead)
    return found


def over_all(values: np.ndarray, shared: np.ndarray) -> Interval:
    """Return the interval f64 of a mean over seeds and the onsets of one class.

    Args:
        values: float[U, D]; NaN where not known.
        shared: bool[U], as in `Changes`.
    """
    known = np.isfinite(values)
    values, known = values[:, known.any(0)], known[:, known.any(0)]
    if not values.size:
        return Interval(np.nan, np.nan, np.nan)
    whole = known.all(1)
    if shared.all() and whole.any():
        return Interval(*map(float, crossed_interval(values[whole].T, 2)))
    return Interval(*map(float, crossed_interval(_means(values, known)[0], 1)))


def _put(
    found: Kinds, at: tuple[int, int], estimates: list[Estimate], epsilon: float, ahead: bool
) -> None:
    shape = found.change[at].shape

    def shaped(values: list) -> np.ndarray:
        return np.array(values).reshape(shape + np.shape(values)[1:])

    found.verdict[at] = combine(one.verdict for one in estimates)
    found.change[at] = shaped([one.interval.mean for one in estimates])
    found.interval[at] = shaped([one.interval[1:] for one in estimates])
    found.says[at] = shaped([one.verdict for one in estimates])
    if not ahead:
        return
    found.detectable[at] = shaped([detectable(one, epsilon) for one in estimates])
    found.seeds_needed[at], found.onsets_needed[at] = needed(estimates, epsilon)


def estimates_of(changes: Changes, rows: np.ndarray, model: int, epsilon: float) -> list[Estimate]:
    """Return an estimate for each place and shard [Q K] of the onsets bool[U]; none if unknown.

    Seeds without any such context are left out. Where seeds share their onsets, an onset that one
    of them lacks is left out, too.
    """
    onset, target = changes.onset[rows, model], changes.target[rows, model]
    known = np.isfinite(onset).all(-1) & np.isfinite(target).all((-1, -2))  # [U, D]
    seeds = known.any(0)
    if not seeds.any():
        return []
    onset, target, known = onset[:, seeds], target[:, seeds], known[:, seeds]
    own = not changes.shared[rows].all()
    whole = known.all(1)
    if not own and not whole.any():
        own = True
    if own and not whole.all():  # unequal numbers: a seed's mean stands for its onsets
        onset, target = (_means(values, known) for values in (onset, target))
    elif not own:
        onset, target = onset[whole], target[whole]
    onset, target = np.swapaxes(onset, 0, 1), np.swapaxes(target, 0, 1)
    return [
        estimate(values[..., shard], epsilon, own=own)
        for values in (onset, target)
        for shard in range(onset.shape[-1])
    ]


def _means(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return float[1, D, ...]: the mean over known onsets of float[U, D, ...]."""
    return np.stack([values[known[:, seed], seed].mean(0) for seed in range(known.shape[1])])[None]
