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
    total, shares = _parts(values)
    factors = [number for number in range(values.ndim) if (number,) in shares]
    mixed = sorted((one for one in shares if len(one) > 1), key=lambda one: (len(one), one))
    sets = list(shares)
    # What is asked for as sums of shares: a row a question, a column a set of factors.
    questions = np.array(
        [
            *([one == (number,) for one in sets] for number in factors),
            *([number in one for one in sets] for number in factors),
            *([one == mix for one in sets] for mix in mixed),
        ],
        np.float64,
    )
    found = _jackknife(values, lambda part: questions @ list(_parts(part)[1].values()), confidence)
    each = [Interval(*map(float, ends)) for ends in zip(*found, strict=True)]
    names = [FACTORS[number] for number in factors]
    crossings = [" × ".join(FACTORS[number] for number in mix) for mix in mixed]
    count = len(names)
    return Split(
        alone=dict(zip(names, each[:count], strict=True)),
        together=dict(zip(names, each[count : 2 * count], strict=True)),
        interactions=dict(zip(crossings, each[2 * count :], strict=True)),
        variance=total,
    )


def _parts(values: np.ndarray) -> tuple[float, dict[crossed.Factors, float]]:
    """Return the variance, and its shares by set of factors; all that the path is in is path.

    Plans are drawn anew for each seed and onset, so that the path has no effect of its own number.
    """
    found = crossed.components(crossed.mean_squares(values, values.ndim), values.shape)
    parts: dict[crossed.Factors, float] = {}
    for one, variance in found.items():
        place = (PATH,) if PATH in one else one
        parts[place] = parts.get(place, 0.0) + float(variance)
    parts = {one: max(variance, 0.0) for one, variance in parts.items()}
    total = sum(parts.values())
    return total, {one: part / total if total > FLAT else 0.0 for one, part in parts.items()}


def _jackknife(
    values: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], confidence: float
) -> Interval:
    """Return intervals whose variance is what seeds add and what onsets add."""
    whole = statistic(values)
    variance = np.zeros_like(whole)
    for axis in (0, 1):
        count = values.shape[axis]
        if count < 3:
            continue
        left = np.array([statistic(np.delete(values, one, axis)) for one in range(count)])
        variance += (count - 1) / count * ((left - left.mean(0)) ** 2).sum(0)
    reach = stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * np.sqrt(variance)
    return cut(Interval(whole, whole - reach, whole + reach))
