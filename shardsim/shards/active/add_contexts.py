"""Asking an agent where it matters: a battery gets the contexts that separate what still stands.

Axis letters: S agents · C contexts · K shards · P pairs of hypotheses.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from shardsim.base.parallel import each
from shardsim.shards.active.hypotheses import standing
from shardsim.shards.active.propose import Proposal, propose
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.data import DecisionData
from shardsim.shards.fit.fit import ModelFit
from shardsim.shards.fit.verdict import CANNOT_TELL

LOW_MARGIN = 0.2  # below which an equal fit is hardly dearer
AGENTS = 3  # whose hypotheses are compared, the least sure first
QUARTER = 4


def usual_size(contexts: int) -> int:
    """Return how many contexts are added to so many where nobody says: a quarter."""
    return max(1, contexts // QUARTER)


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
