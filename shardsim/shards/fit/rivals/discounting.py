"""The rival that discounts steeply: one utility whose pulls fade with distance.

U(s') = Σ_o u_o D(d_o(s')) of the state that an action reaches. D is the generalised hyperbola
(1 + α κ_o d)^(−1/α) of Loewenstein & Prelec (1992, "Anomalies in intertemporal choice"):
exponential for α → 0, hyperbolic, 1/(1 + κ_o d), at α = 1.
A pull that acts only nearby looks like a shard with a distance gate; this is what tells how much of
such a gate one discounting utility accounts for.
Axes: C contexts, A actions, O concepts; θ = (w_o, log κ_o, α).
"""

from __future__ import annotations

import numpy as np

from shardsim.shards.fit.linear_models import Common
from shardsim.shards.fit.rivals.gained import Rival, every_level
from shardsim.shards.fit.rivals.planner import by_distance

LARGEST = 12.0  # logits for the last move
LOG_RATE = (-4.0, 2.0)  # a move keeps .98 to .0006 of a pull
SHAPE = (0.02, 2.0)
FIRST_RATES = (0.03, 0.3, 1.0)
FIRST_SCALES = (1.0, 3.0)


Numbers = np.ndarray | np.floating


def discount(distance: Numbers, rate: Numbers, shape: Numbers) -> Numbers:
    """D(d) = (1 + α κ d)^(−1/α) for distances in moves."""
    return np.exp(-np.log1p(shape * rate * distance) / shape)


def _split(theta: np.ndarray, count: int):
    """w [O, 1, 1], κ [O, 1, 1] and α of θ."""
    weight, rate = theta[:count], np.exp(theta[count : 2 * count])
    return weight[:, None, None], rate[:, None, None], theta[2 * count]


def utility(theta: np.ndarray, after: np.ndarray) -> np.ndarray:
    """U [C, A] from the distances after each action, [O, C, A].

    w_o = u_o (1 − D_o(1)), the logits of the last move, is what is fitted: with a small rate U is
    linear in the distances, and w_o stays of the size of one utility's weights.
    """
    weight, rate, shape = _split(theta.astype(after.dtype), len(after))
    last = 1.0 - discount(np.ones_like(rate), rate, shape)
    return -(weight / last * (1.0 - discount(after, rate, shape))).sum(0)


def utility_slopes(theta: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """U [C, A] and its slopes [C, A, 2 O + 1] in θ."""
    count = len(after)
    weight, rate, shape = _split(theta.astype(after.dtype), count)
    one = np.ones_like(rate)
    kept, kept_once = discount(after, rate, shape), discount(one, rate, shape)
    lost, last = 1.0 - kept, 1.0 - kept_once
    by_rate, by_shape = _discount_slopes(after, kept, rate, shape)
    last_by_rate, last_by_shape = _discount_slopes(one, kept_once, rate, shape)
    slopes = np.empty((*after.shape[1:], 2 * count + 1), after.dtype)
    slopes[:, :, :count] = np.moveaxis(np.asarray(-lost / last), 0, 2)
    turned = weight * (by_rate * last - lost * last_by_rate) / last**2
    slopes[:, :, count : 2 * count] = np.moveaxis(turned, 0, 2)
    slopes[:, :, 2 * count] = (weight * (by_shape * last - lost * last_by_shape) / last**2).sum(0)
    return -(weight * lost / last).sum(0), slopes


def _discount_slopes(distance, kept, rate, shape) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of D(d) in log κ and in α."""
    inside = shape * rate * distance
    by_rate = -kept * rate * distance / (1.0 + inside)
    by_shape = kept * (np.log1p(inside) / shape - rate * distance / (1.0 + inside)) / shape
    return by_rate, by_shape


def _starts(shared: Common, weights: np.ndarray, _: np.random.Generator) -> list[np.ndarray]:
    """Starts from one utility's weights [O], signed, each with several rates."""
    largest = max(float(np.abs(weights).max(initial=0.0)), 1e-9)
    allowed = np.where(shared.shunned, weights, np.maximum(weights, 0.0)) / largest
    return [
        np.r_[scale * allowed + 0.1, np.full(len(weights), np.log(rate)), 0.5]
        for rate in FIRST_RATES
        for scale in FIRST_SCALES
    ]


def _bounds(shared: Common) -> tuple[np.ndarray, np.ndarray]:
    signed = [(-LARGEST if shun else 0.0, LARGEST) for shun in shared.shunned]
    low, high = np.array([*signed, *([LOG_RATE] * len(signed)), SHAPE]).T
    return low, high


RIVAL = Rival(
    by_distance(utility, utility_slopes), _starts, _bounds, ridge=1e-4, most_levels=every_level
)
