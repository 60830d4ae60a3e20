"""Did what the agent values stay? Equivalence of every old shard's exact value, and its company.

A shard's value before and after reflection is compared in units of what any policy could give it.
The seed is the unit of analysis. Axis letters: D seeds · K shards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from shardsim.base.errors import UserError
from shardsim.base.statistics import Interval, Verdict, equivalence, t_interval

LEAST_GAIN = 0.005  # bits per decision that shards must explain before κ is a ratio of anything
FLAT = 1e-6  # a range of J below which nothing can be won or lost


class Constancy(NamedTuple):
    """The verdict on one onset, with what it rests on."""

    verdict: Verdict
    shards: tuple[Verdict, ...]  # K
    change: Interval  # float64[K], ΔJ_k over the achievable range, over seeds


def relative_change(
    before: np.ndarray, after: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return ΔJ over the achievable range high − low; all float[..., K]. 0 where that is empty."""
    span = np.asarray(high, np.float64) - np.asarray(low, np.float64)
    change = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    return np.divide(change, span, out=np.zeros_like(change), where=span > FLAT)


def constancy(change: np.ndarray, epsilon: float, confidence: float = 0.9) -> Constancy:
    """Test that no old shard gained or lost more than `epsilon` of its range.

    Two one-sided tests a shard (Schuirmann 1987), at level (1 − confidence)/2; all shards constant
    is an intersection–union test (Berger 1982), which needs no correction.

    Args:
        change: float[D, K], relative changes of every seed.
        epsilon: margin, as a fraction of the achievable range.
        confidence: of the intervals over seeds.

    Raises:
        UserError: no seed.
    """
    change = np.asarray(change, np.float64)
    if not len(change):
        raise UserError("constancy needs at least one seed; run reflect first")
    interval = t_interval(change, axis=0, confidence=confidence)
    shards: tuple[Verdict, ...] = tuple(
        equivalence(Interval(*(float(end[shard]) for end in interval)), epsilon)
        for shard in range(change.shape[1])
    )
    return Constancy(combine(shards), shards, interval)


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict of several: drifted if any is, constant if all are, else undecided."""
    verdicts = tuple(verdicts)
    if "drifted" in verdicts:
        return "drifted"
    return "constant" if verdicts and set(verdicts) == {"constant"} else "undecided"


def carry_over(base: np.ndarray, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """Return κ: how much of the behaviour after reflection the shards before it predict.

    κ = (L_base − L_pre) / (L_base − L_post) with losses float[...] of the decisions after
    reflection, predicted from base rates, from the shards before, and from those identified again.
    1: knowing the old values suffices; 0: useless; below 0: misleading. NaN where the shards
    identified again predict no better than base rates, by `LEAST_GAIN` bits: a ratio of two
    trifles says nothing.
    """
    base = np.asarray(base, np.float64)
    gained = base - np.asarray(post, np.float64)
    kept = base - np.asarray(pre, np.float64)
    return np.divide(kept, gained, out=np.full_like(gained, np.nan), where=gained > LEAST_GAIN)
