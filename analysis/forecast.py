"""forecast: what was foreseen of reflection before any weight moved, beside what came."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.forecast import forecast_beside_outcome
from shardsim.runs.figure_data import forecasts
from shardsim.runs.run import Run


def draw(run: Run) -> FigureBase:
    """Draw a mark an agent and onset; left the closed form, right at the rate of other networks."""
    return forecast_beside_outcome(*forecasts.beside(run))
