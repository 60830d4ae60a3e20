"""Learning curves. Axes: K seeds, T checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.style import SPLITS, WIDTH, ink, steps_axis

RATIO = "return ÷ optimal return"
OF_RANGE = "return (worst policy 0, best 1)"  # where the optimum is not positive


class Curves(NamedTuple):
    """The learning curves of one run."""

    steps: np.ndarray  # f[T], env steps of each seed
    ratio: Mapping[str, np.ndarray]  # split -> f[K, T], returns as shares, 1 being the best
    unit: str = RATIO


@styled
def learning_curves(runs: Mapping[str, Curves], aim: float | None = None) -> Figure:
    """Returns over training, a panel a run: the mean of the seeds, and each seed thinly.

    Args:
        runs: title -> curves, all of one unit.
        aim: a ratio to mark, for instance what counts as trained.
    """
    figure, axes = new_figure(WIDTH, 2.9, 1, len(runs), sharey=True)
    for place, (title, curves) in zip(axes[0], runs.items(), strict=True):
        _panel(place, curves, aim)
        place.set_title(title)
        steps_axis(place, curves.steps)
    axes[0, 0].set_ylabel(next(iter(runs.values())).unit)
    legend_below(figure, axes[0, 0])
    return figure


def _panel(axes: Axes, curves: Curves, aim: float | None) -> None:
    for split, ratio in curves.ratio.items():
        colour = SPLITS.get(split, ink())
        for number, seed in enumerate(ratio):
            label = f"{split}: each seed" if number == 0 else None
            axes.plot(curves.steps, seed, color=colour, linewidth=0.6, alpha=0.55, label=label)
        mean = ratio.mean(axis=0)
        axes.plot(curves.steps, mean, color=colour, linewidth=2, label=f"{split} levels: mean")
    axes.axhline(1.0, color=ink(), linewidth=0.8, linestyle=(0, (1, 2)), label="optimum")
    if aim is not None:
        axes.axhline(aim, color=ink(), linewidth=0.8, linestyle=(0, (5, 3)), label=f"{aim:g}")
    axes.set_ylim(0, 1.05)
