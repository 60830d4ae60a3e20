"""The strongest single-utility rival: one planner with a gain.

The agent chooses by U = τ·log Σ_o exp((u_o − κ_o d_o)/τ) + Σ_o ν_o d_o of the state that an
action reaches, with ν_o >= 0 only for concepts that the shards may shun too.
Axes: C contexts, A actions, O concepts; θ = (log τ, u_o, log κ_o, ν_o).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from shardsim.shards.fit.data import LONGEST, DecisionData
from shardsim.shards.fit.linear_models import Common
from shardsim.shards.fit.rivals.gained import Rival, Utility, every_level

RANDOM_STARTS = 4
BOUND = 12.0
LOG_TEMPERATURE = (-3.0, 3.0)
LOG_SLOPE = (-4.0, 2.0)


def distance_after(data: DecisionData) -> np.ndarray:
    """Moves to each concept from the state that each action reaches, float32[O, C, A]."""
    finite = np.where(data.reachable & np.isfinite(data.distance), data.distance, LONGEST)
    lost = data.advantages if data.planned is None else data.planned
    after = np.maximum(finite - 1.0, 0.0)[:, None, :] - lost
    return np.ascontiguousarray(after.transpose(2, 0, 1), np.float32)


def _chosen(theta: np.ndarray, after: np.ndarray):
    """Exponents (u_o − κ_o d_o)/τ, their soft-max weights, both [O, C, A], and U [C, A]."""
    count = len(after)
    tau, slope = np.exp(theta[0]), np.exp(theta[1 + count : 1 + 2 * count])
    scaled = (theta[1 : 1 + count, None, None] - slope[:, None, None] * after) / tau
    peak = scaled.max(0)
    weight = np.exp(scaled - peak)
    total = weight.sum(0)
    value = tau * (peak + np.log(total)) + np.tensordot(theta[1 + 2 * count :], after, 1)
    return scaled, weight / total, value


def utility(theta: np.ndarray, after: np.ndarray) -> np.ndarray:
    """U [C, A] from distances [O, C, A]."""
    return _chosen(theta.astype(after.dtype), after)[2]


def utility_slopes(theta: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """U [C, A] and its slopes [C, A, 1 + 3 O] in θ."""
    theta, count = theta.astype(after.dtype), len(after)
    scaled, weight, value = _chosen(theta, after)
    tau, slope = np.exp(theta[0]), np.exp(theta[1 + count : 1 + 2 * count])[:, None, None]
    slopes = np.empty((*value.shape, 1 + 3 * count), after.dtype)
    spread = value - np.tensordot(theta[1 + 2 * count :], after, 1)
    slopes[:, :, 0] = spread - tau * (weight * scaled).sum(0)
    slopes[:, :, 1 : 1 + count] = np.moveaxis(weight, 0, 2)
    slopes[:, :, 1 + count : 1 + 2 * count] = np.moveaxis(-weight * after * slope, 0, 2)
    slopes[:, :, 1 + 2 * count :] = np.moveaxis(after, 0, 2)
    return value, slopes


def by_distance(
    value: Callable[..., np.ndarray], value_and_slopes: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> Callable[[Common], Utility]:
    """Return the rule of a utility of θ and the distances `after` each action."""

    def rule(shared: Common) -> Utility:
        after = distance_after(shared.data)
        given = partial(value, after=after), partial(value_and_slopes, after=after)
        return Utility(shared.data.blocked, *given)

    return rule


def _starts(_: Common, weights: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Starts for θ, the first near one utility (a large τ makes U linear in the distances)."""
    count = len(weights)
    liked, shunned = np.maximum(weights, 0.0), np.maximum(-weights, 0.0)
    log_weights = np.log(np.maximum(liked / max(liked.max(), 1e-9), 0.03))
    found = [np.r_[1.5, np.zeros(count), log_weights + 0.5, shunned]]
    for tau in (-0.7, 0.3):
        found.append(np.r_[tau, np.zeros(2 * count), 0.5 * shunned])
    for tau in np.linspace(-1.0, 1.0, RANDOM_STARTS):
        value, slope = 1.5 * rng.normal(size=count), 0.5 * rng.normal(size=count)
        found.append(np.r_[tau, value, slope, 0.5 * shunned])
    return found


def _bounds(shared: Common) -> tuple[np.ndarray, np.ndarray]:
    count = len(shared.shunned)
    low = np.r_[LOG_TEMPERATURE[0], np.full(count, -BOUND), np.full(count, LOG_SLOPE[0])]
    high = np.r_[LOG_TEMPERATURE[1], np.full(count, BOUND), np.full(count, LOG_SLOPE[1])]
    return np.r_[low, np.zeros(count)], np.r_[high, np.where(shared.shunned, BOUND, 0.0)]


RIVAL = Rival(
    by_distance(utility, utility_slopes), _starts, _bounds, ridge=1e-4, most_levels=every_level
)
