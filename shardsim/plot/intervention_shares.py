"""Shares by removing objects, beside fitted shares, and what of the residual depends on objects.

Axes: K seeds, T parts (base, each object, interactions), D distance bins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.base.statistics import SHARE, Interval
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import dots, key, over_seeds, record
from shardsim.plot.style import BLUE, NULL, ORANGE, WIDTH, ink, paper

MEASURED, FITTED, UNTRAINED = "by intervention", "fitted", "untrained networks"


class InterventionShares(NamedTuple):
    """Shares of the same parts, measured and fitted."""

    parts: Sequence[str]  # T
    measured: np.ndarray  # f[K, T]
    ends: np.ndarray  # f[T, 2], over levels and seeds
    fitted: np.ndarray  # f[K, T], NaN where nothing is fitted
    untrained: np.ndarray | None  # f[K, T]
    residual: np.ndarray  # f[K, 2, D], depends on objects or not; sums to 1 over both axes
    residual_parts: Sequence[str]  # 2
    bins: Sequence[str]  # D


@styled
def intervention_shares(found: InterventionShares, title: str = "") -> FigureBase:
    """A row a part on the left; on the right the residual by distance to the nearest object."""
    rows = max(len(found.parts), len(found.bins))
    figure, axes = new_figure(WIDTH, 1.4 + 0.34 * rows, 1, 2, width_ratios=[1.25, 1])
    left, right = axes[0]
    _shares(left, found)
    _residual(right, found)
    left.set_title(title)
    legend_below(figure, columns=3)
    return figure


def _shares(axes: Axes, found: InterventionShares) -> None:
    series: Mapping[str, tuple[np.ndarray, str, str, float]] = {
        MEASURED: (found.measured, BLUE, "o", -0.14),
        FITTED: (found.fitted, ORANGE, "s", 0.14),
    }
    for row, part in enumerate(found.parts):
        if found.untrained is not None:
            blank = over_seeds(found.untrained[:, row], within=SHARE)
            ends = (blank.low, blank.high) if np.isfinite(blank.low) else (blank.mean, blank.mean)
            axes.fill_betweenx([row - 0.38, row + 0.38], *ends, color=NULL, alpha=0.3, linewidth=0)
            axes.plot([blank.mean] * 2, [row - 0.38, row + 0.38], color=NULL, linewidth=1.0)
            record(axes, UNTRAINED, part, blank.mean, low=ends[0], high=ends[1])
        for name, (values, colour, marker, offset) in series.items():
            if not np.isfinite(values[:, row]).any():
                continue
            given = None
            if name == MEASURED:
                given = Interval(values[:, row].mean(), *found.ends[row])
            dots(
                axes,
                row + offset,
                values[:, row],
                colour,
                name,
                at=part,
                within=SHARE,
                given=given,
                marker=marker,
                stroke=colour,
            )
    key(axes, MEASURED, BLUE, marker="o", markeredgecolor=ink())
    key(axes, FITTED, ORANGE, marker="s", markeredgecolor=ink())
    if found.untrained is not None:
        key(axes, UNTRAINED, NULL, marker="|", markersize=9)
    key(axes, "each seed", paper(), markersize=3, markeredgecolor=ink())
    axes.set_yticks(range(len(found.parts)), list(found.parts))
    axes.set_ylim(len(found.parts) - 0.5, -0.5)
    axes.set_xlim(left=-0.02)  # so that a share of 0 is not cut
    axes.set_xlabel("share of decision influence")
    axes.grid(False, axis="y")


def _residual(axes: Axes, found: InterventionShares) -> None:
    styles = ((NULL, -0.14, "D"), (ink(), 0.14, "^"))
    words = ("residual that changes with objects", "residual without them")
    for part, (colour, offset, marker) in enumerate(styles):
        for row, near in enumerate(found.bins):
            values = found.residual[:, part, row]
            dots(axes, row + offset, values, colour, words[part], at=near, marker=marker)
        key(axes, words[part], colour, marker=marker, markeredgecolor=ink())
    total = found.residual.sum(2).mean(0)
    axes.set_title(f"residual: {total[0]:.0%} changes with objects")
    axes.axvline(0.0, color=ink(), linewidth=0.6)
    axes.set_yticks(range(len(found.bins)), list(found.bins))
    axes.set_ylim(len(found.bins) - 0.5, -0.5)
    axes.set_ylabel("distance to the nearest\nobject (moves)")
    axes.set_xlabel("part of the residual's variance")
    axes.grid(False, axis="y")
