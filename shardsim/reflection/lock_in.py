"""When an outcome of reflection is settled: the step from which it stays where it ends.

Axis letters: T steps · G outcomes.
"""

from __future__ import annotations

import numpy as np

CLOSE = 0.02  # total variation within which an outcome counts as what it becomes


def lock_in(path: np.ndarray, close: float = CLOSE) -> np.ndarray:
    """Return float[...]: the first step after which the outcome stays as close to its end.

    NaN where it still moves at the last step but one, so that nothing is known of its end, and
    where the path is not known.

    Args:
        path: float[..., T + 1, G], probabilities of what is reached first, by step from 0.
        close: total variation, half of the sum of absolute differences.
    """
    path = np.asarray(path, np.float64)
    apart = 0.5 * np.abs(path - path[..., -1:, :]).sum(-1)
    away = apart > close  # [..., T + 1]
    steps = np.arange(1, path.shape[-2] + 1)
    found = np.where(away, steps, 0).max(-1).astype(np.float64)
    moving = found >= path.shape[-2] - 1  # at the last step but one
    moving &= away.any(-1)
    return np.where(moving | ~np.isfinite(path).all((-1, -2)), np.nan, found)
