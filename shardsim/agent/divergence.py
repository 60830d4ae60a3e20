"""Training that diverged: which seeds, and from which update on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

from shardsim.agent.config import TrainConfig
from shardsim.agent.learner import Carry
from shardsim.agent.spread import spread
from shardsim.base.errors import UserError
from shardsim.env.episodes import Bank


class Diverged(UserError):
    """Parameters or losses are no longer finite."""

    exit_code = 1  # of the command line: the input was well formed


def check_finite(
    config: TrainConfig, loop: Callable[..., Any], banks: Bank, before: Carry, after: Carry
) -> None:
    """Raise Diverged where parameters [K] are no longer finite, with the update when that began.

    To find it the chunk is done again with fewer updates, which compiles nothing anew.

    Args:
        config: of the training.
        loop: jitted; from `banks`, a carry and a keyword `count` of updates to a carry and more.
        banks: of all seeds [K].
        before: the carry [K] before the chunk.
        after: the carry [K] after it.
    """
    bad = _not_finite(after)
    if not bad:
        return
    done = int(before.update[0])

    def is_bad(count: int) -> bool:
        return bool(_not_finite(spread(partial(loop, count=np.int32(count)), banks, before)[0]))

    began = done + first_bad(int(after.update[0]) - done, is_bad)
    seeds = ", ".join(str(config.first_seed + seed) for seed in bad)
    raise Diverged(
        f"training diverged: parameters of seed {seeds} are not finite from update {began} on; the "
        f"checkpoint after update {done} is kept; lower train.learning_rate or train.max_grad_norm"
    )


def first_bad(count: int, is_bad: Callable[[int], bool]) -> int:
    """Return the first of 1 … count from which on something is bad, which at `count` it is.

    Found by bisection: parameters that are not finite stay so.
    """
    good, bad = 0, count
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (good, middle) if is_bad(middle) else (middle, bad)
    return bad


def _not_finite(carry: Carry) -> list[int]:
    """Return the places of the seeds whose parameters are not finite."""
    finite = [
        np.isfinite(np.asarray(leaf)).reshape(leaf.shape[0], -1).all(axis=1)
        for leaf in jax.tree.leaves(carry.parameters)
    ]
    return np.flatnonzero(~np.all(finite, axis=0)).tolist()
