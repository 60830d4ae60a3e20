"""The rival that discounts steeply: one utility whose pulls fade with distance.

U(s') = Σ_o u_o D(d_o(s')) of the state that an action reaches, times a gain g(x) >= 0, beside habit
and affordance. D is the generalised hyperbola (1 + α κ_o d)^(−1/α) of Loewenstein & Prelec (1992,
"Anomalies in intertemporal choice"): exponential for α → 0, hyperbolic, 1/(1 + κ_o d), at α = 1.
A pull that acts only nearby looks like a shard with a distance gate; this is what tells how much of
such a gate one discounting utility accounts for.
Axes: C contexts, A actions, O concepts, J atoms; θ = (w_o, log κ_o, α).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.shards.fit.linear_models import Common
from shardsim.shards.fit.rivals.descent import Rival
from shardsim.shards.fit.rivals.planner import distance_after

LARGEST = 12.0  # logits for the last move
LOG_RATE = (-4.0, 2.0)  # a move keeps .98 to .0006 of a pull
SHAPE = (0.02, 2.0)
FIRST_RATES = (0.03, 0.3, 1.0)
FIRST_SCALES = (1.0, 3.0)


def discount(distance: jax.Array, rate: jax.Array, shape: jax.Array) -> jax.Array:
    """D(d) = (1 + α κ d)^(−1/α) for distances in moves."""
    return jnp.exp(-jnp.log1p(shape * rate * distance) / shape)


def log_chances(
    theta: jax.Array, gain: jax.Array, base: jax.Array, own: tuple[jax.Array, ...]
) -> jax.Array:
    """Log-probabilities [C, A]; `own` is the distance after each action, [C, A, O].

    w_o = u_o (1 − D_o(1)), the logits of the last move, is what is fitted: with a small rate U is
    linear in the distances, and w_o stays of the size of one utility's weights.
    """
    (after,) = own
    count = after.shape[2]
    weight, rate, shape = theta[:count], jnp.exp(theta[count : 2 * count]), theta[2 * count]
    lost = (1.0 - discount(after, rate, shape)) / (1.0 - discount(jnp.ones(()), rate, shape))
    value = -jnp.sum(weight * lost, axis=2)
    return jax.nn.log_softmax(base + gain[:, None] * value)


def rival(shared: Common, weights: np.ndarray) -> Rival:
    """Return the rival with starts from one utility's weights [O], signed, each with several rates.

    `descent.cross_fit` fits it.
    """
    after = distance_after(shared.data).transpose(1, 2, 0)
    largest = max(float(np.abs(weights).max(initial=0.0)), 1e-9)
    allowed = np.where(shared.shunned, weights, np.maximum(weights, 0.0)) / largest
    starts = [
        np.r_[scale * allowed + 0.1, np.full(len(weights), np.log(rate)), 0.5]
        for rate in FIRST_RATES
        for scale in FIRST_SCALES
    ]
    signed = [(-LARGEST if shun else 0.0, LARGEST) for shun in shared.shunned]
    return Rival(log_chances, (after,), starts, [*signed, *([LOG_RATE] * len(weights)), SHAPE])
