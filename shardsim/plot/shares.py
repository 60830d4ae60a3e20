"""The shard distribution: over training as a line a shard, and at one time as intervals.

Axes: T checkpoints, K seeds, P parts (shards, then habit, affordance and the residual).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Patch

from shardsim.base.statistics import SHARE, Interval
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import curve, dots, end_labels, key, over_seeds, record, record_line
from shardsim.plot.style import NULL, RESIDUAL, WIDTH, ink, paper, steps_axis

UNTRAINED = "untrained networks"
SYMBOLS = "v^*PXDs"


class Mark(NamedTuple):
    """An event of one shard, to be marked on its line."""

    shard: int  # number, from 1
    kind: str  # for the legend
    steps: float  # env steps


class Distribution(NamedTuple):
    """Shares over time. `share` sums to 1 over its parts."""

    steps: np.ndarray  # f[T]; 0 is the untrained network
    share: np.ndarray  # f[T, K, P]
    names: Sequence[str]  # P
    colours: Sequence[str]  # P
    about: str = ""  # battery and seeds, for the title
    rest: int = 3  # how many of the last parts are no shards


class Shares(NamedTuple):
    """Shares at one time, for one battery, with intervals over levels and seeds."""

    mean: np.ndarray  # f[P]
    low: np.ndarray  # f[P]
    high: np.ndarray  # f[P]
    seeds: np.ndarray  # f[K, P]


@styled
def shard_distribution(
    runs: Mapping[str, Distribution],
    confidence: float = 0.9,
    marks: Mapping[str, Sequence[Mark]] | None = None,
) -> FigureBase:
    """A line a shard, with its interval and a thin line a seed; below, what belongs to no shard.

    The grey band is what the shards have in the untrained networks: from the lowest to the
    highest end of their intervals. Habit, affordance and residual are stacked in the strip below.

    Args:
        runs: title -> shares; a column each.
        confidence: of the intervals over seeds, Student's t; none is drawn for one seed.
        marks: title -> events to mark on the lines.
    """
    width = max(WIDTH, 3.3 * len(runs))
    figure, axes = new_figure(
        width, 4.0, 2, len(runs), sharex="col", sharey="row", height_ratios=[3, 1]
    )
    for column, (title, distribution) in enumerate(runs.items()):
        upper, lower = axes[:, column]
        upper.set_title("\n".join(filter(None, (title, distribution.about))))
        _untrained(upper, distribution, confidence)
        means = _lines(upper, distribution, confidence)
        _strip(lower, distribution)
        _marks(upper, distribution, means, (marks or {}).get(title, ()))
        steps_axis(lower, distribution.steps)
    axes[0, 0].set_ylim(bottom=0)
    for column, distribution in enumerate(runs.values()):
        _names_at_the_end(axes[0, column], distribution)
    axes[0, 0].set_ylabel("share of decision influence")
    axes[1, 0].set_ylabel("no shard\n(share)")
    label = f"{confidence:.0%} interval over seeds; thin: each seed"
    several = any(item.share.shape[1] > 1 for item in runs.values())
    extra = (
        [Patch(facecolor=f"{ink()}20", edgecolor=ink(), linewidth=0.6, label=label)]
        if several
        else []
    )
    legend_below(figure, columns=3, extra=extra)
    return figure


def _lines(axes: Axes, distribution: Distribution, confidence: float) -> np.ndarray:
    """Draw the shards; their means f[T, shards]."""
    shards = len(distribution.names) - distribution.rest
    means = [
        curve(
            axes,
            distribution.steps,
            distribution.share[:, :, part].T,
            distribution.colours[part],
            distribution.names[part],
            confidence=confidence,
            within=SHARE,
            thin=True,
            linewidth=2,
        )
        for part in range(shards)
    ]
    for line in axes.lines:  # named where they end, so not in the legend again
        line.set_label(f"_{line.get_label()}")
    return np.array(means).T.reshape(len(distribution.steps), shards)


def _names_at_the_end(axes: Axes, distribution: Distribution) -> None:
    shards = len(distribution.names) - distribution.rest
    last = distribution.share[-1].mean(0)
    ends = zip(last[:shards], distribution.names, distribution.colours, strict=False)
    end_labels(axes, [(float(y), name, colour) for y, name, colour in ends])


def _untrained(axes: Axes, distribution: Distribution, confidence: float) -> None:
    """What the shards' shares are in untrained networks, as one band over all steps."""
    start = distribution.share[distribution.steps == 0][:1, :, : -distribution.rest]
    if not start.size:
        return
    found = [over_seeds(shard, confidence, SHARE) for shard in start[0].T]
    ends = [[one.low, one.high] if np.isfinite(one.low) else [one.mean] * 2 for one in found]
    low, high = float(np.min(ends)), float(np.max(ends))
    axes.axhspan(low, high, color=NULL, alpha=0.25, linewidth=0, zorder=0.5, label=UNTRAINED)
    axes.axhline(high, color=NULL, linewidth=0.8, linestyle=(0, (4, 2)), zorder=0.6)
    middle = float(np.mean([one.mean for one in found]))
    record(axes, UNTRAINED, "all", middle, low=low, high=high)


