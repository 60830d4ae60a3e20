"""How far the influence of objects reaches. Axis letters: K seeds · D distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import legend_below, styled
from shardsim.plot.findings import Row, finding_figure
from shardsim.plot.marks import curve
from shardsim.plot.style import NULL, ink

Curve = tuple[np.ndarray, np.ndarray]  # distances float64[D], mean influence float64[K, D]


@styled
def locality_figure(
    rows: Sequence[Row],
    panels: Mapping[str, Mapping[str, Curve]],
    colours: Mapping[str, str],
    nulls: Mapping[str, Curve],
    half: Mapping[str, np.ndarray],
) -> FigureBase:
    """Mean influence by distance, a panel a kind of distance, and the table.

    Args:
        rows: the table.
        panels: axis label with its unit -> object -> curve.
        colours: object -> colour.
        nulls: axis label -> the first object's curve in untrained networks.
        half: axis label -> where the first object's influence has halved, float64[K].
    """
    figure, axes = finding_figure(rows, len(panels), 2.7)
    for place, (label, objects) in zip(axes, panels.items(), strict=True):
        for name, (distance, mean) in objects.items():
            _line(place, distance, mean, colours[name], name, "-")
        _line(place, *nulls[label], NULL, f"{next(iter(objects))}, untrained", (0, (4, 2)))
        known = half[label][np.isfinite(half[label])]
        if known.size:
            place.axvline(known.mean(), color=ink(), linewidth=0.9, linestyle=":", label="half")
        place.axhline(0, color=ink(), linewidth=0.7)
        place.set_xlabel(label)
        place.set_ylabel("signed influence S\n(moves per decision)")
    legend_below(figure)
    return figure


def _line(axes: Axes, distance, mean, colour: str, label: str, dashes) -> None:
    curve(axes, distance, mean, colour, label, linestyle=dashes, marker="o", markersize=3)
