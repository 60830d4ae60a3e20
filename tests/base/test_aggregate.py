"""Interquartile means and probabilities of improvement, against values known in closed form."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shardsim.base.aggregate import improvement, iqm, proportion, stratified_interval, wilson
from shardsim.base.errors import UserError


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([5.0], 5.0),
        ([1.0, 2.0, 6.0], 3.0),  # too few to leave any out
        ([100.0, 2.0, 4.0, -100.0], 3.0),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 700.0], 3.5),
    ],
)
def test_an_interquartile_mean_leaves_out_a_quarter_on_either_side(values, mean) -> None:
    assert iqm(values) == pytest.approx(mean)


def test_one_seed_a_stratum_has_no_interval() -> None:
    found = stratified_interval([[1.0], [3.0], []])
    assert found == (2.0, -np.inf, np.inf)


def test_equal_seeds_in_each_stratum_have_no_width_however_far_the_strata_are_apart() -> None:
    found = stratified_interval([[1.0, 1.0, 1.0], [9.0, 9.0, 9.0]], np.mean)
    assert found == pytest.approx((5.0, 5.0, 5.0))


def test_the_interval_stays_within_its_bounds() -> None:
    found = stratified_interval([[0.0, 1.0, 1.0]], within=(0.0, 1.0))
    assert (found.low, found.high) == (0.0, 1.0)


@pytest.mark.parametrize(("seeds", "strata"), [(4, 1), (4, 3)])
def test_intervals_of_normal_samples_cover_their_mean(seeds: int, strata: int) -> None:
    """Nominal 0.9 ± three standard errors; plain percentiles cover 0.75 with four seeds."""
    rng = np.random.default_rng(7)
    samples = rng.standard_normal((300, strata, seeds))
    found = [stratified_interval(list(one), np.mean, draws=300) for one in samples]
    covered = np.mean([one.low <= 0 <= one.high for one in found])
    assert 0.85 <= covered <= 0.95, covered


def test_a_proportion_has_wilsons_interval() -> None:
    found = proportion([[1, 1], [1, 0]])
    ends = stats.binomtest(3, 4).proportion_ci(0.9, "wilson")
    assert found == pytest.approx((0.75, ends.low, ends.high))
    assert proportion([[1, 1, 1, 1]]).low < 0.7  # four of four are no certainty


def test_the_wilson_interval_is_the_published_one() -> None:
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I
    assert wilson(81, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148, 0.95) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20, 0.95) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29, 0.95) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 400), st.integers(0, 400))
def test_a_wilson_interval_holds_its_proportion(trials: int, successes: int) -> None:
    successes = min(successes, trials)
    low, high = wilson(successes, trials)
    assert -1e-12 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1.0 + 1e-12


@pytest.mark.parametrize(
    ("first", "second", "chance"),
    [
        ([[3.0, 4.0]], [[1.0, 2.0]], 1.0),
        ([[1.0, 2.0]], [[3.0, 4.0]], 0.0),
        ([[1.0, 1.0]], [[1.0, 1.0]], 0.5),
        ([[1.0, 3.0]], [[2.0, 3.0]], 0.375),  # of four pairs one is won and one is even
        ([[3.0], [1.0, 1.0]], [[1.0], [2.0, 2.0]], 0.5),  # strata count alike
    ],
)
def test_the_probability_of_improvement_counts_pairs(first, second, chance) -> None:
    found = improvement(first, second)
    assert found.probability == pytest.approx(chance)
    assert found.low <= chance <= found.high and found.low < found.high


def test_it_is_mann_and_whitneys_u_over_the_number_of_pairs() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, 9), rng.integers(0, 6, 7)
    u = stats.mannwhitneyu(first, second).statistic
    assert improvement([first], [second]).probability == pytest.approx(u / 63)


def test_the_ends_solve_newcombes_equation() -> None:
    found = improvement([np.arange(8.0)], [np.arange(8.0) - 3.5])
    z = stats.norm.ppf(0.95)
    for end in (found.low, found.high):
        spread = 1 + 7 * ((1 - end) / (2 - end) + end / (1 + end))
        variance = end * (1 - end) * spread / 64
        assert (end - found.probability) ** 2 == pytest.approx(z * z * variance, rel=1e-4)


def test_groups_that_do_not_overlap_are_no_certainty() -> None:
    found = improvement([[3.0, 4.0, 5.0, 6.0]], [[0.0, 1.0, 2.0, 2.5]])
    assert found.high == 1.0 and 0.5 < found.low < 0.8


def test_the_p_value_is_that_of_all_ways_to_deal_the_seeds_out() -> None:
    first, second = [4.0, 6.0, 7.0], [1.0, 2.0, 5.0]
    every = np.array([*first, *second])
    dealt = []
    for ours in combinations(range(6), 3):
        theirs = [number for number in range(6) if number not in ours]
        dealt.append(np.mean([[every[i] > every[j] for j in theirs] for i in ours]))
    exact = np.mean(np.abs(np.array(dealt) - 0.5) >= abs(8 / 9 - 0.5) - 1e-9)
    found = improvement([first], [second], draws=20_000)
    assert found.p_value == pytest.approx(exact, abs=0.01)
    two = improvement([[3.0, 4.0]], [[1.0, 2.0]])
    assert (two.null_low, two.null_high) == (0.0, 1.0)  # one of six ways is that of no overlap
    assert two.p_value == pytest.approx(1 / 3, abs=0.03)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        stratified_interval([[1.0, 2.0]], confidence=90)
    with pytest.raises(UserError, match="between 0 and 1"):
        improvement([[1.0]], [[2.0]], confidence=0)
    with pytest.raises(ValueError, match="at least one value"):
        stratified_interval([[]])
    with pytest.raises(ValueError, match="either side"):
        improvement([[1.0], []], [[2.0], [1.0]])
