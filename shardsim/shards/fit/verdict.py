"""What the held-out bits of shards and rivals allow one to say.

Axes: C contexts, L levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shardsim.base.statistics import Interval
from shardsim.shards.fit import models
from shardsim.shards.fit.data import level_means
from shardsim.shards.fit.models import AFFORDANCE, CEILING, PERMUTED, RIVALS

STANDARD_ERRORS = 2.0
LEAST_EXPLAINED = 0.05  # of the way from habits to the ceiling
SURELY_EXPLAINED = 0.5  # above which no more is asked
# Explained × specific, at least: untrained networks and smooth random policies had up to .11,
# networks early in training .17 and more.
LEAST_SPECIFIC = 0.13
LEAST_BITS = 0.005  # a decision, that shards must explain before anything is called structure
LEAST_ADVANTAGE = 0.02  # of what the shards explain in all, that they must be ahead of a rival
NO_STRUCTURE = "no structure"
ONE_UTILITY = "one utility"
CANNOT_TELL = "cannot tell"
SHARDS = "shards"


class Judgement(NamedTuple):
    """The verdict and what it rests on. Bits a decision, positive where shards are better."""

    verdict: str
    best_rival: str
    shardness: float  # over all contexts, mean over levels
    shardness_by_level: np.ndarray  # [L]
    explained: float


def explained_part(bits: dict[str, np.ndarray]) -> float:
    """(habits with affordance − shards) ÷ (habits with affordance − ceiling)."""
    null, own, top = (bits[n].mean() for n in (AFFORDANCE, models.SHARDS, CEILING))
    return float((null - own) / max(null - top, 1e-9))


def specificity(bits: dict[str, np.ndarray]) -> float:
    """What part of the ceiling's gain is lost when the basis is permuted over contexts.

    Free weights in each context explain something of any policy; where the agent's concepts
    explain hardly more than those of other contexts, there is nothing to model.
    """
    null, top, shuffled = (bits[n].mean() for n in (AFFORDANCE, CEILING, PERMUTED))
    return float((shuffled - top) / max(null - top, 1e-9))


def _structured(bits: dict[str, np.ndarray], gain: np.ndarray, explained: float) -> bool:
    """Whether shards say anything: beyond chance over levels, and beyond what any basis says."""
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    if gain.mean() <= max(STANDARD_ERRORS * error, LEAST_BITS) or explained < LEAST_EXPLAINED:
        return False
    return explained >= SURELY_EXPLAINED or explained * specificity(bits) >= LEAST_SPECIFIC


def judge(
    bits: dict[str, np.ndarray],
    level_index: np.ndarray,
    num_shards: int,
    beyond_rank: bool,
) -> Judgement:
    """Weigh shards against the best rival, paired over levels.

    Args:
      bits: model -> [C], held out.
      level_index: int[C].
      num_shards: K.
      beyond_rank: whether more shards than independent preferences would be better or cheaper.
    """
    built = [name for name in RIVALS if name in bits]
    best = min(built, key=lambda name: bits[name].mean())
    gap = bits[best] - bits[models.SHARDS]
    by_level = level_means(gap, level_index)
    error = float(by_level.std(ddof=1) / np.sqrt(len(by_level)))
    gain = level_means(bits[AFFORDANCE] - bits[models.SHARDS], level_index)
    explained = explained_part(bits)
    mean = float(by_level.mean())
    needed = max(STANDARD_ERRORS * error, LEAST_ADVANTAGE * max(gain.mean(), 0.0))
    if num_shards == 0 or not _structured(bits, gain, explained):
        verdict = NO_STRUCTURE
    elif num_shards == 1 or mean < -needed:
        verdict = ONE_UTILITY
    elif mean <= needed or beyond_rank:
        verdict = CANNOT_TELL
    else:
        verdict = SHARDS
    return Judgement(verdict, best, mean, by_level, explained)


def doubted(judgement: Judgement, again: Sequence[bool]) -> Judgement:
    """Take "shards" back where no other start of the search came to the same shards.

    Args:
      judgement: of the chosen structure.
      again: for each restart whether it came to the same shards.
    """
    if judgement.verdict == SHARDS and len(again) and not any(again):
        return judgement._replace(verdict=CANNOT_TELL)
    return judgement


def verdict_of(
    own: Sequence[str], shardness: Interval, explained: float, threshold: float, num_shards: int
) -> str:
    """Say what agents are: "shards", "one utility", "cannot tell" or "no structure".

    "shards" needs two shards, a shardness whose interval lies above zero and whose mean lies above
    that of every null, and most agents of that verdict when each is judged alone.

    Args:
      own: each agent's own verdict, of `judge` and `doubted`.
      shardness: over agents, or over levels where there is one agent; bits a decision.
      explained: mean over agents.
      threshold: the largest mean shardness of a null; minus infinity without nulls.
      num_shards: of the dictionary that the agents share.
    """
    alone = own[0] if len(own) == 1 else None
    if not num_shards or explained < LEAST_EXPLAINED or alone == NO_STRUCTURE:
        return NO_STRUCTURE
    if num_shards == 1 or shardness.high < 0 or alone == ONE_UTILITY:
        return ONE_UTILITY
    agreed = 2 * list(own).count(SHARDS) > len(own)
    beyond = shardness.low > 0 and shardness.mean > threshold
    return SHARDS if agreed and beyond else CANNOT_TELL
