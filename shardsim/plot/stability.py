"""Reflection from checkpoints of training: what it changes, and where it leads.

Axes: C checkpoints, K seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D

from shardsim.base.statistics import SHARE
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.constancy import STRIP
from shardsim.plot.marks import curve
from shardsim.plot.reflection import DASHES, SHAM
from shardsim.plot.style import NULL, WIDTH, ink, steps_axis

BEFORE = (0, (1, 1.5))
EDGE = 1.1  # by so much the axis is longer than the steps, so that no mark is cut


class Course(NamedTuple):
    """One shard's value over the checkpoints; NaN where a seed has no such context."""

    shard: str
    colour: str
    drift: np.ndarray  # f[K, C], change by reflection over the achievable range
    sham: np.ndarray  # f[K, C], the same by the sham
    before: np.ndarray  # f[K, C], value without reflection, 0 the least and 1 the most there is
    after: np.ndarray  # f[K, C], value with it


@styled
def stability_over_training(
    steps: np.ndarray,
    classes: Mapping[str, Sequence[Course]],
    said: Mapping[str, tuple[str, str]],
    margin: float,
    model: str,
    confidence: float = 0.9,
    where: str = "",
) -> FigureBase:
    """Left, the change of each shard's value by reflection; right, the value without and with it.

    A row a class of onsets. Lines are means over seeds with Student's bands; those of the sham are
    grey. Inside the strip a change counts as none.

    Args:
        steps: f[C], env steps of each seed.
        classes: class of onsets -> its shards.
        said: class -> titles of its two panels.
        margin: the largest change that counts as none.
        model: of reflection.
        confidence: of the bands.
        where: the values are measured, for the axis; what is said counts all places.
    """
    height = 0.9 + 1.75 * len(classes)
    figure, axes = new_figure(WIDTH, height, len(classes), 2, sharex=True, sharey="col")
    for (left, right), (name, shards) in zip(axes, classes.items(), strict=True):
        left.axhspan(-margin, margin, color=STRIP, linewidth=0, zorder=0)
        left.axhline(0.0, color=ink(), linewidth=0.6, zorder=1)
        for one in shards:
            _drift(left, steps, one, confidence)
            _values(right, steps, one, confidence)
        for place, title in zip((left, right), said[name], strict=True):
            place.set_title(title)
            steps_axis(place, steps)
            place.set_xlim(float(steps.min()) / EDGE, float(steps.max()) * EDGE)
            place.set_xlabel("")
        left.set_ylabel("ΔJ ÷ range")
        right.set_ylabel("J, part of range")
    for place in axes[-1]:
        place.set_xlabel("env steps before reflection" + (f", values {where}" if where else ""))
    keys = [
        *(_key(one.shard, one.colour, "-", "o") for one in next(iter(classes.values()), ())),
        _key(f"after {model}", ink(), "-", "o"),
        _key("before reflection", ink(), BEFORE, ""),
        _key("drift of the sham", NULL, DASHES[SHAM], "s"),
        _key(f"no change (±{margin:g})", STRIP, "-", "", linewidth=7),
    ]
    legend_below(figure, (), columns=3, extra=keys)
    return figure


def _drift(axes: Axes, steps: np.ndarray, one: Course, confidence: float) -> None:
    shown: dict[str, Any] = {"confidence": confidence, "markersize": 3.5}
    if np.isfinite(one.sham).any():
        label = f"{one.shard}, sham"
        dashes = DASHES[SHAM]
        curve(axes, steps, one.sham, NULL, label, marker="s", linestyle=dashes, **shown)
    if np.isfinite(one.drift).any():
        curve(axes, steps, one.drift, one.colour, one.shard, marker="o", **shown)


def _values(axes: Axes, steps: np.ndarray, one: Course, confidence: float) -> None:
    if not np.isfinite(one.after).any():
        return
    label = f"{one.shard}, before reflection"
    shown: dict[str, Any] = {"confidence": confidence, "within": SHARE}
    curve(axes, steps, one.before, one.colour, label, shaded=False, linestyle=BEFORE, **shown)
    label = f"{one.shard}, after reflection"
    curve(axes, steps, one.after, one.colour, label, marker="o", markersize=3.5, **shown)


def _key(label: str, colour: str, dashes: Any, marker: str, **line: Any) -> Line2D:
    return Line2D(
        [], [], color=colour, label=label, linestyle=dashes, marker=marker, markersize=4, **line
    )
