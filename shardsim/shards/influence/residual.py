"""The residual named: what of it depends on objects, where it lies, and what would reduce it.

Axis letters: C contexts · A actions · O concepts · D distance bins · F features.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from shardsim.base.errors import UserError
from shardsim.shards.contexts.sampling import DISTANCE_BINS, distance_bin
from shardsim.shards.fit import basis
from shardsim.shards.fit.data import DecisionData, level_folds, probabilities
from shardsim.shards.fit.gram import TEMPERATURE
from shardsim.shards.influence.object_fit import OneAgent
from shardsim.shards.influence.object_shares import spread
from shardsim.shards.influence.trees import FLAT, FOLDS, held_out, tree

PARTS = ("objects", "base")
REMEDIES = (
    "other gates",  # the same directions, gated by all covariates
    "discounted moves",
    "straight lines",
    "affordance by context",
    "habit by context",
)
DISCOUNT = 0.7


def softened(logits: np.ndarray) -> np.ndarray:
    """Return float64[C, A]: the policy at the temperature at which the fit weighs logits.

    Under π itself the variance of a nearly certain decision rests on actions that are hardly ever
    taken, and trees chase those.
    """
    return probabilities(logits / TEMPERATURE)


class Located(NamedTuple):
    """The covariate that tells best where the residual is large."""

    covariate: str
    explained: float  # of the variance of its size, on held-out levels


def residual_by_distance(one: OneAgent) -> np.ndarray:
    """Return float64[2, D], sum 1: where the residual is and whether it depends on objects.

    The residual r = (logits − fitted) is the sum of its change with the objects r_o and of what
    is there without them r_b. Each carries E⟨r_·, r⟩ / E⟨r, r⟩ of it, which adds up and can be
    negative where the two work against each other. D by distance to the nearest object.
    """
    whole = one.data.logits - one.fitted
    chance = softened(one.data.logits)
    whole = whole - (chance * whole).sum(1, keepdims=True)
    of_base = one.base - one.fitted_base
    parts = np.stack([one.of_objects - one.fitted_objects, of_base])
    carried = (chance * parts * whole).sum(-1) * one.data.weight  # [2, C]
    near = distance_bin(one.data.distance[:, list(one.objects)].min(1, initial=np.inf))
    sums = np.stack([np.bincount(near, row, len(DISTANCE_BINS)) for row in carried])
    return sums / max(sums.sum(), 1e-300)


def located(one: OneAgent, seed: int) -> Located:
    """Find the covariate that a shallow tree splits first to tell how large the residual is."""
    data = one.data
    size = spread(data.logits - one.fitted, softened(data.logits))
    fold = level_folds(data.level_index, FOLDS, seed)
    told = held_out(data.features, size, data.weight, fold, seed)
    mean = np.average(size, weights=data.weight)
    left = np.average((size - told) ** 2, weights=data.weight)
    spare = np.average((size - mean) ** 2, weights=data.weight)
    first = tree(seed).fit(data.features, size, data.weight).tree_.feature[0]
    name = data.feature_names[first] if first >= 0 else ""
    return Located(name, 1.0 - float(left / spare) if spare > FLAT else 0.0)


def reduced_by(
    one: OneAgent, concepts: Sequence[str], moves: np.ndarray | None, seed: int
) -> dict[str, float]:
    """Return remedy -> the part of the residual's variance that it takes away.

    A remedy adds Σ_j t_j(x) D_j(s, a) to the model: directions D_j with a regression tree of the
    covariates for a gate of either sign, fitted one after the other on four fifths of the levels
    and judged on the last. Below 0 it would do harm.

    Args:
      one: the agent.
      concepts: names on the axis O.
      moves: float64[A, 2], rows and columns that actions go; None leaves out straight lines.
      seed: of the folds.
    """
    data = one.data
    chance = softened(data.logits)
    left = data.logits - one.fitted
    left = left - (chance * left).sum(1, keepdims=True)
    whole = float(np.average((chance * left**2).sum(1), weights=data.weight))
    if whole <= FLAT:
        return dict.fromkeys(REMEDIES, 0.0)
    fold = level_folds(data.level_index, FOLDS, seed)
    found = {}
    for name, directions in _directions(data, concepts, moves).items():
        rest = _less(left, directions, chance, data, fold, seed)
        found[name] = (
            1.0 - float(np.average((chance * rest**2).sum(1), weights=data.weight)) / whole
        )
    return {name: found.get(name, np.nan) for name in REMEDIES}


def _directions(
    data: DecisionData, concepts: Sequence[str], moves: np.ndarray | None
) -> Mapping[str, np.ndarray]:
    """Return remedy -> float64[C, A, directions]."""
    actions = data.logits.shape[1]
    found = {
        "other gates": data.advantages,
        "discounted moves": basis.discounted(data, DISCOUNT).advantages,
        "affordance by context": data.blocked[:, :, None].astype(np.float64),
        "habit by context": np.broadcast_to(np.eye(actions), (len(data.logits), actions, actions)),
    }
    if moves is not None:
        with contextlib.suppress(UserError):  # a foreign world may give no bearings
            found["straight lines"] = basis.straight_line(data, moves, tuple(concepts)).advantages
    return found


def _less(left, directions, chance, data: DecisionData, fold, seed: int) -> np.ndarray:
    """Return float64[C, A]: a residual less what gated directions explain on held-out levels."""
    for direction in np.moveaxis(directions, 2, 0):
        along = direction - (chance * direction).sum(1, keepdims=True)
        size = (chance * along**2).sum(1)
        wanted = (chance * along * left).sum(1)
        gate = np.divide(wanted, size, out=np.zeros_like(size), where=size > FLAT)
        told = held_out(data.features, gate, size * data.weight, fold, seed)
        left = left - told[:, None] * along
    return left
