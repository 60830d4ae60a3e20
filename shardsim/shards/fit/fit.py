"""The fit of shards to an agent's decisions, beside its rivals, its alternatives and a verdict.

Axes: C contexts, F features, A actions, O concepts, J atoms, K shards, L levels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from shardsim.base.errors import UserError
from shardsim.base.parallel import each
from shardsim.shards.fit import gram, linear_models
from shardsim.shards.fit.alternatives import Alternative, equal_fits, margins
from shardsim.shards.fit.data import (
    DecisionData,
    canonical_order,
    cross_entropy_bits,
    subset,
)
from shardsim.shards.fit.mle import fit_mle
from shardsim.shards.fit.models import (
    AFFORDANCE,
    CEILING,
    GAIN,
    HABITS,
    ONE_GOAL,
    PERMUTED,
    PLANNER,
    REWARD,
    SHARDS,
    STEEP,
    UTILITY,
)
from shardsim.shards.fit.restarts import Restart, restarts
from shardsim.shards.fit.rivals import descent, discounting, goal_mixture, planner, soft_optimal
from shardsim.shards.fit.rivals.descent import GAIN_ATOMS
from shardsim.shards.fit.shard_model import ShardModel, shard_model
from shardsim.shards.fit.structure import Structure, emptied, find_structure, single, unfold
from shardsim.shards.fit.verdict import NO_STRUCTURE, ONE_UTILITY, Judgement, doubted, judge


@dataclass(frozen=True)
class ModelFit(ShardModel):
    """Shards fitted to one agent, with everything that says how far to trust them."""

    held_out: np.ndarray  # [C, A], logits of each context, its level left out of the last fit
    bits: dict[str, np.ndarray]  # model -> [C], held-out cross-entropy (ceilings: not held out)
    alternatives: tuple[Alternative, ...]
    restarts: tuple[Restart, ...]  # the search once more, from other trees, folds and starts
    margin: np.ndarray  # [K], 0 to 1
    judgement: Judgement

    @property
    def verdict(self) -> str:
        """One of "shards", "one utility", "cannot tell", "no structure"."""
        return self.judgement.verdict

    @property
    def shardness(self) -> float:
        """Best single-utility rival minus shards, held-out bits a decision."""
        return self.judgement.shardness

    @property
    def explained(self) -> float:
        """Where shards lie between habits with affordance (0) and the ceiling (1)."""
        return self.judgement.explained


def check(data: DecisionData, max_shards: int) -> None:
    """Raise UserError where nothing can be fitted."""
    if max_shards < 1:
        raise UserError(f"max_shards is {max_shards}; give at least 1")
    if len(data.logits) < 100:
        raise UserError(f"{len(data.logits)} contexts are too few to fit; use a battery of 1000")


def _rival_logits(
    structure: Structure, fold: np.ndarray, seed: int
) -> tuple[dict[str, np.ndarray], linear_models.Common]:
    """Held-out logits [C, A] of every model."""
    work, path = structure.work, structure.path
    shunned = np.isin(np.arange(structure.preferences.shape[1]), path.columns[path.signs < 0])
    shared = linear_models.common(work.data, fold, work.values, shunned)
    weights = _one_utility(structure)
    gain = work.values[:, :GAIN_ATOMS]
    base = linear_models.cross_fit(shared, linear_models.nuisance(shared))
    one_utility = linear_models.utility(shared, path.columns, path.signs)
    every: dict[str, Callable[[], np.ndarray]] = {
        HABITS: lambda: linear_models.cross_fit(shared, linear_models.habits(shared)),
        AFFORDANCE: lambda: base,
        UTILITY: lambda: linear_models.cross_fit(shared, one_utility),
        GAIN: lambda: _gain_logits(shared, structure) if len(path.fits) > 1 else base,
        PLANNER: lambda: planner.cross_fit(shared, gain, weights, seed),
        STEEP: lambda: descent.cross_fit(shared, gain, discounting.rival(shared, weights)),
        ONE_GOAL: lambda: descent.cross_fit(shared, gain, goal_mixture.rival(shared, weights)),
        SHARDS: lambda: _shard_logits(shared, structure) if len(structure.preferences) else base,
    }
    if work.data.tabular_model is not None:
        every[REWARD] = lambda: soft_optimal.cross_fit(shared, gain, weights, seed)
    return dict(zip(every, each(lambda model: model(), every.values()), strict=True)), shared


def _one_utility(structure: Structure) -> np.ndarray:
    """Signed weights [O] of the fit with one shard; even where there is none."""
    path = structure.path
    concepts = structure.preferences.shape[1]
    if len(path.fits) < 2:
        return np.ones(concepts)
    return unfold(path.fits[1].preferences, path.columns, path.signs, concepts)[0]


def _gain_logits(shared: linear_models.Common, structure: Structure) -> np.ndarray:
    """Held-out logits of one utility with the gain that the search gave it."""
    path, values = structure.path, structure.work.values
    one = path.fits[1]
    pulls = path.work.data.advantages @ one.preferences.T
    atoms, shards = np.nonzero(one.gates > 0)
    extra = pulls[:, :, shards] * values[:, None, atoms]
    model = linear_models.joined(linear_models.nuisance(shared), extra, linear_models.GATE_RIDGE)
    start = np.zeros(model.design.shape[2])
    start[len(start) - len(atoms) :] = one.gates[atoms, shards]
    return linear_models.cross_fit(shared, model, start)


def _shard_logits(shared: linear_models.Common, structure: Structure) -> np.ndarray:
    """Held-out logits of the chosen shards."""
    model, start, _ = linear_models.gated(
        shared, structure.work.values, structure.coefficients, structure.preferences
    )
    return linear_models.cross_fit(shared, model, start)


def _bits(
    structure: Structure, logits: dict[str, np.ndarray], shared: linear_models.Common, seed: int
) -> dict[str, np.ndarray]:
    """Bits [C] of every model; the ceilings keep the habit and affordance of the shards."""
    data, path = structure.work.data, structure.path
    values = structure.work.values
    fitted = fit_mle(shared, values, structure.coefficients, structure.preferences)
    base = (values @ fitted.affordance)[:, None] * data.blocked + fitted.habit
    bits = {name: cross_entropy_bits(data.logits, value) for name, value in logits.items()}
    order = np.random.default_rng(seed).permutation(len(data.logits))
    shuffled = data._replace(advantages=data.advantages[order])
    for name, basis in ((CEILING, data), (PERMUTED, shuffled)):
        free = linear_models.ceiling(basis, path.columns, path.signs, base)
        bits[name] = cross_entropy_bits(data.logits, free)
    return bits


def fit(data: DecisionData, *, max_shards: int = 8, seed: int = 0) -> ModelFit:
    """Fit shards and every rival, choose the number of shards, and judge.

    Args:
      data: an agent's decisions over a battery (`decision_data`).
      max_shards: upper limit of the search.
      seed: of folds, trees and starts; same data and seed give the same result.

    Returns:
      The fit; verdict "shards" only where shards beat every single-utility rival on held-out
      levels, paired over levels.

    Raises:
      UserError: too few contexts or levels.
    """
    check(data, max_shards)
    with threadpool_limits(limits=1):  # small matrices: threads cost more than they give
        return _fit(data, max_shards, seed)


def _fit(data: DecisionData, max_shards: int, seed: int) -> ModelFit:
    order = canonical_order(data)
    data, back = subset(data, order), np.argsort(order)
    structure = find_structure(
        data, gram.tempered(data), data.logits, max_shards=max_shards, seed=seed
    )
    work = structure.work
    logits, shared = _rival_logits(structure, work.fold, seed)
    bits = _bits(structure, logits, shared, seed)
    judgement = judge(bits, data.level_index, len(structure.preferences), structure.beyond_rank)
    if judgement.verdict == NO_STRUCTURE:
        structure = emptied(structure)
    elif judgement.verdict == ONE_UTILITY and len(structure.preferences) > 1:
        structure = single(structure)
    alternatives = equal_fits(structure, shared)
    fitted = fit_mle(shared, work.values, structure.coefficients, structure.preferences)
    gates = work.values @ fitted.coefficients
    again = restarts(structure, gates, shared, max_shards, seed)
    judgement = doubted(judgement, [one.same for one in again])
    model = shard_model(work.atoms, fitted, structure.preferences, subset(data, back))
    return ModelFit(
        **vars(model),
        held_out=logits[SHARDS][back],
        bits={name: values[back] for name, values in bits.items()},
        alternatives=tuple(a._replace(gates=a.gates[back]) for a in alternatives),
        restarts=tuple(r._replace(gates=r.gates[back]) for r in again),
        margin=margins(alternatives, len(structure.preferences)),
        judgement=judgement,
    )
