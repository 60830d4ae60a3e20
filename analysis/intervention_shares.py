"""intervention-shares: shares by removing objects beside fitted ones, and the residual's parts."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.intervention_shares import intervention_shares
from shardsim.runs.figure_data import objects, results
from shardsim.runs.run import Run


def draw(run: Run) -> FigureBase:
    """Draw a row a part, and the residual by distance to the nearest object."""
    return intervention_shares(objects.intervention_shares(run), results.seeds_in_words(run, None))
