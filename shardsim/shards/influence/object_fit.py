"""The fitted shards checked by what objects do: gates, how much is explained, where it falls short.

Axis letters: C contexts · A actions · O concepts · N objects · D distance bins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.shards.contexts.battery import Battery
from shardsim.shards.contexts.sampling import DISTANCE_BINS, distance_bin
from shardsim.shards.fit.data import DecisionData, cross_entropy_bits, decisions_on, level_folds
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.influence.objects import ObjectEffects, centred
from shardsim.shards.influence.trees import FLAT, FOLDS, held_out


class OneAgent(NamedTuple):
    """What objects do to one policy, and what its fitted model says that they do."""

    data: DecisionData  # the contexts as they are
    base: np.ndarray  # float64[C, A], logits without objects
    main: np.ndarray  # float64[C, A, N]
    objects: tuple[int, ...]  # N
    fitted: np.ndarray  # float64[C, A], the model's logits
    fitted_base: np.ndarray  # float64[C, A], the model's logits in the contexts without objects
    pulls: np.ndarray  # float64[C, O], Σ_k g_k θ_ko, logits a move

    @property
    def of_objects(self) -> np.ndarray:
        """float64[C, A]: what objects do to the logits."""
        return self.data.logits - self.base

    @property
    def fitted_objects(self) -> np.ndarray:
        """float64[C, A]: what objects do in the model, gates that read them included."""
        return self.fitted - self.fitted_base


class EffectGates(NamedTuple):
    """Gates of objects read from their main effects, context by context; no fit."""

    gate: np.ndarray  # float64[C, N], logits a move, signed; NaN where there is no direction
    along: np.ndarray  # float64[C, N], the part of the effect's variance along the advantage


def one_agent(effects: ObjectEffects, at: int, model: ShardModel, on: Battery, none: Battery):
    """Return the agent number `at` of effects [S, ...], with its model in both kinds of contexts.

    Args:
      effects: over `on`.
      at: position of the agent.
      model: fitted to it.
      on: the contexts.
      none: the same without objects (`objects.emptied`).
    """
    data, empty = decisions_on(on, effects.logits[at]), decisions_on(none, effects.base[at])
    return OneAgent(
        data=data,
        base=effects.base[at],
        main=effects.main[at],
        objects=effects.objects,
        fitted=centred(model.predict(data)),
        fitted_base=centred(model.predict(empty)),
        pulls=model.gate(data.features) @ model.preferences,
    )


def effect_gates(one: OneAgent) -> EffectGates:
    """Project each object's main effect on its exact advantage, both centred over actions."""
    wanted = one.data.advantages[:, :, list(one.objects)]
    wanted = wanted - wanted.mean(1, keepdims=True)
    size, effect = (wanted**2).sum(1), (one.main**2).sum(1)
    towards = (wanted * one.main).sum(1)
    gate = np.divide(towards, size, out=np.full_like(size, np.nan), where=size > FLAT)
    told = (size > FLAT) & (effect > FLAT)
    along = np.divide(towards**2, size * effect, out=np.full_like(size, np.nan), where=told)
    return EffectGates(gate, along)


def gate_agreement(one: OneAgent, gates: EffectGates) -> tuple[np.ndarray, np.ndarray]:
    """Compare fitted pulls with gates from effects.

    Returns:
      Correlation over contexts float64[N], NaN where either is constant; and the mean difference
      fitted − by intervention float64[N, D] by distance to the object, in logits a move.
    """
    pulls, weight = one.pulls[:, list(one.objects)], one.data.weight
    correlation = np.full(len(one.objects), np.nan)
    gap = np.full((len(one.objects), len(DISTANCE_BINS)), np.nan)
    for n, number in enumerate(one.objects):
        known = np.isfinite(gates.gate[:, n])
        found, fitted, mass = gates.gate[known, n], pulls[known, n], weight[known]
        if known.any() and found.std() > FLAT and fitted.std() > FLAT:
            both = np.cov(found, fitted, aweights=mass)
            correlation[n] = both[0, 1] / np.sqrt(both[0, 0] * both[1, 1])
        near = distance_bin(one.data.distance[known, number])
        for place in np.unique(near):
            here = near == place
            gap[n, place] = np.average((fitted - found)[here], weights=mass[here])
    return correlation, gap


def objects_explained(one: OneAgent, seed: int = 0) -> dict[str, float]:
    """How much of what objects do to decisions is explained: 0 as the base alone, 1 all of it.

    1 − D(π, base + f) / D(π, base), with D the mean Kullback–Leibler divergence in bits per
    decision, and f what objects do: "fitted" in the fitted model; "covariates" along each object's
    exact advantage with the strength that trees of the covariates, grown on the effects of other
    levels, say; "freely" along it with the best strength in every context.
    """
    data, gates = one.data, np.nan_to_num(effect_gates(one).gate)
    wanted = data.advantages[:, :, list(one.objects)]
    wanted = wanted - wanted.mean(1, keepdims=True)
    nothing = _divergence(one, one.base)
    if nothing <= FLAT:
        return dict.fromkeys(("fitted", "covariates", "freely"), np.nan)
    fold = level_folds(data.level_index, FOLDS, seed)
    mass = (wanted**2).sum(1) * data.weight[:, None]
    told = [
        held_out(data.features, gates[:, n], mass[:, n], fold, seed)
        for n in range(len(one.objects))
    ]
    added = {
        "fitted": one.fitted_objects,
        "covariates": np.einsum("can,nc->ca", wanted, np.stack(told)),
        "freely": np.einsum("can,cn->ca", wanted, gates),
    }
    return {name: 1.0 - _divergence(one, one.base + f) / nothing for name, f in added.items()}


def _divergence(one: OneAgent, predicted: np.ndarray) -> float:
    """Mean bits per decision that a prediction [C, A] costs beyond the agent's own entropy."""
    logits = one.data.logits
    lost = cross_entropy_bits(logits, predicted) - cross_entropy_bits(logits, logits)
    return float(np.average(lost, weights=one.data.weight))
