"""influence-by-distance: signed influence of each concept by distance, and in the fitted model."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.influence import influence_by_distance
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run


def draw(*runs: Run, seed: int | None = None, confidence: float = 0.9) -> FigureBase:
    """Draw one panel a run, beside the same removal in the fitted model and the nulls."""
    return influence_by_distance(
        {name: results.influence(run, seed) for name, run in results.titled(runs).items()},
        confidence,
    )
