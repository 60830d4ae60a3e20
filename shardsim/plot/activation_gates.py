"""What the shards explain with gates read from activations. Axes: N seeds, V sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from shardsim.base.statistics import t_interval
from shardsim.plot.canvas import new_figure, styled
from shardsim.plot.style import BLUE, NULL, WIDTH, ink


@styled
def explained_by_source(
    sources: Sequence[str], explained: np.ndarray, layers: Sequence[str], found: np.ndarray
) -> Figure:
    """A bar a source with Student's 90 % interval over seeds, layers in colour, the rest grey.

    Args:
        sources: V names, the first at the top.
        explained: f[N, V], 0 habits and affordance, 1 the ceiling.
        layers: of the network; sources whose names begin so read one.
        found: f[N], explained with gates on covariates, drawn as a line.
    """
    figure, axes = new_figure(WIDTH, 0.9 + 0.24 * len(sources))
    place = axes[0, 0]
    rows = np.arange(len(sources))[::-1]
    colours = [BLUE if name.startswith(tuple(layers)) else NULL for name in sources]
    place.barh(rows, explained.mean(0), color=colours, height=0.7)
    if len(explained) > 1:
        ends = [t_interval(column) for column in explained.T]
        low, high = [float(one.low) for one in ends], [float(one.high) for one in ends]
        place.hlines(rows, low, high, color=ink(), linewidth=1)
    place.axvline(
        float(found.mean()), color=ink(), linestyle=(0, (4, 2)), label="gates on covariates"
    )
    place.axvline(0.0, color=ink(), linewidth=0.6)
    place.set_yticks(rows, list(sources))
    place.set_xlabel("fraction explained (0: habits and affordance, 1: ceiling)")
    place.set_xlim(right=1.0)
    figure.legend(loc="outside upper right")
    return figure
