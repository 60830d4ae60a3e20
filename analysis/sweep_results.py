"""sweep-results: results of many runs against a varied key, grouped over seeds."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.runs.comparison.asked import compared
from shardsim.runs.comparison.pictures import results_figure
from shardsim.runs.run import Run


def draw(
    first: Run,
    second: Run,
    *more: Run,
    result: str = "",
    against: str = "",
    by: str = "",
    where: str = "",
    confidence: float = 0.9,
) -> FigureBase:
    """Draw interquartile means with bootstrap intervals; several results are given with commas."""
    found = compared([first, second, *more], result, against, by, where, confidence)
    return results_figure(found, found.axes[0])
