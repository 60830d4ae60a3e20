"""Intervals over seeds and levels, paired differences, and equivalence verdicts.

The seed is the unit of analysis: levels are resampled inside a seed, then the seeds themselves.
Runs have few seeds (four to eight), where a plain percentile bootstrap is too narrow, so its
deviations are widened as Hesterberg (2015, "What teachers should know about the bootstrap",
section 4.3) proposes.

Axis letters: N samples (seeds), S seeds, L levels, B bootstrap draws.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import stats

from shardsim.base.errors import UserError

Verdict = Literal["constant", "drifted", "undecided"]
Bounds = tuple[float, float]
SHARE: Bounds = (0.0, 1.0)  # of shares and probabilities, and so of their means
_SIGNS = 65_536  # of all pairs together that are tried: all there are up to 16 pairs


class Interval(NamedTuple):
    """An estimate with the two ends of its interval; scalars or arrays of one shape."""

    mean: Any  # f64[...]
    low: Any  # f64[...]
    high: Any  # f64[...]

    def excludes_zero(self) -> Any:
        """True where both ends lie on one side of zero: bool[...]."""
        return (self.low > 0) | (self.high < 0)


def t_interval(
    values: Any, axis: int = -1, confidence: float = 0.9, within: Bounds | None = None
) -> Interval:
    """Student's interval of a mean over few independent samples.

    Args:
        values: f[..., N]; samples along `axis`, for instance one number a seed.
        axis: the axis that is averaged.
        confidence: probability that the interval covers the mean of a normal population.
        within: what the mean cannot leave, as `SHARE`; the interval is cut there, which takes
            nothing from its coverage.

    Returns:
        Interval of f64[...]; infinite ends where there is one sample only.

    Raises:
        UserError: a confidence outside 0..1.
        ValueError: no sample.
    """
    if not 0 < confidence < 1:
        raise UserError(f"a confidence lies between 0 and 1, not at {confidence}")
    values = np.moveaxis(np.asarray(values, dtype=np.float64), axis, -1)
    count = values.shape[-1]
    if count == 0:
        raise ValueError("an interval needs at least one sample")
    mean = values.mean(-1)
    if count == 1:
        return Interval(mean, np.full_like(mean, -np.inf), np.full_like(mean, np.inf))
    reach = _t_quantile(count, confidence) * values.std(-1, ddof=1) / np.sqrt(count)
    return cut(Interval(mean, mean - reach, mean + reach), within)


def cut(interval: Interval, within: Bounds | None = SHARE) -> Interval:
    """Return an interval without what lies outside of bounds; all of it where there are none."""
    if within is None:
        return interval
    return Interval(interval.mean, *(np.clip(end, *within) for end in interval[1:]))


def plain_interval(
    by_seed: np.ndarray, confidence: float = 0.9, within: Bounds | None = None
) -> dict[str, float]:
    """Return mean, low and high of f[N] over seeds, Student's; with one seed all are its value."""
    found = Interval(*[by_seed[0]] * 3)
    if len(by_seed) > 1:
        found = t_interval(by_seed, confidence=confidence, within=within)
    return {name: float(value) for name, value in found._asdict().items()}


