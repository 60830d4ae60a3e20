"""What becomes of a goal by how active its shards are where reflection starts. Axis: N onsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import key, record, record_line
from shardsim.plot.reflection import CONTROLS, model_colours
from shardsim.plot.style import NULL, WIDTH, ink, paper

MARKERS = ("s", "^", "o", "D", "v")


class Onsets(NamedTuple):
    """Every onset of every seed, N of them; NaN where a model was not tried."""

    active: np.ndarray  # f[N], share of the judges that want the first goal rather than the second
    before: np.ndarray  # f[N], P(first goal first) over P(either first)
    after: Mapping[str, np.ndarray]  # model -> f[N], the same after reflection
    kinds: Sequence[str]  # N, the class of each onset
    hardness: float  # h = exp(b J) − 1 of the best plan of a shard, mean over onsets


def curated(active: np.ndarray, hardness: float | np.ndarray) -> np.ndarray:
    """Where self-imitation by turns ends between two goals, f[...] of f[...].

    p = q (1 + 2/h) − 1/h, cut to 0..1: extinct below q = 1/(2 + h). The tabular limit with endless
    samples (after Falahati et al. 2026; `bench reflection`, case 5).
    """
    return np.clip(active * (1.0 + 2.0 / hardness) - 1.0 / hardness, 0.0, 1.0)


@styled
def extinction(onsets: Onsets, goal: str, other: str) -> FigureBase:
    """A panel a model: how often the goal is reached first by how active its shards are at onset.

    A thin line leads from each onset before reflection to the same after it. The dashed line is
    where self-imitation by turns ends in the tabular limit.

    Args:
        onsets: all onsets of all seeds.
        goal: name of the first goal.
        other: of the second.
    """
    models = [name for name, values in onsets.after.items() if np.isfinite(values).any()]
    figure, axes = new_figure(WIDTH, 2.7, 1, len(models), sharex=True, sharey=True)
    colours = model_colours(models)
    names = list(dict.fromkeys(onsets.kinds))
    for place, model in zip(axes[0], models, strict=True):
        _theory(place, onsets.hardness)
        _onsets(place, onsets, model, colours[model], names)
        place.set_title(model + (" (null)" if model in CONTROLS else ""))
    axes[0, len(models) // 2].set_xlabel(f"part of the judges at onset that want {goal}")
    axes[0, 0].set_ylabel(f"P({goal} first) ÷\nP({goal} or {other} first)")
    axes[0, 0].set_xlim(-0.03, 1.03)
    axes[0, 0].set_ylim(-0.03, 1.03)
    for name, marker in zip(names, MARKERS, strict=False):
        key(axes[0, 0], f"after, {name}", NULL, marker=marker)
    key(axes[0, 0], "before", paper(), marker=".", markeredgecolor=NULL)
    said = f"turns, tabular limit (h = {onsets.hardness:.1f})"
    key(axes[0, 0], said, ink(), marker="", linestyle="--")
    legend_below(figure, columns=3)
    return figure


def _theory(axes: Axes, hardness: float) -> None:
    along = np.linspace(0.0, 1.0, 101)
    ends = curated(along, hardness)
    axes.plot(along, ends, "--", color=ink(), linewidth=1.0, zorder=1.8)
    record_line(axes, "tabular limit", along, ends)


def _onsets(axes: Axes, onsets: Onsets, model: str, colour: str, names: Sequence[str]) -> None:
    after = onsets.after[model]
    for active, before, end in zip(onsets.active, onsets.before, after, strict=True):
        axes.plot([active] * 2, [before, end], color=NULL, linewidth=0.5, alpha=0.5, zorder=1.6)
    axes.plot(onsets.active, onsets.before, ".", color=paper(), mec=NULL, mew=0.5, ms=4, zorder=1.9)
    for name, marker in zip(names, MARKERS, strict=False):
        here = np.array([kind == name for kind in onsets.kinds])
        x, y = onsets.active[here], after[here]
        axes.plot(x, y, marker, color=colour, ms=4, mec=paper(), mew=0.4, alpha=0.85, zorder=2.2)
        for active, end in zip(x, y, strict=True):
            record(axes, f"{model}, {name}", float(active), float(end))
