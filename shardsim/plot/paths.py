"""The shard distribution as a path: through a simplex, and as streams from check to check.

Axes: T checkpoints, K seeds, P parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Patch

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import key, record
from shardsim.plot.shares import Distribution
from shardsim.plot.style import INK, NULL, WIDTH, ink, paper

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
SMOOTH = (1 - np.cos(np.linspace(0, np.pi, 40))) / 2  # from 0 to 1, level at both ends
SEEDS = "os^Dv<>P"


class Checks(NamedTuple):
    """Checkpoints that were also fitted alone."""

    places: Sequence[int]  # of the checkpoints, J
    alone: np.ndarray  # f[J, K], how many shards each agent had when fitted alone
    cosine: np.ndarray  # f[J, K, shards], of each shard with its best match among those
    threshold: float  # what matches of shuffled batteries reach in 5 % of cases


@styled
def simplex_path(
    steps: np.ndarray, share: np.ndarray, names: Sequence[str], colour: str, about: str = ""
) -> FigureBase:
    """The path of three parts of the shares through their simplex, thick the mean, thin each seed.

    Args:
        steps: f[T], env steps.
        share: f[T, K, 3], summing to 1 over the parts.
        names: of the three corners.
        colour: of the path.
        about: the title.
    """
    figure, axes = new_figure(4.4, 4.2)
    place = axes[0, 0]
    _triangle(place, names)
    points = share @ CORNERS  # f[T, K, 2]
    for seed in range(share.shape[1]):
        place.plot(*points[:, seed].T, color=colour, linewidth=0.7, alpha=0.5)
        for part, name in enumerate(names):
            for at, value in zip(steps, share[:, seed, part], strict=True):
                record(place, name, at, value, seed=seed, at_label="env steps", value_label="share")
    mean = points.mean(1)
    place.plot(*mean.T, color=colour, linewidth=2, marker="o", markersize=2.5)
    place.plot(*mean[0], "o", color=paper(), markeredgecolor=colour, markersize=7, zorder=4)
    place.plot(*mean[-1], "o", color=colour, markeredgecolor=ink(), markersize=7, zorder=4)
    key(place, f"{steps[0]:,.0f} env steps", paper(), markeredgecolor=colour, markersize=7)
    key(place, f"{steps[-1]:,.0f} env steps", colour, markeredgecolor=ink(), markersize=7)
    key(place, "each seed", colour, marker="", linestyle="-", linewidth=0.7)
    place.set_title(f"{about}; grid lines at quarters" if about else "grid lines at quarters")
    legend_below(figure, columns=3)
    return figure


def _triangle(axes: Axes, names: Sequence[str]) -> None:
    """Draw the simplex with a grid at quarters, and name its corners."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.plot(*np.vstack([CORNERS, CORNERS[:1]]).T, color=ink(), linewidth=1)
    for part in (0.25, 0.5, 0.75):
        for corner in range(3):
            a, b = CORNERS[(corner + 1) % 3], CORNERS[(corner + 2) % 3]
            ends = part * CORNERS[corner] + (1 - part) * np.array([a, b])
            axes.plot(*ends.T, color=NULL, linewidth=0.5, alpha=0.6)
    for corner, name, up, side in zip(
        CORNERS, names, (-20, -20, 6), ("left", "right", "center"), strict=True
    ):
        axes.annotate(name, corner, (0, up), textcoords="offset points", ha=side, fontweight="bold")


@styled
def identities(distribution: Distribution, checks: Checks, times: Sequence[str]) -> FigureBase:
    """Streams of the shares between checkpoints that were also fitted alone (an alluvial diagram).

    A stream is solid where the shard was found again by the separate fits at both ends (mean cosine
    over seeds above what shuffled batteries reach), and pale where it was not. Above each column is
    how many shards the agents have when fitted alone.

    Args:
        distribution: shares at all checkpoints.
        checks: which of them were fitted alone, and how far that agrees.
        times: J labels.
    """
    figure, axes = new_figure(WIDTH, 3.4)
    place = axes[0, 0]
    share = distribution.share[list(checks.places)].mean(1)  # f[J, P]
    top = np.cumsum(share, axis=1)
    cosine = checks.cosine.mean(1)  # f[J, shards]
    shards = len(distribution.names) - distribution.rest
    for part, (name, colour) in enumerate(
        zip(distribution.names, distribution.colours, strict=True)
    ):
        low, high = top[:, part] - share[:, part], top[:, part]
        for j in range(len(times) - 1):
            found = part >= shards or min(cosine[j : j + 2, part]) > checks.threshold
            _stream(place, j, low, high, colour, 0.85 if found else 0.3)
        place.bar(range(len(times)), high - low, 0.08, bottom=low, color=colour, edgecolor=paper())
        place.plot([], [], color=colour, linewidth=6, label=name)
        for j, at in enumerate(times):
            record(place, name, at, share[j, part], at_label="env steps")
    for j, alone in enumerate(checks.alone):
        said = ", ".join(f"{number:.0f}" for number in alone)
        place.text(j, 1.015, said, ha="center", va="bottom", fontsize="x-small")
        words = {"at_label": "env steps", "value_label": "cosine with the best match"}
        for name, value in zip(distribution.names, cosine[j], strict=False):
            record(place, f"{name}: cosine", times[j], value, **words)
    place.set_xticks(range(len(times)), times)
    place.set_xlim(-0.08, len(times) - 0.92)
    place.set_ylim(0, 1)
    place.set_xlabel("env steps of each seed")
    place.set_ylabel("share of decision influence")
    place.set_title("shards of each seed when fitted alone:", pad=14, fontsize="small")
    place.grid(False)
    pale = Patch(facecolor=INK, alpha=0.3, label="pale: not found again by the separate fits")
    legend_below(figure, columns=3, extra=[pale])
    return figure


def _stream(
    axes: Axes, start: int, low: np.ndarray, high: np.ndarray, colour: str, alpha: float
) -> None:
    """Fill from one column to the next, level at both."""
    x = np.linspace(start, start + 1, len(SMOOTH))
    ends = [one[start] + (one[start + 1] - one[start]) * SMOOTH for one in (low, high)]
    axes.fill_between(x, *ends, color=colour, alpha=alpha, linewidth=0)
