"""Probability of improvement between the values of a key: a panel a result, a row a pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.base.aggregate import CHANCE
from shardsim.base.statistics import Interval
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import dots, key, record
from shardsim.plot.style import BLUE, RESIDUAL, WIDTH, ink

COLUMNS = 3


class Pair(NamedTuple):
    """How often a seed of one value exceeds one of another."""

    name: str  # `0.01 > 0.001`
    interval: Interval  # of the probability
    null: tuple[float, float]  # middle part where seeds are dealt out to the two by chance


@styled
def sweep_improvement_figure(
    panels: Mapping[str, Sequence[Pair]], axis: str, confidence: float = 0.9
) -> FigureBase:
    """Draw probabilities with intervals beside what chance gives.

    Args:
        panels: result -> pairs; a pair that has no seeds to compare is left out.
        axis: name of the key.
        confidence: of the intervals, and the part of the null.
    """
    names = list(dict.fromkeys(pair.name for pairs in panels.values() for pair in pairs))
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    height = 0.75 + rows * (0.42 + 0.2 * max(2, len(names)))
    figure, axes = new_figure(1.15 * WIDTH, height, rows, columns, sharex=True, sharey=True)
    for place in axes.flat[len(panels) :]:
        place.set_axis_off()
    for number, (place, (title, pairs)) in enumerate(zip(axes.flat, panels.items(), strict=False)):
        _panel(place, names, pairs)
        place.set_title(title, fontsize=7.5)
        if number + columns >= len(panels):
            place.set_xlabel("P(a seed at the first is greater)", fontsize=7)
            place.tick_params(labelbottom=True)
    first = axes.flat[0]
    key(first, f"values of {axis}, {confidence:.0%} interval", BLUE, linestyle="-")
    grey = {"linestyle": "-", "marker": "", "linewidth": 5}
    key(first, f"middle {confidence:.0%} by chance", RESIDUAL, **grey)
    legend_below(figure)
    return figure


def _panel(axes: Axes, names: Sequence[str], pairs: Sequence[Pair]) -> None:
    axes.axvline(CHANCE, color=ink(), linewidth=0.7)
    for pair in pairs:
        row = names.index(pair.name)
        axes.plot(pair.null, [row, row], color=RESIDUAL, linewidth=6, solid_capstyle="butt")
        dots(axes, row, np.empty(0), BLUE, "probability", at=pair.name, given=pair.interval)
        record(
            axes, "by chance", pair.name, CHANCE, low=pair.null[0], high=pair.null[1], across=True
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "¼", "½", "¾", "1"])
    axes.grid(False, axis="y")
