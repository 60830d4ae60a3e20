"""The rival that has one goal at a time and keeps it in mind, where no observation shows it.

Such an agent acts by softmax_a(β A_o + habit + affordance) while its goal is o. A policy that is
asked for its choice in a context answers without saying which goal it would have been keeping, so
all that can be observed of such a memory is the mixture
    π(a|s) = Σ_o m_o(x) softmax_a(β(x) A_o(s, a) + habit + affordance),
m_o(x) ∝ exp(v_o − κ_o d_o) over the reachable concepts and β(x) >= 0 the gain. Shards add logits,
goals held one at a time add probabilities: between two goals the mixture has two peaks.
Axes: C contexts, A actions, O concepts, Q signed columns; θ = (v_q, κ_q).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.fit.data import LONGEST, log_softmax
from shardsim.shards.fit.linear_models import Common
from shardsim.shards.fit.rivals.gained import Rival, Slopes, every_level

UTILITY = 8.0  # log odds of one goal against another, at most
RATE = 3.0  # a move
FIRST_RATES = (0.0, 0.3)
LEAST_LIKED = 0.05  # of the most liked, in a start
ABSENT = -30.0  # log weight of a goal that cannot be reached


class Mixture(NamedTuple):
    """The rule, with what it reads."""

    pulls: np.ndarray  # float32[C, Q, A]
    distance: np.ndarray  # float32[C, Q], moves
    reachable: np.ndarray  # bool[C, Q]
    blocked: np.ndarray  # bool[C, A]

    def _parts(self, theta, gain, base):
        """Log weights of the goals [C, Q], and log-probabilities under each [C, Q, A]."""
        count = self.pulls.shape[1]
        score = theta[:count] - theta[count:] * self.distance
        weight = log_softmax(np.where(self.reachable, score, ABSENT))
        return weight, log_softmax(base[:, None] + gain[:, None, None] * self.pulls)

    def logs(self, theta: np.ndarray, gain: np.ndarray, base: np.ndarray) -> np.ndarray:
        """Log-probabilities [C, A]."""
        weight, each = self._parts(theta, gain, base)
        return _log_sum(weight[:, :, None] + each)

    def slopes(self, theta: np.ndarray, gain: np.ndarray, base: np.ndarray) -> Slopes:
        """Slopes of the log-probabilities; r_q(a) is the chance that the goal was q, given a."""
        weight, each = self._parts(theta, gain, base)
        mixed = weight[:, :, None] + each
        given = np.exp(mixed - _log_sum(mixed)[:, None])  # r, [C, Q, A]
        chance = np.exp(each)
        by_score = np.where(self.reachable[:, :, None], given - np.exp(weight)[:, :, None], 0.0)
        by_score = by_score.transpose(0, 2, 1)  # [C, A, Q]
        pulled = self.pulls - (chance * self.pulls).sum(2, keepdims=True)
        bumped = self.blocked[:, None] - (chance * self.blocked[:, None]).sum(2, keepdims=True)
        others = given.transpose(0, 2, 1) @ chance  # Σ_q r_q(a) p_q(b), [C, A, A]
        return Slopes(
            theta=np.concatenate([by_score, -by_score * self.distance[:, None]], 2),
            gain=(given * pulled).sum(1),
            blocked=(given * bumped).sum(1),
            habit=np.eye(base.shape[1]) - others,
        )

    def held(self, theta: np.ndarray) -> Mixture:
        """Return the same: nothing is saved."""
        return self


def _log_sum(values: np.ndarray) -> np.ndarray:
    """Log of the sum of exponentials over the axis Q of [C, Q, A]."""
    peak = values.max(1)
    return peak + np.log(np.exp(values - peak[:, None]).sum(1))


def _columns(shared: Common) -> tuple[np.ndarray, np.ndarray]:
    """Concepts int64[Q] and signs [Q]: one shunned may also be a goal to keep away from."""
    count = len(shared.shunned)
    columns = np.r_[np.arange(count), np.flatnonzero(shared.shunned)]
    return columns, np.r_[np.ones(count), -np.ones(len(columns) - count)]


def _rule(shared: Common) -> Mixture:
    data, (columns, signs) = shared.data, _columns(shared)
    finite = data.reachable & np.isfinite(data.distance)
    distance = np.where(finite, data.distance, LONGEST)
    pulls = (data.advantages if data.planned is None else data.planned)[:, :, columns] * signs
    return Mixture(
        np.ascontiguousarray(pulls.transpose(0, 2, 1), np.float32),
        distance[:, columns].astype(np.float32),
        data.reachable[:, columns],
        data.blocked,
    )


def _starts(shared: Common, weights: np.ndarray, _: np.random.Generator) -> list[np.ndarray]:
    """Starts from one utility's weights [O], distance playing a part or not."""
    columns, signs = _columns(shared)
    liked = np.maximum(weights[columns] * signs, 0.0)
    likely = np.log(np.maximum(liked / max(liked.max(initial=0.0), 1e-9), LEAST_LIKED))
    return [
        np.r_[utility, np.full(len(columns), rate)]
        for rate in FIRST_RATES
        for utility in (likely, np.zeros(len(columns)))
    ]


def _bounds(shared: Common) -> tuple[np.ndarray, np.ndarray]:
    count = len(_columns(shared)[0])
    low, high = np.array([(-UTILITY, UTILITY)] * count + [(0.0, RATE)] * count).T
    return low, high


RIVAL = Rival(_rule, _starts, _bounds, ridge=1e-4, most_levels=every_level)
