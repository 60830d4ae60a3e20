"""Influence of each concept by its distance. Axes: K seeds, D distance bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import curve, mean_known, record_line
from shardsim.plot.style import NULL, WIDTH, ink, paper

AXIS = "signed influence S\n(moves per decision)"


class Influence(NamedTuple):
    """Influence by distance for one run, label -> f[K, D] in moves; bins may be missing (NaN)."""

    bins: Sequence[str]  # D labels, such as "4–5"
    signed: Mapping[str, np.ndarray]  # measured
    colours: Mapping[str, str]  # label -> colour, of all labels
    model: Mapping[str, np.ndarray] = {}  # the same intervention in the fitted model
    nulls: Mapping[str, np.ndarray] = {}  # where there is nothing to find


@styled
def influence_by_distance(runs: Mapping[str, Influence], confidence: float = 0.9) -> FigureBase:
    """Signed influence S of each concept by the agent's distance to it, a panel a run.

    Lines are means over seeds with intervals (Student's t); dotted, the same removal made in the
    fitted model; dashed, the nulls.
    """
    width = max(WIDTH, 3.2 * len(runs)) if len(runs) > 1 else 4.8
    figure, axes = new_figure(width, 3.4, 1, len(runs), sharey=True)
    for place, (title, influence) in zip(axes[0], runs.items(), strict=True):
        _panel(place, influence, confidence)
        place.set_title(title)
        place.set_xlabel("distance to the concept (moves)")
    axes[0, 0].set_ylabel(AXIS)
    legend_below(figure, columns=3)
    return figure


def _panel(axes: Axes, influence: Influence, confidence: float) -> None:
    x = np.arange(len(influence.bins), dtype=float)
    axes.axhline(0, color=ink(), linewidth=0.7)
    for name, values in influence.signed.items():
        colour = influence.colours.get(name, ink())
        curve(
            axes,
            x,
            values,
            colour,
            name,
            confidence=confidence,
            names=influence.bins,
            marker="o",
            markersize=4,
        )
    styles = ((influence.model, (0, (1, 1.5)), "o"), (influence.nulls, (0, (4, 2)), "s"))
    for kind, dashes, marker in styles:
        for name, values in kind.items():
            axes.plot(
                x,
                mean_known(values),
                color=influence.colours.get(name, NULL),
                linewidth=1.3,
                linestyle=dashes,
                marker=marker,
                markersize=3.5,
                markerfacecolor=paper(),
                zorder=2.5,
                label=name,
            )
            record_line(axes, name, influence.bins, mean_known(values))
            for seed, one in enumerate(values):
                record_line(axes, name, influence.bins, one, seed=seed)
    axes.set_xticks(x, influence.bins)
