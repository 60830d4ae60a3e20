"""compare: shares, shardness and return of several runs, seed by seed, with the difference."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.compare import compare_runs
from shardsim.runs.figure_data import outcomes
from shardsim.runs.run import Run


def draw(
    first: Run, second: Run, *more: Run, battery: str = "", confidence: float = 0.9
) -> FigureBase:
    """Draw intervals over seeds; with two runs, their difference (Welch) is written beside."""
    panels = outcomes.compared([first, second, *more], battery)
    return compare_runs(panels, confidence, outcomes.bounds_of(panels))
