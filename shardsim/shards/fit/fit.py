"""The fit of shards to an agent's decisions, beside its rivals, its alternatives and a verdict.

Axes: C contexts, F features, A actions, O concepts, J atoms, K shards, L levels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from shardsim.base.errors import UserError
from shardsim.base.parallel import each
from shardsim.shards.fit import likelihood, linear_models
from shardsim.shards.fit.alternatives import Alternative, equal_fits, margins
from shardsim.shards.fit.data import (
    DecisionData,
    canonical_order,
    cross_entropy_bits,
    subset,
)
from shardsim.shards.fit.linear_models import Common
from shardsim.shards.fit.mle import Fitted, fit_mle, packed
from shardsim.shards.fit.models import (
    AFFORDANCE,
    CEILING,
    GAIN,
    HABITS,
    PERMUTED,
    REWARD,
    SHARDS,
    UTILITY,
)
from shardsim.shards.fit.restarts import Restart, restarts
from shardsim.shards.fit.rivals import RIVALS, gained
from shardsim.shards.fit.rivals.gained import GAIN_ATOMS
from shardsim.shards.fit.shard_model import ShardModel, shard_model
from shardsim.shards.fit.structure import Structure, emptied, find_structure, single, unfold
from shardsim.shards.fit.verdict import NO_STRUCTURE, ONE_UTILITY, Judgement, doubted, judge


@dataclass(frozen=True)
class ModelFit(ShardModel):
    """Shards fitted to one agent, with everything that says how far to trust them."""

    structure: Structure  # what the search knew, contexts in an order of its own
    rivals: dict[str, np.ndarray]  # those with a gain -> their coefficients [N]
    held_out: np.ndarray  # [C, A], log-probabilities, its level left out of each context's fit
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


class Null(NamedTuple):
    """What is told of a fit to something that has no shards."""

    shardness: float
    num_shards: int


class _Compared(NamedTuple):
    """Shards beside their rivals."""

    structure: Structure
    shared: Common
    fitted: Fitted
    with_gain: dict[str, gained.Fitted]
    held_out: np.ndarray  # [C, A], log-probabilities of the shards
    bits: dict[str, np.ndarray]
    judgement: Judgement


def check(data: DecisionData, max_shards: int) -> None:
    """Raise UserError where nothing can be fitted."""
    if max_shards < 1:
        raise UserError(f"max_shards is {max_shards}; give at least 1")
    if len(data.logits) < 100:
        raise UserError(f"{len(data.logits)} contexts are too few to fit; use a battery of 1000")


def _common(structure: Structure) -> Common:
    """What all models share."""
    work, path = structure.work, structure.path
    shunned = np.isin(np.arange(structure.preferences.shape[1]), path.columns[path.signs < 0])
    return linear_models.common(work.data, work.fold, work.values, shunned)


def _one_utility(structure: Structure) -> np.ndarray:
    """Signed weights [O] of the fit with one shard; even where there is none."""
    path = structure.path
    concepts = structure.preferences.shape[1]
    if len(path.fits) < 2:
        return np.ones(concepts)
    return unfold(path.fits[1].preferences, path.columns, path.signs, concepts)[0]


def _fit_rivals(structure: Structure, shared: Common, seed: int) -> dict[str, gained.Fitted]:
    """Every rival with a gain of its own, fitted to all contexts."""
    weights, gain = _one_utility(structure), structure.work.values[:, :GAIN_ATOMS]
    names = [name for name in RIVALS if name != REWARD or shared.data.tabular_model is not None]
    fitted = each(lambda name: gained.fit(RIVALS[name], shared, gain, weights, seed), names)
    return dict(zip(names, fitted, strict=True))


def _held_out(
    structure: Structure, shared: Common, with_gain: dict[str, gained.Fitted], shards: Fitted
) -> dict[str, np.ndarray]:
    """Held-out log-probabilities [C, A] of every model."""
    path, values = structure.path, structure.work.values
    base = linear_models.cross_fit(shared, linear_models.nuisance(shared))
    one_utility = linear_models.utility(shared, path.columns, path.signs)
    every: dict[str, Callable[[], np.ndarray]] = {
        HABITS: lambda: linear_models.cross_fit(shared, linear_models.habits(shared)),
        AFFORDANCE: lambda: base,
        UTILITY: lambda: linear_models.cross_fit(shared, one_utility),
        GAIN: lambda: _gain_logs(shared, structure) if len(path.fits) > 1 else base,
        **{name: partial(found.cross_fit, shared) for name, found in with_gain.items()},
        SHARDS: lambda: base,
    }
    if len(structure.preferences):
        used = structure.coefficients, structure.preferences
        model, _, _ = linear_models.gated(shared, values, *used)
        whole = packed(shards, structure.coefficients, shared.affordance.shape[1])
        given = model, shared.target, shared.fold, whole
        every[SHARDS] = lambda: likelihood.cross_fit(*given)
    return dict(zip(every, each(lambda model: model(), every.values()), strict=True))


def _gain_logs(shared: Common, structure: Structure) -> np.ndarray:
    """Held-out log-probabilities of one utility with the gain that the search gave it."""
    path, values = structure.path, structure.work.values
    one = path.fits[1]
    pulls = path.work.data.advantages @ one.preferences.T
    atoms, shards = np.nonzero(one.gates > 0)
    extra = pulls[:, :, shards] * values[:, None, atoms]
    model = linear_models.joined(linear_models.nuisance(shared), extra, linear_models.GATE_RIDGE)
    start = np.zeros(model.design.shape[2])
    start[len(start) - len(atoms) :] = one.gates[atoms, shards]
    return linear_models.cross_fit(shared, model, start)


def _bits(
    structure: Structure, logs: dict[str, np.ndarray], fitted: Fitted, seed: int
) -> dict[str, np.ndarray]:
    """Bits [C] of every model; the ceilings keep the habit and affordance of the shards."""
    data, path = structure.work.data, structure.path
    base = (structure.work.values @ fitted.affordance)[:, None] * data.blocked + fitted.habit
    bits = {name: cross_entropy_bits(data.logits, value) for name, value in logs.items()}
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
    with threadpool_limits(limits=1):  # small matrices: threads cost more than they give
        order = canonical_order(data)
        back = np.argsort(order)
        found = _compare(subset(data, order), max_shards, seed)
        return _doubt(found, data, back, max_shards, seed)


def fit_null(data: DecisionData, *, max_shards: int = 8, seed: int = 0) -> Null:
    """Fit as `fit` does, for what is told of a null alone: neither equal fits nor other starts.

    Raises:
      UserError: too few contexts or levels.
    """
    with threadpool_limits(limits=1):
        found = _compare(subset(data, canonical_order(data)), max_shards, seed)
    kept = _kept(found.structure, found.judgement.verdict)
    return Null(found.judgement.shardness, len(kept.preferences))


def _compare(data: DecisionData, max_shards: int, seed: int) -> _Compared:
    """Search for shards, fit them and every rival, and judge what held-out levels say."""
    check(data, max_shards)
    structure = find_structure(data, max_shards=max_shards, seed=seed)
    values = structure.work.values
    shared = _common(structure)
    fitted = fit_mle(shared, values, structure.coefficients, structure.preferences)
    with_gain = _fit_rivals(structure, shared, seed)
    logs = _held_out(structure, shared, with_gain, fitted)
    bits = _bits(structure, logs, fitted, seed)
    judgement = judge(bits, data.level_index, len(structure.preferences), structure.beyond_rank)
    return _Compared(structure, shared, fitted, with_gain, logs[SHARDS], bits, judgement)


def _doubt(
    found: _Compared, data: DecisionData, back: np.ndarray, max_shards: int, seed: int
) -> ModelFit:
    """Look for equal fits, search again from other starts, and put contexts in their order."""
    structure, fitted, shared = found.structure, found.fitted, found.shared
    values = structure.work.values
    kept = _kept(structure, found.judgement.verdict)
    if kept is not structure:
        structure = kept
        fitted = fit_mle(shared, values, structure.coefficients, structure.preferences)
    alternatives = equal_fits(structure, shared)
    again = restarts(structure, values @ fitted.coefficients, shared, max_shards, seed)
    model = shard_model(structure.work.atoms, fitted, structure.preferences, data)
    return ModelFit(
        **vars(model),
        structure=structure,
        rivals={name: one.coefficients for name, one in found.with_gain.items()},
        held_out=found.held_out[back],
        bits={name: values[back] for name, values in found.bits.items()},
        alternatives=tuple(a._replace(gates=a.gates[back]) for a in alternatives),
        restarts=tuple(r._replace(gates=r.gates[back]) for r in again),
        margin=margins(alternatives, len(structure.preferences)),
        judgement=doubted(found.judgement, [one.same for one in again]),
    )


def _kept(structure: Structure, verdict: str) -> Structure:
    """What is reported: no shards where nothing beats the nulls, one where one utility does."""
    if verdict == NO_STRUCTURE:
        return emptied(structure)
    if verdict == ONE_UTILITY and len(structure.preferences) > 1:
        return single(structure)
    return structure
