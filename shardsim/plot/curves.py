"""Learning curves. Axes: K seeds, T checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import curve, key, record
from shardsim.plot.style import NULL, SPLITS, WIDTH, ink, steps_axis

RATIO = "return ÷ optimal return"
OF_RANGE = "return (worst policy 0, best 1)"  # where the optimum is not positive


class Curves(NamedTuple):
    """The learning curves of one run."""

    steps: np.ndarray  # f[T], env steps of each seed
    ratio: Mapping[str, np.ndarray]  # split -> f[K, T], returns as shares, 1 being the best
    unit: str = RATIO


@styled
def learning_curves(
    runs: Mapping[str, Curves], aim: float | None = None, confidence: float = 0.9
) -> FigureBase:
    """Returns over training, a panel a run: the mean with its interval, and each seed thinly.

    Args:
        runs: title -> curves, all of one unit.
        aim: a ratio to mark, for instance what counts as trained.
        confidence: of Student's interval over seeds.
    """
    figure, axes = new_figure(max(WIDTH, 3.0 * len(runs)), 2.9, 1, len(runs), sharey=True)
    for place, (title, curves) in zip(axes[0], runs.items(), strict=True):
        _panel(place, curves, aim, confidence)
        place.set_title(title)
        steps_axis(place, curves.steps)
    axes[0, 0].set_ylabel(next(iter(runs.values())).unit)
    if any(len(seeds) > 1 for one in runs.values() for seeds in one.ratio.values()):
        label = f"each seed (band: {confidence:.0%} interval)"
        key(axes[0, 0], label, NULL, linestyle="-", marker="", linewidth=0.8)
    legend_below(figure)
    return figure


def _panel(axes: Axes, curves: Curves, aim: float | None, confidence: float) -> None:
    for split, ratio in curves.ratio.items():
        label, colour = f"{split} levels: mean", SPLITS.get(split, ink())
        curve(
            axes,
            curves.steps,
            ratio,
            colour,
            label,
            confidence=confidence,
            thin=True,
            linewidth=2,
        )
    for height, dashes, label in ((1.0, (0, (1, 2)), "optimum"), (aim, (0, (5, 3)), f"{aim}")):
        if height is not None:
            axes.axhline(height, color=ink(), linewidth=0.9, linestyle=dashes, label=label)
            record(axes, label, "all", height)
    axes.set_ylim(0, 1.05)
