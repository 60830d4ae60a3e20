"""Groups of seeds compared as in reinforcement learning with few runs.

Interquartile means, intervals by stratified bootstrap and probabilities of improvement, after
Agarwal, Schwarzer, Castro, Courville & Bellemare (2021, "Deep reinforcement learning at the edge of
the statistical precipice"; their library is rliable). A stratum is what they call a task: seeds
that share every setting but the one that is asked about. Two intervals differ from theirs, since
theirs cover too little with few seeds (docs/sweep.md has the simulation): those of the bootstrap
are widened, and that of a probability of improvement has a closed form.

Axis letters: N seeds of a stratum, B draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from shardsim.base.errors import UserError
from shardsim.base.statistics import Bounds, Interval, cut

DRAWS = 2000
CUT = 0.25  # of the values on either side, which an interquartile mean leaves out
CHANCE = 0.5  # probability of improvement where there is none
_EDGE = 1e-12  # of the interval 0..1, where an equation holds trivially

Strata = Sequence[Any]  # f[N] each, of any lengths


class Improvement(NamedTuple):
    """How often a seed of one group exceeds one of another."""

    probability: float
    low: float
    high: float
    null_low: float  # middle of the same where seeds are dealt out to the groups by chance
    null_high: float
    p_value: float  # two-sided: how often chance is as far from 0.5


def iqm(values: Any, axis: int = -1) -> Any:
    """Interquartile mean: that without the lowest and highest quarter, floor(N / 4) values each.

    With fewer than four values nothing is left out. f[..., N] -> f[...].
    """
    return stats.trim_mean(np.asarray(values, np.float64), CUT, axis=axis)


def stratified_interval(
    strata: Strata,
    estimator: Callable[..., Any] = iqm,
    *,
    confidence: float = 0.9,
    draws: int = DRAWS,
    seed: int = 0,
    within: Bounds | None = None,
) -> Interval:
    """Return an estimate over all seeds of all strata, with its bootstrap interval.

    Seeds are drawn with replacement inside each stratum. The percentiles' distance from the
    estimate is widened by Student's quantile over the normal one, with N - S degrees of freedom
    for N seeds in S strata, and by √(N / (N - S)) for the variance that resampling loses
    (Hesterberg 2015, "What teachers should know about the bootstrap", section 4.3).

    Args:
        strata: f[N] each, finite; at least one value in all.
        estimator: f[..., N] -> f[...], called with `axis=-1`.
        confidence: nominal coverage.
        draws: number of draws B.
        seed: of the draws.
        within: what the estimate cannot leave.

    Returns:
        Floats; infinite ends where no stratum has two seeds.

    Raises:
        UserError: a confidence outside 0..1.
        ValueError: no value.
    """
    kept = _kept(strata, confidence)
    whole = np.concatenate(kept)
    mean = float(estimator(whole, axis=-1))
    freedom = len(whole) - len(kept)
    if freedom == 0:
        return Interval(mean, -np.inf, np.inf)
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([_resampled(rng, one, draws) for one in kept], axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(estimator(drawn, axis=-1), [tail, 1 - tail])
    quantile = 1 - tail
    wider = stats.t.ppf(quantile, freedom) / stats.norm.ppf(quantile)
    wider *= np.sqrt(len(whole) / freedom)
    found = Interval(mean, mean + (low - mean) * wider, mean + (high - mean) * wider)
    return Interval(*map(float, cut(found, within)))


def proportion(strata: Strata, confidence: float = 0.9) -> Interval:
    """Return the part of ones among zeros and ones, with Wilson's interval.

    All strata count together, which makes the interval too wide rather than too narrow where they
    differ. Raises as `stratified_interval`.
    """
    whole = np.concatenate(_kept(strata, confidence))
    return Interval(float(whole.mean()), *wilson(int(whole.sum()), len(whole), confidence))


def wilson(successes: int, trials: int, confidence: float = 0.9) -> tuple[float, float]:
    """Ends of the score interval of a proportion (Wilson 1927, "Probable inference, the law of
    succession, and statistical inference"); 0 and 1 without trials."""
    if not trials:
        return 0.0, 1.0
    ends = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(ends.low), float(ends.high)


def improvement(
    first: Strata,
    second: Strata,
    *,
    confidence: float = 0.9,
    draws: int = DRAWS,
    seed: int = 0,
) -> Improvement:
    """Return the probability that a seed of `first` exceeds one of `second`, ties counted half.

    In each stratum it is Mann & Whitney's U over the number of pairs, and the mean over strata is
    returned. The interval inverts the score of Hanley and McNeil's variance (Newcombe 2006,
    "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2",
    method 5), one probability for all strata; unlike a bootstrap it has a width where the groups do
    not overlap. The null deals the seeds of each stratum out to the two groups.

    Args:
        first: f[N] each, at least one value.
        second: of the same strata, in the same order.
        confidence: of the interval, and the middle part of the null.
        draws: of the null.
        seed: of these.

    Raises:
        UserError: a confidence outside 0..1.
        ValueError: no stratum, an empty one, or not the same number of them.
    """
    pairs = [
        (np.asarray(x, np.float64), np.asarray(y, np.float64))
        for x, y in zip(first, second, strict=True)
    ]
    if not pairs or min(one.size for pair in pairs for one in pair) == 0:
        raise ValueError("a probability of improvement needs a value on either side of a stratum")
    _kept(first, confidence)
    chance = float(np.mean([_exceeds(x, y).mean() for x, y in pairs]))
    low, high = _newcombe(chance, [(len(x), len(y)) for x, y in pairs], confidence)
    rng = np.random.default_rng(seed)
    null = np.mean([_dealt(rng, x, y, draws) for x, y in pairs], axis=0)
    as_far = np.abs(null - CHANCE) >= abs(chance - CHANCE) - 1e-9
    tail = (1 - confidence) / 2
    ends = np.quantile(null, [tail, 1 - tail])
    p_value = float((as_far.sum() + 1) / (draws + 1))
    return Improvement(chance, low, high, float(ends[0]), float(ends[1]), p_value)


def _kept(strata: Strata, confidence: float) -> list[np.ndarray]:
    """Return the strata that hold something, checked."""
    if not 0 < confidence < 1:
        raise UserError(f"a confidence lies between 0 and 1, not at {confidence}")
    kept = [one for one in (np.asarray(each, np.float64).ravel() for each in strata) if one.size]
    if not kept:
        raise ValueError("an interval needs at least one value")
    return kept


def _resampled(rng: np.random.Generator, values: np.ndarray, draws: int) -> np.ndarray:
    """f[N] -> f[B, N], each row drawn with replacement."""
    return values[rng.integers(len(values), size=(draws, len(values)))]


def _exceeds(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """f[N], f[M] -> f[N, M]: 1 where the first is greater, 0.5 where they are equal."""
    gap = first[:, None] - second[None, :]
    return (gap > 0) + 0.5 * (gap == 0)


def _dealt(
    rng: np.random.Generator, first: np.ndarray, second: np.ndarray, draws: int
) -> np.ndarray:
    """f[B]: the probability where the seeds of one stratum are dealt out anew to both groups."""
    every = np.concatenate([first, second])
    greater = _exceeds(every, every)
    ours = np.broadcast_to(np.arange(len(every)) < len(first), (draws, len(every)))
    ours = rng.permuted(ours, axis=1).astype(np.float64)
    return np.einsum("bi,ij,bj->b", ours, greater, 1 - ours, optimize=True) / (
        len(first) * len(second)
    )


def _newcombe(chance: float, sizes: Sequence[tuple[int, int]], confidence: float) -> Bounds:
    """Both roots t of (t - chance)² = z² variance(t)."""
    z = float(stats.norm.ppf(0.5 + confidence / 2))

    def beyond(t: float) -> float:
        spread = (1 - t) / (2 - t) + t / (1 + t)
        parts = [(1 + ((m + n) / 2 - 1) * spread) / (m * n) for m, n in sizes]
        return (t - chance) ** 2 - z * z * t * (1 - t) * sum(parts) / len(sizes) ** 2

    low = 0.0 if chance <= 0 else float(brentq(beyond, 0.0, min(chance, 1 - _EDGE)))  # pyright: ignore
    high = 1.0 if chance >= 1 else float(brentq(beyond, max(chance, _EDGE), 1.0))  # pyright: ignore
    return low, high
