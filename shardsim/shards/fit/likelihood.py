"""Maximum likelihood for models whose logits are linear in their coefficients.

Minimises mean cross-entropy of softmax(offset + X w) against the agent's own distribution, plus
penaltyᵀw + ½ ridge·w², with w >= 0 where it is bounded: projected Newton steps with halving
(Bertsekas 1982, "Projected Newton methods for optimization problems with simple constraints").
Axes: C contexts, A actions, N coefficients, E rows C·A.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.fit.data import log_softmax
from shardsim.shards.fit.solvers import nonnegative

STEPS = 12
TOLERANCE = 1e-7


class Linear(NamedTuple):
    """A linear model of logits."""

    design: np.ndarray  # X, [C, A, N]
    bounded: np.ndarray  # bool[N], coefficients that must not be negative
    penalty: np.ndarray  # [N]
    ridge: np.ndarray  # [N]


def loss(model: Linear, target: np.ndarray, coefficients: np.ndarray) -> float:
    """Penalised mean cross-entropy in nats against target probabilities [C, A]."""
    logits = model.design @ coefficients
    value = -(target * log_softmax(logits)).sum(1).mean()
    penalty = model.penalty @ coefficients + 0.5 * model.ridge @ coefficients**2
    return float(value + penalty)


def fit(
    model: Linear, target: np.ndarray, start: np.ndarray | None = None, steps: int = STEPS
) -> np.ndarray:
    """Coefficients [N] that minimise `loss`.

    Args:
      model: design and penalties.
      target: the agent's distribution, [C, A].
      start: feasible start, zeros by default.
      steps: at most so many Newton steps.
    """
    size = len(target)
    now = np.zeros(model.design.shape[2]) if start is None else start.copy()
    value = loss(model, target, now)
    flat = model.design.reshape(-1, model.design.shape[2])
    for _ in range(steps):
        chance = np.exp(log_softmax(model.design @ now))
        slope = flat.T @ (target - chance).ravel() / size - model.penalty - model.ridge * now
        mean = (chance[:, None] @ model.design)[:, 0]
        rooted = flat * np.sqrt(chance).reshape(-1, 1)  # a matrix by itself: half the products
        hessian = (rooted.T @ rooted - mean.T @ mean) / size
        hessian[np.diag_indices(len(now))] += model.ridge + 1e-7
        wanted = _bounded_quadratic(hessian, slope + hessian @ now, model.bounded, now)
        new, new_value = _halve(model, target, now, wanted, value)
        if value - new_value < TOLERANCE * max(1.0, abs(value)):
            return new if new_value <= value else now
        now, value = new, new_value
    return now


def _halve(model, target, now, wanted, value):
    """The first of up to eight halvings of a step that lowers the loss."""
    for power in range(8):
        new = now + 0.5**power * (wanted - now)
        new_value = loss(model, target, new)
        if new_value < value:
            return new, new_value
    return now, value


def _bounded_quadratic(quadratic, linear, bounded, start):
    """Minimise ½ xᵀGx − rᵀx with some coordinates bounded below by 0, the others free."""
    free, tied = np.flatnonzero(~bounded), np.flatnonzero(bounded)
    found = np.zeros_like(linear)
    inner = quadratic[np.ix_(free, free)]
    cross = quadratic[np.ix_(free, tied)]
    solved = np.linalg.solve(inner, np.column_stack([cross, linear[free]]))
    reduced = quadratic[np.ix_(tied, tied)] - cross.T @ solved[:, :-1]
    if len(tied):
        found[tied] = nonnegative(reduced, linear[tied] - cross.T @ solved[:, -1], start[tied])
    found[free] = solved[:, -1] - solved[:, :-1] @ found[tied]
    return found
