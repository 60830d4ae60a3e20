"""extinction-by-distance: until what distance of an object its shard survives reflection."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.moved import as_it_moves
from shardsim.runs.figure_data.moved import at_distances
from shardsim.runs.run import Run


def draw(run: Run, *, concept: str = "", farthest: int = 7, confidence: float = 0.9) -> FigureBase:
    """Move one goal's object away from the onset near it, and reflect at each distance."""
    found, model = at_distances(run, concept, farthest)
    return as_it_moves(found, model, confidence)
