"""The dictionary of gate atoms: regions of context that shallow regression trees propose.

Axes: C contexts, F features, T candidate splits, J atoms, P = O·O + O statistics.
Method: gradient trees grown on the gain ½ rᵀ(H + I)⁻¹ r (Chen & Guestrin 2016, "XGBoost"), here
with one weight a concept in each leaf; every atom has peak 1, so that a coefficient is a strength.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LEAVES = 8
MIN_LEAF = 25
TREES = 8
MAX_ATOMS = 120
BINS = 12
SOFT_PREFIX = "near_"
TWIN = 0.985  # correlation above which two atoms are one


class Condition(NamedTuple):
    """feature > threshold, or its contrary."""

    feature: int
    threshold: float
    above: bool


class Atom(NamedTuple):
    """A gate of peak 1: the product of conditions, times a soft feature where `soft` >= 0."""

    conditions: tuple[Condition, ...] = ()
    soft: int = -1
    scale: float = 1.0


class Splits(NamedTuple):
    """All candidate splits of a battery."""

    feature: np.ndarray  # int64[T]
    threshold: np.ndarray  # [T]
    above: np.ndarray  # float32[C, T], 1 where the feature exceeds the threshold


def evaluate(atoms: tuple[Atom, ...], features: np.ndarray) -> np.ndarray:
    """Atom values [C, J] in any contexts with features [C, F]."""
    values = np.ones((len(features), len(atoms)))
    for column, atom in enumerate(atoms):
        for feature, threshold, above in atom.conditions:
            values[:, column] *= (features[:, feature] > threshold) == above
        if atom.soft >= 0:
            values[:, column] *= np.clip(features[:, atom.soft] * atom.scale, 0.0, 1.0)
    return values


def candidate_splits(features: np.ndarray, minimum: int = MIN_LEAF) -> Splits:
    """Thresholds between the distinct values or quantiles of each feature."""
    number, threshold = [], []
    for column in range(features.shape[1]):
        distinct = np.unique(features[:, column])
        if len(distinct) > BINS:
            quantiles = np.quantile(features[:, column], np.linspace(0, 1, BINS + 2)[1:-1])
            cuts = np.unique(quantiles)
        else:
            cuts = (distinct[1:] + distinct[:-1]) / 2
        for cut in cuts:
            count = int((features[:, column] > cut).sum())
            if minimum <= count <= len(features) - minimum:
                number.append(column)
                threshold.append(cut)
    feature, cut = np.asarray(number, np.int64), np.asarray(threshold)
    above = (features[:, feature] > cut).astype(np.float32)
    return Splits(feature, cut, above)


def _gain(statistics: np.ndarray, concepts: int) -> np.ndarray:
    """½ rᵀ(H + I)⁻¹ r for rows [N, O·O + O] of summed statistics."""
    square = concepts * concepts
    hessian = statistics[:, :square].reshape(-1, concepts, concepts) + np.eye(concepts)
    slope = statistics[:, square:]
    return 0.5 * (slope * np.linalg.solve(hessian, slope[..., None])[..., 0]).sum(1)


class _Node(NamedTuple):
    rows: np.ndarray  # int64[n]
    path: tuple[int, ...]  # splits taken, 2 t + (1 if above)
    gain: float
    split: int


def _best_split(rows, path, statistics, splits, usable, concepts) -> _Node:
    total = statistics[rows, :-1].sum(0, dtype=np.float64)
    inside = splits.above[rows]
    sums = (inside.T @ statistics[rows]).astype(np.float64)  # [T, P + 1]
    above, count = sums[:, :-1], sums[:, -1]
    gain = _gain(above, concepts) + _gain(total - above, concepts) - _gain(total[None], concepts)
    allowed = usable & (count >= MIN_LEAF) & (len(rows) - count >= MIN_LEAF)
    gain = np.where(allowed, gain, -np.inf)
    best = int(gain.argmax()) if len(gain) else 0
    return _Node(rows, path, float(gain[best]) if len(gain) else -np.inf, best)


def _grow(rows, statistics, splits, usable, concepts) -> list[tuple[tuple[int, ...], float]]:
    """One tree, best node first; every (path, gain) that it made."""
    leaves = [_best_split(rows, (), statistics, splits, usable, concepts)]
    made: list[tuple[tuple[int, ...], float]] = []
    while leaves and len(leaves) < LEAVES:
        node = leaves.pop(int(np.argmax([leaf.gain for leaf in leaves])))
        if not np.isfinite(node.gain) or node.gain <= 0:
            break
        side = splits.above[node.rows, node.split] > 0
        for above in (True, False):
            path = (*node.path, 2 * node.split + int(above))
            made.append((path, node.gain))
            part = node.rows[side == above]
            leaves.append(_best_split(part, path, statistics, splits, usable, concepts))
    return made


def _sides(split: int, gain: float, splits: Splits):
    """Both sides of a split and of its neighbours on the same feature, with their scores."""
    for near in range(max(0, split - 1), min(len(splits.feature), split + 2)):
        if splits.feature[near] == splits.feature[split]:
            score = gain if near == split else 0.5 * gain
            yield (2 * near,), score
            yield (2 * near + 1,), score


def _proposals(statistics, splits, features, level_index, concepts, seed) -> dict[tuple, float]:
    """Paths (sorted tuples of coded splits) with the largest gain that proposed them."""
    rng = np.random.default_rng(seed)
    levels = np.unique(level_index)
    proposed: dict[tuple[int, ...], float] = {}
    for tree in range(TREES):
        kept = rng.random(len(levels)) < (0.63 if tree else 1.0)
        rows = np.flatnonzero(np.isin(level_index, levels[kept]))
        columns = rng.random(features) < (0.6 if tree else 1.0)
        usable = columns[splits.feature]
        for path, gain in _grow(rows, statistics, splits, usable, concepts):
            for code in path:
                for key, score in _sides(code // 2, gain, splits):
                    proposed[key] = max(proposed.get(key, 0.0), score)
            if len(path) > 1:
                key = tuple(sorted(path))
                proposed[key] = max(proposed.get(key, 0.0), gain)
    return proposed


def _soft_atoms(features: np.ndarray, names: tuple[str, ...]) -> list[Atom]:
    """The soft distance to each concept, scaled to peak 1."""
    found = []
    for column, name in enumerate(names):
        top = features[:, column].max()
        if name.startswith(SOFT_PREFIX) and np.ptp(features[:, column]) > 0:
            found.append(Atom((), column, 1.0 / top))
    return found


def _without_twins(atoms: list[Atom], features: np.ndarray) -> tuple[Atom, ...]:
    """Drop atoms that are nearly a multiple of an earlier one, up to MAX_ATOMS."""
    values = evaluate(tuple(atoms), features)
    norm = np.linalg.norm(values, axis=0)
    unit = values / np.maximum(norm, 1e-12)
    cosine = unit.T @ unit
    kept: list[int] = []
    for column in range(len(atoms)):
        if norm[column] > 0 and (not kept or cosine[column, kept].max() < TWIN):
            kept.append(column)
        if len(kept) == MAX_ATOMS:
            break
    return tuple(atoms[column] for column in kept)


def propose_atoms(
    hessian: np.ndarray,
    slope: np.ndarray,
    features: np.ndarray,
    feature_names: tuple[str, ...],
    level_index: np.ndarray,
    seed: int,
) -> tuple[Atom, ...]:
    """Grow trees on each context's statistics and turn their splits and nodes into atoms.

    Args:
      hessian: [C, O, O], each context's second derivative in the concepts' weights.
      slope: [C, O], each context's first derivative at the model without shards.
      features: [C, F].
      feature_names: F.
      level_index: int[C].
      seed: of the subsampling of levels and features.

    Returns:
      At most MAX_ATOMS atoms; the first is the constant.
    """
    concepts = slope.shape[1]
    counted = np.ones((len(slope), 1))
    statistics = np.concatenate([hessian.reshape(len(slope), -1), slope, counted], 1)
    statistics = statistics.astype(np.float32)
    splits = candidate_splits(features)
    ranked = sorted(
        _proposals(statistics, splits, features.shape[1], level_index, concepts, seed).items(),
        key=lambda item: -item[1],
    )
    atoms = [Atom(), *_soft_atoms(features, feature_names)]
    for path, _ in ranked[: 3 * MAX_ATOMS]:
        conditions = tuple(
            Condition(
                int(splits.feature[code // 2]), float(splits.threshold[code // 2]), bool(code % 2)
            )
            for code in path
        )
        atoms.append(Atom(conditions))
    return _without_twins(atoms, features)
