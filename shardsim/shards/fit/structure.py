"""The whole search for shards: non-negative first, a negative preference only where it pays.

Axes: C contexts, A actions, O concepts, Q signed concept columns, J atoms, K shards, L levels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.fit import gram, search, selection, solvers
from shardsim.shards.fit import signs as shunned
from shardsim.shards.fit.data import DecisionData, level_means
from shardsim.shards.fit.selection import Workspace
from shardsim.shards.fit.solvers import Factors

SCREEN = 0.05  # relative fall of the training objective that makes a negative column worth trying
# Relative fall of the objective with one shard more than independent preferences: agents with as
# many shards as concepts had up to .012, one of 30 .019; agents with more had .016 to .041.
CHEAPER = 0.015


class Path(NamedTuple):
    """Fits of growing number over one choice of signed columns."""

    columns: np.ndarray  # int64[Q]
    signs: np.ndarray  # [Q]
    penalty: float
    work: Workspace  # over Q columns
    fits: list[Factors]  # number 0 first
    losses: np.ndarray  # [number, L]
    by_context: np.ndarray  # [number, C], the same of each context
    chosen: int


class Structure(NamedTuple):
    """The chosen decomposition."""

    work: Workspace  # over the O concepts
    coefficients: np.ndarray  # [J, K] >= 0, of the gates on the atoms
    gates: np.ndarray  # [C, K]
    preferences: np.ndarray  # [K, O], unit norm, signed
    penalty: float
    losses: np.ndarray  # [number, L], quadratic, held out
    beyond_rank: bool  # more shards than independent preferences would be better or cheaper
    path: Path


def _path(work: Workspace, columns, signs, max_shards: int, seed: int) -> Path:
    problem = gram.signed(work.problem, columns, signs)
    training = [gram.signed(p, columns, signs) for p in work.training]
    flipped = work._replace(
        problem=problem,
        training=training,
        data=work.data._replace(advantages=work.data.advantages[:, :, columns] * signs),
    )
    penalty = selection.PENALTY * solvers.penalty_limit(problem.linear)
    limit = min(max_shards, work.data.advantages.shape[2] + 1)
    fits = [selection.no_shards(flipped), *search.search(problem, limit, penalty, seed)]
    by_context = np.stack(
        [
            selection.quadratic_loss(flipped, selection.held_out(flipped, fit, penalty))
            for fit in fits
        ]
    )
    losses = np.stack([level_means(one, work.data.level_index) for one in by_context])
    usable = [n for n, fit in enumerate(fits) if not _too_many(fit, columns, signs)]
    chosen = usable[selection.choose(losses[usable])]
    return Path(columns, signs, penalty, flipped, fits, losses, by_context, chosen)


def unfold(preferences: np.ndarray, columns, signs, concepts: int) -> np.ndarray:
    """Signed preferences [K, O] of unit norm from weights [K, Q] >= 0 on signed columns."""
    folded = np.zeros((len(preferences), concepts))
    np.add.at(folded.T, columns, (preferences * signs).T)
    return folded


def _too_many(fit: Factors, columns, signs) -> bool:
    """More shards than independent preferences, or two that are one."""
    folded = unfold(fit.preferences, columns, signs, int(columns.max()) + 1)
    rank = np.linalg.matrix_rank(folded, tol=0.1) if len(folded) else 0
    return bool(rank < len(folded)) or selection.parallel(fit)


def _worth_a_sign(path: Path, base: Workspace) -> list[int]:
    """The concept whose negative column lowers the training objective most, and the one that the
    shards found would shun most; each only where it falls by `SCREEN`."""
    work = path.work
    concepts = base.data.advantages.shape[2]
    free = [o for o in range(concepts) if not ((path.columns == o) & (path.signs < 0)).any()]
    start = np.zeros_like(work.problem.linear)
    now = solvers.group_lasso(work.problem, path.penalty, start)
    before = solvers.objective(work.problem, now) + path.penalty * solvers.strength(now).sum()
    falls = np.full(concepts, -np.inf)
    slope = base.problem.linear - _image(base, now, path)
    for concept in free:
        if (-slope[:, concept]).max() <= path.penalty:
            continue
        columns, signs = np.append(path.columns, concept), np.append(path.signs, -1.0)
        problem = gram.signed(base.problem, columns, signs)
        begin = np.column_stack([now, np.zeros(len(now))])
        new = solvers.group_lasso(problem, path.penalty, begin)
        after = solvers.objective(problem, new) + path.penalty * solvers.strength(new).sum()
        falls[concept] = (before - after) / max(before, 1e-12)
    beside = np.full(concepts, -np.inf)
    chosen = path.fits[path.chosen]
    beside[free] = shunned.falls_beside(
        base.problem, chosen, path.columns, path.signs, np.asarray(free, np.int64)
    )
    best = [int(one.argmax()) for one in (falls, beside) if one.max() > SCREEN]
    return list(dict.fromkeys(best))


def _image(base: Workspace, now: np.ndarray, path: Path) -> np.ndarray:
    concepts = base.data.advantages.shape[2]
    folded = unfold(now, path.columns, path.signs, concepts)
    flat = base.problem.quadratic.reshape(folded.size, -1) @ folded.ravel()
    return flat.reshape(folded.shape)


def find_structure(data: DecisionData, *, max_shards: int = 8, seed: int = 0) -> Structure:
    """Fit gates and preferences in the tempered metric and choose their number.

    Args:
      data: decisions over a battery.
      max_shards: upper limit of the search; never more than one beyond the concepts.
      seed: of tree subsampling, folds and starts.

    Returns:
      The decomposition of least total peak strength that predicts held-out levels.
    """
    concepts = data.advantages.shape[2]
    work = selection.prepare(data, seed)
    path = _path(work, np.arange(concepts), np.ones(concepts), max_shards, seed)
    while (better := _with_a_sign(path, work, max_shards, seed)) is not None:
        path = better
    return _finish(path, work)


def _with_a_sign(path: Path, work: Workspace, max_shards: int, seed: int) -> Path | None:
    """The path with one more concept that may be shunned, where held-out levels want that."""
    for concept in _worth_a_sign(path, work):
        columns, signs = np.append(path.columns, concept), np.append(path.signs, -1.0)
        trial = _path(work, columns, signs, max_shards, seed)
        fit = trial.fits[trial.chosen]
        concepts = work.data.advantages.shape[2]
        weights = unfold(fit.preferences, columns, signs, concepts)
        acts = shunned.shunning(work.values @ fit.gates, weights, concept)
        before, after = path.by_context[path.chosen], trial.by_context[trial.chosen]
        if shunned.is_shunned(before, after, acts, work.data.level_index):
            return trial
    return None


def _finish(path: Path, work: Workspace) -> Structure:
    fit = path.fits[path.chosen]
    concepts = work.data.advantages.shape[2]
    folded = unfold(fit.preferences, path.columns, path.signs, concepts)
    norm = np.linalg.norm(folded, axis=1)
    coefficients = fit.gates * norm
    folded = folded / np.maximum(norm, 1e-12)[:, None]
    order = np.argsort(-(work.values @ coefficients).mean(0))
    return Structure(
        work,
        coefficients[:, order],
        (work.values @ coefficients)[:, order],
        folded[order],
        path.penalty,
        path.losses,
        _beyond_rank(path),
        path,
    )


def _beyond_rank(path: Path) -> bool:
    """Whether more shards than independent preferences predict better, or pull less in all.

    As many shards as concepts can mimic any number of them, at the price of more strength.
    """
    best = selection.choose(path.losses)
    if best > path.chosen and not selection.parallel(path.fits[best]):
        return True
    if len(path.fits) <= path.chosen + 1 or path.chosen < 2:
        return False
    own, more = path.fits[path.chosen], path.fits[path.chosen + 1]
    dependent = _too_many(more, path.columns, path.signs) and not selection.parallel(more)
    return dependent and 1.0 - more.objective / own.objective > CHEAPER


def emptied(structure: Structure) -> Structure:
    """The same without shards: what is reported where nothing beats the nulls."""
    return structure._replace(
        coefficients=structure.coefficients[:, :0],
        gates=structure.gates[:, :0],
        preferences=structure.preferences[:0],
    )


def single(structure: Structure) -> Structure:
    """The same with one shard: what is reported where one utility predicts better than several."""
    return _finish(structure.path._replace(chosen=1), structure.work)
