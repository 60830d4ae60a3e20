"""sweep-results: results of many runs against a varied key, grouped over seeds."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.runs.comparison.asked import held_together
from shardsim.runs.comparison.compare import compare_runs
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
    found = compare_runs(
        [first, second, *more],
        result.split(",") if result else (),
        against=against or None,
        by=by or None,
        where=held_together(where),
        confidence=confidence,
    )
    return results_figure(found, found.axes[0])
