"""Noisy curves over checkpoints, divided into the fewest stretches that their noise allows.

At every checkpoint a curve is in one of several states (below or above a threshold; which of some
curves is the largest). The states chosen are those of least cost: the squared misfit of each
checkpoint in standard deviations, and a price for each change. The price is that of a change point
in the modified Bayes information criterion (Zhang & Siegmund 2007, "A modified Bayes information
criterion with applications to the analysis of comparative genomic hybridization data"). A curve
that lies exactly on a threshold then seems to cross it in about one case of twenty, or fewer.

Axis letters: T checkpoints · S seeds · M states · K curves.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from shardsim.base.errors import UserError

LEAST = 3  # checkpoints; fewer do not tell noise from change
LEAST_NOISE = 0.005  # radians of `stable`: no track is measured better
LONE = 0.9  # of the price of a change: the most that one checkpoint can weigh
LIKELY, NEVER = 0.5, np.inf  # what it costs to begin above a threshold
QUIET = 1 / 3  # of the checkpoints, those that bend least, tell the noise


def stable(share: np.ndarray) -> np.ndarray:
    """Return float64[...]: arcsin √share, radians, whose noise hardly depends on the share.

    Anscombe (1948, "The transformation of Poisson, binomial and negative-binomial data").
    """
    return np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0)))


def noise(curves: np.ndarray) -> float:
    """Return the standard deviation of curves float[T, ...] around what changes slowly.

    From differences of each checkpoint with its neighbours (Gasser, Sroka & Jennen-Steinmetz 1986,
    "Residual variance and residual pattern in nonlinear regression"). Of these the lower third is
    read, so that it holds where most checkpoints of a curve belong to a rise or a fall.

    Raises:
      UserError: fewer than three checkpoints.
    """
    if len(curves) < LEAST:
        raise UserError(
            f"a track of {len(curves)} checkpoints cannot tell events from noise; "
            f"train with train.checkpoints={LEAST} or more"
        )
    bends = np.abs(curves[2:] - 2 * curves[1:-1] + curves[:-2]) / np.sqrt(6)
    normal = float(stats.norm.ppf(0.5 + QUIET / 2))
    return max(float(np.quantile(bends, QUIET)) / normal, LEAST_NOISE)


def above(
    curve: np.ndarray, threshold: float, sd: float, begins_above: float = LIKELY
) -> np.ndarray:
    """Return bool[T]: where a curve lies above a threshold, beyond its noise.

    Args:
      curve: float[T].
      threshold: on the same scale.
      sd: noise of the curve.
      begins_above: what it costs to be above from the first checkpoint on, in changes. Networks
        that are not trained are expected below, so that one checkpoint clearly below is enough.
    """
    apart = np.stack([curve - threshold, threshold - curve], -1) / sd
    return _states(apart, np.array([0.0, begins_above])) == 1


def largest(curves: np.ndarray, sd: float) -> np.ndarray:
    """Return int[T]: which of the curves float[T, K], one at least, is the largest.

    `sd` is the noise of one curve; that of a difference of two is √2 times as large.
    """
    apart = (curves.max(-1, keepdims=True) - curves) / (np.sqrt(2) * sd)
    return _states(apart, np.zeros(curves.shape[-1]))


def _states(apart: np.ndarray, unlikely: np.ndarray) -> np.ndarray:
    """Return int[T]: the states of least cost.

    Args:
      apart: float[T, M], how far each state is from holding, in standard deviations.
      unlikely: float[M], what it costs to begin with a state, in changes.
    """
    price = 1.5 * np.log(len(apart))
    misfit = np.minimum(0.5 * np.maximum(apart, 0.0) ** 2, LONE * price)
    misfit[0] += price * unlikely
    total, states = misfit[0], np.arange(misfit.shape[1])
    came = []
    for row in misfit[1:]:
        best = total.argmin()
        moves = total[best] + price < total
        came.append(np.where(moves, best, states))
        total = np.where(moves, total[best] + price, total) + row
    path = [int(total.argmin())]
    for before in reversed(came):
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])
