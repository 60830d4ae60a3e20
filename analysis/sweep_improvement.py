"""sweep-improvement: how often seeds of one value of a varied key exceed those of another."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.runs.comparison.asked import compared
from shardsim.runs.comparison.pictures import improvement_figure
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
    """Draw probabilities of improvement with intervals, beside what chance gives."""
    found = compared([first, second, *more], result, against, by, where, confidence)
    return improvement_figure(found, found.axes[0])
