"""A fitted set of shards: what it says in any context.

Axes: C contexts, F features, A actions, O concepts, J atoms, K shards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shardsim.shards.model import selection
from shardsim.shards.model.atoms import Atom, evaluate
from shardsim.shards.model.data import DecisionData
from shardsim.shards.model.gram import Problem
from shardsim.shards.model.selection import Workspace


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
    work: Workspace,
    problem: Problem,
    coefficients: np.ndarray,
    preferences: np.ndarray,
    data: DecisionData,
) -> ShardModel:
    """Complete gates and preferences with the best habit and affordance, evaluated on `data`."""
    nuisance = selection.nuisance_of(problem, coefficients @ preferences)
    atoms = len(work.atoms)
    nuisance[atoms:] -= nuisance[atoms:].mean()  # logits have no level
    values = evaluate(work.atoms, data.features)
    return ShardModel(
        atoms=work.atoms,
        coefficients=coefficients,
        preferences=preferences,
        gates=values @ coefficients,
        habit=nuisance[atoms:],
        affordance_coefficients=nuisance[:atoms],
        affordance=values @ nuisance[:atoms],
        predicted=selection.predict(data, values, coefficients @ preferences, nuisance),
    )
