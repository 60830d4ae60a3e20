"""Results against a varied key: a panel a result. Axis letters: V values of the key, N seeds."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.base.statistics import Bounds
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import key, record
from shardsim.plot.style import MODELS, NULL, WIDTH, band, ink, paper, values_axis

COLUMNS = 3
MARKERS = "os^Dv*"
LONG = 26  # letters of all ticks together, above which they are turned
SPREAD = 0.36  # of the distance between two categories, over which series stand apart


class Group(NamedTuple):
    """The seeds of one value of the key."""

    estimate: float  # NaN where no seed has a value
    low: float  # NaN where there is one seed
    high: float
    seeds: np.ndarray  # f[N], known ones
    missing: int  # seeds without a value


class Panel(NamedTuple):
    """One result."""

    title: str
    label: str  # of the axis, with the unit
    statistic: str  # IQM or mean
    within: Bounds | None
    groups: Mapping[str, Sequence[Group]]  # series -> V groups


@styled
def sweep_results_figure(
    panels: Sequence[Panel],
    axis: str,
    values: Sequence[float | str],
    confidence: float = 0.9,
    unit: str = "seeds",
) -> FigureBase:
    """Draw estimates with intervals, and each seed as a small dot.

    Numbers lie on a real or logarithmic axis with a band, words beside one another with bars. Where
    seeds are missing their number is written, and a value without any says so.

    Args:
        panels: results.
        axis: name of the key.
        values: V of it, all numbers or all words.
        confidence: of the intervals.
        unit: what is counted.
    """
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    height = 0.5 + 2.05 * rows
    width = WIDTH * (0.35 + 0.65 * columns / COLUMNS) if columns < COLUMNS else 1.15 * WIDTH
    figure, axes = new_figure(width, height, rows, columns)
    for place in axes.flat[len(panels) :]:
        place.set_axis_off()
    for number, (place, panel) in enumerate(zip(axes.flat, panels, strict=False)):
        _panel(place, panel, values)
        if number + columns >= len(panels):
            place.set_xlabel(axis)
    statistics = list(dict.fromkeys(panel.statistic for panel in panels))
    label = f"{' or '.join(statistics)} with {confidence:.0%} interval; small dots: {unit}"
    key(axes.flat[0], label, NULL, linestyle="-", linewidth=1.4, markersize=4)
    legend_below(figure)
    return figure


def _panel(axes: Axes, panel: Panel, values: Sequence[float | str]) -> None:
    numbers = all(not isinstance(value, str) for value in values)
    x = np.asarray(values if numbers else range(len(values)), np.float64)
    offsets = [0.0] * len(panel.groups)
    if not numbers and len(offsets) > 1:
        offsets = list(np.linspace(-SPREAD / 2, SPREAD / 2, len(offsets)))
    for number, (series, groups) in enumerate(panel.groups.items()):
        colour = MODELS[number % len(MODELS)]
        _series(axes, x + offsets[number], values, groups, colour, number, series, numbers)
    if numbers:
        values_axis(axes, x)
        _all_within(axes, x)
    else:
        axes.set_xticks(x, [textwrap.fill(str(value), 14) for value in values])
        axes.set_xlim(-0.5, len(x) - 0.5)
    counts = [len(group.seeds) for groups in panel.groups.values() for group in groups]
    most = max(counts, default=0)
    _bottom(axes, panel, x, most, numbers)
    count = f"{most}" if min(counts, default=0) == most else f"{min(counts)}–{most}"
    axes.set_title(f"{panel.title}  (n = {count})", fontsize=7.5)
    axes.set_ylabel(textwrap.fill(panel.label, 26), fontsize=7)


def _series(
    axes: Axes,
    x: np.ndarray,
    values: Sequence[float | str],
    groups: Sequence[Group],
    colour: str,
    number: int,
    series: str,
    numbers: bool,
) -> None:
    mean, low, high = (
        np.array([getattr(group, end) for group in groups]) for end in ("estimate", "low", "high")
    )
    for at, group in zip(x, groups, strict=True):
        small = {"ms": 3.4, "alpha": 0.7, "markeredgecolor": paper(), "markeredgewidth": 0.5}
        axes.plot(
            np.full(len(group.seeds), at), group.seeds, "o", color=colour, zorder=2.1, **small
        )
    if numbers:
        known = np.isfinite(mean)
        band(axes, x, low, high, colour, 0.2)
        axes.plot(x[known], mean[known], color=colour, linewidth=1.4)
    known = np.isfinite(low) & np.isfinite(high)
    axes.vlines(x[known], low[known], high[known], color=colour, linewidth=1.4)
    marker = MARKERS[number % len(MARKERS)]
    edge = {"markeredgecolor": ink(), "markeredgewidth": 0.5, "markersize": 5.0}
    axes.plot(x, mean, marker, color=colour, label=series or None, zorder=2.3, **edge)
    for value, group in zip(values, groups, strict=True):
        label = series or "all"
        record(axes, label, value, group.estimate, low=group.low, high=group.high)
        for place, one in enumerate(group.seeds):
            record(axes, label, value, one, seed=place)


def _all_within(axes: Axes, x: np.ndarray) -> None:
    """Set limits that hold every value, also those without a seed."""
    scale = axes.xaxis.get_transform()
    placed = scale.transform(x)
    room = 0.1 * np.ptp(placed) or 0.5
    low, high = scale.inverted().transform([placed.min() - room, placed.max() + room])
    axes.set_xlim(float(low), float(high))
    if sum(len(f"{one:g}") for one in x) > LONG:
        axes.tick_params(axis="x", rotation=45)


def _bottom(axes: Axes, panel: Panel, x: np.ndarray, most: int, numbers: bool) -> None:
    """Write how many seeds a value has where it is not as many as others, and where none."""
    several = list(panel.groups.values())
    edges = {0: "left", len(x) - 1: "right"} if numbers else {}
    for place, at in enumerate(x):
        counts = [len(groups[place].seeds) for groups in several]
        if min(counts) == most:
            continue
        told = "missing" if max(counts) == 0 else "n = " + ", ".join(map(str, counts))
        axes.annotate(
            told,
            (at, 0.0),
            (0, 2),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha=edges.get(place, "center"),
            va="bottom",
            fontsize=6,
            rotation=90 if len(told) * len(x) > 60 else 0,
            color=ink(),
        ).set_in_layout(False)
    low, high = axes.get_ylim()
    if any(len(group.seeds) < most for groups in several for group in groups):
        axes.set_ylim(low - 0.14 * (high - low), high)  # room for what is written
