"""Doses and exchanges of a run's agents together: as variables of a Dataset and as plain figures.

What is said of a shard is said of one layer: that where its selectivity, the mean over seeds, is
largest (with one shard, where its own slope is). That choice favours the shard a little, as any
choice of the largest does; the Dataset has all layers.

Axis letters: S agents (seeds) · C contexts · K shards · Y layers · X doses · R random rotations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from shardsim.agent.network import Network
from shardsim.base.statistics import t_interval
from shardsim.shards.evidence.dose_response import Doses, dose_curves, slopes
from shardsim.shards.evidence.subspace import LEAST_LEVELS, Subspace, find_subspaces
from shardsim.shards.influence.shares import Parts

Variables = dict[str, tuple[tuple[str, ...], Any]]
BY_LAYER = ("seed", "layer", "shard")


class Interventions(NamedTuple):
    """What dosing and exchanging each shard did, for every seed."""

    doses: list[Doses]  # S
    subspaces: list[Subspace] | None  # S; None where the contexts are of too few levels


def intervene(
    network: Network,
    parameters: Any,
    observations: np.ndarray,
    parts: Sequence[Parts],
    level_index: np.ndarray,
    seed: int = 0,
) -> Interventions:
    """Dose every shard of many agents, and exchange what carries it.

    Args:
      network: of all agents.
      parameters: pytree with leading axis S.
      observations: float32[C, H, W, planes].
      parts: what each agent's shards, habits and affordances add to its logits, S of them.
      level_index: int[C].
      seed: of rotations, levels and sources.
    """
    doses = dose_curves(network, parameters, observations, parts, seed=seed)
    if len(np.unique(level_index)) < LEAST_LEVELS:
        return Interventions(doses, None)
    found = find_subspaces(network, parameters, observations, parts, level_index, seed=seed)
    return Interventions(doses, found)


def own_of(square: np.ndarray) -> np.ndarray:
    """Return the diagonal of the last two axes, float64[..., K]."""
    return np.einsum("...kk->...k", square)


def largest_other(square: np.ndarray, still: float = 0.0) -> np.ndarray:
    """Return float64[..., K]: of shards j ≠ k, the one farthest from `still`; NaN without others.

    Args:
      square: float64[..., K, K], shard k intervened on, shard j (last) measured.
      still: what a shard that is not moved shows.
    """
    count = square.shape[-1]
    if count < 2:
        return np.full(square.shape[:-1], np.nan)
    apart = np.where(np.eye(count, dtype=bool), -1.0, np.abs(square - still))
    return np.take_along_axis(square, apart.argmax(-1)[..., None], -1)[..., 0]


def variables_of(found: Interventions) -> Variables:
    """Return what a Dataset holds of it; dims seed, layer, shard, dose, rotation."""
    return _dosed(found.doses) | _exchanged(found.subspaces)


def coordinates_of(found: Interventions) -> dict[str, list[float]]:
    """The doses."""
    return {"dose": found.doses[0].dose.tolist()}


def _dosed(found: list[Doses]) -> Variables:
    strength = np.stack([one.strength for one in found]).swapaxes(3, 4)  # [S, Y, K, K, X]
    strength = np.moveaxis(strength, -1, 2)  # [S, Y, X, K, K]
    random = np.stack([one.random for one in found])  # [S, Y, K, R, X, K]
    by_dose = ("seed", "layer", "dose", "shard")
    return {
        "selectivity": (BY_LAYER, np.stack([one.selectivity for one in found])),
        "slope_own": (BY_LAYER, own_of(np.stack([one.slope for one in found]))),
        "slope_other": (BY_LAYER, largest_other(np.stack([one.slope for one in found]))),
        "slope_random": ((*BY_LAYER, "rotation"), _random_slopes(found)),
        "dose_own": (by_dose, own_of(strength)),
        "dose_other": (by_dose, largest_other(strength, 1.0)),
        "dose_random": ((*BY_LAYER, "rotation", "dose"), np.einsum("sykrxk->sykrx", random)),
        "dose_shift": ((*BY_LAYER, "dose"), np.stack([one.shift for one in found])),
        "dose_random_shift": (
            (*BY_LAYER, "rotation", "dose"),
            np.stack([one.random_shift for one in found]),
        ),
    }


def _random_slopes(found: list[Doses]) -> np.ndarray:
    """Return float64[S, Y, K, R]: own slope under each random rotation."""
    own = np.stack([slopes(one.random, one.dose) for one in found])
    return np.einsum("sykrk->sykr", own)


def _exchanged(found: list[Subspace] | None) -> Variables:
    if found is None:
        return {}
    effect = np.stack([one.effect for one in found])
    plain = ("dimension", "explained", "flipped", "same", "different", "specificity")
    rotated = ("random", "random_same", "random_different", "random_specificity")
    return {
        "exchange_own": (BY_LAYER, own_of(effect)),
        "exchange_other": (BY_LAYER, largest_other(effect)),
        **{
            f"exchange_{name}": (BY_LAYER, np.stack([getattr(one, name) for one in found]))
            for name in plain
        },
        **{
            f"exchange_{name}": (
                (*BY_LAYER, "rotation"),
                np.stack([getattr(one, name) for one in found]),
            )
            for name in rotated
        },
    }


def best_layers(selectivity: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return int64[K]: the layer of each shard's largest selectivity, mean over seeds.

    Args:
      selectivity: float64[S, Y, K]; NaN with one shard, then the own slope decides.
      slope: float64[S, Y, K].
    """
    score = np.where(np.isnan(selectivity), slope, selectivity).mean(0)
    return score.argmax(0)


def summaries_of(found: Interventions) -> list[dict[str, Any]]:
    """Return figures of each shard in its best layer, means over seeds, None where unknown.

    The random ones are means of absolute values over rotations, of which either sign is chance.
    """
    table = {name: np.asarray(values) for name, (_, values) in variables_of(found).items()}
    layers = best_layers(table["selectivity"], table["slope_own"])
    names = found.doses[0].layers
    return [_summary(table, k, int(layer), names[layer]) for k, layer in enumerate(layers)]


def _summary(table: dict[str, np.ndarray], shard: int, layer: int, name: str) -> dict[str, Any]:
    def mean(key: str) -> float | None:
        values = table[key][:, layer, shard]
        return known((np.abs(values) if key.endswith("_random") else values).mean())

    by_seed = table["selectivity"][:, layer, shard]
    said = t_interval(by_seed)._asdict()
    result: dict[str, Any] = {
        "layer": name,
        "selectivity": {end: known(value) for end, value in said.items()},
        "slope": {key: mean(f"slope_{key}") for key in ("own", "other", "random")},
    }
    if "exchange_own" in table:
        keys = ("dimension", "explained", "own", "other", "flipped", "random")
        keys += ("specificity", "random_specificity")
        result["exchange"] = {key: mean(f"exchange_{key}") for key in keys}
    return {"interventions": result}


def known(value: Any) -> float | None:
    """A finite number, or None."""
    return float(value) if np.isfinite(value) else None
