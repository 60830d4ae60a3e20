"""Shares: the part of an agent's decision influence that each shard carries over a battery.

p_k = E_s‖g_k(s) Σ_o θ_{k,o} A_o(s,·)‖_π over the sum of the same for all shards, the habits, the
affordances and the residual, with ‖·‖_π the standard deviation over actions under π(·|s).
Axis letters: S policies (seeds) · C contexts · L levels · K shards · A actions · O concepts ·
P = K + 3 parts: the shards, then habit, affordance, residual.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shardsim.base.statistics import Interval, bootstrap_ratio
from shardsim.shards.fit.data import DecisionData, probabilities
from shardsim.shards.fit.fit import ModelFit
from shardsim.shards.fit.shard_model import ShardModel

REST = ("habit", "affordance", "residual")


class Parts(NamedTuple):
    """What each part adds to the logits of one policy."""

    shards: np.ndarray  # float64[C, A, K]
    habit: np.ndarray  # float64[A]
    affordance: np.ndarray  # float64[C, A]
    logits: np.ndarray  # float64[C, A]


def parts_of(found: ShardModel, data: DecisionData) -> Parts:
    """Return what each shard, the habits and the affordances add to the logits."""
    return Parts(
        shards=shard_pulls(found.gates, found.preferences, data.advantages),
        habit=found.habit,
        affordance=found.affordance[:, None] * data.blocked,
        logits=data.logits,
    )


def shares_of_equal_fits(found: ModelFit, data: DecisionData) -> list[np.ndarray]:
    """Return the shares float64[P] under every fit that is to be believed beside the chosen one.

    Those are the equal fits that are cheap enough, and what other starts of the search came to
    where that is the same shards.
    """
    parts = parts_of(found, data)
    others = [one for one in found.alternatives if one.credible]
    others += [one for one in found.restarts if one.same]
    pulls = [shard_pulls(one.gates, one.preferences, data.advantages) for one in others]
    return [shares_of(strengths(parts._replace(shards=own)), data.weight) for own in pulls]


def shard_pulls(gates: np.ndarray, preferences: np.ndarray, advantages: np.ndarray) -> np.ndarray:
    """Return float64[C, A, K]: g_k(s) Σ_o θ_{k,o} A_o(s, a), gates [C, K], preferences [K, O]."""
    wanted = np.asarray(advantages, np.float64) @ np.asarray(preferences, np.float64).T
    return wanted * gates[:, None, :]


def strengths(parts: Parts) -> np.ndarray:
    """Return float64[C, P]: the standard deviation under π of what each part adds."""
    explained = parts.shards.sum(-1) + parts.habit + parts.affordance
    habit = np.broadcast_to(parts.habit, parts.logits.shape)
    rest = np.stack([habit, parts.affordance, parts.logits - explained], -1)
    every = np.concatenate([parts.shards, rest], -1)
    chance = probabilities(parts.logits)[:, :, None]
    mean = (chance * every).sum(1, keepdims=True)
    return np.sqrt((chance * (every - mean) ** 2).sum(1))


def shares_of(strength: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return float64[..., P]: shares from strengths [..., C, P] and context weights [C]."""
    total = np.einsum("...cp,c->...p", strength, weight)
    return total / np.maximum(total.sum(-1, keepdims=True), 1e-300)


def by_concept(share: np.ndarray, preferences: np.ndarray) -> np.ndarray:
    """Return float64[..., O]: shares of shards [..., K] divided among the concepts they are for.

    As the squares of their preferences [K, O], which sum to 1, so that the sum stays and runs with
    other shards can be compared.
    """
    return share @ preferences**2


def level_sums(strength: np.ndarray, weight: np.ndarray, level_index: np.ndarray) -> np.ndarray:
    """Return float64[..., L, P]: weighted strengths [..., C, P] summed inside each level."""
    _, inverse = np.unique(level_index, return_inverse=True)
    weighted = strength * weight[:, None]
    flat = weighted.reshape(-1, *weighted.shape[-2:])
    sums = np.zeros((len(flat), inverse.max() + 1, weighted.shape[-1]))
    for number, values in enumerate(flat):
        np.add.at(sums[number], inverse, values)
    return sums.reshape(*strength.shape[:-2], *sums.shape[1:])


def share_interval(
    strength: np.ndarray,
    weight: np.ndarray,
    level_index: np.ndarray,
    *,
    seed: int,
    draws: int = 1000,
    confidence: float = 0.9,
    refit: np.ndarray | None = None,
) -> Interval:
    """Interval of shares by bootstrap over levels inside each policy, then over policies.

    Args:
      strength: float[S, C, P], of `strengths`, all policies on one battery.
      weight: float[C].
      level_index: int[C].
      seed: of the resampling.
      draws: bootstrap draws.
      confidence: nominal coverage, before `widened`.
      refit: float[S, L, P], of `refit_influence`: what each level's part in the fit adds.

    Returns:
      Interval of float64[P]; the mean is over policies. Widened over few policies, its ends can
      lie outside of 0..1: `widened` and `base.statistics.cut` cut them.
    """
    sums = level_sums(strength, weight, level_index)
    if refit is not None:
        sums = sums + refit
    return bootstrap_ratio(sums, sums.sum(-1), seed=seed, draws=draws, confidence=confidence)


def widened(interval: Interval, alternatives: Sequence[np.ndarray]) -> Interval:
    """Widen an interval of shares by those that equal fits give, which no bootstrap sees.

    The union of the interval with itself shifted to each alternative's shares float[P].
    """
    offsets = np.stack([np.zeros_like(interval.mean), *(a - interval.mean for a in alternatives)])
    low = np.clip(interval.low + offsets.min(0), 0.0, 1.0)
    high = np.clip(interval.high + offsets.max(0), 0.0, 1.0)
    return Interval(interval.mean, low, high)
