"""agreement: how far clusters of activations agree with clusters of behaviour, by layer."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.activations import agreement_by_layer
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run, *, seed: int | None = None) -> FigureBase:
    """Draw adjusted mutual information for every layer, seed by seed, beside its controls."""
    return agreement_by_layer(*results.agreement(run, seed))
