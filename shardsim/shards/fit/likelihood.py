"""Maximum likelihood of models of an agent's decisions, by Fisher scoring, and held out by folds.

Minimises the mean cross-entropy of the model's distribution against the agent's own, plus
penaltyᵀw + ½ ridge·w², within bounds: each step solves the quadratic of the Fisher information
(Rao 1948, "Large sample tests of statistical hypotheses") under the bounds, damped where it would
not lower the loss (Marquardt 1963, "An algorithm for least-squares estimation of nonlinear
parameters"). A fold is left out by a step or two from the fit to all contexts.
Axes: C contexts, A actions, N coefficients, V folds.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from shardsim.shards.fit.data import log_softmax
from shardsim.shards.fit.solvers import nonnegative

STEPS = 12
TOLERANCE = 1e-7
JITTER = 1e-7  # on the diagonal of the information
FIRST_DAMPING = 1e-2  # relative to the diagonal of the information
LEAST_DAMPING = 1e-4  # what is less is nothing
TRIES = 8


@runtime_checkable
class Model(Protocol):
    """What is fitted: log-probabilities of actions, with their slopes in N coefficients."""

    @property
    def low(self) -> np.ndarray: ...  # [N], bounds of the coefficients
    @property
    def high(self) -> np.ndarray: ...  # [N]
    @property
    def penalty(self) -> np.ndarray: ...  # [N]
    @property
    def ridge(self) -> np.ndarray: ...  # [N]

    def logs(self, coefficients: np.ndarray) -> np.ndarray:
        """Log-probabilities float64[C, A]."""
        ...

    def slopes(self, coefficients: np.ndarray) -> np.ndarray:
        """Slopes float32[C, A, N] of the log-probabilities, up to a constant in each context."""
        ...


class Linear(NamedTuple):
    """A model whose logits are linear in its coefficients."""

    design: np.ndarray  # X, float32[C, A, N]
    bounded: np.ndarray  # bool[N], coefficients that must not be negative
    penalty: np.ndarray  # [N]
    ridge: np.ndarray  # [N]

    @property
    def low(self) -> np.ndarray:
        """Lower bounds [N]."""
        return np.where(self.bounded, 0.0, -np.inf)

    @property
    def high(self) -> np.ndarray:
        """Upper bounds [N]: none."""
        return np.full(len(self.bounded), np.inf)

    def logits(self, coefficients: np.ndarray) -> np.ndarray:
        """Logits float64[C, A]."""
        return (self.design @ coefficients.astype(self.design.dtype)).astype(np.float64)

    def logs(self, coefficients: np.ndarray) -> np.ndarray:
        """Log-probabilities float64[C, A]."""
        return log_softmax(self.logits(coefficients))

    def slopes(self, coefficients: np.ndarray) -> np.ndarray:
        """Slopes [C, A, N]: the design, wherever."""
        return self.design


class Moments(NamedTuple):
    """What a step needs to know of some contexts at the present coefficients, summed."""

    size: int
    slope: np.ndarray  # [N], of the log-likelihood
    information: np.ndarray  # [N, N]

    def plus(self, other: Moments) -> Moments:
        """The moments of these contexts and the other's."""
        return Moments(
            self.size + other.size, self.slope + other.slope, self.information + other.information
        )

    def without(self, other: Moments) -> Moments:
        """The moments of the contexts that are not the other's."""
        return Moments(
            self.size - other.size, self.slope - other.slope, self.information - other.information
        )


class State(NamedTuple):
    """Where a fit is."""

    coefficients: np.ndarray  # [N]
    logs: np.ndarray  # [C, A], of all contexts
    loss: float  # over the contexts that are fitted to


def loss(model: Model, target: np.ndarray, coefficients: np.ndarray) -> float:
    """Penalised mean cross-entropy in nats against target probabilities [C, A]."""
    return _loss(model, target, coefficients, model.logs(coefficients), slice(None))


def fit(
    model: Model,
    target: np.ndarray,
    start: np.ndarray | None = None,
    steps: int = STEPS,
    tolerance: float = TOLERANCE,
) -> np.ndarray:
    """Coefficients [N] that minimise `loss`; a local minimum unless the model is linear.

    Args:
      model: what is fitted.
      target: the agent's distribution, [C, A].
      start: feasible start, by default zeros.
      steps: at most so many.
      tolerance: nats by which a step must lower the loss, for there to be another.
    """
    begin = np.zeros(len(model.ridge)) if start is None else start
    state = _state(model, target, begin, slice(None))
    return _descend(model, target, state, steps, tolerance=tolerance).coefficients


