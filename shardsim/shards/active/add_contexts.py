"""Asking an agent where it matters: a battery gets the contexts that separate what still stands.

Axis letters: S agents · C contexts · K shards · P pairs of hypotheses.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from shardsim.base.parallel import each
from shardsim.shards.active.hypotheses import standing
from shardsim.shards.active.propose import Proposal, enlarged, propose
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.data import DecisionData
from shardsim.shards.fit.fit import ModelFit
from shardsim.shards.fit.verdict import CANNOT_TELL

if TYPE_CHECKING:
    from shardsim.shards.shardset import ShardSet

LOW_MARGIN = 0.2  # below which an equal fit is hardly dearer
AGENTS = 3  # whose hypotheses are compared, the least sure first
QUARTER = 4


def table_before(found: ModelFit, proposal: Proposal) -> dict[str, Any]:
    """Return plain figures of a fit before the contexts of the proposal are added."""
    return {
        "contexts": proposal.battery.size,
        "verdict_before": found.verdict,
        "num_shards_before": found.num_shards,
        "shardness_before": float(found.shardness),
        "margin_before": [float(margin) for margin in found.margin],
        "hypotheses": proposal.table(),
    }


def usual_size(on: Battery) -> int:
    """Return how many contexts are added where nobody says: a quarter of the battery's."""
    return max(1, on.size // QUARTER)


def unsure(found: ModelFit) -> bool:
    """Whether two hypotheses stand: no verdict, or an equal fit that is hardly dearer."""
    low = bool((found.margin < LOW_MARGIN).any())
    return bool(found.num_shards) and (found.verdict == CANNOT_TELL or low)


def proposed(
    own: Sequence[ModelFit], data: Sequence[DecisionData], on: Battery, *, size: int, seed: int = 0
) -> Proposal | None:
    """Return the contexts that separate the hypotheses about agents; None where none stand.

    Args:
      own: fits [S].
      data: what they were fitted to, over one battery.
      on: that battery.
      size: contexts to propose.
      seed: of refits and of the candidates' levels.
    """
    chosen = sorted(range(len(own)), key=lambda s: (not unsure(own[s]), -own[s].num_shards, s))
    compare = partial(_standing, concepts=on.concepts, seed=seed)
    pairs = each(compare, [(own[s], data[s]) for s in chosen[:AGENTS]])
    flat = [pair for several in pairs for pair in several]
    return propose(flat, on, size=size, seed=seed) if flat else None


def _standing(of: tuple[ModelFit, DecisionData], concepts: tuple[str, ...], seed: int):
    return standing(*of, concepts, seed=seed)


def refine(found: ShardSet, *, size: int | None = None, seed: int = 0) -> Battery:
    """Return the battery of a ShardSet with the contexts that separate what still stands.

    Identify on it again to have the contexts counted; `identify(..., refine=size)` does both.

    Args:
      found: the shards of one policy.
      size: contexts to add; a quarter of the battery's by default.
      seed: as `identify` was given.

    Raises:
      UserError: no shard was found, so there are no two hypotheses; or a size below 1.
    """
    from shardsim.shards.identify import data_of

    on = found.battery
    pairs = standing(found.fit, data_of(on, found.logits), found.concepts, seed=seed)
    wanted = usual_size(on) if size is None else size
    return enlarged(on, propose(pairs, on, size=wanted, seed=seed).battery)


def added(on: Battery) -> np.ndarray:
    """Return bool[C]: the contexts that were added to separate hypotheses."""
    return on.weight == 0
