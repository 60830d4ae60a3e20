"""A sparse non-negative dictionary of vectors: u_i ≈ D z_i with z_i ≥ 0 and few of them above zero.

Columns of D have unit norm and any sign. The loss ½‖u − D z‖² + λ Σ z is lowered by turns: z by
non-negative coordinate descent, D one column at a time (Mairal et al. 2010, "Online learning for
matrix factorization and sparse coding"; Hoyer 2002, "Non-negative sparse coding"). It is that of
scikit-learn's `DictionaryLearning`, which takes some seventy times as long at these sizes.

Axis letters: E vectors · M their dimensions · J columns.
"""

from __future__ import annotations

import numpy as np

PENALTY = 0.2  # λ, of vectors of unit norm: a cosine below it counts for nothing
ROUNDS = 20
SWEEPS = 2
NEW_SWEEPS = 15  # where weights start at nothing and columns stay


def sparse_columns(vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return `count` columns float64[J, M] fitted to vectors float[E, M].

    They start as vectors that lie far from one another (Arthur & Vassilvitskii 2007,
    "k-means++"). Vectors are scaled to unit norm; one of length zero stays zero.
    """
    unit = normalised(vectors)
    columns = unit[far_apart(unit, count, np.random.default_rng(seed))]
    weights = np.zeros((len(unit), count))
    for _ in range(ROUNDS):
        weights = _code(unit, columns, weights)
        columns = _refit(unit, columns, weights)
    return columns


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Return float64[E, M] of unit norm; zeros where a vector has none."""
    values = np.asarray(vectors, np.float64)
    norm = np.linalg.norm(values, axis=1, keepdims=True)
    return np.divide(values, norm, out=np.zeros_like(values), where=norm > 1e-12)


def code_weights(vectors: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return float64[E, J] >= 0: weights of vectors, scaled to unit norm, on columns that stay."""
    blank = np.zeros((len(vectors), len(columns)))
    return _code(normalised(vectors), columns, blank, NEW_SWEEPS)


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


def _code(
    unit: np.ndarray, columns: np.ndarray, weights: np.ndarray, sweeps: int = SWEEPS
) -> np.ndarray:
    """Lower the loss in every weight in turn, which for one weight is exact."""
    cosine, alike = unit @ columns.T, columns @ columns.T
    weights = weights.copy()
    for _ in range(sweeps):
        for j in range(len(columns)):
            others = weights @ alike[:, j] - weights[:, j]
            weights[:, j] = np.maximum(0.0, cosine[:, j] - others - PENALTY)
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