def cross_fit(
    model: Model, target: np.ndarray, fold: np.ndarray, whole: np.ndarray, steps: int = 1
) -> np.ndarray:
    """Held-out log-probabilities [C, A]: each context by coefficients that did not see its fold.

    Args:
      model: what is fitted.
      target: the agent's distribution, [C, A].
      fold: int64[C].
      whole: [N], the fit to all contexts, from which every fold goes on.
      steps: of each fold; the first costs little, since folds share what it needs to know.
    """
    logs, slopes = model.logs(whole), model.slopes(whole)
    masks = [fold == f for f in range(fold.max() + 1)]
    parts = [moments(logs[mine], slopes[mine], target[mine]) for mine in masks]
    every = reduce(Moments.plus, parts)
    del slopes
    found = np.empty_like(target)
    for mine, part in zip(masks, parts, strict=True):
        begin = State(whole, logs, _loss(model, target, whole, logs, ~mine))
        state = _step(model, target, begin, every.without(part), 0.0, ~mine)[0]
        if steps > 1:
            state = _descend(model, target, state, steps - 1, ~mine)
        found[mine] = state.logs[mine]
    return found


def _state(model: Model, target: np.ndarray, coefficients: np.ndarray, seen) -> State:
    logs = model.logs(coefficients)
    return State(coefficients, logs, _loss(model, target, coefficients, logs, seen))


def _loss(model: Model, target, coefficients, logs, seen) -> float:
    value = -(target[seen] * logs[seen]).sum(1).mean()
    return float(value + model.penalty @ coefficients + 0.5 * model.ridge @ coefficients**2)


def _descend(
    model: Model, target, state: State, steps: int, seen=slice(None), tolerance=TOLERANCE
) -> State:
    damping = FIRST_DAMPING
    for _ in range(steps):
        slopes = model.slopes(state.coefficients)
        here = moments(state.logs[seen], slopes[seen], target[seen])
        new, damping = _step(model, target, state, here, damping, seen)
        if state.loss - new.loss < tolerance:
            return new
        state = new
    return state


def moments(logs: np.ndarray, slopes: np.ndarray, target: np.ndarray) -> Moments:
    """Slope of the log-likelihood and Fisher information of contexts [C], summed.

    Args:
      logs: [C, A], log-probabilities of the model.
      slopes: [C, A, N], theirs, up to a constant in each context.
      target: [C, A], the agent's distribution.
    """
    size, actions, count = slopes.shape
    chance = np.exp(logs).astype(slopes.dtype)
    flat = slopes.reshape(size * actions, count)
    slope = (target.astype(slopes.dtype) - chance).ravel() @ flat
    mean = np.zeros((size, count), slopes.dtype)
    for action in range(actions):
        mean += chance[:, action, None] * slopes[:, action]
    rooted = flat * np.sqrt(chance).reshape(-1, 1)  # a matrix by itself: half the products
    information = rooted.T @ rooted - mean.T @ mean
    return Moments(size, slope.astype(np.float64), information.astype(np.float64))


def _step(
    model: Model, target, state: State, here: Moments, damping: float, seen
) -> tuple[State, float]:
    """The first of some steps, damped more and more, that lowers the loss; and the next damping."""
    now = state.coefficients
    information = here.information / here.size
    information[np.diag_indices(len(now))] += model.ridge + JITTER
    slope = here.slope / here.size - model.penalty - model.ridge * now
    for _ in range(TRIES):
        matrix = information + np.diag(damping * information.diagonal())
        new = _state(model, target, _bounded_quadratic(matrix, slope, model, now), seen)
        if new.loss < state.loss:
            return new, 0.1 * damping if damping > LEAST_DAMPING else 0.0
        damping = max(8.0 * damping, FIRST_DAMPING)
    return state, damping


def _bounded_quadratic(matrix, slope, model: Model, now: np.ndarray) -> np.ndarray:
    """Minimise ½ dᵀGd − slopeᵀd for now + d above the lower bounds; clipped at the upper ones.

    A coefficient that is at its upper bound and pushed beyond it stays there.
    """
    low, high = model.low, model.high
    moving = ~((now >= high) & (slope > 0)) & (low < high)
    free = np.flatnonzero(moving & np.isinf(low))
    tied = np.flatnonzero(moving & ~np.isinf(low))
    change = np.zeros_like(now)
    cross = matrix[np.ix_(free, tied)]
    solved = np.linalg.solve(matrix[np.ix_(free, free)], np.column_stack([cross, slope[free]]))
    if len(tied):
        reduced = matrix[np.ix_(tied, tied)] - cross.T @ solved[:, :-1]
        height = now[tied] - low[tied]
        wanted = slope[tied] - cross.T @ solved[:, -1] + reduced @ height
        change[tied] = nonnegative(reduced, wanted, height) - height
    change[free] = solved[:, -1] - solved[:, :-1] @ change[tied]
    return np.minimum(now + change, high)
