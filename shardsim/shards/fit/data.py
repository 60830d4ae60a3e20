"""The decisions that a model is fitted to: arrays only, with the features that gates may use.

Axes: C contexts, F features, A actions, O concepts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.planning import best_actions
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.contexts.tabular_model import TabularModel

DECAY = 0.6  # a move: the soft distance feature beside the plain one
LOWEST_ADVANTAGE = -4.0  # moves; what is worse than this is a trap, not a longer way
MANY = 8000  # contexts
LEAST_LEVELS = 20  # of a sample, where there are so many
LONGEST = 64.0  # moves; stands for an unreachable concept where a number is needed


class DecisionData(NamedTuple):
    """Decisions over a battery. All numbers are float64 unless said otherwise."""

    features: np.ndarray  # [C, F], finite, none constant
    feature_names: tuple[str, ...]  # F
    advantages: np.ndarray  # [C, A, O], moves lost against the best action, 0 if unreachable
    blocked: np.ndarray  # bool[C, A]
    reachable: np.ndarray  # bool[C, O]
    logits: np.ndarray  # [C, A], centred over actions
    level_index: np.ndarray  # int64[C]
    weight: np.ndarray  # [C], for reporting: fits and losses are unweighted (strata are equal)
    distance: np.ndarray  # [C, O], moves, infinite if unreachable
    planned: np.ndarray | None = None  # [C, A, O], moves lost, where `advantages` are another basis
    home: np.ndarray | None = None  # int64[C, 2], level of the tabular model, number of the state
    tabular_model: TabularModel | None = None  # where a rival can plan exactly


def gate_features(
    covariates: Mapping[str, np.ndarray], concepts: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Turn named covariates [C] into the features [C, F] that gates may use.

    Besides the covariates themselves: a soft distance DECAY^d to each concept, and for each pair
    of concepts how much nearer one is. Infinite distances become the largest finite one plus one.
    Constant columns are kept, so that two batteries of one env agree on F; atoms ignore them.
    """
    columns: dict[str, np.ndarray] = {}
    for name, values in covariates.items():
        column = np.asarray(values, np.float64)
        finite = np.isfinite(column)
        if name.startswith("distance_"):
            columns[f"near_{name.removeprefix('distance_')}"] = np.where(
                finite, DECAY ** np.where(finite, column, 0.0), 0.0
            )
        columns[name] = np.where(finite, column, LONGEST)
    for first, second in combinations(concepts, 2):
        if f"distance_{first}" in columns and f"distance_{second}" in columns:
            gap = columns[f"distance_{first}"] - columns[f"distance_{second}"]
            columns[f"nearer_{second}_{first}"] = gap
    return np.stack(list(columns.values()), 1), tuple(columns)


def decision_data(
    covariates: Mapping[str, np.ndarray],
    concepts: Sequence[str],
    advantages: np.ndarray,
    blocked: np.ndarray,
    reachable: np.ndarray,
    logits: np.ndarray,
    level_index: np.ndarray,
    weight: np.ndarray | None = None,
    home: np.ndarray | None = None,
    tabular_model: TabularModel | None = None,
) -> DecisionData:
    """Gather a battery and an agent's logits into `DecisionData`.

    Args:
      covariates: name -> [C]; `distance_<concept>` must be there for every concept.
      concepts: names on the axis O.
      advantages: [C, A, O]; clipped at LOWEST_ADVANTAGE.
      blocked: bool[C, A].
      reachable: bool[C, O].
      logits: [C, A], any offset in each context.
      level_index: int[C], which level a context is from: levels are the unit of resampling.
      weight: [C], 1 by default.
      home: int[C, 2], which level of `tabular_model` a context is in, and its state's number there.
      tabular_model: the levels; without them the rival that plans one reward exactly is absent.

    Raises:
      UserError: shapes disagree, a distance is missing, or logits are not finite.
    """
    logits = np.asarray(logits, np.float64)
    size = len(logits)
    if not np.isfinite(logits).all():
        raise UserError("the policy gave logits that are not finite; clip them before identifying")
    missing = [o for o in concepts if f"distance_{o}" not in covariates]
    if missing:
        raise UserError(f"covariate 'distance_{missing[0]}' is missing; add it to the battery")
    advantages = np.asarray(advantages, np.float64)
    if advantages.shape != (size, logits.shape[1], len(concepts)):
        raise UserError(
            f"advantages have shape {advantages.shape}, logits {logits.shape} and there are "
            f"{len(concepts)} concepts; take all from one battery"
        )
    features, names = gate_features(covariates, concepts)
    reachable = np.asarray(reachable, bool)
    return DecisionData(
        features=features,
        feature_names=names,
        advantages=np.maximum(advantages, LOWEST_ADVANTAGE) * reachable[:, None, :],
        blocked=np.asarray(blocked, bool),
        reachable=reachable,
        logits=logits - logits.mean(1, keepdims=True),
        level_index=np.asarray(level_index, np.int64),
        weight=np.ones(size) if weight is None else np.asarray(weight, np.float64),
        distance=np.stack(
            [np.asarray(covariates[f"distance_{o}"], np.float64) for o in concepts], 1
        ),
        home=None if home is None else np.asarray(home, np.int64),
        tabular_model=tabular_model,
    )


