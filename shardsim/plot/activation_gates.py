"""What the shards explain with gates read from activations. Axes: N seeds, V sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import dots, key, record
from shardsim.plot.style import BLUE, NULL, WIDTH, ink

COVARIATES = "gates on covariates"


@styled
def explained_by_source(
    sources: Sequence[str],
    explained: np.ndarray,
    layers: Sequence[str],
    found: np.ndarray,
    confidence: float = 0.9,
) -> FigureBase:
    """A row a source with Student's interval over seeds, layers in colour, the rest grey.

    Args:
        sources: V names, the first at the top.
        explained: f[N, V], 0 habits and affordance, 1 the ceiling.
        layers: of the network; sources whose names begin so read one.
        found: f[N], explained with gates on covariates, drawn as a line.
    """
    figure, axes = new_figure(WIDTH, 1.1 + 0.22 * len(sources))
    place = axes[0, 0]
    rows = np.arange(len(sources))[::-1]
    colours = [BLUE if name.startswith(tuple(layers)) else NULL for name in sources]
    for row, name, colour, values in zip(rows.tolist(), sources, colours, explained.T, strict=True):
        dots(place, row, values, colour, "explained", at=name, confidence=confidence, stroke=ink())
    record(place, COVARIATES, "all", found.mean(), across=True)
    place.axvline(float(found.mean()), color=ink(), linestyle=(0, (4, 2)), label=COVARIATES)
    place.axvline(0.0, color=ink(), linewidth=0.6)
    place.set_yticks(rows, list(sources))
    place.set_xlabel("fraction explained (0: habits and affordance, 1: ceiling)")
    place.set_xlim(right=1.0)
    place.grid(False, axis="y")
    key(place, "gates read from a layer", BLUE)
    key(place, "controls", NULL)
    legend_below(figure)
    return figure
