"""Regression on collinear predictors, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from shardsim.studies import regression

N = 4000
EVEN = np.ones(N)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def correlated(rho: float) -> np.ndarray:
    """Two columns whose sample correlation is exactly rho."""
    raw = np.random.default_rng(0).normal(size=(N, 2))
    raw -= raw.mean(0)
    first = raw[:, 0] / raw[:, 0].std()
    other = raw[:, 1] - first * (first @ raw[:, 1]) / N
    other /= other.std()
    return np.stack([first, rho * first + np.sqrt(1 - rho**2) * other], 1)


@pytest.mark.parametrize("rho", [0.0, 0.5, -0.886])
def test_the_inflation_of_two_predictors_is_1_over_1_minus_their_correlation_squared(rho):
    values = correlated(rho)
    np.testing.assert_allclose(regression.correlation(values, EVEN)[0, 1], rho, atol=1e-12)
    np.testing.assert_allclose(regression.inflation(values, EVEN), 1 / (1 - rho**2))
    doubled = np.concatenate([values, values.sum(1, keepdims=True)], 1)
    assert np.isinf(regression.inflation(doubled, EVEN)).all()


def test_weights_count_as_copies(rng):
    values, weight = rng.normal(size=(5, 2)), np.array([1.0, 2, 1, 3, 2])
    copies = np.repeat(values, weight.astype(int), 0)
    np.testing.assert_allclose(
        regression.correlation(values, weight), regression.correlation(copies, np.ones(9))
    )


def test_known_coefficients_come_back():
    z = regression.standardise(correlated(0.9), EVEN)
    truth, level = np.array([1.5, -0.7]), 0.3
    straight = regression.linear(z, z @ truth + level, EVEN, ridge=0.0)
    np.testing.assert_allclose(straight.coefficient, truth)
    assert straight.intercept == pytest.approx(level)
    bent = regression.logistic(z, expit(z @ truth + level), EVEN, ridge=1e-9)
    np.testing.assert_allclose(bent.coefficient, truth, atol=1e-5)
    assert bent.intercept == pytest.approx(level, abs=1e-5)


def test_separable_outcomes_stay_finite():
    z = np.array([[-1.0], [1.0]])
    fit = regression.logistic(z, np.array([0.0, 1.0]), np.ones(2))
    assert np.isfinite(fit.coefficient).all() and fit.coefficient[0] > 3


def test_held_out_accuracy_is_that_of_the_best_guess():
    z = np.repeat([[-1.0], [1.0]], 100, 0)
    chance = np.repeat([0.2, 0.9], 100)
    fold = np.tile(np.arange(5), 40)
    assert regression.held_out_accuracy(z, chance, np.ones(200), fold) == pytest.approx(0.85)
    nothing = np.zeros((200, 0))
    base = regression.held_out_accuracy(nothing, chance, np.ones(200), fold)
    assert base == pytest.approx(0.55)  # (0.2 + 0.9) / 2: always yes


def test_a_function_of_the_cell_however_bent_leaves_no_slope(rng):
    cell = rng.integers(0, 20, N)
    x = cell[:, None] + rng.normal(size=(N, 2))
    bent = np.stack([np.exp(-0.3 * cell), np.exp(-0.3 * cell) - 2.5 * x[:, 0] + x[:, 1]])
    found = regression.within_cells(x, bent, EVEN, cell)
    np.testing.assert_allclose(found, [[0, 0], [-2.5, 1]], atol=1e-9)
    assert np.isnan(regression.within_cells(cell[:, None] * 2.0, bent, EVEN, cell)).all()


def test_balancing_leaves_no_correlation_and_the_coefficients_of_each_alone():
    values = regression.standardise(np.clip(correlated(0.8), -2, 2), EVEN)
    weight = regression.balance(values, EVEN)
    assert weight.mean() == pytest.approx(1)
    np.testing.assert_allclose(regression.correlation(values, weight), np.eye(2), atol=1e-3)
    np.testing.assert_allclose(regression.inflation(values, weight), 1, atol=1e-3)
    alone = regression.linear(values[:, :1], values @ [2.0, -3.0], weight).coefficient
    assert alone[0] == pytest.approx(2.0, abs=1e-2)


def test_what_is_one_and_the_same_cannot_be_balanced(rng):
    one = rng.normal(size=(50, 1))
    with pytest.raises(ValueError, match="uncorrelated"):
        regression.balance(np.concatenate([one, one], 1), np.ones(50))
