"""Other dictionaries that fit equally well, and how much dearer the cheapest of them is.

Likelihood alone rarely fixes the preferences: θ_k + α θ_l with the gates refitted often predicts
the same. What picks one is least total peak strength; the margin says by how much.
Axes: C contexts, O concepts, Q signed columns, J atoms, K shards.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.model import gated
from shardsim.shards.model.refine import refine
from shardsim.shards.model.rivals import Common
from shardsim.shards.model.structure import Structure, unfold

MIXES = (-0.6, -0.3, 0.3, 0.6, 1.0)
DIFFERENT = 0.97  # cosine below which a preference counts as another one
EQUAL_LOSS = 0.02  # relative rise of the training loss that still counts as an equal fit
NULL_FLOOR = 0.0005
NO_ALTERNATIVE = 1.0
MOST = 6
REFINE_STEPS = 5


class Alternative(NamedTuple):
    """An equal fit in which shard `shard` has absorbed some of shard `other`."""

    shard: int
    other: int
    preferences: np.ndarray  # [K, O], unit norm
    gates: np.ndarray  # [C, K]
    margin: float  # relative rise of total peak strength, >= 0 where the chosen one is cheapest


def _loss(structure: Structure, gates: np.ndarray, preferences: np.ndarray) -> float:
    return gated.objective(structure.path.work.problem, gates @ preferences)


def _cost(gates: np.ndarray, preferences: np.ndarray) -> float:
    return float(gates.sum(0) @ gated.strength(preferences))


def _variants(preferences: np.ndarray):
    """(k, l, changed preferences) with weights kept >= 0."""
    for shard in range(len(preferences)):
        for other in range(len(preferences)):
            if shard == other:
                continue
            for mix in MIXES:
                moved = np.maximum(preferences[shard] + mix * preferences[other], 0.0)
                norm = np.linalg.norm(moved)
                if norm < 1e-6 or moved @ preferences[shard] / norm > DIFFERENT:
                    continue
                changed = preferences.copy()
                changed[shard] = moved / norm
                if np.linalg.matrix_rank(changed, tol=0.1) == len(changed):
                    yield shard, other, changed


def equal_fits(structure: Structure, shared: Common) -> tuple[Alternative, ...]:
    """The alternatives of equal loss, cheapest first, at most `MOST`; gates by likelihood.

    The penalty is lowered while comparing, so that none is refused for its price.
    """
    path = structure.path
    fit = path.fits[path.chosen]
    if len(fit.preferences) < 2 or not len(structure.preferences):
        return ()
    problem = path.work.problem
    light = 0.1 * path.penalty
    own = gated.fit_gates(problem, fit.preferences, light, fit.gates)
    loss, cost = _loss(structure, own, fit.preferences), _cost(own, fit.preferences)
    ceiling = loss * (1 + EQUAL_LOSS) + NULL_FLOOR * 0.5 * problem.constant
    found = []
    for shard, other, preferences in _variants(fit.preferences):
        gates = gated.fit_gates(problem, preferences, light, fit.gates)
        if _loss(structure, gates, preferences) <= ceiling:
            margin = _cost(gates, preferences) / cost - 1.0
            found.append((margin, shard, other, preferences, gates))
    found.sort(key=lambda item: item[0])
    return tuple(_finish(structure, shared, *item) for item in _cheapest(found))


def _cheapest(found: list) -> list:
    """The cheapest for each pair of shards, at most MOST."""
    first: dict[tuple[int, int], tuple] = {}
    for item in found:
        first.setdefault((item[1], item[2]), item)
    return list(first.values())[:MOST]


def _finish(structure: Structure, shared: Common, margin, shard, other, preferences, gates):
    """An alternative in the order and signs of the structure, with strengths by likelihood."""
    order = _order(structure)
    back = np.argsort(order)
    path = structure.path
    concepts = structure.preferences.shape[1]
    folded = unfold(preferences, path.columns, path.signs, concepts)
    norm = np.maximum(np.linalg.norm(folded, axis=1), 1e-12)
    folded, coefficients = (folded / norm[:, None])[back], (gates * norm)[:, back]
    values = structure.work.values
    refined = refine(shared, values, coefficients, folded, REFINE_STEPS)
    strengths = values @ refined.coefficients
    return Alternative(int(order[shard]), int(order[other]), folded, strengths, float(margin))


def _order(structure: Structure) -> np.ndarray:
    """Where each shard of the search stands in the structure, [K]."""
    path = structure.path
    fit = path.fits[path.chosen]
    concepts = structure.preferences.shape[1]
    folded = unfold(fit.preferences, path.columns, path.signs, concepts)
    folded = folded / np.maximum(np.linalg.norm(folded, axis=1, keepdims=True), 1e-12)
    return (folded @ structure.preferences.T).argmax(1)


def margins(alternatives: tuple[Alternative, ...], shards: int) -> np.ndarray:
    """Margin of each shard, [K]: that of the cheapest alternative that changes it, at most 1."""
    found = np.full(shards, NO_ALTERNATIVE)
    for item in alternatives:
        found[item.shard] = min(found[item.shard], max(item.margin, 0.0))
    return found
