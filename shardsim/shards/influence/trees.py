"""Shallow regression trees of the covariates, judged on levels that they did not see.

Axis letters: C contexts · F features.
"""

from __future__ import annotations

import numpy as np
from sklearn.tree import DecisionTreeRegressor

FOLDS, DEPTH, LEAF = 5, 3, 20  # of held-out levels, of the trees, contexts in a leaf
FLAT = 1e-9


def held_out(
    features: np.ndarray, target: np.ndarray, weight: np.ndarray, fold: np.ndarray, seed: int
) -> np.ndarray:
    """Return float64[C]: what trees say of the levels that each did not see.

    Args:
      features: float64[C, F].
      target: float64[C].
      weight: float64[C], >= 0.
      fold: int[C], of `level_folds`.
      seed: among equally good splits.
    """
    told = np.zeros(len(target))
    for number in np.unique(fold):
        out = fold == number
        if weight[~out].sum() > FLAT:
            model = tree(seed).fit(features[~out], target[~out], weight[~out])
            told[out] = model.predict(features[out])
    return told


def tree(seed: int) -> DecisionTreeRegressor:
    """Return a tree that is yet to be fitted."""
    return DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=LEAF, random_state=seed)
