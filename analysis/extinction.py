"""extinction: what is reached first after reflection, by how active its shards are at onset."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.extinction import extinction
from shardsim.runs.figure_data.activation import activation
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run) -> FigureBase:
    """Draw a panel a model: every onset of every seed before and after, beside the theory."""
    found, goals = activation(run)
    return extinction(found, *goals)
