"""The strongest single-utility rival: one planner with a gain.

The agent chooses by U = τ·log Σ_o exp((u_o − κ_o d_o)/τ) + Σ_o ν_o d_o of the state that an
action reaches, with ν_o >= 0 only for concepts that the shards may shun too, times a gain
g(x) >= 0 on the same gate atoms, beside the same habit and affordance.
Axes: C contexts, A actions, O concepts, J atoms, N linear coefficients.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from shardsim.shards.fit import likelihood, linear_models
from shardsim.shards.fit.data import LONGEST, DecisionData, log_softmax
from shardsim.shards.fit.likelihood import Linear
from shardsim.shards.fit.linear_models import Common

STARTS = 4
FINALISTS = 3
ROUNDS = 2
SAMPLE = 1200  # contexts on which starts are compared
THETA_SAMPLE = 3000  # contexts, at least, that few parameters are fitted to
GAIN_PENALTY = 1e-3
BOUND = 12.0


class Planner(NamedTuple):
    """Parameters θ = (log τ, u_o, log κ_o, ν_o); linear coefficients of gain and nuisances."""

    theta: np.ndarray  # [1 + 3 O]
    linear: np.ndarray  # [N]


def distance_after(data: DecisionData) -> np.ndarray:
    """Moves to each concept from the state that each action reaches, [O, C, A]."""
    finite = np.where(data.reachable & np.isfinite(data.distance), data.distance, LONGEST)
    lost = data.advantages if data.planned is None else data.planned
    after = np.maximum(finite - 1.0, 0.0)[:, None, :] - lost
    return np.ascontiguousarray(after.transpose(2, 0, 1))


def utility(theta: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """U [C, A] and its gradient [1 + 3 O, C, A] in θ, from distances [O, C, A]."""
    count = len(after)
    tau, slope = np.exp(theta[0]), np.exp(theta[1 + count : 1 + 2 * count])[:, None, None]
    scaled = (theta[1 : 1 + count, None, None] - slope * after) / tau
    peak = scaled.max(0)
    weight = np.exp(scaled - peak)
    total = weight.sum(0)
    weight /= total
    value = peak + np.log(total)
    gradient = np.empty((1 + 3 * count, *value.shape))
    gradient[0] = tau * (value - (weight * scaled).sum(0))
    gradient[1 : 1 + count] = weight
    gradient[1 + count : 1 + 2 * count] = -weight * after * slope
    gradient[1 + 2 * count :] = after
    return tau * value + np.tensordot(theta[1 + 2 * count :], after, 1), gradient


def _utility_loss(theta, after, gain, base, target):
    """Mean cross-entropy and its gradient in θ, gain and nuisances held."""
    value, gradient = utility(theta, after)
    logs = log_softmax(base + gain[:, None] * value)
    miss = gain[:, None] * (np.exp(logs) - target)
    slope = gradient.reshape(len(theta), -1) @ miss.ravel() / len(gain)
    ridge = 1e-4 * theta
    return -(target * logs).sum(1).mean() + 0.5 * ridge @ theta, slope + ridge


def _fit_theta(theta, after, gain, base, target, shunned, steps):
    bounds = [(-3.0, 3.0)] + [(-BOUND, BOUND)] * len(after) + [(-4.0, 2.0)] * len(after)
    bounds += [(0.0, BOUND if negative else 0.0) for negative in shunned]
    found = minimize(
        _utility_loss,
        theta,
        args=(after, gain, base, target),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": steps},
    )
    return found.x


def gain_model(shared: Common, values: np.ndarray, utility: np.ndarray) -> Linear:
    """A utility [C, A] times a gain >= 0 on atom values [C, J], beside habit and affordance."""
    centred = utility - utility.mean(1, keepdims=True)
    extra = centred[:, :, None] * values[:, None, :]
    model = linear_models.joined(linear_models.nuisance(shared), extra, linear_models.GATE_RIDGE)
    penalty = model.penalty.copy()
    penalty[model.bounded] = GAIN_PENALTY
    penalty[np.flatnonzero(model.bounded)[0]] = 0.0  # a constant gain is free
    return model._replace(penalty=penalty)


def _model(shared: Common, values: np.ndarray, theta: np.ndarray, after: np.ndarray) -> Linear:
    return gain_model(shared, values, utility(theta, after)[0])


def _alternate(shared, values, after, start: Planner, rounds: int, steps: int) -> Planner:
    theta, linear = start
    shunned = shared.shunned
    count = values.shape[1]
    for _ in range(rounds):
        model = _model(shared, values, theta, after)
        linear = likelihood.fit(model, shared.target, linear, 4)
        gain = values @ linear[-count:]
        base = model.design[:, :, :-count] @ linear[:-count]
        few = slice(None, None, max(1, len(gain) // THETA_SAMPLE))
        theta = _fit_theta(
            theta, after[:, few], gain[few], base[few], shared.target[few], shunned, steps
        )
    model = _model(shared, values, theta, after)
    return Planner(theta, likelihood.fit(model, shared.target, linear, 6))


def _loss(shared, values, after, planner: Planner) -> float:
    return likelihood.loss(
        _model(shared, values, planner.theta, after), shared.target, planner.linear
    )


def _starts(rng: np.random.Generator, weights: np.ndarray) -> list[np.ndarray]:
    """Starts for θ, the first near one utility (a large τ makes U linear in the distances)."""
    count = len(weights)
    liked, shunned = np.maximum(weights, 0.0), np.maximum(-weights, 0.0)
    log_weights = np.log(np.maximum(liked / max(liked.max(), 1e-9), 0.03))
    found = [np.r_[1.5, np.zeros(count), log_weights + 0.5, shunned]]
    for tau in (-0.7, 0.3):
        found.append(np.r_[tau, np.zeros(2 * count), 0.5 * shunned])
    for tau in np.linspace(-1.0, 1.0, STARTS):
        value, slope = 1.5 * rng.normal(size=count), 0.5 * rng.normal(size=count)
        found.append(np.r_[tau, value, slope, 0.5 * shunned])
    return found


def fit(shared: Common, values: np.ndarray, weights: np.ndarray, seed: int) -> Planner:
    """Fit the planner to all contexts, with gain on atom values [C, J] (constant first).

    Every start is tried on a sample with a constant gain; the best few go on to a free gain, first
    on the sample and the best of them on everything. `weights` [O] are one utility's, signed.
    """
    rng = np.random.default_rng(seed)
    after = distance_after(shared.data)
    rows = np.sort(rng.permutation(after.shape[1])[:SAMPLE])
    small, near = linear_models.part(shared, rows), after[:, rows]
    linear = np.r_[np.zeros(linear_models.nuisance(small).design.shape[2]), 1.0]
    tried = [
        _alternate(small, values[rows, :1], near, Planner(theta, linear), 2, 40)
        for theta in _starts(rng, weights)
    ]
    tried.sort(key=lambda planner: _loss(small, values[rows, :1], near, planner))
    some = values[rows]
    extended = [
        Planner(t.theta, np.r_[t.linear, np.zeros(values.shape[1] - 1)]) for t in tried[:FINALISTS]
    ]
    grown = [_alternate(small, some, near, planner, 2, 40) for planner in extended]
    best = min(grown, key=lambda planner: _loss(small, some, near, planner))
    return _alternate(shared, values, after, best, ROUNDS, 40)


def cross_fit(shared: Common, values: np.ndarray, weights: np.ndarray, seed: int) -> np.ndarray:
    """Held-out logits [C, A], folds started from the fit to all contexts."""
    after = distance_after(shared.data)
    whole = fit(shared, values, weights, seed)
    logits = np.zeros_like(shared.target)
    for f in range(shared.fold.max() + 1):
        seen = np.flatnonzero(shared.fold != f)
        unseen = np.flatnonzero(shared.fold == f)
        found = _alternate(
            linear_models.part(shared, seen), values[seen], after[:, seen], whole, 1, 30
        )
        model = _model(
            linear_models.part(shared, unseen), values[unseen], found.theta, after[:, unseen]
        )
        logits[unseen] = model.design @ found.linear
    return logits
