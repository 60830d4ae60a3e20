"""A fitted set of shards: what it says in any context.

Axes: C contexts, F features, A actions, O concepts, J atoms, K shards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shardsim.shards.fit import selection
from shardsim.shards.fit.atoms import Atom, evaluate
from shardsim.shards.fit.data import DecisionData
from shardsim.shards.fit.mle import Refined


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
    atoms: tuple[Atom, ...], refined: Refined, preferences: np.ndarray, data: DecisionData
) -> ShardModel:
    """Gates, preferences, habit and affordance, evaluated on `data`."""
    values = evaluate(atoms, data.features)
    nuisance = np.r_[refined.affordance, refined.habit]
    return ShardModel(
        atoms=atoms,
        coefficients=refined.coefficients,
        preferences=preferences,
        gates=values @ refined.coefficients,
        habit=refined.habit,
        affordance_coefficients=refined.affordance,
        affordance=values @ refined.affordance,
        predicted=selection.predict(data, values, refined.coefficients @ preferences, nuisance),
    )
