"""What each hypothesis about an agent says in contexts where it was not asked.

A rival is fitted to all contexts of its data (the comparison on held-out levels is done by then)
and predicts any others of the same env.
Axes: C contexts of the fit, C' other contexts, A actions, O concepts, K shards.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shardsim.shards.fit import likelihood, linear_models
from shardsim.shards.fit.atoms import evaluate
from shardsim.shards.fit.data import DecisionData
from shardsim.shards.fit.joint import fit_gates, fit_shared
from shardsim.shards.fit.linear_models import Common
from shardsim.shards.fit.models import GAIN, ONE_GOAL, PLANNER, REWARD, STEEP, UTILITY
from shardsim.shards.fit.rivals import descent, discounting, goal_mixture, planner, soft_optimal
from shardsim.shards.fit.rivals.descent import GAIN_ATOMS
from shardsim.shards.fit.shard_model import ShardModel

Predictor = Callable[[DecisionData], np.ndarray]  # C' contexts -> logits [C', A]


def _common(found: ShardModel, data: DecisionData) -> Common:
    """The terms that all models share, in any contexts; the axis of folds is not used."""
    shunned = np.asarray((found.preferences < 0).any(0))
    values = evaluate(found.atoms, data.features)
    return linear_models.common(data, np.zeros(len(values), np.int64), values, shunned)


def _gain_values(found: ShardModel, data: DecisionData) -> np.ndarray:
    return evaluate(found.atoms[:GAIN_ATOMS], data.features)


def _columns(shared: Common) -> tuple[np.ndarray, np.ndarray]:
    """The signed concept columns [Q] of one utility."""
    negative = np.flatnonzero(shared.shunned)
    count = len(shared.shunned)
    columns = np.r_[np.arange(count), negative]
    return columns, np.r_[np.ones(count), -np.ones(len(negative))]


def _utility_weights(shared: Common) -> tuple[np.ndarray, np.ndarray]:
    """All coefficients of one constant utility, and its signed weights [O]."""
    columns, signs = _columns(shared)
    linear = likelihood.fit(linear_models.utility(shared, columns, signs), shared.target)
    weights = np.zeros(len(shared.shunned))
    np.add.at(weights, columns, signs * linear[-len(columns) :])
    return linear, weights


def one_utility(found: ShardModel, data: DecisionData, seed: int) -> Predictor:
    """One constant utility."""
    shared = _common(found, data)
    linear, _ = _utility_weights(shared)
    columns, signs = _columns(shared)
    return lambda new: linear_models.utility(_common(found, new), columns, signs).design @ linear


def utility_with_gain(found: ShardModel, data: DecisionData, seed: int) -> Predictor:
    """One utility with a gain: the fit with one shard."""
    preferences = fit_shared([data], max_shards=1, seed=seed)
    return fit_gates(preferences, data, seed=seed).predict


def planning(found: ShardModel, data: DecisionData, seed: int) -> Predictor:
    """The soft choice among goals by the distances of the state reached, with a gain."""
    shared = _common(found, data)
    _, weights = _utility_weights(shared)
    theta, linear = planner.fit(shared, _gain_values(found, data), weights, seed)

    def predict(new: DecisionData) -> np.ndarray:
        worth, _ = planner.utility(theta, planner.distance_after(new))
        model = planner.gain_model(_common(found, new), _gain_values(found, new), worth)
        return model.design @ linear

    return predict


def planning_reward(found: ShardModel, data: DecisionData, seed: int) -> Predictor:
    """One reward planned exactly, with a gain; both sets of contexts hold their tabular model."""
    shared = _common(found, data)
    _, weights = _utility_weights(shared)
    plan = soft_optimal.fit(shared, _gain_values(found, data), weights, seed)

    def predict(new: DecisionData) -> np.ndarray:
        values = _gain_values(found, new)
        return soft_optimal.predict(_common(found, new), values, plan)

    return predict


def _descending(make: Callable[[Common, np.ndarray], descent.Rival]):
    """A rival that is fitted by descent, as `make` builds it on any contexts."""

    def fitted(found: ShardModel, data: DecisionData, seed: int) -> Predictor:
        shared = _common(found, data)
        _, weights = _utility_weights(shared)
        parameters = descent.fit(shared, _gain_values(found, data), make(shared, weights))

        def predict(new: DecisionData) -> np.ndarray:
            there = _common(found, new)
            return descent.predict(
                there, _gain_values(found, new), make(there, weights), parameters
            )

        return predict

    return fitted


PREDICTORS: dict[str, Callable[[ShardModel, DecisionData, int], Predictor]] = {
    UTILITY: one_utility,
    GAIN: utility_with_gain,
    PLANNER: planning,
    STEEP: _descending(discounting.rival),
    ONE_GOAL: _descending(goal_mixture.rival),
    REWARD: planning_reward,
}
