"""The shard distribution: over training as stacked areas, and at one time as intervals.

Axes: T checkpoints, K seeds, P parts (shards, then habit, affordance and the residual).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from shardsim.base.statistics import SHARE, t_interval
from shardsim.plot.style import INK, RESIDUAL, WIDTH, legend_below, new_figure, steps_axis, styled


class Distribution(NamedTuple):
    """Shares over time. `share` sums to 1 over its parts."""

    steps: np.ndarray  # f[T]
    share: np.ndarray  # f[T, K, P]
    names: Sequence[str]  # P
    colours: Sequence[str]  # P


class Shares(NamedTuple):
    """Shares at one time, for one battery, with intervals over levels and seeds."""

    mean: np.ndarray  # f[P]
    low: np.ndarray  # f[P]
    high: np.ndarray  # f[P]
    seeds: np.ndarray  # f[K, P]


@styled
def shard_distribution(
    runs: Mapping[str, Distribution], xlabel: str | None = None, confidence: float = 0.9
) -> Figure:
    """Stacked areas of the seeds' mean shares, a panel a run, with intervals at the boundaries.

    A boundary is a sum of shares, so its interval is of that sum over seeds (Student's t), and
    is not drawn where there is one seed.
    """
    figure, axes = new_figure(WIDTH, 3.1, 1, len(runs), sharey=True)
    for place, (title, distribution) in zip(axes[0], runs.items(), strict=True):
        _stack(place, distribution, confidence)
        place.set_title(title)
        steps_axis(place, distribution.steps)
        if xlabel:
            place.set_xlabel(xlabel)
    axes[0, 0].set_ylabel("share of decision influence")
    several = any(item.share.shape[1] > 1 for item in runs.values())
    label = f"{confidence:.0%} interval of the boundary over seeds"
    extra = [Line2D([], [], color=INK, linestyle="", marker="|", label=label)] if several else []
    legend_below(figure, axes[0, 0], columns=3, extra=extra)
    return figure


def _stack(axes: Axes, distribution: Distribution, confidence: float) -> None:
    steps, share = distribution.steps, distribution.share
    top = np.cumsum(share, axis=2)  # [T, K, P]
    mean = top.mean(axis=1)
    floor = np.zeros(len(steps))
    for part, (name, colour) in enumerate(
        zip(distribution.names, distribution.colours, strict=True)
    ):
        hatch = "////" if colour == RESIDUAL else None
        axes.fill_between(
            steps,
            floor,
            mean[:, part],
            facecolor=colour,
            edgecolor="white",
            hatch=hatch,
            linewidth=0.5,
            label=name,
        )
        floor = mean[:, part]
    for part in range(share.shape[2] - 1):
        interval = t_interval(top[:, :, part], axis=1, confidence=confidence, within=SHARE)
        if np.isfinite(interval.low).all():
            low, high = interval.low, interval.high
            axes.vlines(steps, low, high, color="white", linewidth=2.6, clip_on=False, zorder=3)
            axes.vlines(steps, low, high, color=INK, linewidth=1.1, clip_on=False, zorder=4)
        axes.plot(steps, mean[:, part], color="white", linewidth=0.9)
    axes.set_ylim(0, 1)
    axes.grid(False)


@styled
def share_intervals(
    groups: Mapping[str, Shares], names: Sequence[str], colours: Sequence[str], title: str = ""
) -> Figure:
    """Shares as dots with intervals; a row a part, a marker a group (a battery or a run)."""
    height = 0.75 + len(names) * (0.16 + 0.14 * len(groups))
    figure, axes = new_figure(WIDTH, height)
    draw_share_intervals(axes[0, 0], groups, names, colours)
    axes[0, 0].set_title(title)
    return figure


def draw_share_intervals(
    axes: Axes, groups: Mapping[str, Shares], names: Sequence[str], colours: Sequence[str]
) -> None:
    """Draw what `share_intervals` shows into given axes."""
    offsets = np.linspace(-0.22, 0.22, len(groups)) if len(groups) > 1 else [0.0]
    for (group, shares), offset, marker in zip(groups.items(), offsets, "osD^v<>", strict=False):
        rows = np.arange(len(names)) + offset
        for part, colour in enumerate(colours):
            ends = [max(0.0, shares.low[part]), min(1.0, shares.high[part])]
            axes.plot(ends, [rows[part]] * 2, color=INK, linewidth=1.2, zorder=2)
            axes.scatter(
                shares.seeds[:, part],
                np.full(len(shares.seeds), rows[part]),
                s=9,
                color="#777777",
                edgecolors="white",
                linewidths=0.4,
                zorder=3,
            )
            axes.scatter(
                shares.mean[part],
                rows[part],
                s=34,
                color=colour,
                edgecolors=INK,
                linewidths=0.7,
                marker=marker,
                zorder=4,
            )
        axes.scatter([], [], s=34, color="white", edgecolors=INK, marker=marker, label=group)
    axes.scatter([], [], s=9, color="#777777", label="each seed")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("share of decision influence")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
