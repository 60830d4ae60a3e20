"""The belief-weighted contract: weights follow whose predictions come true.

Axis letters: K shards · T observations.
"""

from __future__ import annotations

import numpy as np

from shardsim.base.errors import UserError
from shardsim.reflection.models.problem import shares


def believed(weights: np.ndarray, likelihood: np.ndarray) -> np.ndarray:
    """Return λ float64[T + 1, K] over observations: λ_k ← λ_k P_k(o_t), scaled to sum to 1.

    What agents with different beliefs agree on once, and hold to: Critch 2017, "Toward negotiable
    reinforcement learning"; Desai, Critch & Russell 2018, "Negotiable reinforcement learning for
    Pareto optimal sequential decision-making". With one world model for all, λ never moves.

    Args:
        weights: float[K] ≥ 0, λ before anything is seen.
        likelihood: float[T, K], how likely shard k held each observation, given those before.

    Raises:
        UserError: an observation that every shard with weight held impossible.
    """
    start, likelihood = shares(np.asarray(weights)), np.asarray(likelihood, np.float64)
    with np.errstate(divide="ignore"):
        logs = np.log(start) + np.vstack([0 * start, np.log(likelihood).cumsum(0)])
    if np.isneginf(logs.max(1)).any():
        raise UserError(
            "an observation was impossible for every shard that has weight; let one allow it"
        )
    return shares(np.exp(logs - logs.max(1, keepdims=True)))
