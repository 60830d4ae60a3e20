"""Means and variance components of crossed designs: every seed in every onset, on every level.

All factors are random and every cell is filled. Mean squares are those of the analysis of variance;
a factor that is nested in another appears as its interaction with it (Searle, Casella & McCulloch
1992, "Variance components", chapter 4).

A set of factors is a sorted tuple of their numbers, so that () is the mean, (0,) the first factor
and (0, 1) the interaction of the first two. Axis letters: N1 … NF levels of the F factors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, combinations
from math import prod
from typing import Any

import numpy as np
from scipy import stats

from shardsim.base.errors import UserError
from shardsim.base.statistics import Interval

Factors = tuple[int, ...]
Components = Mapping[Factors, Any]  # set of factors -> variance f64[...], may be below zero


def _sets(factors: Sequence[int]) -> list[Factors]:
    """All sets of factors but the empty one, smaller ones first."""
    sizes = range(1, len(factors) + 1)
    return list(chain.from_iterable(combinations(factors, size) for size in sizes))


def mean_squares(values: Any, factors: int) -> dict[Factors, Any]:
    """Return the mean square f64[...] of every main effect and interaction.

    Args:
        values: f[N1, …, NF, ...]; further axes are kept.
        factors: number of the leading axes that are factors; one of a single level has no effects.
    """
    values = np.asarray(values, np.float64)
    sizes = values.shape[:factors]
    several = [axis for axis in range(factors) if sizes[axis] > 1]
    effects: dict[Factors, Any] = {
        (): values.mean(tuple(range(factors)), keepdims=True),
    }
    squares = {}
    for one in _sets(several):
        others = tuple(axis for axis in range(factors) if axis not in one)
        effect = values.mean(others, keepdims=True)
        effect = effect - sum(known for part, known in effects.items() if set(part) < set(one))
        effects[one] = effect
        total = (effect**2).sum(tuple(range(factors))) * _others(one, sizes)
        squares[one] = total / _freedom(one, sizes)
    return squares


def components(squares: Mapping[Factors, Any], sizes: Sequence[int]) -> dict[Factors, Any]:
    """Return the unbiased variance component of each set of factors; chance can put it below 0.

    Args:
        squares: of `mean_squares`.
        sizes: levels of each factor, N1 … NF.
    """
    return {
        one: sum(
            (-1.0) ** (len(more) - len(one)) * square
            for more, square in squares.items()
            if set(one) <= set(more)
        )
        / _others(one, sizes)
        for one in squares
    }


def nested(parts: Components, inner: int, outer: int) -> dict[Factors, Any]:
    """Return components of a factor whose levels are others for each level of another factor.

    What its number alone would explain is added to its interaction with the outer factor.
    """
    found: dict[Factors, Any] = {}
    for one, variance in parts.items():
        moved = tuple(sorted({*one, outer})) if inner in one else one
        found[moved] = found.get(moved, 0.0) + variance
    return found


def averaged(parts: Components, factor: int, count: int) -> dict[Factors, Any]:
    """Return the components of the means over `count` levels of a factor; it is then left out."""
    found: dict[Factors, Any] = {}
    for one, variance in parts.items():
        rest = tuple(other for other in one if other != factor)
        found[rest] = found.get(rest, 0.0) + (variance / count if factor in one else variance)
    return {one: variance for one, variance in found.items() if one}


def expected_squares(parts: Components, sizes: Sequence[int]) -> dict[Factors, Any]:
    """Return the mean squares f64[...] that a design of other sizes would have on average.

    Components below zero count as none.
    """
    several = [axis for axis in range(len(sizes)) if sizes[axis] > 1]
    kept = {
        one: np.maximum(variance, 0.0)
        for one, variance in parts.items()
        if all(axis < len(sizes) for axis in one)
    }
    return {
        one: sum(
            variance * _others(more, sizes) for more, variance in kept.items() if {*one} <= {*more}
        )
        for one in _sets(several)
    }


def error(squares: Mapping[Factors, Any], sizes: Sequence[int]) -> tuple[Any, Any]:
    """Return the standard error f64[...] of the grand mean, and its degrees of freedom.

    The variance is the signed sum of mean squares whose expectation it is; no single factor can
    add less than its own mean square over the number of cells, which is then taken. Degrees of
    freedom after Satterthwaite (1946, "An approximate distribution of estimates of variance
    components"), never fewer than those of the factor with fewest levels.
    """
    cells = prod(sizes)
    terms = {one: np.asarray(square, np.float64) / cells for one, square in squares.items()}
    if not terms:
        raise ValueError("a standard error needs a factor with at least two levels")
    total = sum((-1.0) ** (len(one) + 1) * term for one, term in terms.items())
    spread = sum(term**2 / _freedom(one, sizes) for one, term in terms.items())
    singles = [one for one in terms if len(one) == 1]
    floor = np.stack([terms[one] for one in singles])
    least = np.array([_freedom(one, sizes) for one in singles], np.float64)
    highest = floor.argmax(0)
    alone = np.take_along_axis(floor, highest[None], 0)[0]
    held = total <= alone
    variance = np.where(held, alone, total)
    whole = np.divide(total**2, spread, out=np.ones_like(variance), where=spread > 0)
    freedom = np.where(held, least[highest], np.maximum(whole, least.min()))
    return np.sqrt(variance), freedom


def crossed_interval(values: Any, factors: int, confidence: float = 0.9) -> Interval:
    """Interval of the grand mean of a crossed design, over all of its factors.

    Args:
        values: f[N1, …, NF, ...]; the first factor is the seed, the unit of analysis.
        factors: number of leading axes that are factors.
        confidence: probability that the interval covers the population's mean.

    Returns:
        Interval of f64[...]; infinite ends where there is one seed only.

    Raises:
        UserError: a confidence outside 0..1.
        ValueError: no value.
    """
    if not 0 < confidence < 1:
        raise UserError(f"a confidence lies between 0 and 1, not at {confidence}")
    values = np.asarray(values, np.float64)
    sizes = values.shape[:factors]
    if not all(sizes):
        raise ValueError("an interval needs at least one value")
    mean = values.mean(tuple(range(factors)))
    if sizes[0] == 1:
        return Interval(mean, np.full_like(mean, -np.inf), np.full_like(mean, np.inf))
    spread, freedom = error(mean_squares(values, factors), sizes)
    reach = stats.t.ppf(0.5 + confidence / 2, freedom) * spread
    return Interval(mean, mean - reach, mean + reach)


def _others(one: Factors, sizes: Sequence[int]) -> int:
    """Return the number of cells in each combination of levels of these factors."""
    return prod(size for axis, size in enumerate(sizes) if axis not in one)


def _freedom(one: Factors, sizes: Sequence[int]) -> int:
    return prod(sizes[axis] - 1 for axis in one)
