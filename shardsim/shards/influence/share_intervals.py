"""Shares of agents over a battery, with intervals that hold levels, seeds and equal fits.

Axis letters: S agents (seeds) · C contexts · K shards · P = K + 3 parts: the shards, then habit,
affordance, residual.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shardsim.base.statistics import Interval
from shardsim.shards.fit.data import DecisionData
from shardsim.shards.fit.fit import ModelFit
from shardsim.shards.fit.jackknife import refit_influence
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.influence import shares


class ShareTable(NamedTuple):
    """Shares over one battery."""

    share: np.ndarray  # float64[S, P], sums to 1 over P
    pooled: Interval  # of float64[P], over levels and seeds
    by_seed: list[Interval]  # S, of float64[P], over levels


def equal_fit_offsets(
    own: Sequence[ModelFit], data: Sequence[DecisionData], matches: Sequence[np.ndarray]
) -> np.ndarray:
    """Return float64[S, 2, P]: how far equal fits move each share down and up.

    Args:
      own: S, each agent fitted by itself.
      data: S, what it was fitted to.
      matches: S times int64[K], which of its own shards each of the dictionary's is, or -1.
    """
    rest = len(shares.REST)
    ends = np.zeros((len(own), 2, len(matches[0]) + rest))
    for row, (one, decisions, matched) in enumerate(zip(own, data, matches, strict=True)):
        strength = shares.strengths(shares.parts_of(one, decisions))
        base = shares.shares_of(strength, decisions.weight)
        offsets = [np.zeros_like(base)]
        offsets += [other - base for other in shares.shares_of_equal_fits(one, decisions)]
        held = matched >= 0
        for side, values in enumerate((np.min(offsets, 0), np.max(offsets, 0))):
            ends[row, side, : len(matched)][held] = values[matched[held]]
            ends[row, side, len(matched) :] = values[-rest:]
    return ends


def share_table(
    models: Sequence[ShardModel],
    data: Sequence[DecisionData],
    offsets: np.ndarray,
    *,
    seed: int,
    draws: int = 1000,
    confidence: float = 0.9,
) -> ShareTable:
    """Share out the decisions of agents over one battery.

    Args:
      models: S, over one dictionary of preferences.
      data: S, the agents' decisions over the battery.
      offsets: float64[S, 2, P], of `equal_fit_offsets`.
      seed: of the resampling.
      draws: bootstrap draws.
      confidence: coverage of the intervals.
    """
    pairs = list(zip(models, data, strict=True))
    strength = np.stack([shares.strengths(shares.parts_of(m, d)) for m, d in pairs])
    refit = np.stack([refit_influence(m, d) for m, d in pairs])

    def interval(rows: slice, ends: np.ndarray) -> Interval:
        plain = shares.share_interval(
            strength[rows],
            data[0].weight,
            data[0].level_index,
            seed=seed,
            draws=draws,
            confidence=confidence,
            refit=refit[rows],
        )
        return shares.widened(plain, [plain.mean + offset for offset in ends])

    by_seed = [interval(slice(s, s + 1), ends) for s, ends in enumerate(offsets)]
    pooled = by_seed[0] if len(pairs) == 1 else interval(slice(None), offsets.mean(0))
    return ShareTable(shares.shares_of(strength, data[0].weight), pooled, by_seed)
