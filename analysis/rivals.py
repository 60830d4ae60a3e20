"""rivals: bits per decision of the shards and of every rival model, paired by seed."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.rivals import rivals
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run, *, seed: int | None = None, confidence: float = 0.9) -> FigureBase:
    """Draw all contexts, those in conflict, and each near rival minus the shards."""
    return rivals(*results.bits(run, seed), confidence)
