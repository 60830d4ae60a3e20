"""One level of a foreign task, as its bank would hold it."""

from __future__ import annotations

from shardsim.env.foreign.bank import ForeignLevel, Snapshot, stacked
from shardsim.env.levels import take
from shardsim.env.types import Concept


def level_of(snapshot: Snapshot, concepts: tuple[Concept, ...]) -> ForeignLevel:
    """Numpy arrays, in the places that a bank's concepts give; its number is 0."""
    return take(stacked([snapshot], concepts), 0)
