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

from shardsim.shards.fit import likelihood, linear_models
from shardsim.shards.fit.atoms import evaluate
from shardsim.shards.fit.data import DecisionData, probabilities
from shardsim.shards.fit.likelihood import Linear
from shardsim.shards.fit.mle import Fitted, packed
from shardsim.shards.fit.shard_model import ShardModel

SMALL = 1e-9


class Columns(NamedTuple):
    """A model's logits as a linear function of its coefficients."""

    linear: Linear
    part: np.ndarray  # int64[N], which of the shards, habit (K) or affordance (K + 1) it is of
    value: np.ndarray  # [N], the coefficients


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
    shunned = np.asarray((model.preferences < 0).any(0))
    shared = linear_models.common(data, np.zeros(size, np.int64), values, shunned)
    linear, _, (_, shards) = linear_models.gated(
        shared, values, model.coefficients, model.preferences
    )
    fitted = Fitted(model.coefficients, model.affordance_coefficients, model.habit)
    count, used = model.num_shards, shared.affordance.shape[1]
    value = packed(fitted, model.coefficients, used)
    part = np.r_[np.full(actions, count), np.full(used, count + 1), shards]
    return Columns(linear, part, value)


def _coefficients_by_level(
    columns: Columns, chance: np.ndarray, level_index: np.ndarray
) -> np.ndarray:
    """Return float64[L, N]: how one more copy of each level would move the coefficients."""
    linear, value = columns.linear, columns.value
    size, actions, count = linear.design.shape
    logs = linear.logs(value)
    information = likelihood.moments(logs, linear.design, chance).information / size
    information[np.diag_indices(count)] += linear.ridge + likelihood.JITTER
    miss = chance - np.exp(logs)
    slope = -np.tile(linear.ridge * value, (size, 1))
    for action in range(actions):
        slope += miss[:, action, None] * linear.design[:, action]
    order = np.argsort(level_index, kind="stable")
    first = np.flatnonzero(np.diff(level_index[order], prepend=-1))
    sums = np.add.reduceat(slope[order], first)
    return np.linalg.solve(information, sums.T / size).T


def _slopes(columns: Columns, chance: np.ndarray, data: DecisionData, shards: int) -> np.ndarray:
    """Return float64[P, N]: slope of each part's summed weighted strength in the coefficients.

    The strength is the standard deviation under π of what a part adds; that of the residual falls
    with all that is explained.
    """
    design = columns.linear.design.astype(np.float64)
    centred = design - (chance[:, None] @ design)
    added = design * columns.value
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