def _strip(axes: Axes, distribution: Distribution) -> None:
    """Stack the means of what belongs to no shard."""
    floor = np.zeros(len(distribution.steps))
    for part in range(len(distribution.names) - distribution.rest, len(distribution.names)):
        name, colour = distribution.names[part], distribution.colours[part]
        mean = distribution.share[:, :, part].mean(1)
        axes.fill_between(
            distribution.steps,
            floor,
            floor + mean,
            facecolor=colour,
            edgecolor=paper(),
            hatch="////" if colour == RESIDUAL else None,
            linewidth=0.5,
            label=name,
        )
        floor = floor + mean
        record_line(axes, name, distribution.steps, mean)
        for seed, values in enumerate(distribution.share[:, :, part].T):
            record_line(axes, name, distribution.steps, values, seed=seed)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    axes.grid(False)


def _marks(
    axes: Axes, distribution: Distribution, means: np.ndarray, marks: Sequence[Mark]
) -> None:
    """A symbol a kind of event, on the line of its shard."""
    kinds = list(dict.fromkeys(mark.kind for mark in marks))
    for mark in marks:
        number = kinds.index(mark.kind) % len(SYMBOLS)
        height = float(np.interp(mark.steps, distribution.steps, means[:, mark.shard - 1]))
        axes.plot(
            mark.steps,
            height,
            SYMBOLS[number],
            color=distribution.colours[mark.shard - 1],
            markeredgecolor=ink(),
            markersize=8,
            zorder=4,
        )
        record(axes, mark.kind, mark.steps, height)
    for number, kind in enumerate(kinds):
        symbol = SYMBOLS[number % len(SYMBOLS)]
        key(axes, kind, paper(), marker=symbol, markeredgecolor=ink(), markersize=7)


@styled
def share_intervals(
    groups: Mapping[str, Shares], names: Sequence[str], colours: Sequence[str], title: str = ""
) -> FigureBase:
    """Shares as dots with intervals; a row a part, a marker a group (a battery or a run)."""
    height = 1.0 + len(names) * (0.16 + 0.14 * len(groups))
    figure, axes = new_figure(WIDTH, height)
    draw_share_intervals(axes[0, 0], groups, names, colours)
    axes[0, 0].set_title(title)
    legend_below(figure)
    return figure


def draw_share_intervals(
    axes: Axes, groups: Mapping[str, Shares], names: Sequence[str], colours: Sequence[str]
) -> None:
    """Draw what `share_intervals` shows into given axes."""
    offsets = np.linspace(-0.22, 0.22, len(groups)) if len(groups) > 1 else [0.0]
    for (group, shares), offset, marker in zip(groups.items(), offsets, "osD^v<>", strict=False):
        for part, (name, colour) in enumerate(zip(names, colours, strict=True)):
            ends = (max(0.0, shares.low[part]), min(1.0, shares.high[part]))
            given = Interval(shares.mean[part], *ends)
            seeds = shares.seeds[:, part]
            dots(
                axes,
                part + offset,
                seeds,
                colour,
                group,
                at=name,
                given=given,
                marker=marker,
                stroke=ink(),
            )
        key(axes, group, paper(), marker=marker, markeredgecolor=ink())
    key(axes, "each seed", NULL, markersize=3)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("share of decision influence")
    axes.grid(False, axis="y")
