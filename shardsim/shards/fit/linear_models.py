"""Shards and their rivals on equal terms: the same habit, affordance, gates, folds and likelihood.

Every model gives held-out logits [C, A]: each context is predicted by coefficients whose fit never
saw its level. Chosen before that, on all levels, are the dictionary of atoms, the preferences and
which atoms the gates use.
Axes: C contexts, A actions, O concepts, Q signed columns, J atoms, K shards, N coefficients.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.fit import likelihood
from shardsim.shards.fit.data import DecisionData, log_softmax, subset
from shardsim.shards.fit.likelihood import Linear

AFFORDANCE_ATOMS = 12
AFFORDANCE_RIDGE = 1e-3
HABIT_RIDGE = 1e-4
GATE_RIDGE = 1e-4
CEILING_STEPS = 200


class Common(NamedTuple):
    """What all models share."""

    data: DecisionData
    target: np.ndarray  # the agent's distribution, [C, A]
    fold: np.ndarray  # int64[C]
    affordance: np.ndarray  # atom values that the affordance may use, [C, Ja]
    shunned: np.ndarray  # bool[O], concepts that models may give a negative weight


def common(data: DecisionData, fold: np.ndarray, values: np.ndarray, shunned: np.ndarray) -> Common:
    """Gather the shared terms; `values` [C, J] are the atoms, constant first."""
    target = np.exp(log_softmax(data.logits))
    return Common(data, target, fold, values[:, :AFFORDANCE_ATOMS], shunned)


def part(shared: Common, rows: np.ndarray) -> Common:
    """The terms in some contexts."""
    return shared._replace(
        data=subset(shared.data, rows),
        target=shared.target[rows],
        fold=shared.fold[rows],
        affordance=shared.affordance[rows],
    )


def nuisance(shared: Common) -> Linear:
    """Habit and affordance as a linear model."""
    size, actions = shared.data.logits.shape
    habit = np.broadcast_to(np.eye(actions, dtype=np.float32), (size, actions, actions))
    blocked = shared.data.blocked.astype(np.float32)
    afford = blocked[:, :, None] * shared.affordance[:, None, :].astype(np.float32)
    count = afford.shape[2]
    ridge = np.r_[np.full(actions, HABIT_RIDGE), np.full(count, AFFORDANCE_RIDGE)]
    ridge[actions] = HABIT_RIDGE
    return Linear(
        np.concatenate([habit, afford], 2),
        np.zeros(actions + count, bool),
        np.zeros(actions + count),
        ridge,
    )


def habits(shared: Common) -> Linear:
    """Habit alone."""
    size, actions = shared.data.logits.shape
    design = np.tile(np.eye(actions, dtype=np.float32), (size, 1, 1))
    return Linear(design, np.zeros(actions, bool), np.zeros(actions), np.full(actions, HABIT_RIDGE))


def utility(shared: Common, columns: np.ndarray, signs: np.ndarray) -> Linear:
    """One constant utility: a weight >= 0 on each signed concept column."""
    pulls = shared.data.advantages[:, :, columns] * signs
    return joined(nuisance(shared), pulls, 0.0)


def gated(
    shared: Common, values: np.ndarray, coefficients: np.ndarray, preferences: np.ndarray
) -> tuple[Linear, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Shards with fixed preferences [K, O] and gates on the atoms that C [J, K] uses.

    Returns the model, a start for its coefficients, and the (atom, shard) pairs of its last ones.
    """
    atoms, shards = np.nonzero(coefficients > 0)
    pulls = (shared.data.advantages @ preferences.T).astype(np.float32)  # [C, A, K]
    gates = values[:, atoms].astype(np.float32)
    model = joined(nuisance(shared), pulls[:, :, shards] * gates[:, None], GATE_RIDGE)
    start = np.zeros(model.design.shape[2])
    start[len(start) - len(atoms) :] = coefficients[atoms, shards]
    return model, start, (atoms, shards)


def joined(base: Linear, extra: np.ndarray, ridge: float) -> Linear:
    """A model with non-negative columns [C, A, n] added."""
    count = extra.shape[2]
    return Linear(
        np.concatenate([base.design, extra.astype(np.float32)], 2),
        np.r_[base.bounded, np.ones(count, bool)],
        np.r_[base.penalty, np.zeros(count)],
        np.r_[base.ridge, np.full(count, ridge)],
    )


def cross_fit(shared: Common, model: Linear, start: np.ndarray | None = None) -> np.ndarray:
    """Held-out log-probabilities [C, A] of a linear model."""
    whole = likelihood.fit(model, shared.target, start)
    return likelihood.cross_fit(model, shared.target, shared.fold, whole)


def ceiling(
    data: DecisionData, columns: np.ndarray, signs: np.ndarray, base: np.ndarray
) -> np.ndarray:
    """Logits [C, A] with free weights >= 0 on the signed columns in each context by itself.

    Accelerated projected gradient on the cross-entropy, all contexts at once; habit and affordance
    `base` [C, A] are held. Not held out: an upper limit of what the basis can say.
    """
    target = np.exp(log_softmax(data.logits))
    pulls = data.advantages[:, :, columns] * signs  # [C, A, Q]
    centred = pulls - pulls.mean(1, keepdims=True)
    pace = 1.0 / (0.5 * (centred**2).sum((1, 2)) + 1e-3)[:, None]
    now = ahead = np.zeros((len(pulls), pulls.shape[2]))
    for step in range(CEILING_STEPS):
        logits = base + (pulls @ ahead[..., None])[..., 0]
        miss = target - np.exp(log_softmax(logits))
        new = np.maximum(ahead + pace * np.einsum("ca,caq->cq", miss, pulls), 0.0)
        ahead = new + step / (step + 3) * (new - now)
        now = new
    return base + (pulls @ now[..., None])[..., 0]
