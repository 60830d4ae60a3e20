"""Which hypotheses about an agent still stand beside each other after a fit.

Two kinds: the shards against the strongest single-utility rival, and the chosen preferences against
others that fit as well. Besides the mixtures that `alternatives` tries, a preference may have the
wrong object: where two concepts lie in the same direction in all contexts, the weight of one can be
moved to the other and nothing changes.
Axes: C contexts, A actions, O concepts, K shards.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.active.predict import PREDICTORS, Predictor
from shardsim.shards.fit import solvers
from shardsim.shards.fit.alternatives import DIFFERENT
from shardsim.shards.fit.data import DecisionData, cross_entropy_bits
from shardsim.shards.fit.fit import ModelFit
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.fit.models import AFFORDANCE, GAIN, SHARDS
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.fit.verdict import LEAST_ADVANTAGE

ALIKE = 0.9  # cosine of two concepts' pulls above which one may stand for the other
TRIED = 4  # substitutions refitted, the most alike first
EQUAL_FITS = 2  # that the chosen preferences are compared with, the cheapest first
LEAST_WEIGHT = 0.1  # of a preference, that is worth moving


class Pair(NamedTuple):
    """Two hypotheses, named, and what each says in any contexts."""

    names: tuple[str, str]
    says: tuple[Predictor, Predictor]


def standing(
    found: ModelFit, data: DecisionData, concepts: tuple[str, ...], *, seed: int = 0
) -> list[Pair]:
    """Return the pairs of hypotheses that stand; none where no shard was found.

    Args:
      found: the fit.
      data: what it was fitted to.
      concepts: names on the axis O.
      seed: as for the fit.
    """
    if not found.num_shards:
        return []
    name = best_rival(found)
    pairs = [Pair((SHARDS, name), (found.predict, PREDICTORS[name](found, data, seed)))]
    for preferences in equal_preferences(found, data, seed):
        model = fit_gates(preferences, data, seed=seed, work=found.structure.work)
        names = _changed(found.preferences, preferences, concepts)
        pairs.append(Pair(names, (found.predict, model.predict)))
    return pairs


def best_rival(found: ModelFit) -> str:
    """Return the strongest single-utility rival that can be asked elsewhere, by held-out bits.

    A single shard is itself one utility with a gain, and is compared with the others.
    """
    names = [name for name in PREDICTORS if name in found.bits]
    names = [name for name in names if found.num_shards > 1 or name != GAIN]
    return min(names, key=lambda name: found.bits[name].mean())


def equal_preferences(found: ModelFit, data: DecisionData, seed: int) -> list[np.ndarray]:
    """Return preferences [K, O] that fit as well as the chosen ones, cheapest first."""
    mixed = [
        (other.margin, other.preferences)
        for other in found.alternatives
        if (other.preferences * found.preferences).sum(1).min() < DIFFERENT
    ]
    every = sorted([*mixed, *substitutes(found, data, seed)], key=lambda item: item[0])
    return [preferences for _, preferences in every[:EQUAL_FITS]]


def substitutes(found: ModelFit, data: DecisionData, seed: int) -> list[tuple[float, np.ndarray]]:
    """Return (margin, preferences [K, O]) in which one concept took the place of another.

    The margin is the relative rise of total peak strength, as among the other equal fits; equal
    means within what a rival may be behind before shards count as better.
    """
    own = cross_entropy_bits(data.logits, found.predicted).mean()
    allowed = LEAST_ADVANTAGE * max(found.bits[AFFORDANCE].mean() - own, 0.0)
    kept = []
    for preferences in _moved(found, data)[:TRIED]:
        model = fit_gates(preferences, data, seed=seed, work=found.structure.work)
        if cross_entropy_bits(data.logits, model.predicted).mean() - own <= allowed:
            kept.append((_cost(model) / max(_cost(found), 1e-12) - 1.0, preferences))
    return kept


def _cost(model: ShardModel) -> float:
    return float(model.coefficients.sum(0) @ solvers.strength(model.preferences))


def _moved(found: ModelFit, data: DecisionData) -> list[np.ndarray]:
    """Changed preferences, those first whose two concepts are the most alike."""
    candidates = []
    for shard, likeness in enumerate(pull_likeness(found.gates, data.advantages)):
        for one, other in np.argwhere(likeness > ALIKE):
            weight = found.preferences[shard, one]
            if one == other or weight < LEAST_WEIGHT:
                continue
            changed = found.preferences.copy()
            changed[shard, one], changed[shard, other] = 0.0, changed[shard, other] + weight
            changed[shard] /= max(np.linalg.norm(changed[shard]), 1e-12)
            alone = np.linalg.matrix_rank(changed, tol=0.1) == len(changed)
            if alone and changed[shard] @ found.preferences[shard] <= DIFFERENT:
                candidates.append((-likeness[one, other], len(candidates), changed))
    return [changed for _, _, changed in sorted(candidates, key=lambda item: item[:2])]


def pull_likeness(gates: np.ndarray, advantages: np.ndarray) -> np.ndarray:
    """Return float64[K, O, O]: cosines of what wanting each concept adds where a shard is active.

    Args:
      gates: [C, K].
      advantages: [C, A, O].
    """
    centred = advantages - advantages.mean(1, keepdims=True)
    inner = np.einsum("ck,cao,cap->kop", gates**2, centred, centred)
    norm = np.sqrt(np.maximum(np.einsum("koo->ko", inner), 1e-12))
    return inner / (norm[:, :, None] * norm[:, None, :])


def _changed(chosen: np.ndarray, other: np.ndarray, concepts: tuple[str, ...]) -> tuple[str, str]:
    """Names of two sets of preferences by the shard that differs most."""
    shard = int((chosen * other).sum(1).argmin())
    said = [f"shard {shard + 1} for {wanted(p[shard], concepts)}" for p in (chosen, other)]
    return said[0], said[1]


def wanted(preference: np.ndarray, concepts: tuple[str, ...]) -> str:
    """Return a preference [O] in words: the concepts of weight, strongest first."""
    order = [o for o in np.argsort(-np.abs(preference)) if abs(preference[o]) >= LEAST_WEIGHT]
    if len(order) == 1 and preference[order[0]] > 0:
        return concepts[order[0]]
    return ", ".join(f"{preference[o]:.2f} {concepts[o]}" for o in order)
