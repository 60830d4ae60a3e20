"""Lock-in on paths whose step is plain."""

from __future__ import annotations

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.reflection.lock_in import kicked, lock_in, locked_in_against
from shardsim.reflection.models.problem import shares
from shardsim.reflection.models.replicator import replicate


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


def in_a_fork(first: float, gains: np.ndarray, steps: int) -> np.ndarray:
    """The replicator [T + 1, 2] of two shards that judge as they weigh and gain by themselves."""
    found = replicate(
        np.array([first, 1.0 - first]),
        lambda weights, judges: judges * gains,
        shares,
        rate=0.2,
        steps=steps,
        judges="refreshed",
        normalised=True,
    )
    return found.weights


def test_a_kick_is_undone_where_it_does_not_cross_the_separatrix() -> None:
    """Growth is w_k h_k, so the first shard wins above h_2 / (h_1 + h_2): here 1 / 3."""
    gains, size = np.array([2.0, 1.0]), 0.4
    path = in_a_fork(0.4, gains, 24)

    def onward(now: np.ndarray) -> np.ndarray:
        return in_a_fork(now[0], gains, 120)[-1]

    found = locked_in_against(path, onward, np.array([0.0, 1.0]), size)
    safe = (1.0 - size) * path[:, 0] > 1 / 3
    assert safe[-1] and not safe[0]
    assert found == safe.argmax()
    # Toward the old self, which is above the separatrix, every kick is undone from the first.
    assert locked_in_against(path, onward, path[0], 0.9) == 0
    # A kick that leaves less than a third of anything is never undone.
    assert np.isnan(locked_in_against(path, onward, np.array([0.0, 1.0]), 0.7))
    assert kicked(path[-1], path[0], 1.0) == pytest.approx(path[0])
    with pytest.raises(UserError, match="a part of the distribution"):
        kicked(path[-1], path[0], 1.5)


def test_where_each_step_ends_elsewhere_nothing_is_locked_in() -> None:
    path = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])
    assert locked_in_against(path, lambda now: now, path[0], 0.0) == 2
    assert np.isnan(locked_in_against(path, lambda now: now, path[0], 0.5))
