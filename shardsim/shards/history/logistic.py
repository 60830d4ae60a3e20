"""Weighted multinomial logistic regression, one safeguarded Newton step at a time.

Axis letters: N rows · C choices · R coefficients.
"""

from __future__ import annotations

import numpy as np

from shardsim.shards.fit.data import log_softmax

TRIES = 12


class Choices:
    """Rows with weights over choices whose logits are linear: expected counts of what was chosen.

    The objective is Σ_n Σ_c count(n, c) log p(c|n) − ½ ridge |w − centre|².
    """

    def __init__(self, design: np.ndarray, count: np.ndarray, ridge: float, centre=0.0) -> None:
        """Hold design float[N, C, R], count float[N, C], and the Gaussian prior."""
        self.design, self.count, self.ridge, self.centre = design, count, ridge, centre

    def logs(self, weights: np.ndarray) -> np.ndarray:
        """Log-probabilities [N, C]."""
        return log_softmax(self.design @ weights)

    def value(self, weights: np.ndarray) -> float:
        """The objective, in nats."""
        prior = 0.5 * self.ridge * ((weights - self.centre) ** 2).sum()
        return float((self.count * self.logs(weights)).sum() - prior)

    def better(self, weights: np.ndarray) -> np.ndarray:
        """One Newton step, halved until the objective does not fall; else the weights given."""
        chance = np.exp(self.logs(weights))
        total = self.count.sum(1)
        rows, choices, size = self.design.shape
        flat = self.design.reshape(rows * choices, size)
        expected = total[:, None] * chance
        slope = (self.count - expected).ravel() @ flat - self.ridge * (weights - self.centre)
        mean = (flat * chance.reshape(-1, 1)).reshape(rows, choices, size).sum(1)
        rooted = flat * np.sqrt(expected).reshape(-1, 1)
        heavy = mean * np.sqrt(total)[:, None]
        curve = rooted.T @ rooted - heavy.T @ heavy + (self.ridge + 1e-9) * np.eye(size)
        step, now = np.linalg.solve(curve, slope), self.value(weights)
        for _ in range(TRIES):
            if self.value(weights + step) >= now:
                return weights + step
            step = 0.5 * step
        return weights
