"""basins: what is reached first after reflecting from each cell of a level, for one agent."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.basins import basin_map
from shardsim.runs.figure_data import basins
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run, *, seed: int = 0, level: int | None = None, split: str = "target") -> FigureBase:
    """Draw a panel before reflection and one after each model; it reflects when it is drawn."""
    found = basins.basins(run, seed, level, split)
    return basin_map(found.board, found.before, found.after, found.goals[0])
