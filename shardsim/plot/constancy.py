"""How far reflection changes the value of each shard, as a forest plot. Axis: K seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.base.statistics import Interval, equivalence
from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import dots, key
from shardsim.plot.reflection import CONTROLS, MARKERS, model_colours, say_where_untried, zero_line
from shardsim.plot.style import BLUE, NULL, VERMILLION, WIDTH, ink

STRIP = "#DDDDDD"
SAID = {"constant": BLUE, "drifted": VERMILLION, "undecided": NULL}


class Change(NamedTuple):
    """Change of one shard's value, measured in one place."""

    shard: str
    place: str  # "target" levels, or the "onset" itself
    models: Mapping[str, np.ndarray]  # model -> f[K], part of the achievable range
    intervals: Mapping[str, Interval] = {}  # model -> over seeds, onsets and levels, where known


@styled
def value_changes(
    onsets: Mapping[str, Sequence[Change]],
    margin: float,
    verdicts: Mapping[str, Mapping[str, str]],
    confidence: float = 0.9,
) -> FigureBase:
    """ΔJ of every old shard under the new policy: a row an onset, shard and place.

    An interval inside the grey strip means that the shard kept its value, one outside of it that it
    changed; the words beside a row say so of each model that is no control. An onset's verdict is
    `constant` only if all its rows are, and `drifted` if one is.

    Args:
        onsets: onset -> its rows.
        margin: the largest change that counts as none, part of the achievable range.
        verdicts: onset -> model -> verdict, of the title; may be empty.
        confidence: of Student's intervals over seeds, where a change brings none of its own; two
            one-sided tests at (1 − confidence)/2.
    """
    models = list(dict.fromkeys(m for rows in onsets.values() for one in rows for m in one.models))
    colours = model_colours(models)
    counts = [len(rows) for rows in onsets.values()]
    heights = [0.35 + count * (0.1 + 0.1 * len(models)) for count in counts]
    figure, axes = new_figure(
        WIDTH, 0.9 + sum(heights), len(onsets), 1, sharex=True, height_ratios=heights
    )
    for place, (onset, rows) in zip(axes[:, 0], onsets.items(), strict=True):
        place.axvspan(-margin, margin, color=STRIP, linewidth=0, zorder=0)
        zero_line(place)
        _rows(place, rows, models, colours, margin, confidence)
        say_where_untried(place, (one for row in rows for one in row.models.values()))
        said = ", ".join(
            f"{model}: {verdict}" for model, verdict in verdicts.get(onset, {}).items()
        )
        place.set_title(f"onset {onset} \N{EN DASH} {said}" if said else f"onset {onset}")
    axes[-1, 0].set_xlabel("change of the shard's value ΔJ ÷ achievable range")
    for model in models:
        key(axes[0, 0], model, colours[model], marker=MARKERS.get(model, "o"))
    strip = f"counts as constant (±{margin:g})"
    key(axes[0, 0], strip, STRIP, marker="", linestyle="-", linewidth=7)
    legend_below(figure, columns=len(models) + 1)
    return figure


def _rows(
    axes: Axes,
    rows: Sequence[Change],
    models: Sequence[str],
    colours: Mapping[str, str],
    margin: float,
    confidence: float,
) -> None:
    offsets = np.linspace(-0.3, 0.3, len(models)) if len(models) > 1 else np.zeros(1)
    names = [f"{row.shard}, {_where(row.place)}" for row in rows]
    for number, (row, name) in enumerate(zip(rows, names, strict=True)):
        words = []
        for offset, model in zip(offsets, models, strict=True):
            values = row.models.get(model, np.empty(0))
            if not np.isfinite(values).any():
                continue
            found = dots(
                axes,
                number + offset,
                values,
                colours[model],
                model,
                at=name,
                confidence=confidence,
                given=row.intervals.get(model),
                marker=MARKERS.get(model, "o"),
                size=4.5,
            )
            if model not in CONTROLS:
                words.append((model, equivalence(_finite(found), margin)))
        _verdicts(axes, number, words)
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(False, axis="y")


def _finite(found: Interval) -> Interval:
    """An interval of one seed is endless, whatever stands for it."""
    if np.isfinite(found.low) and np.isfinite(found.high):
        return found
    return Interval(found.mean, -np.inf, np.inf)


def _verdicts(axes: Axes, row: float, words: Sequence[tuple[str, str]]) -> None:
    """The verdict of each model beside its row, in one word where all agree."""
    alike = len({said for _, said in words}) == 1
    shown = [("", words[0][1])] if alike else list(words)
    text = ", ".join(f"{model}: {said}" if model else said for model, said in shown)
    axes.text(
        1.01,
        row,
        text,
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize="small",
        color=SAID.get(shown[0][1], ink()) if alike else ink(),
    )


def _where(place: str) -> str:
    return "at the onset" if place == "onset" else f"{place} levels"
