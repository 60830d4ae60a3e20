"""A fitted set of shards: what it says in any context.

Axes: C contexts, F features, A actions, O concepts, J atoms, K shards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shardsim.shards.fit import selection
from shardsim.shards.fit.atoms import Atom, evaluate
from shardsim.shards.fit.data import DecisionData
from shardsim.shards.fit.mle import Fitted


@dataclass(frozen=True)
class ShardModel:
    """Gates are in logits a move; preferences have unit norm."""

    atoms: tuple[Atom, ...]  # J
    coefficients: np.ndarray  # [J, K] >= 0
    preferences: np.ndarray  # [K, O]
    gates: np.ndarray  # [C, K]
    habit: np.ndarray  # [A]
    affordance_coefficients: np.ndarray  # [J]
    affordance: np.ndarray  # [C], logits of a blocked action
    predicted: np.ndarray  # [C, A], logits fitted to all contexts

    @property
    def num_shards(self) -> int:
        """K."""
        return len(self.preferences)

    def gate(self, features: np.ndarray) -> np.ndarray:
        """Gates [C', K] in other contexts with features [C', F] of the same env."""
        return evaluate(self.atoms, features) @ self.coefficients

    def predict(self, data: DecisionData) -> np.ndarray:
        """Logits [C', A] in other contexts."""
        return self._logits(data, self.preferences)

    def remove_concept(self, data: DecisionData, concept: int) -> np.ndarray:
        """Logits [C', A] with a concept's column of the preferences set to nothing."""
        kept = self.preferences.copy()
        kept[:, concept] = 0.0
        return self._logits(data, kept)

    def _logits(self, data: DecisionData, preferences: np.ndarray) -> np.ndarray:
        values = evaluate(self.atoms, data.features)
        nuisance = np.r_[self.affordance_coefficients, self.habit]
        return selection.predict(data, values, self.coefficients @ preferences, nuisance)


def shard_model(
    atoms: tuple[Atom, ...], fitted: Fitted, preferences: np.ndarray, data: DecisionData
) -> ShardModel:
    """Gates, preferences, habit and affordance, evaluated on `data`."""
    values = evaluate(atoms, data.features)
    nuisance = np.r_[fitted.affordance, fitted.habit]
    return ShardModel(
        atoms=atoms,
        coefficients=fitted.coefficients,
        preferences=preferences,
        gates=values @ fitted.coefficients,
        habit=fitted.habit,
        affordance_coefficients=fitted.affordance,
        affordance=values @ fitted.affordance,
        predicted=selection.predict(data, values, fitted.coefficients @ preferences, nuisance),
    )
