"""What figures are made of: curves, dots with intervals, names at line ends. Each is recorded.

Axes: K seeds, T points along x.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from shardsim.base.statistics import Bounds, Interval, t_interval
from shardsim.plot.canvas import current
from shardsim.plot.records import Drawn
from shardsim.plot.style import band, ink, paper


def record(axes: Axes, series: str, at: Any, value: Any, **more: Any) -> None:
    """Keep one number for the figure's table; `more` are fields of `Drawn`."""
    here = current()
    here.drawn.append(Drawn(axes, series, at, value, run=here.run, **more))


def record_line(
    axes: Axes, series: str, x: Sequence[Any] | np.ndarray, y: np.ndarray, **more: Any
) -> None:
    """Keep the numbers of a line f[T]."""
    for at, value in zip(x, y, strict=True):
        record(axes, series, at, value, **more)


def mean_known(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is known; NaN where nothing is."""
    values = np.asarray(values, np.float64)
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def over_seeds(values: Any, confidence: float = 0.9, within: Bounds | None = None) -> Interval:
    """Student's interval over the known seeds of f[K]; no ends with one, NaN with none."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if not known.size:
        return Interval(np.nan, np.nan, np.nan)
    return Interval(*map(float, t_interval(known, confidence=confidence, within=within)))


def curve(
    axes: Axes,
    x: np.ndarray,
    values: np.ndarray,
    colour: str,
    label: str,
    *,
    confidence: float = 0.9,
    within: Bounds | None = None,
    thin: bool = False,
    shaded: bool = True,
    names: Sequence[Any] | None = None,
    **line: Any,
) -> np.ndarray:
    """A line through the means over seeds f[K, T], with its interval as a band.

    Args:
        axes: where.
        x: f[T].
        values: f[K, T]; NaN where not known.
        colour: of line and band.
        label: in the legend and in the table.
        confidence: of the band, Student's t over seeds.
        within: what a mean cannot leave.
        thin: draw a thin line a seed, too.
        shaded: draw the interval.
        names: of the places along x in the table, T; x itself by default.
        line: of the mean's line.

    Returns:
        The means f[T].
    """
    values, at = np.asarray(values, np.float64), x if names is None else names
    if thin and len(values) > 1:
        for seed in values:
            axes.plot(x, seed, color=colour, linewidth=0.6, alpha=0.5, zorder=1.9)
    ends = [over_seeds(column, confidence, within) for column in values.T]
    mean = np.array([one.mean for one in ends])
    low, high = (np.array([getattr(one, end) for one in ends]) for end in ("low", "high"))
    if shaded:
        band(axes, x, low, high, colour)
    axes.plot(x, mean, label=label, **{"color": colour, "zorder": 2.2} | line)
    for place, one in zip(at, ends, strict=True):
        record(axes, label, place, one.mean, low=one.low, high=one.high)
    if len(values) > 1:
        for number, seed in enumerate(values):
            record_line(axes, label, at, seed, seed=number)
    return mean


def dots(
    axes: Axes,
    row: float,
    values: Any,
    colour: str,
    series: str,
    *,
    at: str = "",
    confidence: float = 0.9,
    within: Bounds | None = None,
    given: Interval | None = None,
    marker: str = "o",
    size: float = 5.5,
    stroke: str = "",
) -> Interval:
    """A mean with its interval on one row, the seeds f[K] small behind it.

    Args:
        axes: where; values run along x.
        row: y.
        values: f[K], one a seed; NaN where not known.
        colour: of all.
        series: of the table; a label for the legend is the caller's.
        at: name of the row in the table.
        confidence: of Student's interval over seeds.
        within: what a mean cannot leave.
        given: mean and interval where they are not Student's.
        marker: of the mean.
        size: of the mean's marker, points.
        stroke: colour of interval and seeds; that of the mean by default.
    """
    values = np.asarray(values, np.float64)
    found = given or over_seeds(values, confidence, within)
    stroke = stroke or colour
    if np.isfinite(found.low) and np.isfinite(found.high):
        axes.plot([found.low, found.high], [row, row], color=stroke, linewidth=1.4, zorder=2.1)
    small = {"ms": 3.2, "alpha": 0.6, "markeredgecolor": paper(), "markeredgewidth": 0.4}
    axes.plot(values, np.full(len(values), row), "o", color=stroke, zorder=2.2, **small)
    axes.plot(
        found.mean,
        row,
        marker,
        color=colour,
        markersize=size,
        markeredgecolor=ink(),
        markeredgewidth=0.6,
        zorder=2.3,
    )
    record(axes, series, at, found.mean, low=found.low, high=found.high, across=True)
    for number, value in enumerate(values):
        record(axes, series, at, value, seed=number, across=True)
    return found


def key(axes: Axes, label: str, colour: str, **line: Any) -> None:
    """A label for the legend, without anything drawn."""
    plain: dict[str, Any] = {"color": colour, "linestyle": "", "marker": "o"}
    axes.plot([], [], label=label, **plain | line)


def end_labels(axes: Axes, ends: Sequence[tuple[float, str, str]], gap: float = 0.085) -> None:
    """Write names beside the right edge at the height of their lines, moved apart where too near.

    Args:
        axes: whose limits are set.
        ends: (y, text, colour) each.
        gap: least distance of two names, as part of the axis.
    """
    low, high = axes.get_ylim()
    ordered = sorted(ends)
    wanted = [(y - low) / (high - low) for y, _, _ in ordered]
    for (y, text, colour), place in zip(ordered, spread(wanted, gap), strict=True):
        axes.annotate(
            text,
            (1.0, (y - low) / (high - low)),
            (1.03, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=colour,
            va="center",
            fontweight="bold",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0},
        )


def spread(wanted: Sequence[float], gap: float) -> np.ndarray:
    """Places in 0..1 near ascending wanted ones and at least `gap` apart, if there is room."""
    places = np.asarray(wanted, np.float64).copy()
    gap = min(gap, 1.0 / max(len(places), 1))
    for _ in range(100):  # each pair that is too near gives way on both sides
        push = np.maximum(gap - np.diff(places), 0.0) / 2
        places[:-1] -= push
        places[1:] += push
    for order, end, sign in ((places, 0.0, 1.0), (places[::-1], 1.0, -1.0)):
        for number in range(len(order)):  # from either end, so that none lies outside
            least = end if number == 0 else order[number - 1] + sign * gap
            order[number] = max(order[number], least) if sign > 0 else min(order[number], least)
    return places
