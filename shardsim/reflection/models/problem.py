"""What shards decide when they reflect: options, what each shard gains by each, and who judges.

Every model of this package takes a `Problem` and returns an `Outcome` that keeps every branch of a
tie. Who judges is a distribution over shards: `activated` at onset, by `shares` of all weights, or
`even`. Axis letters: K shards · M options · N branches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from shardsim.base.errors import UserError

TIE = 1e-11  # of the greatest number compared: what differs by less is a tie
MERGE = 1e-7  # lotteries nearer than this are one: what linear programs are good to


class Problem(NamedTuple):
    """A decision of reflection; made by `problem`."""

    gains: np.ndarray  # float64[K, M], what each option is worth to each shard
    judges: np.ndarray  # float64[K] ≥ 0, α, sums to 1
    disagreement: np.ndarray  # float64[K], what each has where they do not agree


class Outcome(NamedTuple):
    """Where reflection may end: one row a branch of a tie; no row where nothing is agreed."""

    lotteries: np.ndarray  # float64[N, M], how much of each option

    @property
    def options(self) -> tuple[int, ...]:
        """The options that some branch has a part in."""
        return tuple(np.flatnonzero((self.lotteries > MERGE).any(0)).tolist())

    def payoffs(self, problem: Problem) -> np.ndarray:
        """Return float64[N, K] of the branches; the disagreement where nothing is agreed."""
        if not len(self.lotteries):
            return problem.disagreement[None]
        return self.lotteries @ problem.gains.T


Accept = Callable[[Problem], Outcome]


def problem(gains: Any, judges: Any = None, disagreement: Any = None) -> Problem:
    """Pose a decision.

    Args:
        gains: float[K, M], J_k after option m; usually less J_k now, so that 0 is the status quo.
        judges: float[K] ≥ 0, scaled to sum to 1; even by default.
        disagreement: float[K] in the units of `gains`; 0 by default.

    Raises:
        UserError: shapes that do not fit, numbers that are not finite, or negative judges.
    """
    gains = np.asarray(gains, np.float64)
    if gains.ndim != 2 or not gains.size:
        raise UserError(
            f"gains must be a table of shards by options, not of shape {gains.shape}; "
            "give one row a shard"
        )
    count = len(gains)
    alpha = np.asarray(np.ones(count) if judges is None else judges, np.float64)
    d = np.asarray(np.zeros(count) if disagreement is None else disagreement, np.float64)
    for name, given in (("judges", alpha), ("disagreement", d)):
        if given.shape != (count,):
            raise UserError(f"{name} must be {count} numbers, one a shard, not {given.shape}")
    if not all(np.isfinite(one).all() for one in (gains, alpha, d)):
        raise UserError("gains, judges and disagreement must be finite; leave such options out")
    if (alpha < 0).any() or not alpha.any():
        raise UserError("judges must be 0 or more, and one of them above 0")
    return Problem(gains, shares(alpha), d)


def shares(strength: np.ndarray) -> np.ndarray:
    """Scale strengths float[..., K] ≥ 0 to sum to 1; even where all are 0."""
    strength = np.asarray(strength, np.float64)
    total = strength.sum(-1, keepdims=True)
    even = np.full_like(strength, 1.0 / strength.shape[-1])
    return np.divide(strength, total, out=even, where=total > 0)


def among(judges: np.ndarray, able: np.ndarray) -> np.ndarray:
    """Return α float64[..., K] of those judges alone that are `able` bool[K], say, to plan."""
    return shares(np.where(able, judges, 0.0))


def active(problem: Problem) -> np.ndarray:
    """Return bool[K]: the shards that judge at all."""
    return problem.judges > 0


def best(values: np.ndarray, parts: np.ndarray | None = None) -> np.ndarray:
    """Return the indices of the greatest of float[M], all that tie.

    Where values are sums that may cancel, `parts` float[K, M] say how large rounding may be.
    """
    values = np.asarray(values)
    same = slack(values if parts is None else parts)
    return np.flatnonzero(values >= values.max() - same)


def slack(values: np.ndarray) -> float:
    """Return what two of these numbers may differ by and still tie."""
    finite = np.abs(values[np.isfinite(values)])
    return TIE * float(finite.max(initial=0.0))


def pure(options: Any, count: int) -> Outcome:
    """Return the outcome whose branches are single options, each once, out of `count`."""
    return Outcome(np.eye(count)[np.unique(np.asarray(options, np.int64))])


def distinct(rows: np.ndarray, apart: float = MERGE) -> np.ndarray:
    """Return the rows of float[N, M] without those nearer than `apart` to an earlier one."""
    kept: list[np.ndarray] = []
    for row in rows:
        if not any(np.abs(row - one).max(initial=0.0) < apart for one in kept):
            kept.append(row)
    return np.array(kept).reshape(len(kept), rows.shape[1])
