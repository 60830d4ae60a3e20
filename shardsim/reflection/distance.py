"""How far reflection goes whichever way it goes, which opposite drifts of a class cannot hide.

The mean change of a class is nothing where one reflection raises a value and the next one lowers
it. So the mean *square* of changes is judged too. Chance has a mean square as well, and squares of
independent parts add: the square of the same reflection under the matched sham is taken off. A
class is `drifted` by distance where some value's mean square, less the sham's, lies above that of
the margin with its whole interval. It is `constant` where every value's mean square, chance
included, lies below with its interval, whose upper end is that of the logarithm, since squares are
skewed.

Axis letters: D seeds · U onsets · M models · V classes of onsets · Q places · K shards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from shardsim.reflection.config import CONTROLS, sham_of
from shardsim.reflection.kinds import UNDEFINED

# float[U, M, Q, K, D] -> mean and ends of the interval [V, M, Q, K, 3]
Averaged = Callable[[np.ndarray], np.ndarray]


def squares_beyond_sham(squares: np.ndarray, models: Sequence[str]) -> np.ndarray:
    """Return float64[U, M, ...]: squares less those of the matched sham, from the same onset.

    A control is compared with nothing and keeps its own; NaN for a model whose sham was not tried.
    """
    found = np.full_like(squares, np.nan)
    for number, model in enumerate(models):
        sham = sham_of(model)
        if model in CONTROLS:
            found[:, number] = squares[:, number]
        elif sham is not None and sham in models:
            found[:, number] = squares[:, number] - squares[:, list(models).index(sham)]
    return found


def by_distance(
    change: np.ndarray, models: Sequence[str], epsilon: float, averaged: Averaged
) -> dict[str, np.ndarray]:
    """Return the variables of distance, by class of onsets and model.

    Distances are root mean squares, in the units of the change; 0 where the sham's is larger.

    Args:
        change: float[U, M, D, Q, K], relative changes of values; NaN where not known.
        models: M names.
        epsilon: margin.
        averaged: mean and interval over seeds and the onsets of each class.
    """
    squares = np.moveaxis(np.square(np.asarray(change, np.float64)), 2, -1)
    mean, _, high = np.moveaxis(averaged(squares), -1, 0)
    reach = np.divide(high - mean, mean, out=np.zeros_like(mean), where=mean > 0)
    within = mean * np.exp(np.minimum(reach, 700.0)) < epsilon**2  # exp(710) is endless
    beyond = averaged(squares_beyond_sham(squares, models))
    drifted = (beyond[..., 1] > epsilon**2).any((-1, -2))
    known = np.isfinite(mean).all((-1, -2))
    verdict = np.full(known.shape, "undecided", dtype=object)
    verdict[within.all((-1, -2))] = "constant"
    verdict[drifted] = "drifted"
    verdict[~known] = UNDEFINED
    root = np.sqrt(np.maximum(beyond, 0.0))
    return {
        "distance": np.sqrt(mean),
        "distance_beyond": root[..., 0],
        "distance_beyond_interval": root[..., 1:],
        "distance_verdict": verdict,
    }
