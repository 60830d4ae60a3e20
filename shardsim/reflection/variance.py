"""What the outcome of reflection depends on: trained weights, onset, model, or the path taken.

Shares of the variance of an outcome over a crossed design (Sobol 1993, "Sensitivity estimates for
nonlinear mathematical models"): of each factor alone, and with all of its interactions. Components
are unbiased estimates of the analysis of variance; intervals are by leaving out one seed, and one
onset, at a time (Miller 1974, "The jackknife: a review"), with Student's quantile.
Axis letters: D seeds · U onsets · M models · N repeats with other plans.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from shardsim.base import crossed
from shardsim.base.statistics import Interval, cut

FACTORS = ("trained weights", "onset", "model", "path")  # of D, U, M, N
PATH = 3
FLAT = 1e-12  # a variance below which there is nothing to split


class Split(NamedTuple):
    """Shares of one outcome's variance, with 90 % intervals over seeds and onsets."""

    alone: dict[str, Interval]  # each factor by itself; the path with whatever it interacts with
    together: dict[str, Interval]  # each factor with all interactions that it takes part in
    interactions: dict[str, Interval]  # of two or three of the first three factors
    variance: float  # of the outcome, unit squared


def split(values: np.ndarray, confidence: float = 0.9) -> Split:
    """Split the variance of an outcome.

    Where each seed has onsets of its own, what they do is in onset × trained weights.

    Args:
        values: f[D, U, M, N], all known.
        confidence: of the intervals.

    Raises:
        ValueError: fewer than three seeds: leaving one out must leave two.
    """
    values = np.asarray(values, np.float64)
    if len(values) < 3:
        raise ValueError(f"a split of variance needs at least three seeds, got {len(values)}")
    parts = _parts(values)
    several = {one for one in parts if one != (PATH,)}

    def interval(share: Callable[[crossed.Components], float]) -> Interval:
        return _jackknife(values, lambda part: share(_parts(part)), confidence)

    def of(wanted: Callable[[crossed.Factors], bool]) -> Callable[[crossed.Components], float]:
        return lambda found: sum(float(v) for one, v in found.items() if wanted(one))

    names = {number: name for number, name in enumerate(FACTORS) if values.shape[number] > 1}
    mixed = sorted((one for one in several if len(one) > 1), key=lambda one: (len(one), one))
    return Split(
        alone={name: interval(of(lambda one, n=n: one == (n,))) for n, name in names.items()},
        together={name: interval(of(lambda one, n=n: n in one)) for n, name in names.items()},
        interactions={
            " × ".join(FACTORS[n] for n in mix): interval(of(lambda one, mix=mix: one == mix))
            for mix in mixed
        },
        variance=_total(values),
    )


def _parts(values: np.ndarray) -> dict[crossed.Factors, float]:
    """Return shares of the variance by set of factors; all that the path is in counts as path.

    Plans are drawn anew for each seed and onset, so that the path has no effect of its own number.
    """
    sizes = values.shape
    found = crossed.components(crossed.mean_squares(values, values.ndim), sizes)
    shares: dict[crossed.Factors, float] = {}
    for one, variance in found.items():
        place = (PATH,) if PATH in one else one
        shares[place] = shares.get(place, 0.0) + float(variance)
    shares = {one: max(variance, 0.0) for one, variance in shares.items()}
    total = sum(shares.values())
    return {one: variance / total if total > FLAT else 0.0 for one, variance in shares.items()}


def _total(values: np.ndarray) -> float:
    found = crossed.components(crossed.mean_squares(values, values.ndim), values.shape)
    return sum(max(float(variance), 0.0) for variance in found.values())


def _jackknife(
    values: np.ndarray, statistic: Callable[[np.ndarray], float], confidence: float
) -> Interval:
    """Return an interval whose variance is what seeds add and what onsets add."""
    whole, variance = statistic(values), 0.0
    for axis in (0, 1):
        count = values.shape[axis]
        if count < 3:
            continue
        left = np.array([statistic(np.delete(values, one, axis)) for one in range(count)])
        variance += (count - 1) / count * ((left - left.mean()) ** 2).sum()
    reach = stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * np.sqrt(variance)
    return cut(Interval(whole, whole - reach, whole + reach))
