"""What each hypothesis about an agent says in contexts where it was not asked.

A rival, fitted to all contexts of its data, predicts any others of the same env.
Axes: C contexts of the fit, C' other contexts, A actions, O concepts, K shards.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from shardsim.shards.fit import likelihood, linear_models
from shardsim.shards.fit.atoms import evaluate
from shardsim.shards.fit.data import DecisionData, probabilities
from shardsim.shards.fit.fit import ModelFit
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.fit.likelihood import Linear
from shardsim.shards.fit.linear_models import Common
from shardsim.shards.fit.models import GAIN, UTILITY
from shardsim.shards.fit.rivals import RIVALS, gained
from shardsim.shards.fit.rivals.gained import GAIN_ATOMS
from shardsim.shards.fit.structure import single

Predictor = Callable[[DecisionData], np.ndarray]  # C' contexts -> logits [C', A]


def _common(found: ModelFit, data: DecisionData) -> Common:
    """The terms that all models share, in any contexts; the axis of folds is not used."""
    path = found.structure.path
    shunned = np.isin(np.arange(found.preferences.shape[1]), path.columns[path.signs < 0])
    values = evaluate(found.atoms, data.features)
    return linear_models.common(data, np.zeros(len(values), np.int64), values, shunned)


def one_utility(found: ModelFit, data: DecisionData, seed: int) -> Predictor:
    """One constant utility."""
    path = found.structure.path

    def model(on: DecisionData) -> Linear:
        return linear_models.utility(_common(found, on), path.columns, path.signs)

    own = model(data)
    coefficients = likelihood.fit(own, probabilities(data.logits))
    return lambda new: model(new).logits(coefficients)


def utility_with_gain(found: ModelFit, data: DecisionData, seed: int) -> Predictor:
    """One utility with a gain: the fit with one shard."""
    alone = single(found.structure)
    return fit_gates(alone.preferences, data, seed=seed, work=alone.work).predict


def with_gain(name: str, found: ModelFit, data: DecisionData, seed: int) -> Predictor:
    """A rival with a gain; one that plans needs contexts that hold their tabular model."""

    def predict(new: DecisionData) -> np.ndarray:
        values = evaluate(found.atoms[:GAIN_ATOMS], new.features)
        return gained.model(RIVALS[name], _common(found, new), values).logs(found.rivals[name])

    return predict


PREDICTORS: dict[str, Callable[[ModelFit, DecisionData, int], Predictor]] = {
    UTILITY: one_utility,
    GAIN: utility_with_gain,
    **{name: partial(with_gain, name) for name in RIVALS},
}
