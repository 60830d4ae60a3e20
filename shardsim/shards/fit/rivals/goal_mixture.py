"""The rival that has one goal at a time and keeps it in mind, where no observation shows it.

Such an agent acts by softmax_a(β A_o + habit + affordance) while its goal is o. A policy that is
asked for its choice in a context answers without saying which goal it would have been keeping, so
all that can be observed of such a memory is the mixture
    π(a|s) = Σ_o m_o(x) softmax_a(β(x) A_o(s, a) + habit + affordance),
m_o(x) ∝ exp(v_o − κ_o d_o) over the reachable concepts and β(x) >= 0 the gain. Shards add logits,
goals held one at a time add probabilities: between two goals the mixture has two peaks.
Axes: C contexts, A actions, O concepts, Q signed columns, J atoms; θ = (v_q, κ_q).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.shards.fit.data import LONGEST
from shardsim.shards.fit.linear_models import Common
from shardsim.shards.fit.rivals.descent import Rival

UTILITY = 8.0  # log odds of one goal against another, at most
RATE = 3.0  # a move
FIRST_RATES = (0.0, 0.3)
LEAST_LIKED = 0.05  # of the most liked, in a start
ABSENT = -30.0  # log weight of a goal that cannot be reached


def log_chances(
    theta: jax.Array, gain: jax.Array, base: jax.Array, own: tuple[jax.Array, ...]
) -> jax.Array:
    """Log-probabilities [C, A]; `own`: pulls [C, A, Q], distances [C, Q], reachable [C, Q]."""
    pulls, distance, reachable = own
    count = pulls.shape[2]
    score = jnp.where(reachable > 0, theta[:count] - theta[count:] * distance, ABSENT)
    weight = jax.nn.log_softmax(score, axis=1)
    each = base[:, :, None] + gain[:, None, None] * pulls
    return jax.nn.logsumexp(jax.nn.log_softmax(each, axis=1) + weight[:, None, :], axis=2)


def rival(shared: Common, weights: np.ndarray) -> Rival:
    """Return the rival with starts from one utility's weights [O], distance playing a part or not.

    A shunned concept may also be a goal to keep away from: a column of its own.
    """
    data = shared.data
    columns = np.r_[np.arange(len(weights)), np.flatnonzero(shared.shunned)]
    signs = np.r_[np.ones(len(weights)), -np.ones(len(columns) - len(weights))]
    finite = data.reachable & np.isfinite(data.distance)
    distance = np.where(finite, data.distance, LONGEST)
    pulls = (data.advantages if data.planned is None else data.planned)[:, :, columns] * signs
    liked = np.maximum(weights[columns] * signs, 0.0)
    likely = np.log(np.maximum(liked / max(liked.max(initial=0.0), 1e-9), LEAST_LIKED))
    starts = [
        np.r_[utility, np.full(len(columns), rate)]
        for rate in FIRST_RATES
        for utility in (likely, np.zeros(len(columns)))
    ]
    bounds = [(-UTILITY, UTILITY)] * len(columns) + [(0.0, RATE)] * len(columns)
    own = (pulls, distance[:, columns], data.reachable[:, columns])
    return Rival(log_chances, own, starts, bounds)
