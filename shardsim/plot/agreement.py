"""Agreement of what is inside a layer with the shards: clusters, activity, groups of units.

Axes: N seeds, L layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.findings import lines_axis
from shardsim.plot.marks import dots
from shardsim.plot.style import MODELS, NULL, WIDTH

MARKERS = "osD^vP"
APART = 0.22  # rows between two layers of one view
ROW = 0.21  # inches

Rows = Mapping[str, np.ndarray]  # name -> f[N, L]


@styled
def agreement_figure(
    layers: Sequence[str],
    panels: Mapping[str, Rows],
    lines: Mapping[str, float] | None = None,
    confidence: float = 0.9,
) -> FigureBase:
    """Draw one panel of rows a measure: a mark a layer, its interval, and the seeds.

    Args:
        layers: names, L, from the input on.
        panels: what is measured, the label of the x axis -> name of the row -> f[N, L].
        lines: label of a panel -> what chance gives there, a vertical line.
        confidence: of Student's intervals over seeds.
    """
    down = -(-len(panels) // 2)
    tallest = max([1, *(len(rows) for rows in panels.values())])
    most = min(tallest, 12) * ROW * max(1.0, 0.5 * len(layers))
    columns = min(2, len(panels))
    figure, axes = new_figure(
        WIDTH * (0.62 + 0.5 * (columns - 1)), 0.6 + (most + 0.5) * down, down, columns
    )
    places = list(axes.ravel())
    for place, (label, rows) in zip(places, panels.items(), strict=False):
        _panel(place, layers, rows, label, confidence)
        place.axvline((lines or {}).get(label, 0.0), color=NULL, linewidth=0.9, zorder=1)
    for place in places[len(panels) :]:
        place.set_axis_off()
    for number, layer in enumerate(layers):
        colour, marker = MODELS[number % len(MODELS)], MARKERS[number % len(MARKERS)]
        places[0].plot([], [], marker, color=colour, label=layer)
    legend_below(figure, axes=places[:1])
    return figure


def _panel(place: Axes, layers: Sequence[str], rows: Rows, label: str, confidence: float) -> None:
    """Rows of dots, the layers of each one below the other."""
    lines_axis(place, list(rows))
    for row, (name, values) in enumerate(rows.items()):
        for number, layer in enumerate(layers):
            shift = (number - (len(layers) - 1) / 2) * min(APART, 0.8 / len(layers))
            dots(
                place,
                row + shift,
                np.asarray(values)[:, number],
                MODELS[number % len(MODELS)],
                f"{label}: {name}",
                at=layer,
                confidence=confidence,
                marker=MARKERS[number % len(MARKERS)],
                size=4.2,
            )
    place.set_xlabel(label)
    place.grid(axis="y", visible=False)
