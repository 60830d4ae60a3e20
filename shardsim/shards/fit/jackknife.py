"""How the shares would move if a level were left out and the model fitted again.

The infinitesimal jackknife (Jaeckel 1972, "The infinitesimal jackknife"; Efron 1982, "The
jackknife, the bootstrap and other resampling plans"): one Newton step of the likelihood in place of
a new fit for every bootstrap draw. Which atoms the gates use and the preferences are held.
Axis letters: C contexts · L levels · A actions · J atoms · K shards · P = K + 3 parts ·
N coefficients: habit, affordance atoms, gates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.fit.atoms import evaluate
from shardsim.shards.fit.data import DecisionData, probabilities
from shardsim.shards.fit.linear_models import (
    AFFORDANCE_ATOMS,
    AFFORDANCE_RIDGE,
    GATE_RIDGE,
    HABIT_RIDGE,
)
from shardsim.shards.fit.shard_model import ShardModel

SMALL = 1e-9


class Columns(NamedTuple):
    """A model's logits as a linear function of its coefficients."""

    design: np.ndarray  # [C, A, N]
    part: np.ndarray  # int64[N], which of the shards, habit (K) or affordance (K + 1) it is of
    value: np.ndarray  # [N], the coefficients
    ridge: np.ndarray  # [N]


def refit_influence(model: ShardModel, data: DecisionData) -> np.ndarray:
    """Return float64[L, P]: what each level's part in the fit adds to the summed strengths.

    Args:
      model: fitted to `data` by maximum likelihood.
      data: the decisions.

    Returns:
      To first order, a draw with m_l copies of level l changes the summed weighted strength of
      each part by Σ_l (m_l − 1) of these, beside what the copies themselves hold. They sum to 0.
    """
    columns = _columns(model, data)
    chance = probabilities(data.logits)
    moved = _coefficients_by_level(columns, chance, data.level_index)
    found = moved @ _slopes(columns, chance, data, model.num_shards).T
    return found - found.mean(0)


def _columns(model: ShardModel, data: DecisionData) -> Columns:
    values = evaluate(model.atoms, data.features)
    size, actions = data.logits.shape
    habit = np.broadcast_to(np.eye(actions), (size, actions, actions))
    few = values[:, :AFFORDANCE_ATOMS]
    afford = data.blocked.astype(np.float64)[:, :, None] * few[:, None, :]
    atoms, shards = np.nonzero(model.coefficients > 0)
    pulls = data.advantages @ model.preferences.T
    gates = pulls[:, :, shards] * values[:, None, atoms]
    count, used = model.num_shards, few.shape[1]
    ridge = np.r_[
        np.full(actions + 1, HABIT_RIDGE),
        np.full(used - 1, AFFORDANCE_RIDGE),
        np.full(len(atoms), GATE_RIDGE),
    ]
    return Columns(
        np.concatenate([habit, afford, gates], 2),
        np.r_[np.full(actions, count), np.full(used, count + 1), shards],
        np.r_[model.habit, model.affordance_coefficients[:used], model.coefficients[atoms, shards]],
        ridge,
    )


def _coefficients_by_level(
    columns: Columns, chance: np.ndarray, level_index: np.ndarray
) -> np.ndarray:
    """Return float64[L, N]: how one more copy of each level would move the coefficients."""
    size, _, count = columns.design.shape
    predicted = probabilities(columns.design @ columns.value)
    flat = columns.design.reshape(-1, count)
    weighted = flat * predicted.reshape(-1, 1)
    mean = weighted.reshape(columns.design.shape).sum(1)
    hessian = (flat.T @ weighted - mean.T @ mean) / size
    hessian[np.diag_indices(count)] += columns.ridge + 1e-7
    slope = np.einsum("can,ca->cn", columns.design, chance - predicted)
    slope -= columns.ridge * columns.value
    _, inverse = np.unique(level_index, return_inverse=True)
    sums = np.zeros((inverse.max() + 1, count))
    np.add.at(sums, inverse, slope)
    return np.linalg.solve(hessian, sums.T / size).T


def _slopes(columns: Columns, chance: np.ndarray, data: DecisionData, shards: int) -> np.ndarray:
    """Return float64[P, N]: slope of each part's summed weighted strength in the coefficients.

    The strength is the standard deviation under π of what a part adds; that of the residual falls
    with all that is explained.
    """
    centred = columns.design - np.einsum("ca,can->cn", chance, columns.design)[:, None]
    added = columns.design * columns.value
    slopes = np.zeros((shards + 3, len(columns.value)))
    for part in range(shards + 3):
        mine = np.ones(len(columns.part), bool) if part == shards + 2 else columns.part == part
        value = added[:, :, mine].sum(2)
        if part == shards + 2:
            value = value - data.logits  # minus the residual
        value = value - (chance * value).sum(1, keepdims=True)
        spread = np.sqrt((chance * value**2).sum(1))
        scaled = chance * value * (data.weight / np.maximum(spread, SMALL))[:, None]
        scaled[spread < SMALL] = 0.0
        slopes[part, mine] = np.einsum("ca,can->n", scaled, centred[:, :, mine])
    return slopes
