"""Lock-in on paths whose step is plain."""

from __future__ import annotations

import numpy as np

from shardsim.reflection.lock_in import lock_in


def path(*first: float) -> np.ndarray:
    """Probabilities of two outcomes over steps."""
    return np.stack([np.array(first), 1.0 - np.array(first)], -1)


def test_the_step_is_the_first_after_which_it_stays():
    assert lock_in(path(0.5, 0.5, 0.5)) == 0
    assert lock_in(path(0.5, 0.8, 0.9, 0.9, 0.9)) == 2
    assert lock_in(path(0.5, 0.9, 0.5, 0.9, 0.9)) == 3
    assert lock_in(path(0.5, 0.89, 0.9, 0.9)) == 1


def test_what_still_moves_or_is_unknown_has_none():
    found = lock_in(np.stack([path(0.5, 0.6, 0.7, 0.8), path(np.nan, 0.5, 0.5, 0.5)]))
    assert np.isnan(found).all()
