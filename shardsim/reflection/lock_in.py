"""When an outcome of reflection is settled: the step from which it stays where it ends.

It may stay there for want of anything that pushes, so a kick is tried, too: is the step one from
which the outcome comes back after a push of a stated size?

Axis letters: T steps · G outcomes · K shards, or plans.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shardsim.base.errors import UserError

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


def kicked(now: np.ndarray, toward: np.ndarray, size: float) -> np.ndarray:
    """Return (1 − size) now + size toward, float64[..., K], of distributions over shards or plans.

    Raises:
        UserError: a size outside 0..1.
    """
    if not 0 <= size <= 1:
        raise UserError(f"the size of a kick is a part of the distribution, 0 to 1, not {size}")
    return (1.0 - size) * np.asarray(now, np.float64) + size * np.asarray(toward, np.float64)


def locked_in_against(
    path: np.ndarray,
    onward: Callable[[np.ndarray], np.ndarray],
    toward: np.ndarray,
    size: float,
    close: float = CLOSE,
) -> float:
    """Return the first step from which on kicks of a size are undone by reflecting on.

    NaN where there is none: also the outcome of the last step is not safe from such a kick.

    Args:
        path: float[T + 1, K], the distribution by step of reflection.
        onward: of a distribution [K], where reflection leads from there: many more steps, or the
            limit. With frozen judges they must be those of the onset, whatever it is given.
        toward: float[K], where the kick leads: the old self (the first of `path`), another shard.
        size: of the kick, the part of the distribution that is replaced.
        close: total variation within which it is the same end.

    Raises:
        UserError: a size outside 0..1.
    """
    now = np.asarray(path, np.float64)
    plain = np.stack([onward(one) for one in now])
    after = np.stack([onward(kicked(one, toward, size)) for one in now])
    # Where reflection still ends elsewhere than from the last step nothing is locked in yet.
    holds = np.logical_and(_near(after, plain, close), _near(plain, plain[-1], close))
    always = np.logical_and.accumulate(holds[::-1])[::-1]
    return float(always.argmax()) if always.any() else np.nan


def _near(one: np.ndarray, other: np.ndarray, close: float) -> np.ndarray:
    """Return bool[...]: total variation of distributions float64[..., K] is at most `close`."""
    return 0.5 * np.abs(one - other).sum(-1) <= close
