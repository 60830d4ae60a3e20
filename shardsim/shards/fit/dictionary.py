"""The dictionary of preferences that all agents of a run share, and each agent's own beside it.

Axis letters: S agents (seeds) · K shards · O concepts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from shardsim.shards.fit.fit import ModelFit
from shardsim.shards.fit.joint import fit_shared
from shardsim.shards.fit.verdict import NO_STRUCTURE, ONE_UTILITY

SAME = 0.8  # cosine above which an agent's own shard is one of the dictionary's


def common_preferences(own: Sequence[ModelFit], *, max_shards: int, seed: int) -> np.ndarray:
    """Return the dictionary float64[K, O]; that of the one agent where there is one.

    Empty where most agents have no structure, one shard where most have at most one.
    """
    if len(own) == 1:
        return own[0].preferences
    said = [one.verdict for one in own]
    if 2 * said.count(NO_STRUCTURE) > len(said):
        return own[0].preferences[:0]
    alone = 2 * (said.count(NO_STRUCTURE) + said.count(ONE_UTILITY)) > len(said)
    return fit_shared(
        [one.structure for one in own], max_shards=1 if alone else max_shards, seed=seed
    )


def match(common: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return int64[K]: for each shard of the dictionary the agent's own one, -1 if it has none.

    Args:
      common: float64[K, O], unit norm.
      own: float64[K', O], unit norm.
    """
    found = np.full(len(common), -1)
    if len(common) and len(own):
        cosine = common @ own.T
        rows, columns = linear_sum_assignment(-cosine)
        close = cosine[rows, columns] > SAME
        found[rows[close]] = columns[close]
    return found


def margins(own: Sequence[ModelFit], matches: Sequence[np.ndarray], count: int) -> np.ndarray:
    """Return float64[S, K]: each shard's margin; 0 for an agent that does not have it by itself."""
    found = np.zeros((len(own), count))
    for row, (one, matched) in enumerate(zip(own, matches, strict=True)):
        found[row, matched >= 0] = one.margin[matched[matched >= 0]]
    return found
