"""The shard model against its rivals, in bits. Axes: M models, K seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import new_figure, styled
from shardsim.plot.marks import dots, record
from shardsim.plot.style import BLUE, WIDTH, ink

OURS = "shards"


@styled
def rivals(
    models: Sequence[str],
    bits: Mapping[str, np.ndarray],
    compared: Sequence[str],
    confidence: float = 0.9,
) -> FigureBase:
    """Bits per decision of every model, and the paired difference of the near rivals to the shards.

    Args:
        models: M names; the one called "shards" is the reference.
        bits: panel title (all contexts, in conflict) -> f[M, K], lower is better.
        compared: the models whose difference to the shards is drawn in the last panel.
    """
    figure, axes = new_figure(
        WIDTH,
        0.9 + 0.24 * len(models),
        1,
        len(bits) + 1,
        sharey=True,
        width_ratios=[1] * len(bits) + [1.15],
    )
    rows = np.arange(len(models))
    for place, (title, values) in zip(axes[0], bits.items(), strict=False):
        colours = [BLUE if name == OURS else "#BDBDBD" for name in models]
        place.barh(rows, np.nanmean(values, axis=1), color=colours, height=0.68)
        for seed in np.asarray(values).T:
            place.plot(
                seed, rows, color=ink(), linewidth=0.5, alpha=0.5, marker="o", markersize=2.2
            )
        for model, seeds in zip(models, values, strict=True):
            record(place, "bits", model, np.nanmean(seeds), across=True)
            for number, one in enumerate(seeds):
                record(place, "bits", model, one, seed=number, across=True)
        place.set_title(title)
        place.set_xlabel("bits per decision")
        place.grid(False, axis="y")
    _differences(axes[0, -1], models, next(iter(bits.values())), compared, confidence)
    axes[0, 0].set_yticks(rows, models)
    axes[0, 0].set_ylim(len(models) - 0.4, -0.6)
    return figure


def _differences(
    axes: Axes, models: Sequence[str], bits: np.ndarray, compared: Sequence[str], confidence: float
) -> None:
    """Rival minus shards, seed by seed, with the interval of the mean."""
    ours = bits[list(models).index(OURS)]
    axes.axvline(0, color=ink(), linewidth=0.8)
    for name in compared:
        row = list(models).index(name)
        gap = bits[row] - ours
        interval = dots(
            axes, row, gap, BLUE, "rival − shards", at=name, confidence=confidence, stroke=ink()
        )
        said = f"{gap.mean():+.3f}"
        if np.isfinite(interval.low):
            said += f" [{interval.low:+.3f}, {interval.high:+.3f}]"
        place = axes.get_yaxis_transform()
        axes.text(
            0.98,
            row - 0.36,
            said.replace("-", "−"),
            fontsize=6.5,
            transform=place,
            ha="right",
            va="center",
        )
    axes.set_title("rival − shards, by seed")
    axes.set_xlabel(f"bits per decision, {confidence:.0%} interval")
    axes.grid(False, axis="y")
