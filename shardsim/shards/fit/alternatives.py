"""Other dictionaries that fit equally well, and how much dearer the cheapest of them is.

Likelihood alone rarely fixes the preferences: θ_k + α θ_l with the gates refitted often predicts
the same. What picks one is least total peak strength; the margin says by how much.
Axes: C contexts, O concepts, Q signed columns, J atoms, K shards.
"""

from __future__ import annotations

from itertools import permutations, product
from typing import NamedTuple

import numpy as np

from shardsim.shards.fit import solvers
from shardsim.shards.fit.linear_models import Common
from shardsim.shards.fit.mle import fit_mle
from shardsim.shards.fit.structure import Structure, unfold

MIXES = (0.1, 0.2, 0.3, 0.45, 0.6, 1.0)  # of one preference in another, with either sign
DIFFERENT = 0.97  # cosine below which a preference counts as another one
SAME = 0.999  # cosine above which nothing has changed
CREDIBLE = 0.2  # margin above which the chosen preferences are believed against the others
EQUAL_LOSS = 0.02  # relative rise of the training loss that still counts as an equal fit
NULL_FLOOR = 0.0005
NO_ALTERNATIVE = 1.0
MOST = 12
MLE_STEPS = 5


class Alternative(NamedTuple):
    """An equal fit in which shard `shard` has absorbed some of shard `other`."""

    shard: int
    other: int
    preferences: np.ndarray  # [K, O], unit norm
    gates: np.ndarray  # [C, K]
    margin: float  # relative rise of total peak strength, >= 0 where the chosen one is cheapest
    cosine: float  # of the changed preference to the chosen one

    @property
    def different(self) -> bool:
        """Whether the changed preference counts as another one."""
        return self.cosine < DIFFERENT

    @property
    def credible(self) -> bool:
        """Whether it is cheap enough to be believed beside the chosen one."""
        return self.margin < CREDIBLE


def _loss(structure: Structure, gates: np.ndarray, preferences: np.ndarray) -> float:
    return solvers.objective(structure.path.work.problem, gates @ preferences)


def _cost(gates: np.ndarray, preferences: np.ndarray) -> float:
    return float(gates.sum(0) @ solvers.strength(preferences))


class _Variant(NamedTuple):
    """One pair's mix, tried."""

    shard: int
    other: int
    mix: float
    cosine: float
    preferences: np.ndarray  # [K, Q]
    gates: np.ndarray  # [J, K]
    margin: float


def _mixed(preferences: np.ndarray, shard: int, other: int, mix: float):
    """Preferences with θ_shard + mix·θ_other kept >= 0, and its cosine; None where not another."""
    moved = np.maximum(preferences[shard] + mix * preferences[other], 0.0)
    norm = np.linalg.norm(moved)
    if norm < 1e-6:
        return None
    changed = preferences.copy()
    changed[shard] = moved / norm
    cosine = float(changed[shard] @ preferences[shard])
    if cosine > SAME or np.linalg.matrix_rank(changed, tol=0.1) < len(changed):
        return None
    return changed, cosine


def equal_fits(structure: Structure, shared: Common) -> tuple[Alternative, ...]:
    """The alternatives of equal loss, at most `MOST`; gates by likelihood.

    First those with another preference, cheapest first; then, for each pair and sign, how far the
    chosen preference can be moved at all while it is believed. The penalty is lowered while
    comparing, so that none is refused for its price.
    """
    path = structure.path
    fit = path.fits[path.chosen]
    if len(fit.preferences) < 2 or not len(structure.preferences):
        return ()
    problem = path.work.problem
    light = 0.1 * path.penalty
    own = solvers.fit_gates(problem, fit.preferences, light, fit.gates)
    loss, cost = _loss(structure, own, fit.preferences), _cost(own, fit.preferences)
    limit = loss * (1 + EQUAL_LOSS) + NULL_FLOOR * 0.5 * problem.constant
    pairs = list(permutations(range(len(fit.preferences)), 2))
    found: list[_Variant] = []
    for (shard, other), sign in product(pairs, (-1.0, 1.0)):
        gates = fit.gates
        for mix in MIXES:
            changed = _mixed(fit.preferences, shard, other, sign * mix)
            if changed is None:
                continue
            gates = solvers.fit_gates(problem, changed[0], light, gates)
            if _loss(structure, gates, changed[0]) > limit:
                break  # the loss is convex along the mix: further away it is worse
            margin = _cost(gates, changed[0]) / cost - 1.0
            found.append(_Variant(shard, other, sign * mix, changed[1], changed[0], gates, margin))
    return tuple(_finish(structure, shared, item) for item in _told(found))


def _told(found: list[_Variant]) -> list[_Variant]:
    """The cheapest other preference of each pair, then the furthest credible mix either way."""
    cheapest: dict[tuple[int, int], _Variant] = {}
    for item in sorted(found, key=lambda item: item.margin):
        if item.cosine < DIFFERENT:
            cheapest.setdefault((item.shard, item.other), item)
    furthest: dict[tuple[int, int, bool], _Variant] = {}
    for item in sorted(found, key=lambda item: -abs(item.mix)):
        if item.margin < CREDIBLE:
            furthest.setdefault((item.shard, item.other, item.mix > 0), item)
    chosen = [*cheapest.values(), *sorted(furthest.values(), key=lambda item: item.margin)]
    unique = {(item.shard, item.other, item.mix): item for item in chosen}
    return list(unique.values())[:MOST]


def _finish(structure: Structure, shared: Common, item: _Variant) -> Alternative:
    """An alternative in the order and signs of the structure, with strengths by likelihood."""
    order = _order(structure)
    back = np.argsort(order)
    path = structure.path
    concepts = structure.preferences.shape[1]
    folded = unfold(item.preferences, path.columns, path.signs, concepts)
    norm = np.maximum(np.linalg.norm(folded, axis=1), 1e-12)
    folded, coefficients = (folded / norm[:, None])[back], (item.gates * norm)[:, back]
    values = structure.work.values
    fitted = fit_mle(shared, values, coefficients, folded, MLE_STEPS)
    strengths = values @ fitted.coefficients
    return Alternative(
        int(order[item.shard]),
        int(order[item.other]),
        folded,
        strengths,
        float(item.margin),
        item.cosine,
    )


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
    for item in (one for one in alternatives if one.different):
        found[item.shard] = min(found[item.shard], max(item.margin, 0.0))
    return found