def with_logits(data: DecisionData, logits: np.ndarray) -> DecisionData:
    """Return the same decisions by another policy, of which logits [C, A] are given."""
    logits = np.asarray(logits, np.float64)
    return data._replace(logits=logits - logits.mean(1, keepdims=True))


def decisions_on(battery: Battery, logits: np.ndarray) -> DecisionData:
    """Return a battery with one policy's logits [C, A] as the fit takes it."""
    return decision_data(
        battery.covariates,
        battery.concepts,
        battery.advantages,
        battery.blocked,
        battery.reachable,
        logits,
        battery.level_index,
        battery.weight,
        *battery.tabular_model,
    )


def subset(data: DecisionData, keep: np.ndarray) -> DecisionData:
    """The contexts that `keep` (a mask or indices) picks."""
    whole = ("feature_names", "tabular_model")
    arrays = {name: value for name, value in data._asdict().items() if name not in whole}
    kept = {name: value[keep] for name, value in arrays.items() if value is not None}
    return data._replace(**kept)


def whole_levels(
    level_index: np.ndarray, contexts: int, seed: int, most: int = sys.maxsize
) -> np.ndarray:
    """Some contexts int64[n], in order: all of random levels, until they are enough.

    Args:
      level_index: int[C].
      contexts: how many are wanted; a few more are given, or all that there are.
      seed: of the draw.
      most: levels, at most.
    """
    levels, counts = np.unique(level_index, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(levels))[:most]
    enough = max(LEAST_LEVELS, int(np.searchsorted(np.cumsum(counts[order]), contexts)) + 1)
    return np.flatnonzero(np.isin(level_index, levels[order[:enough]]))


def are_many(data: Sequence[DecisionData]) -> bool:
    """Whether fits to all of these take so long that processes are worth their start."""
    return sum(len(one.logits) for one in data) >= MANY


def canonical_order(data: DecisionData) -> np.ndarray:
    """int64[C] that sorts the contexts by level and content, so that their order cannot matter."""
    keys = np.concatenate([data.logits, data.features], 1).T
    return np.lexsort((*keys, data.level_index))


def level_folds(level_index: np.ndarray, count: int, seed: int) -> np.ndarray:
    """A fold int64[C] for each context, whole levels together.

    Raises:
      UserError: fewer than two levels.
    """
    levels, inverse = np.unique(level_index, return_inverse=True)
    if len(levels) < 2:
        raise UserError("the battery holds one level; held-out levels need at least two")
    order = np.random.default_rng(seed).permutation(len(levels))
    return (order % min(count, len(levels)))[inverse]


def in_conflict(data: DecisionData) -> np.ndarray:
    """bool[C]: some pair of reachable concepts has no best action in common."""
    best = best_actions(data.advantages)  # [C, A, O]
    moving = data.reachable & (data.distance > 0)
    shared = np.einsum("cao,cap->cop", best.astype(np.int64), best.astype(np.int64)) > 0
    return (~shared & moving[:, :, None] & moving[:, None, :]).any((1, 2))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities [..., A] of logits [..., A].

    Reductions over a short last axis are slow in numpy, so the few actions are looped over.
    """
    peak = logits[..., 0]
    for action in range(1, logits.shape[-1]):
        peak = np.maximum(peak, logits[..., action])
    shifted = logits - peak[..., None]
    chance = np.exp(shifted)
    total = chance[..., 0].copy()
    for action in range(1, logits.shape[-1]):
        total += chance[..., action]
    return shifted - np.log(total)[..., None]


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return float64[..., A]: softmax."""
    values = np.asarray(logits, np.float64)
    raised = np.exp(values - values.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def cross_entropy_bits(target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Cross-entropy [C] in bits of softmax(predicted[C, A]) against softmax(target[C, A])."""
    return -(np.exp(log_softmax(target)) * log_softmax(predicted)).sum(-1) / np.log(2)


def level_means(values: np.ndarray, level_index: np.ndarray) -> np.ndarray:
    """Mean of values[C] in each level that occurs, [L], in the order of the level numbers."""
    _, inverse = np.unique(level_index, return_inverse=True)
    return np.bincount(inverse, values) / np.bincount(inverse)
