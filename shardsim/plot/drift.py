"""How far each old shard's value has moved after so many steps. Axes: K seeds, T steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.constancy import STRIP
from shardsim.plot.marks import curve, key
from shardsim.plot.reflection import CONTROLS, DASHES, model_colours
from shardsim.plot.style import WIDTH


class Drift(NamedTuple):
    """One shard's value over the steps at which it is known."""

    shard: str
    steps: np.ndarray  # f[T]
    models: Mapping[str, np.ndarray]  # model -> f[K, T], change over the achievable range


@styled
def drift_over_steps(
    classes: Mapping[str, Sequence[Drift]], margin: float, confidence: float = 0.9, where: str = ""
) -> FigureBase:
    """Change of every old shard's value against steps: a row a class of onsets, a column a shard.

    Lines are means over seeds with bands; nulls are grey. Inside the strip a change counts as none.
    Marks are the steps at which values are known.

    Args:
        classes: class of onsets -> its shards.
        margin: the largest change that counts as none.
        confidence: of the bands, Student's t over seeds.
        where: the values are measured, for the title.
    """
    columns = max(len(shards) for shards in classes.values())
    height = 0.9 + 1.5 * len(classes)
    figure, axes = new_figure(WIDTH, height, len(classes), columns, sharex=True, sharey=True)
    models = list(
        dict.fromkeys(m for shards in classes.values() for one in shards for m in one.models)
    )
    colours = model_colours(models)
    for row, (name, shards) in zip(axes, classes.items(), strict=True):
        for place, one in zip(row, shards, strict=False):
            place.axhspan(-margin, margin, color=STRIP, linewidth=0, zorder=0)
            _lines(place, one, colours, confidence)
            place.set_title(f"{one.shard} \N{EN DASH} onset {name}")
        row[0].set_ylabel("ΔJ ÷ range")
    for place in axes[-1]:
        place.set_xlabel("reflection steps" + (f", values {where}" if where else ""))
        place.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    key(axes[0, 0], f"no change (±{margin:g})", STRIP, marker="", linestyle="-", linewidth=7)
    legend_below(figure, columns=len(models) + 1)
    return figure


def _lines(axes: Axes, one: Drift, colours: Mapping[str, str], confidence: float) -> None:
    """Nulls first, so that nothing lies under their bands."""
    for model in sorted(one.models, key=lambda name: name not in CONTROLS):
        values = one.models[model]
        if np.isfinite(values).any():
            curve(
                axes,
                one.steps,
                values,
                colours[model],
                model,
                confidence=confidence,
                linestyle=DASHES.get(model, "-"),
                marker=".",
                markersize=3,
            )
