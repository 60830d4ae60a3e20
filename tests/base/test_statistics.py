"""Intervals against closed forms, invariances and their own coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shardsim.base.errors import UserError
from shardsim.base.statistics import (
    SHARE,
    Interval,
    bootstrap_ratio,
    equivalence,
    t_interval,
    welch_difference,
)


def test_t_interval_of_two_numbers_is_the_textbook_one() -> None:
    # n = 2: standard error |a - b| / 2, and the t quantile with one degree of freedom is tan.
    found = t_interval([1.0, 3.0], confidence=0.5)
    assert found.mean == 2.0
    np.testing.assert_allclose([found.low, found.high], [1.0, 3.0])  # tan(π/4) = 1


def test_t_interval_agrees_with_scipy_along_any_axis() -> None:
    values = np.random.default_rng(0).normal(size=(5, 3))
    found = t_interval(values, axis=0, confidence=0.95)
    wanted = stats.t.interval(0.95, 4, values.mean(0), stats.sem(values))
    np.testing.assert_allclose([found.low, found.high], wanted)


def test_one_sample_says_nothing_about_the_population() -> None:
    found = t_interval([4.0])
    assert (found.mean, found.low, found.high) == (4.0, -np.inf, np.inf)


def test_no_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        t_interval([])


@pytest.mark.parametrize("confidence", [0.0, 1.0, 2.0])
def test_a_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        t_interval([1.0, 2.0], confidence=confidence)


def test_an_interval_without_width_excludes_zero() -> None:
    found = t_interval([0.5, 0.5, 0.5])
    assert (found.mean, found.low, found.high) == (0.5, 0.5, 0.5)
    assert found.excludes_zero()


def test_welch_of_two_samples_of_two_is_the_textbook_one() -> None:
    # Variances 2 and 8, two samples each: error √5, degrees of freedom 25 / 17.
    found = welch_difference([4.0, 6.0], [0.0, 4.0])
    reach = stats.t.ppf(0.95, 25 / 17) * np.sqrt(5)
    np.testing.assert_allclose(found, [3.0, 3.0 - reach, 3.0 + reach])


@pytest.mark.filterwarnings("error")
def test_welch_of_sides_without_variance() -> None:
    assert welch_difference([1.0, 1.0], [3.0, 3.0]) == Interval(-2.0, -2.0, -2.0)
    # One side alone varies: a one-sample interval of it.
    one = t_interval([3.0, 5.0])
    found = welch_difference([3.0, 5.0], [1.0, 1.0])
    np.testing.assert_allclose(found, np.array(one) - 1.0)
    with pytest.raises(ValueError, match="two samples"):
        welch_difference([1.0], [3.0, 3.0])


def bootstrap_mean(values: np.ndarray, **options) -> Interval:
    """Interval of a mean: a ratio to ones."""
    return bootstrap_ratio(values, np.ones(values.shape[:2]), **options)


def test_ratio_without_variation_has_no_width() -> None:
    denominator = np.random.default_rng(0).uniform(1, 2, size=(3, 20))
    found = bootstrap_ratio(0.25 * denominator, denominator, seed=0)
    np.testing.assert_allclose([found.mean, found.low, found.high], 0.25)


def test_shares_and_their_remainder_mirror_each_other() -> None:
    rng = np.random.default_rng(1)
    parts = rng.uniform(size=(4, 30, 3))
    found = bootstrap_ratio(parts, parts.sum(-1), seed=2)
    rest = bootstrap_ratio(parts.sum(-1, keepdims=True) - parts, parts.sum(-1), seed=2)
    np.testing.assert_allclose(found.mean.sum(), 1.0, atol=0.1)
    np.testing.assert_allclose(found.low, 1 - rest.high)


def test_a_level_without_influence_counts_nothing() -> None:
    found = bootstrap_ratio(np.zeros((1, 4)), np.zeros((1, 4)), seed=0)
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(3).normal(size=(4, 10))
    first, again = (bootstrap_mean(values, seed=5, draws=50) for _ in range(2))
    other = bootstrap_mean(values, seed=6, draws=50)
    assert first == again
    assert first.low != other.low


@given(shift=st.floats(-10, 10), scale=st.floats(0.1, 10))
def test_intervals_move_with_their_data(shift: float, scale: float) -> None:
    values = np.random.default_rng(4).normal(size=(3, 8))
    plain = np.array(bootstrap_mean(values, seed=0, draws=50))
    moved = np.array(bootstrap_mean(values * scale + shift, seed=0, draws=50))
    np.testing.assert_allclose(moved, plain * scale + shift, atol=1e-9)


def test_four_seeds_are_covered_as_often_as_stated() -> None:
    rng = np.random.default_rng(5)
    trials = 600
    # One column a trial: a seed's own mean plus noise over its levels.
    truth = rng.normal(size=(4, 1, trials))
    values = truth + rng.normal(size=(4, 25, trials))
    found = bootstrap_mean(values, seed=0, draws=400, confidence=0.9, shared_levels=False)
    covered = np.mean((found.low < 0) & (found.high > 0))
    assert 0.85 < covered < 0.97


def test_one_seed_bootstraps_its_levels() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(size=(1, 40, 400))
    found = bootstrap_mean(values, seed=0, draws=400, confidence=0.9)
    covered = np.mean((found.low < 0) & (found.high > 0))
    assert 0.84 < covered < 0.94


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.01, 0.02, "constant"),
        (-0.01, 0.04, "undecided"),
        (0.01, 0.02, "constant"),  # surely not zero, surely too small to matter
        (0.031, 0.05, "drifted"),
        (-0.05, -0.031, "drifted"),
        (-np.inf, np.inf, "undecided"),
    ],
)
def test_equivalence_needs_the_whole_interval(low: float, high: float, verdict: str) -> None:
    assert equivalence(Interval((low + high) / 2, low, high), 0.03) == verdict


def test_equivalence_refuses_a_margin_of_zero() -> None:
    with pytest.raises(ValueError, match="positive"):
        equivalence(Interval(0.0, 0.0, 0.0), 0.0)


def test_an_interval_of_shares_is_cut_at_what_a_mean_cannot_leave():
    low, high = np.array([0.0, 0.3]), np.array([0.9, 1.0])
    plain, bounded = t_interval(low), t_interval(low, within=SHARE)
    assert plain.low < 0.0 == bounded.low
    assert (bounded.mean, bounded.high) == (plain.mean, min(plain.high, 1.0))
    assert t_interval(high).high > 1.0 == t_interval(high, within=SHARE).high
    inside = np.array([0.4, 0.41, 0.42])
    assert t_interval(inside, within=SHARE) == t_interval(inside)
    assert t_interval(np.array([0.4]), within=SHARE).high == np.inf  # one seed has no interval
    # A difference of shares lies within ±1, though neither end is at a bound.
    gap = welch_difference(np.array([1.0, 0.2]), np.array([0.0, 0.1]), within=SHARE)
    assert (gap.low, gap.high) == (-1.0, 1.0)
    assert welch_difference(np.array([1.0, 0.2]), np.array([0.0, 0.1])).high > 1.0
