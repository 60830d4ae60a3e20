"""Does the search come to the same shards again, from other trees, folds and starts?

Axes: C contexts, O concepts, K shards, R restarts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from shardsim.base.parallel import each
from shardsim.shards.fit.linear_models import Common
from shardsim.shards.fit.mle import fit_mle
from shardsim.shards.fit.structure import Structure, find_structure

RESTARTS = 2
SAME = 0.9  # cosine and correlation of gates, at least, of shards that are the same
MLE_STEPS = 5


class Restart(NamedTuple):
    """One more search, in the order of the chosen shards where it found as many."""

    preferences: np.ndarray  # [K', O], unit norm
    gates: np.ndarray  # [C, K'], by likelihood
    cosine: float  # of preferences with the chosen ones, the worst pair; 0 where numbers differ
    correlation: float  # of gates, the worst pair; constant gates count as equal

    @property
    def same(self) -> bool:
        """Whether number, preferences and gates are those that were chosen."""
        return min(self.cosine, self.correlation) >= SAME


def restarts(
    structure: Structure, gates: np.ndarray, shared: Common, max_shards: int, seed: int
) -> tuple[Restart, ...]:
    """Search again `RESTARTS` times; none where fewer than two shards were chosen.

    Args:
      structure: the chosen one.
      gates: its gates by likelihood, [C, K].
      shared: the terms of all models.
      max_shards: as the first search had it.
      seed: of the first search.
    """
    if len(structure.preferences) < 2:
        return ()

    def search(number: int) -> Structure:
        return find_structure(structure.work.data, max_shards=max_shards, seed=seed + number)

    again = each(search, range(1, RESTARTS + 1))
    return tuple(_compared(structure.preferences, gates, other, shared) for other in again)


def _compared(
    preferences: np.ndarray, gates: np.ndarray, other: Structure, shared: Common
) -> Restart:
    fitted = fit_mle(shared, other.work.values, other.coefficients, other.preferences, MLE_STEPS)
    theirs = other.work.values @ fitted.coefficients
    if len(other.preferences) != len(preferences):
        return Restart(other.preferences, theirs, 0.0, 0.0)
    cosine = preferences @ other.preferences.T
    mine, matched = linear_sum_assignment(-cosine)
    theirs = theirs[:, matched]
    worst = min(correlation(gates[:, k], theirs[:, k]) for k in mine)
    return Restart(
        other.preferences[matched], theirs, float(cosine[mine, matched].min()), float(worst)
    )


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two gates [C] around zero (Tucker's congruence, 1951): 1 if proportional."""
    size = np.linalg.norm(first) * np.linalg.norm(second)
    return float(first @ second / max(size, 1e-300))
