"""How sure a verdict of constancy can be: what is detectable, and how much would decide it.

A change is `drifted` where its interval lies beyond the margin and `constant` where it lies within
(two one-sided tests). The power of either is that of a shifted t distribution with the standard
error and the degrees of freedom of the crossed design. Axis letters: P measured changes of one
class of onsets (places × shards).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from shardsim.base import crossed
from shardsim.base.statistics import Interval, Verdict, equivalence

POWER = 0.8  # probability of a decision that is asked for
MOST = 10_000  # seeds or onsets beyond which a verdict counts as out of reach
SEED, ONSET = 0, 1  # factors


class Estimate(NamedTuple):
    """One change over seeds × onsets (× levels), and what varies it."""

    interval: Interval  # f64, of the mean, over all factors
    verdict: Verdict
    parts: crossed.Components  # variance components, f64
    sizes: tuple[int, ...]  # seeds, onsets, levels
    own: bool  # each seed has onsets of its own


def estimate(values: np.ndarray, margin: float, *, own: bool, confidence: float = 0.9) -> Estimate:
    """Estimate the mean of a change, with an interval over all that was drawn.

    Args:
        values: f[seeds, onsets, ...levels]; all cells known.
        margin: the largest change that counts as none.
        own: the onsets of one seed have nothing to do with those of another: they are then averaged
            for each seed, whose spread holds theirs.
        confidence: of the interval; the one-sided tests are at (1 − confidence)/2.
    """
    sizes = values.shape
    parts: crossed.Components = {}
    if sizes[SEED] > 1:
        parts = crossed.components(crossed.mean_squares(values, len(sizes)), sizes)
    if own:
        parts = crossed.nested(parts, ONSET, SEED)
        values = values.mean(ONSET, keepdims=True)
    interval = Interval(*map(float, crossed.crossed_interval(values, len(sizes), confidence)))
    return Estimate(interval, equivalence(interval, margin), parts, sizes, own)


def spread(found: Estimate, seeds: int, onsets: int) -> tuple[float, float]:
    """Return the standard error that so many seeds and onsets would have, and its freedom."""
    parts, sizes = found.parts, (seeds, onsets, *found.sizes[2:])
    if found.own:
        parts, sizes = crossed.averaged(parts, ONSET, onsets), (seeds, 1, *found.sizes[2:])
    if sum(size > 1 for size in sizes) == 0:
        return np.inf, 1.0
    error, freedom = crossed.error(crossed.expected_squares(parts, sizes), sizes)
    return float(error), float(freedom)


def detectable(found: Estimate, margin: float, confidence: float = 0.9) -> float:
    """Return the least change that would be found `drifted` with probability `POWER`.

    By the seeds and onsets that there were; infinite with one seed.
    """
    if found.sizes[SEED] < 2:
        return np.inf
    error, freedom = spread(found, *found.sizes[:2])
    quantiles = stats.t.ppf([0.5 + confidence / 2, POWER], freedom)
    return margin + error * float(quantiles.sum())


def power(
    found: Estimate, margin: float, seeds: int, onsets: int, confidence: float = 0.9
) -> tuple[float, float]:
    """Return the probabilities of `drifted` and of `constant`, if the estimate is the truth."""
    if seeds < 2:
        return 0.0, 0.0
    error, freedom = spread(found, seeds, onsets)
    size = abs(found.interval.mean)
    if error == 0:
        return float(size > margin), float(size < margin)
    reach = stats.t.ppf(0.5 + confidence / 2, freedom)
    beyond, within, back = (
        float(stats.t.cdf(gap / error - reach, freedom))
        for gap in (size - margin, margin - size, margin + size)
    )
    return beyond, max(0.0, within + back - 1.0)


def decides(
    estimates: list[Estimate], margin: float, seeds: int, onsets: int, confidence: float = 0.9
) -> float:
    """Return a lower bound of the probability that a class of P changes gets a verdict.

    One that drifts suffices, or all must be constant (Bonferroni's bound).
    """
    found = [power(one, margin, seeds, onsets, confidence) for one in estimates]
    drifted = max(beyond for beyond, _ in found)
    constant = 1.0 - sum(1.0 - within for _, within in found)
    return max(drifted, constant, 0.0)


def needed(
    estimates: list[Estimate], margin: float, confidence: float = 0.9
) -> tuple[float, float]:
    """Return how many seeds, and how many onsets, would decide with probability `POWER`.

    Each by itself, the other as it was, if the estimates are the truth. Infinite where `MOST` are
    too few; NaN where nothing is known of what varies: one seed, or for onsets one onset.
    """
    seeds, onsets = estimates[0].sizes[:2]
    if seeds < 2:
        return np.nan, np.nan
    more_seeds = _fewest(
        2, lambda count: decides(estimates, margin, count, onsets, confidence) >= POWER
    )
    if onsets < 2:
        return more_seeds, np.nan
    more_onsets = _fewest(
        1, lambda count: decides(estimates, margin, seeds, count, confidence) >= POWER
    )
    return more_seeds, more_onsets


def _fewest(first: int, enough: Callable[[int], bool]) -> float:
    """Return the least count from `first` to `MOST` that is enough, by bisection."""
    if not enough(MOST):
        return np.inf
    low, high = first - 1, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return float(high)
