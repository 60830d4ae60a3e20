"""Dose curves of shards. Axes: N seeds, K shards, X doses, R random rotations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import curve
from shardsim.plot.style import BLUE, NULL, VERMILLION, WIDTH, ink

QUANTILES = (0.05, 0.95)


@styled
def dose_curves(
    dose: np.ndarray,
    own: np.ndarray,
    other: np.ndarray,
    random: np.ndarray,
    titles: Sequence[str],
    confidence: float = 0.9,
) -> FigureBase:
    """Strength of a shard, and of the other one that moves most, a panel a shard.

    Args:
        dose: f[X], c: the reading is multiplied by 1 + c.
        own: f[N, K, X], parts of the strength at dose 0.
        other: f[N, K, X], of the other shard farthest from 1; NaN with one shard.
        random: f[N, K, R, X], own strength under random rotations of the displacement.
        titles: K panels.
        confidence: of the intervals over seeds.
    """
    count = len(titles)
    columns = min(count, 3)
    rows = -(-count // columns)
    figure, axes = new_figure(WIDTH, 2.7 * rows + 0.3, rows, columns, sharey=True)
    panels = axes.reshape(-1)
    for panel in panels[count:]:
        panel.set_axis_off()
    for place, panel in enumerate(panels[:count]):
        low, high = np.quantile(random[:, place].reshape(-1, len(dose)), QUANTILES, axis=0)
        panel.fill_between(
            dose, low, high, color=NULL, alpha=0.3, linewidth=0, label="random rotations, 5–95 %"
        )
        for values, colour, name in (
            (own[:, place], BLUE, "the shard itself"),
            (other[:, place], VERMILLION, "the other shard that moves most"),
        ):
            curve(panel, dose, values, colour, name, confidence=confidence, marker="o", ms=3)
        panel.plot(dose, 1.0 + dose, color=ink(), linestyle=":", label="linear network: 1 + c")
        panel.set_title(titles[place])
        panel.set_xlabel("dose c (reading × (1 + c))")
    for row in axes:
        row[0].set_ylabel("strength (part of that at c = 0)")
    legend_below(figure, panels[:count], columns=2)
    return figure
