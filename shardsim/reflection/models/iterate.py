"""Reflect again and again: pose a decision, accept, write, every branch kept.

Axis letters: K shards · M options · N branches · T steps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shardsim.base.errors import UserError
from shardsim.reflection.models.bargain import merged_weights
from shardsim.reflection.models.problem import Accept, Problem, distinct

Pose = Callable[[np.ndarray, np.ndarray], Problem]  # weights now [K], weights that judge [K]
Write = Callable[[np.ndarray, Problem, np.ndarray], np.ndarray]  # weights, problem, lottery
MOST_BRANCHES = 4096


def reflect(
    weights: np.ndarray,
    pose: Pose,
    accept: Accept,
    write: Write,
    *,
    steps: int = 1,
    refreshed: bool = False,
) -> list[np.ndarray]:
    """Return the weights float64[N, K] after 0, 1, …, T steps: a row for each branch that differs.

    Where nothing is accepted a branch stays as it is.

    Args:
        weights: float[K] ≥ 0, where to start.
        pose: the decision, from the weights now and those whose shards judge.
        accept: any model of this package.
        write: what a lottery does to the weights: `add` of effects, or `merge`.
        steps: number of decisions T.
        refreshed: let the weights of each step judge, not those of the start.

    Raises:
        UserError: more than 4,096 branches.
    """
    start = np.asarray(weights, np.float64)
    path = [start[None]]
    for _ in range(steps):
        after: list[np.ndarray] = []
        for now in path[-1]:
            posed = pose(now, now if refreshed else start)
            lotteries = accept(posed).lotteries
            after += [write(now, posed, one) for one in lotteries] if len(lotteries) else [now]
        path.append(distinct(np.array(after)))
        if len(path[-1]) > MOST_BRANCHES:
            raise UserError(
                f"reflection has more than {MOST_BRANCHES} branches; take fewer steps, or options "
                "that tie less often"
            )
    return path


def add(effects: np.ndarray, rate: float = 1.0) -> Write:
    """Write log w += η · lottery @ effects, float[M, K]: what each option does to log weights."""

    def write(weights: np.ndarray, problem: Problem, lottery: np.ndarray) -> np.ndarray:
        return weights * np.exp(rate * lottery @ np.asarray(effects, np.float64))

    return write


def merge(weights: np.ndarray, problem: Problem, lottery: np.ndarray) -> np.ndarray:
    """Write the weights of the one utility that the shards agree on, `merged_weights`."""
    return merged_weights(problem, lottery)
