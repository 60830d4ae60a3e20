"""Episodes as models of sequences read them.

Axis letters: E episodes · T steps · A actions · P own columns of a hidden state · Q columns that
all states share · F features of where a step led.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Sequences(NamedTuple):
    """What was decided in E episodes of at most T steps. Arrays are float64 unless said otherwise.

    Logits of an action in hidden state k are own·θ_k + shared·φ.
    """

    own: np.ndarray  # [E, T, A, P]
    shared: np.ndarray  # [E, T, A, Q]
    # [E, T, F], what may change the hidden state: the first is 1, the last the time passed, which
    # no state shows.
    features: np.ndarray
    action: np.ndarray  # int64[E, T]
    deciding: np.ndarray  # bool[E, T], false after an episode's end
    level: np.ndarray  # int64[E], the unit of folds and intervals

    def take(self, keep: np.ndarray) -> Sequences:
        """Return the episodes that a mask or indices pick."""
        return Sequences(*(one[keep] for one in self))


def level_means(values: np.ndarray, given: Sequences) -> np.ndarray:
    """Return float64[L]: the mean of values [E, T] over the decisions of each level that occurs."""
    _, where = np.unique(given.level, return_inverse=True)
    total = np.bincount(where, (values * given.deciding).sum(1))
    return total / np.maximum(np.bincount(where, given.deciding.sum(1)), 1)
