"""agreement: what objects do inside each layer, beside the shards: clusters, activity, units."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.agreement import agreement_figure
from shardsim.runs.figure_data.inside import inside
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run, *, seed: int | None = None, confidence: float = 0.9) -> FigureBase:
    """Draw agreement of clusters, AUC of activity and ablated units, by layer and seed."""
    found = inside(run, seed)
    return agreement_figure(found.layers, found.panels, found.chance, found.within, confidence)