def median_rank(count: int, confidence: float = 0.9) -> tuple[int, float]:
    """Which of `count` sorted samples begins an interval of their median, and its coverage.

    The interval reaches from that sample, counted from 0, to as many places from the end. It
    assumes nothing about the distribution (Thompson 1936, "On confidence ranges for the median").
    Few samples cannot reach the confidence asked for: the whole range is then given, and the
    coverage says what it is worth: 0.875 with four samples, 0 with one.
    """
    ranks = np.arange((count + 1) // 2)
    coverage = 1.0 - 2.0 * stats.binom.cdf(ranks, count, 0.5)
    enough = np.flatnonzero(coverage >= confidence)
    rank = int(enough[-1]) if enough.size else 0
    return rank, max(0.0, float(coverage[rank]))


def welch_difference(
    first: Any, second: Any, confidence: float = 0.9, within: Bounds | None = None
) -> Interval:
    """Interval of the difference of two unpaired means (Welch, 1947), unequal variances.

    Args:
        first: f[N]; one number a seed of one run.
        second: f[M]; of another run.
        confidence: as in `t_interval`.
        within: what each mean cannot leave; their difference then lies within the bounds' span.

    Raises:
        ValueError: fewer than two samples on either side.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if min(first.size, second.size) < 2:
        raise ValueError("an unpaired difference needs two samples on either side")
    mean = first.mean() - second.mean()
    with warnings.catch_warnings():  # of a side without variance, whose interval is right
        warnings.simplefilter("ignore", RuntimeWarning)
        test = stats.ttest_ind(first, second, equal_var=False)
    ends = test.confidence_interval(confidence)
    span = None if within is None else (within[0] - within[1], within[1] - within[0])
    return cut(Interval(mean, ends.low, ends.high), span)


def bootstrap_ratio(
    numerator: Any,
    denominator: Any,
    *,
    seed: int,
    draws: int = 1000,
    confidence: float = 0.9,
    shared_levels: bool = True,
) -> Interval:
    """Interval of a ratio of sums over levels, averaged over seeds; by hierarchical bootstrap.

    The estimate is mean_s(Σ_l numerator[s, l] / Σ_l denominator[s, l]). Each draw resamples the
    levels, with replacement, and then the seeds.

    Args:
        numerator: f[S, L, ...]; for instance a shard's strength summed over a level's contexts.
        denominator: f[S, L, ...] or f[S, L]; what it is a share of. Ones give plain means.
        seed: of the resampling; the same seed gives the same interval.
        draws: number of bootstrap draws B.
        confidence: nominal coverage.
        shared_levels: all seeds were measured on the same levels, which are then drawn once.

    Returns:
        Interval of f64[...] (the trailing axes). With one seed it speaks for that seed only.
    """
    numerator = np.asarray(numerator, np.float64)
    denominator = np.asarray(denominator, np.float64)
    seeds, levels = numerator.shape[:2]
    denominator = denominator.reshape(
        denominator.shape + (1,) * (numerator.ndim - denominator.ndim)
    )
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(
        levels, np.full(levels, 1 / levels), size=(draws, 1 if shared_levels else seeds)
    )
    counts = np.broadcast_to(counts, (draws, seeds, levels)).astype(np.float64)
    total = np.einsum("bsl,sl...->bs...", counts, numerator)
    whole = np.einsum("bsl,sl...->bs...", counts, denominator)
    picked = rng.integers(seeds, size=(draws, seeds))
    drawn = _divide(total, whole)[np.arange(draws)[:, None], picked].mean(1)
    mean = _divide(numerator.sum(1), denominator.sum(1)).mean(0)
    return _from_draws(mean, drawn, seeds, confidence)


def sign_flip_p(differences: Any, *, seed: int = 0) -> float:
    """Probability of so large a mean if each paired difference could as well have the other sign.

    One-sided and exact: all 2^N signs are tried (Fisher 1935, "The design of experiments",
    section 21). With N pairs it cannot be below 2^-N: 0.0625 with four, 0.0039 with eight.

    Args:
        differences: f[N]; one number a seed, positive where the claim holds.
        seed: of the draws that stand for all signs where N > 16.

    Returns:
        The part of sign assignments, the real one included, whose mean is at least the real one.

    Raises:
        ValueError: no difference.
    """
    values = np.asarray(differences, np.float64).ravel()
    if not values.size:
        raise ValueError("a paired test needs at least one difference")
    if values.size == 1:
        return 0.5 if values[0] > 0 else 1.0
    size = np.abs(values).sum() or 1.0

    def total(signed: np.ndarray, axis: int) -> Any:
        return np.round(signed.sum(axis) / size, 12)  # so that equal sums count as equal

    return float(
        stats.permutation_test(
            (values,),
            total,
            permutation_type="samples",
            vectorized=True,
            n_resamples=_SIGNS,
            alternative="greater",
            rng=seed,
        ).pvalue
    )


def equivalence(interval: Interval, margin: Any) -> Verdict:
    """Verdict of an equivalence test with a margin around zero.

    'constant' where the interval lies inside (−margin, margin): with an interval of confidence
    1 − 2α this is the two one-sided tests procedure at level α (Schuirmann, 1987). 'drifted'
    where it lies outside on one side, so that the change is surely larger than the margin.

    Args:
        interval: of one change (scalars).
        margin: the largest change that still counts as none, > 0, in the interval's units.

    Raises:
        ValueError: the margin is not positive.
    """
    if not margin > 0:
        raise ValueError(f"the margin of an equivalence test is positive, got {margin}")
    if -margin < interval.low and interval.high < margin:
        return "constant"
    if interval.low > margin or interval.high < -margin:
        return "drifted"
    return "undecided"


def _from_draws(mean: Any, drawn: np.ndarray, seeds: int, confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    widen = 1.0
    if seeds > 1:
        normal = stats.norm.ppf(0.5 + confidence / 2)
        widen = _t_quantile(seeds, confidence) / normal * np.sqrt(seeds / (seeds - 1))
    return Interval(mean, mean + (low - mean) * widen, mean + (high - mean) * widen)


def _t_quantile(count: int, confidence: float) -> float:
    return float(stats.t.ppf(0.5 + confidence / 2, count - 1))


def _divide(total: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """total / whole, and 0 where the whole is 0 (nothing to share)."""
    whole = np.broadcast_to(whole, total.shape)
    return np.divide(total, whole, out=np.zeros_like(total), where=whole != 0)
