"""Two runs side by side. Axes: P parts (shards, habit, affordance, residual), K seeds, D bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from shardsim.base.statistics import Bounds, welch_difference
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import dots, key
from shardsim.plot.style import BLUE, VERMILLION, WIDTH

ABSENT = "not in this world"
RUN_COLOURS = (BLUE, VERMILLION, "#009E73", "#CC79A7")


@styled
def compare_runs(
    panels: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]],
    confidence: float = 0.9,
    bounds: Mapping[str, Bounds] | None = None,
) -> FigureBase:
    """Measures of several runs, seed by seed, with intervals; a panel a group of measures.

    Where there are two runs the difference of each measure (first minus second, Welch) is
    written beside it with its interval. A run that lacks a measure, whose world has no such
    concept, says so in its place.

    Args:
        panels: panel title with its unit -> measure -> run -> f[K], one number a seed.
        confidence: of all intervals.
        bounds: panel title -> what its means cannot leave; others can be any number.
    """
    every = [runs for measures in panels.values() for runs in measures.values()]
    names = list(dict.fromkeys(name for runs in every for name in runs))
    counts = [len(measures) for measures in panels.values()]
    figure, axes = new_figure(
        WIDTH,
        0.6 + sum(0.42 + 0.34 * count for count in counts),
        len(panels),
        1,
        height_ratios=[0.9 + count for count in counts],
    )
    for place, (title, measures) in zip(axes[:, 0], panels.items(), strict=True):
        _panel(place, measures, names, confidence, (bounds or {}).get(title))
        place.set_xlabel(title)
        place.xaxis.set_major_locator(MaxNLocator(7))
    if len(names) == 2:
        axes[0, 0].set_title(f"first − second [{confidence:.0%}]", loc="right", fontsize=7)
    legend_below(figure)
    return figure


def _panel(
    axes: Axes,
    measures: Mapping[str, Mapping[str, np.ndarray]],
    names: Sequence[str],
    confidence: float,
    within: Bounds | None,
) -> None:
    offsets = np.linspace(-0.2, 0.2, len(names)) if len(names) > 1 else np.zeros(1)
    for row, (name, runs) in enumerate(measures.items()):
        for number, run in enumerate(names):
            colour, at = RUN_COLOURS[number % 4], row + offsets[number]
            if run in runs:
                dots(
                    axes, at, runs[run], colour, run, at=name, confidence=confidence, within=within
                )
            else:
                _absent(axes, at, colour)
            key(axes, run, colour)
        axes.text(
            1.01,
            row,
            difference(list(runs.values()), confidence, within) if len(names) == 2 else "",
            va="center",
            fontsize=7,
            transform=axes.get_yaxis_transform(),
        )
    axes.set_yticks(range(len(measures)), list(measures))
    axes.set_ylim(len(measures) - 0.5, -0.5)
    axes.grid(False, axis="y")


def _absent(axes: Axes, row: float, colour: str) -> None:
    axes.text(
        0.01,
        row,
        ABSENT,
        va="center",
        fontsize=6,
        color=colour,
        transform=axes.get_yaxis_transform(),
    )


def difference(
    values: Sequence[np.ndarray], confidence: float = 0.9, within: Bounds | None = None
) -> str:
    """First minus second with its interval, in words; empty unless there are two with ≥ 2 seeds."""
    if len(values) != 2 or min(len(side) for side in values) < 2:
        return ""
    gap = welch_difference(values[0], values[1], confidence, within)
    said = f"{gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
    return said.replace("-", "−")
