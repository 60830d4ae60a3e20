"""How many shards: fits of growing number, judged on held-out levels.

Axes: C contexts, A actions, O concepts, J atoms, K shards, L levels, V folds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.fit import gram, solvers
from shardsim.shards.fit.atoms import Atom, evaluate, propose_atoms
from shardsim.shards.fit.data import DecisionData, level_folds, subset
from shardsim.shards.fit.gram import Moments, Problem
from shardsim.shards.fit.solvers import Factors

PENALTY = 0.02  # of the penalty at which nothing enters
FOLDS = 5
STANDARD_ERRORS = 2.0
NULL_FLOOR = 0.0005  # of the loss without shards
BEST_FLOOR = 0.05  # of the best loss
FIRST_FLOOR = 0.08  # of the loss without shards: what the first shard must explain
PARALLEL = 0.9  # cosine above which two preferences are one


class Workspace(NamedTuple):
    """Everything that fits over one agent share."""

    data: DecisionData
    metric: np.ndarray  # [C, A, A]
    atoms: tuple[Atom, ...]  # J
    values: np.ndarray  # [C, J]
    fold: np.ndarray  # int64[C]
    problem: Problem  # of all folds
    training: list[Problem]  # V, of all folds but one


def base_slope(stats: Moments, concepts: int) -> np.ndarray:
    """Slope [C, O] in the concepts' weights at the best constant habit and affordance."""
    inner = stats.hessian[:, concepts:, concepts:].sum(0)
    inner = inner + gram.HABIT_RIDGE * len(stats.slope) * np.eye(len(inner))
    nuisance = np.linalg.solve(inner, stats.slope[:, concepts:].sum(0))
    return stats.slope[:, :concepts] - stats.hessian[:, :concepts, concepts:] @ nuisance


def prepare(data: DecisionData, seed: int) -> Workspace:
    """Propose atoms and sum the statistics of each fold, in the tempered metric."""
    concepts = data.advantages.shape[2]
    metric = gram.tempered(data)
    stats = gram.moments(data, metric)
    hessian = stats.hessian[:, :concepts, :concepts]
    slope = base_slope(stats, concepts)
    atoms = propose_atoms(hessian, slope, data.features, data.feature_names, data.level_index, seed)
    values = evaluate(atoms, data.features)
    fold = level_folds(data.level_index, FOLDS, seed)
    grams = [
        gram.gram(values[fold == f], Moments(*(part[fold == f] for part in stats)), concepts)
        for f in range(fold.max() + 1)
    ]
    size = len(atoms)
    whole = gram.project(gram.add(grams), size, concepts)
    training = [
        gram.project(gram.add(grams[:f] + grams[f + 1 :]), size, concepts)
        for f in range(len(grams))
    ]
    return Workspace(data, metric, atoms, values, fold, whole, training)


def predict(
    data: DecisionData, values: np.ndarray, coefficients: np.ndarray, nuisance: np.ndarray
) -> np.ndarray:
    """Logits [C, A] of shard coefficients B [J, O] with affordance and habit [J + A]."""
    atoms = values.shape[1]
    pull = values @ coefficients
    logits = np.einsum("co,cao->ca", pull, data.advantages)
    logits = logits + (values @ nuisance[:atoms])[:, None] * data.blocked
    return logits + nuisance[atoms:]


def nuisance_of(problem: Problem, coefficients: np.ndarray) -> np.ndarray:
    """Best habit and affordance [J + A] beside B [J, O]."""
    return problem.base - problem.to_nuisance @ coefficients.ravel()


def quadratic_loss(work: Workspace, predicted: np.ndarray) -> np.ndarray:
    """½ (m − y)ᵀ W (m − y) of each context, [C]."""
    miss = predicted - work.data.logits
    return 0.5 * (miss * (work.metric @ miss[..., None])[..., 0]).sum(1)


def fold_logits(work: Workspace, fit: Factors, fold: int) -> tuple[np.ndarray, np.ndarray]:
    """Contexts int64[n] of a fold, and their logits [n, A] by a fit to the other folds."""
    coefficients = fit.gates @ fit.preferences
    mine = np.flatnonzero(work.fold == fold)
    nuisance = nuisance_of(work.training[fold], coefficients)
    return mine, predict(subset(work.data, mine), work.values[mine], coefficients, nuisance)


def fold_loss(work: Workspace, fit: Factors, fold: int) -> np.ndarray:
    """Quadratic loss [C] of a fit to the other folds, 0 outside the fold."""
    predicted = work.data.logits.copy()
    mine, logits = fold_logits(work, fit, fold)
    predicted[mine] = logits
    return quadratic_loss(work, predicted)


def held_out(work: Workspace, fit: Factors, penalty: float, rounds: int = 6) -> np.ndarray:
    """Predicted logits [C, A], each context by the fold that did not see its level."""
    predicted = np.zeros_like(work.data.logits)
    for fold, problem in enumerate(work.training):
        factors = fit
        if len(fit.preferences):
            factors = solvers.alternate(problem, fit.preferences, penalty, fit.gates, rounds)
        mine, logits = fold_logits(work, factors, fold)
        predicted[mine] = logits
    return predicted


def choose(losses: np.ndarray) -> int:
    """Smallest number whose held-out loss is as good as the best's; losses [number, L]."""
    mean = losses.mean(1)
    best = int(mean.argmin())
    for number in range(best):
        gap = losses[number] - losses[best]
        error = gap.std(ddof=1) / np.sqrt(len(gap))
        floor = max(NULL_FLOOR * mean[0], BEST_FLOOR * mean[best])
        floor = max(floor, FIRST_FLOOR * mean[0]) if number == 0 else floor
        if gap.mean() <= max(STANDARD_ERRORS * error, floor):
            return number
    return best


def parallel(fit: Factors) -> bool:
    """Whether two of the preferences are too close to be counted apart."""
    cosine = fit.preferences @ fit.preferences.T
    return bool((np.triu(cosine, 1) > PARALLEL).any())


def no_shards(work: Workspace) -> Factors:
    """Habit and affordance alone."""
    atoms, concepts = work.problem.linear.shape
    return Factors(np.zeros((atoms, 0)), np.zeros((0, concepts)), 0.5 * work.problem.constant)
