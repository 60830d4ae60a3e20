"""How something changes over training, beside the shares: influence by distance, seeds apart.

Axes: T checkpoints, K seeds, D distance bins, P parts of the shares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.influence import AXIS
from shardsim.plot.marks import key, over_seeds, record, record_line
from shardsim.plot.shares import Distribution
from shardsim.plot.style import DIVERGING, NULL, WIDTH, ink, steps_axis


@styled
def influence_over_time(
    times: Sequence[str],
    bins: Sequence[str],
    concepts: Mapping[str, np.ndarray],
    confidence: float = 0.9,
) -> FigureBase:
    """Signed influence by distance and time, a panel a concept, on one scale.

    A dot says that the interval over seeds (Student's t) excludes 0; grey cells hold no context.

    Args:
        times: T labels, env steps.
        bins: D labels of distances.
        concepts: label -> f[T, K, D], moves.
        confidence: of the intervals.
    """
    count = len(concepts)
    columns = min(count, 3)
    rows = -(-count // columns)
    figure, axes = new_figure(WIDTH, 0.6 + 2.1 * rows, rows, columns, sharex=True, sharey=True)
    known = [np.abs(values[np.isfinite(values)]) for values in concepts.values()]
    top = max([1e-3, *(float(values.max()) for values in known if values.size)])
    norm = Normalize(-top, top)
    panels = list(axes.ravel())
    for place in panels[count:]:
        place.set_axis_off()
    for place, (name, values) in zip(panels, concepts.items(), strict=False):
        _heat(place, times, bins, values, norm, confidence)
        place.set_title(name)
    key(panels[0], "interval over seeds excludes 0", ink(), marker=".")
    for row in axes:
        row[0].set_ylabel("distance (moves)")
    for place in axes[-1]:
        place.set_xlabel("env steps of each seed")
    colours = ScalarMappable(norm, matplotlib.colormaps[DIVERGING])
    figure.colorbar(colours, ax=panels, aspect=22, pad=0.02).set_label(AXIS)
    legend_below(figure)
    return figure


def _heat(
    axes: Axes,
    times: Sequence[str],
    bins: Sequence[str],
    values: np.ndarray,
    norm: Normalize,
    confidence: float,
) -> None:
    found = [
        [over_seeds(values[t, :, d], confidence) for t in range(len(times))]
        for d in range(len(bins))
    ]
    mean = np.array([[one.mean for one in row] for row in found])
    axes.set_facecolor(NULL)
    axes.imshow(
        np.ma.masked_invalid(mean),
        cmap=matplotlib.colormaps[DIVERGING],
        norm=norm,
        aspect="auto",
        origin="lower",
    )
    for d, row in enumerate(found):
        for t, one in enumerate(row):
            if np.isfinite(one.low) and np.isfinite(one.high) and one.excludes_zero():
                dark = abs(norm(one.mean) - 0.5) > 0.3
                axes.plot(t, d, ".", color="white" if dark else "#222222", markersize=3)
            words = {"at_label": "env steps", "value_label": AXIS}
            record(
                axes, f"distance {bins[d]}", times[t], one.mean, low=one.low, high=one.high, **words
            )
            for seed, value in enumerate(values[t, :, d]):
                record(axes, f"distance {bins[d]}", times[t], value, seed=seed, **words)
    axes.set_yticks(range(len(bins)), bins)
    axes.set_xticks(range(len(times)), times, rotation=60)
    axes.grid(False)


@styled
def shares_by_seed(distribution: Distribution, seeds: Sequence[str]) -> FigureBase:
    """A panel a seed: each shard's share over training; faint, the mean of all seeds.

    Args:
        distribution: of all seeds.
        seeds: titles, K.
    """
    count, shards = len(seeds), len(distribution.names) - distribution.rest
    columns = min(count, 4)
    rows = -(-count // columns)
    figure, axes = new_figure(WIDTH, 0.9 + 1.75 * rows, rows, columns, sharex=True, sharey=True)
    panels = list(axes.ravel())
    for place in panels[count:]:
        place.set_axis_off()
    for seed, (place, title) in enumerate(zip(panels, seeds, strict=False)):
        for part in range(shards):
            name, colour = distribution.names[part], distribution.colours[part]
            values = distribution.share[:, seed, part]
            mean = distribution.share[:, :, part].mean(1)
            place.plot(distribution.steps, mean, color=colour, linewidth=3, alpha=0.25)
            place.plot(distribution.steps, values, color=colour, label=name)
            record_line(place, name, distribution.steps, values, seed=seed)
        steps_axis(place, distribution.steps)
        place.set_title(title)
    axes[0, 0].set_ylim(bottom=0)
    for row in axes:
        row[0].set_ylabel("share")
        for place in row:
            place.set_xlabel("" if row is not axes[-1] else "env steps")
    panels[0].plot([], [], color=NULL, linewidth=3, alpha=0.4, label="mean of the seeds")
    legend_below(figure)
    return figure
