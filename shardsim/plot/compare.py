"""Two runs side by side. Axes: P parts (shards, habit, affordance, rest), K seeds, D bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from shardsim.base.statistics import t_interval, welch_difference
from shardsim.plot.style import BLUE, INK, VERMILLION, WIDTH, legend_below, new_figure, styled

RUN_COLOURS = (BLUE, VERMILLION, "#009E73", "#CC79A7")


class Measure(NamedTuple):
    """One quantity of one run."""

    values: np.ndarray  # f[K], one number a seed


@styled
def compare_runs(
    panels: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]], confidence: float = 0.9
) -> Figure:
    """Measures of several runs, seed by seed, with intervals; a panel a group of measures.

    Where there are two runs the difference of each measure (first minus second, Welch) is
    written beside it with its interval.

    Args:
        panels: panel title with its unit -> measure -> run -> f[K], one number a seed.
        confidence: of all intervals.
    """
    counts = [len(measures) for measures in panels.values()]
    figure, axes = new_figure(
        WIDTH,
        0.6 + sum(0.42 + 0.34 * count for count in counts),
        len(panels),
        1,
        height_ratios=[0.9 + count for count in counts],
    )
    for place, (title, measures) in zip(axes[:, 0], panels.items(), strict=True):
        _panel(place, measures, confidence)
        place.set_xlabel(title)
        place.xaxis.set_major_locator(MaxNLocator(7))
    if all(len(runs) == 2 for measures in panels.values() for runs in measures.values()):
        axes[0, 0].set_title(f"first − second [{confidence:.0%}]", loc="right", fontsize=7)
    legend_below(figure, axes[0, 0])
    return figure


def _panel(axes: Axes, measures: Mapping[str, Mapping[str, np.ndarray]], confidence: float) -> None:
    for row, runs in enumerate(measures.values()):
        offsets = np.linspace(-0.2, 0.2, len(runs)) if len(runs) > 1 else np.zeros(1)
        for number, (run, values) in enumerate(runs.items()):
            _dots(
                axes, row + offsets[number], np.asarray(values), RUN_COLOURS[number % 4], confidence
            )
            axes.plot([], [], "o", color=RUN_COLOURS[number % 4], label=run)
        axes.text(
            1.01,
            row,
            difference(list(runs.values()), confidence),
            va="center",
            fontsize=7,
            transform=axes.get_yaxis_transform(),
        )
    axes.set_yticks(range(len(measures)), list(measures))
    axes.set_ylim(len(measures) - 0.5, -0.5)
    axes.grid(False, axis="y")


def _dots(axes: Axes, row: float, values: np.ndarray, colour: str, confidence: float) -> None:
    interval = t_interval(values, confidence=confidence)
    if np.isfinite(interval.low):
        axes.plot([interval.low, interval.high], [row, row], color=colour, linewidth=1.4)
    axes.plot(values, np.full(len(values), row), "o", color=colour, markersize=2.5, alpha=0.4)
    axes.plot(
        values.mean(),
        row,
        "o",
        color=colour,
        markersize=5.5,
        markeredgecolor=INK,
        markeredgewidth=0.6,
    )


def difference(values: Sequence[np.ndarray], confidence: float = 0.9) -> str:
    """First minus second with its interval, in words; empty unless there are two with ≥ 2 seeds."""
    if len(values) != 2 or min(len(side) for side in values) < 2:
        return ""
    gap = welch_difference(values[0], values[1], confidence)
    said = f"{gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
    return said.replace("-", "−")
