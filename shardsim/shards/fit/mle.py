"""Gates, habit and affordance by maximum likelihood, once preferences and atoms are chosen.

The search works on squared errors of logits, which is fast and finds the structure; near-
deterministic agents have logits that matter little where they are very low, so the last word on
strengths is the likelihood's. Axes: C contexts, A actions, O concepts, J atoms, K shards.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.fit import likelihood, linear_models
from shardsim.shards.fit.linear_models import Common


class Fitted(NamedTuple):
    """A model on the atoms of its search."""

    coefficients: np.ndarray  # [J, K] >= 0
    affordance: np.ndarray  # [J]
    habit: np.ndarray  # [A], mean 0


def fit_mle(
    shared: Common,
    values: np.ndarray,
    coefficients: np.ndarray,
    preferences: np.ndarray,
    steps: int = likelihood.STEPS,
) -> Fitted:
    """Refit what `coefficients` [J, K] uses, preferences [K, O] held; a convex problem."""
    model, start, (atoms, shards) = linear_models.gated(shared, values, coefficients, preferences)
    found = likelihood.fit(model, shared.target, start, steps)
    actions = shared.target.shape[1]
    fitted = np.zeros_like(coefficients)
    fitted[atoms, shards] = found[len(found) - len(atoms) :]
    affordance = np.zeros(values.shape[1])
    count = shared.affordance.shape[1]
    affordance[:count] = found[actions : actions + count]
    habit = found[:actions]
    return Fitted(fitted, affordance, habit - habit.mean())


def packed(fitted: Fitted, pattern: np.ndarray, used: int) -> np.ndarray:
    """Return coefficients [N] in the order of `linear_models.gated`.

    Args:
      fitted: what is ordered.
      pattern: [J, K], above zero where there is a gate.
      used: how many of the atoms the affordance may use.
    """
    return np.r_[fitted.habit, fitted.affordance[:used], fitted.coefficients[pattern > 0]]
