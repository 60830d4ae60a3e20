"""Regression on predictors that go together: what each says, and what it says given the others.

Axis letters: N samples · P predictors · K responses (seeds) · F folds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from sklearn.linear_model import LogisticRegression

RIDGE = 1e-6  # keeps separable outcomes finite
TINY = 1e-12
UNBALANCED = 1e-3  # of a mean product of standardised predictors


class Fit(NamedTuple):
    """One regression."""

    coefficient: np.ndarray  # float64[P]
    intercept: float


def standardise(values: Any, weight: np.ndarray) -> np.ndarray:
    """Return float64[N, P]: columns of weighted mean 0 and variance 1; constant ones become 0."""
    values = np.asarray(values, np.float64)
    share = weight / weight.sum()
    centred = values - share @ values
    spread = np.sqrt(share @ centred**2)
    return centred / np.where(spread > TINY, spread, np.inf)


def correlation(values: Any, weight: np.ndarray) -> np.ndarray:
    """Return float64[P, P]: weighted correlations of predictors [N, P]."""
    z = standardise(values, weight)
    return (z * (weight / weight.sum())[:, None]).T @ z


def inflation(values: Any, weight: np.ndarray) -> np.ndarray:
    """Return float64[P]: variance inflation factors, the diagonal of the inverse correlations.

    1 / (1 - R²) of each predictor on the others (Marquardt 1970, "Generalized inverses, ridge
    regression, biased linear estimation, and nonlinear estimation"); infinite where one is a sum
    of others.
    """
    found = correlation(values, weight)
    if np.linalg.eigvalsh(found).min() < 1e-9:
        return np.full(len(found), np.inf)
    return np.diag(np.linalg.inv(found))


def linear(z: np.ndarray, response: np.ndarray, weight: np.ndarray, ridge: float = RIDGE) -> Fit:
    """Weighted least squares of one response float[N] on predictors [N, P], with an intercept."""
    share = weight / weight.sum()
    centre, level = share @ z, float(share @ response)
    centred = (z - centre) * np.sqrt(share)[:, None]
    gram = centred.T @ centred + ridge * np.eye(z.shape[1])
    coefficient = np.linalg.solve(gram, centred.T @ ((response - level) * np.sqrt(share)))
    return Fit(coefficient, level - float(centre @ coefficient))


def logistic(z: np.ndarray, chance: np.ndarray, weight: np.ndarray, ridge: float = RIDGE) -> Fit:
    """Logistic regression of outcomes whose probabilities float[N] are known exactly.

    The expected log-likelihood is fitted, as if each outcome were drawn without end.
    """
    share = weight / weight.sum()
    design = np.concatenate([z, np.ones((len(z), 1))], 1)
    outcome = np.repeat([1, 0], len(design))  # each context stands once for yes, once for no
    chances = np.concatenate([share * chance, share * (1 - chance)])
    rule = LogisticRegression(C=1 / ridge, fit_intercept=False, solver="newton-cholesky", tol=1e-9)
    found = rule.fit(np.tile(design, (2, 1)), outcome, chances).coef_[0]
    return Fit(found[:-1], float(found[-1]))


def held_out_accuracy(
    values: np.ndarray, chance: np.ndarray, weight: np.ndarray, fold: np.ndarray
) -> float:
    """Expected accuracy of logistic regression on folds int[N] that it was not fitted on.

    A context whose outcome has probability p counts p where the fit says yes, and 1 - p where it
    says no. No predictors (P = 0) give the base rate's own accuracy.
    """
    right = np.zeros(len(chance))
    for one in np.unique(fold):
        rest = fold != one
        z = standardise(values, weight * rest)
        fit = logistic(z[rest], chance[rest], weight[rest])
        said = z[~rest] @ fit.coefficient + fit.intercept > 0
        right[~rest] = np.where(said, chance[~rest], 1 - chance[~rest])
    return float(weight @ right / weight.sum())


def within_cells(
    predictors: np.ndarray, response: np.ndarray, weight: np.ndarray, cell: np.ndarray
) -> np.ndarray:
    """Slopes float64[K, P] of responses [K, N] on predictors [N, P] among samples of one cell.

    Whatever is a function of the cell int[N], linear or not, is taken out of both (the within
    estimator; Frisch & Waugh 1933, "Partial time regressions as compared with individual trends").
    NaN where the predictors do not vary in any cell, or go together wholly.
    """
    _, cell = np.unique(cell, return_inverse=True)
    mass = np.bincount(cell, weight)

    def inside(columns: np.ndarray) -> np.ndarray:
        means = [np.bincount(cell, weight * one) / mass for one in columns.T]
        return columns - np.stack(means, 1)[cell]

    left = inside(np.asarray(predictors, np.float64))
    right = inside(np.asarray(response, np.float64).T)
    gram = left.T @ (weight[:, None] * left)
    if np.linalg.eigvalsh(gram).min() <= 1e-9 * weight.sum():
        return np.full((right.shape[1], left.shape[1]), np.nan)
    return np.linalg.solve(gram, left.T @ (weight[:, None] * right)).T


def balance(z: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return weights float64[N], mean 1, under which all predictors are uncorrelated.

    The nearest to `weight` in relative entropy that keep every predictor's mean at 0 and bring
    every product of two to a mean of 0 (Hainmueller 2012, "Entropy balancing for causal effects").

    Raises:
        ValueError: no such weights, because the predictors go together too closely.
    """
    count = z.shape[1]
    pairs = [z[:, i] * z[:, j] for i in range(count) for j in range(i)]
    features = np.stack([*z.T, *pairs], 1)
    base = np.log(np.maximum(weight / weight.sum(), 1e-300))

    # The small quadratic term keeps what cannot be balanced finite.
    def dual(at: np.ndarray) -> float:
        return float(np.asarray(logsumexp(base - features @ at)) + 0.5 * RIDGE * at @ at)

    def slope(at: np.ndarray) -> np.ndarray:
        return RIDGE * at - softmax(base - features @ at) @ features

    found = minimize(dual, np.zeros(features.shape[1]), jac=slope, method="BFGS")
    mass = softmax(base - features @ found.x)
    if np.abs(mass @ features).max() > UNBALANCED:
        raise ValueError("no weights make these predictors uncorrelated")
    return mass * len(mass)
