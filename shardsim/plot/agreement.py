"""Agreement of what is inside a layer with the shards: clusters, activity, groups of units.

Axes: N seeds, L layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.base.statistics import Bounds
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
    within: Mapping[str, Bounds] | None = None,
    confidence: float = 0.9,
) -> FigureBase:
    """Draw one panel of rows a measure: a mark a layer, its interval, and the seeds.

    Args:
        layers: names, L, from the input on.
        panels: what is measured, the label of the x axis -> name of the row -> f[N, L].
        lines: label of a panel -> what chance gives there, a vertical line.
        within: label of a panel -> what a mean cannot leave there.
        confidence: of Student's intervals over seeds.
    """
    columns = min(2, len(panels))
    lines, within = dict(lines or {}), dict(within or {})
    counts = [len(rows) for rows in panels.values()]
    tallest = [max(counts[at : at + columns]) for at in range(0, len(counts), columns)]
    a_row = ROW * max(1.0, 0.5 * len(layers))
    figure, axes = new_figure(
        WIDTH if columns > 1 else 0.62 * WIDTH,
        0.5 + sum(0.65 + a_row * rows for rows in tallest),
        len(tallest),
        columns,
        height_ratios=tallest,
    )
    places = list(axes.ravel())
    for number, (label, rows) in enumerate(panels.items()):
        place = places[number]
        _panel(place, layers, rows, label, confidence, within.get(label))
        place.axvline(lines.get(label, 0.0), color=NULL, linewidth=0.9, zorder=1)
        beside = places[number - 1].get_yticklabels() if number % columns else []
        if [one.get_text() for one in beside] == list(rows):
            place.set_yticklabels([])
    for place in places[len(panels) :]:
        place.set_axis_off()
    for number, layer in enumerate(layers):
        colour, marker = MODELS[number % len(MODELS)], MARKERS[number % len(MARKERS)]
        places[0].plot([], [], marker, color=colour, label=layer)
    legend_below(figure, axes=places[:1])
    return figure


def _panel(
    place: Axes,
    layers: Sequence[str],
    rows: Rows,
    label: str,
    confidence: float,
    within: Bounds | None,
) -> None:
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
                f"{label}: {name}".replace("\n", " "),
                at=layer,
                confidence=confidence,
                within=within,
                marker=MARKERS[number % len(MARKERS)],
                size=4.2,
            )
    place.set_xlabel(label)
    place.grid(axis="y", visible=False)
