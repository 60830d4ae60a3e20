"""A sparse non-negative dictionary of vectors: u_i ≈ D z_i with z_i ≥ 0 and few of them above zero.

Columns of D have unit norm and any sign. The loss ½‖u − D z‖² + λ Σ z is lowered by turns: z by
non-negative coordinate descent, D one column at a time (Mairal et al. 2010, "Online learning for
matrix factorization and sparse coding"; Hoyer 2002, "Non-negative sparse coding").

Axis letters: E vectors · M their dimensions · J columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

PENALTY = 0.2  # λ, of vectors of unit norm: a cosine below it counts for nothing
ROUNDS = 20
SWEEPS = 2
NEW_SWEEPS = 15  # where weights start at nothing and columns stay
STARTS = 4
NONE = -1


class Code(NamedTuple):
    """The dictionary and how much of each column every vector holds."""

    columns: np.ndarray  # float64[J, M], unit norm
    weights: np.ndarray  # float64[E, J] >= 0
    loss: float  # mean over vectors


def sparse_code(
    vectors: np.ndarray, count: int, seed: int, penalty: float = PENALTY, starts: int = STARTS
) -> Code:
    """Fit `count` columns to vectors float[E, M], the best of several starts.

    A start takes vectors that lie far from one another as its columns (Arthur & Vassilvitskii
    2007, "k-means++"). Vectors are scaled to unit norm; one of length zero stays zero.
    """
    unit = normalised(vectors)
    rng = np.random.default_rng(seed)
    fits = (_fit(unit, unit[far_apart(unit, count, rng)], penalty) for _ in range(starts))
    return min(fits, key=_loss)


def _loss(code: Code) -> float:
    return code.loss


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Return float64[E, M] of unit norm; zeros where a vector has none."""
    values = np.asarray(vectors, np.float64)
    norm = np.linalg.norm(values, axis=1, keepdims=True)
    return np.divide(values, norm, out=np.zeros_like(values), where=norm > 1e-12)


def labels_of(code: Code) -> np.ndarray:
    """Return int64[E]: the column that each vector holds most of; NONE where it holds none."""
    return np.where(code.weights.max(1) > 0, code.weights.argmax(1), NONE)


def code_weights(vectors: np.ndarray, columns: np.ndarray, penalty: float) -> np.ndarray:
    """Return float64[E, J] >= 0: weights of vectors, scaled to unit norm, on columns that stay."""
    blank = np.zeros((len(vectors), len(columns)))
    return _code(normalised(vectors), columns, blank, penalty, NEW_SWEEPS)


def far_apart(vectors: np.ndarray, count: int, rng: np.random.Generator) -> list[int]:
    """Return `count` rows of vectors float[E, M] that point in different directions."""
    unit = normalised(vectors)
    rows = [int(rng.integers(len(unit)))]
    while len(rows) < count:
        near = (unit @ unit[rows].T).max(1)
        chance = np.maximum(1.0 - near, 0.0) ** 2
        total = chance.sum()
        even = np.full(len(unit), 1 / len(unit))
        rows.append(int(rng.choice(len(unit), p=chance / total if total > 1e-9 else even)))
    return rows


def _fit(unit: np.ndarray, columns: np.ndarray, penalty: float) -> Code:
    weights = np.zeros((len(unit), len(columns)))
    for _ in range(ROUNDS):
        weights = _code(unit, columns, weights, penalty)
        columns = _refit(unit, columns, weights)
    weights = _code(unit, columns, weights, penalty)
    left = unit - weights @ columns
    loss = 0.5 * (left**2).sum(1) + penalty * weights.sum(1)
    return Code(columns, weights, float(loss.mean()))


def _code(
    unit: np.ndarray,
    columns: np.ndarray,
    weights: np.ndarray,
    penalty: float,
    sweeps: int = SWEEPS,
) -> np.ndarray:
    """Lower the loss in every weight in turn, which for one weight is exact."""
    cosine, alike = unit @ columns.T, columns @ columns.T
    weights = weights.copy()
    for _ in range(sweeps):
        for j in range(len(columns)):
            others = weights @ alike[:, j] - weights[:, j]
            weights[:, j] = np.maximum(0.0, cosine[:, j] - others - penalty)
    return weights


def _refit(unit: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Turn every column to what is left for it; one that nothing uses stays."""
    columns = columns.copy()
    for j in range(len(columns)):
        held = weights[:, j]
        others = weights @ columns - np.outer(held, columns[j])
        wanted = held @ (unit - others)
        norm = np.linalg.norm(wanted)
        if norm > 1e-9:
            columns[j] = wanted / norm
    return columns
