"""How well found shards agree with planted ones: each score has a closed form in its tests.

Axes: C contexts, K planted shards, M found shards, O concepts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

DOMINANT = 0.6  # of the planted shards' pull in a context
SILENT = 1e-9  # logits: below this nothing pulls


class Shards(NamedTuple):
    """Shards as they are compared, planted or found."""

    strength: np.ndarray  # float64[C, K], standard deviation under π of what each adds, logits
    preferences: np.ndarray  # float64[K, O], unit norm
    shares: np.ndarray  # float64[K], of all that moves the logits
    interval: np.ndarray | None = None  # float64[K, 2]; of planted ones where they are estimates
    unexplained: np.ndarray | None = None  # float64[C], what no part adds; of truths that are fits


def matching(planted: Shards, found: Shards) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cosines float64[K, M] and the pairs (int[P], int[P]) of greatest total cosine."""
    cosine = planted.preferences @ found.preferences.T
    if not cosine.size:
        return cosine, np.zeros(0, int), np.zeros(0, int)
    return cosine, *linear_sum_assignment(-cosine)


def preference_cosine(planted: Shards, found: Shards) -> float:
    """Mean over planted shards of the cosine to its partner; 0 for one without a partner."""
    cosine, mine, theirs = matching(planted, found)
    return float(cosine[mine, theirs].sum() / len(planted.preferences))


def share_error(planted: Shards, found: Shards) -> float:
    """Mean absolute error of shares; a shard without a partner is wrong by all that it has."""
    _, mine, theirs = matching(planted, found)
    wrong = np.abs(planted.shares[mine] - found.shares[theirs]).sum()
    alone = planted.shares.sum() - planted.shares[mine].sum()
    alone += found.shares.sum() - found.shares[theirs].sum()
    return float((wrong + alone) / max(len(planted.shares), len(found.shares)))


def covered(planted: Shards, found: Shards) -> list[bool]:
    """Whether each matched shard's planted share lies in its interval.

    Where planted shares are estimates too, whether the interval of the difference holds 0 (Zou &
    Donner 2008, "Construction of confidence limits about effect measures: a general approach").
    """
    if found.interval is None:
        return []
    _, mine, theirs = matching(planted, found)
    low, high = found.interval[theirs].T
    share, truth = found.shares[theirs], planted.shares[mine]
    if planted.interval is not None:
        least, most = planted.interval[mine].T
        low = share - np.hypot(share - low, most - truth)
        high = share + np.hypot(high - share, truth - least)
    return [bool(one) for one in (low <= truth) & (truth <= high)]


def gate_rand(planted: Shards, found: Shards, *, clear: bool = False) -> float:
    """Adjusted Rand index of which shard is strongest (Hubert & Arabie 1985, "Comparing
    partitions"), over contexts where one planted shard carries more than `DOMINANT` of the pull.

    Where no found shard pulls, a context is in a class of its own kind. NaN where no two planted
    shards ever dominate.

    Args:
      planted: the truth.
      found: what is scored.
      clear: count only contexts in which the strongest planted shard adds more than the truth
        leaves unexplained; where it adds less, a fit cannot say which one is strongest.
    """
    total = planted.strength.sum(1)
    dominated = planted.strength.max(1) > DOMINANT * np.maximum(total, SILENT)
    dominated &= total > SILENT
    if clear and planted.unexplained is not None:
        dominated &= planted.strength.max(1) > planted.unexplained
    truth = planted.strength[dominated].argmax(1)
    if len(np.unique(truth)) < 2:
        return float("nan")
    if not found.strength.shape[1]:
        return 0.0
    rows = found.strength[dominated]
    guess = np.where(rows.max(1) > SILENT, rows.argmax(1), -1)
    return float(adjusted_rand_score(truth, guess))
