"""What was foreseen of reflection beside what came. Axes: C cases, agents and onsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import record
from shardsim.plot.style import MODELS, NULL, WIDTH, ink

MARKERS = "osD^vP"
FEW = 6  # onsets that are told apart by colour and mark


class Foreseen(NamedTuple):
    """One forecast of one rule, with the words of its panel."""

    said: np.ndarray  # f[C], change foreseen
    low: np.ndarray  # f[C]; ends of its interval
    high: np.ndarray  # f[C]
    found: np.ndarray  # f[C], change found
    seed: np.ndarray  # i[C]
    onset: np.ndarray  # i[C]
    about: str = ""


@styled
def forecast_beside_outcome(
    panels: Mapping[str, Mapping[str, Foreseen]],
    onsets: Sequence[str],
    null: np.ndarray,
    quantity: str = "P(goal first)",
) -> FigureBase:
    """Draw a row a rule and a column a forecast: a mark an agent and onset, foreseen along x.

    The line is a perfect forecast; horizontal lines are the forecasts' intervals; the grey band is
    where 90 % of the null lie, agents who reflect by a rule that selects nothing.

    Args:
        panels: rule -> forecast -> its cases.
        onsets: names, told apart where there are few.
        null: f[C], changes found where nothing is selected.
        quantity: what changes.
    """
    rows, columns = len(panels), max(len(row) for row in panels.values())
    figure, axes = new_figure(WIDTH, 0.6 + 2.7 * rows, rows, columns, sharex=True, sharey=True)
    band = np.quantile(null, [0.05, 0.95]) if null.size else np.zeros(2)
    for line, (rule, forecasts) in enumerate(panels.items()):
        for place, (name, one) in zip(axes[line], forecasts.items(), strict=False):
            place.axhspan(*band, color=NULL, alpha=0.25, linewidth=0, label="90 % of the null")
            _cases(place, one, onsets)
            place.set_title(f"{rule}, {name}" + (f"\n{one.about}" if one.about else ""))
            if line == rows - 1:
                place.set_xlabel(f"foreseen change of {quantity}")
        axes[line, 0].set_ylabel(f"change found of\n{quantity}")
    limit = 1.08 * max(_largest(one) for row in panels.values() for one in row.values())
    axes[0, 0].set_xlim(-limit, limit)
    axes[0, 0].set_ylim(-limit, limit)
    for place in axes.ravel():
        place.plot([-limit, limit], [-limit, limit], color=ink(), linewidth=0.8, zorder=1.8)
    legend_below(figure, columns=5, axes=[axes[0, 0]])
    return figure


def _cases(axes: Axes, one: Foreseen, onsets: Sequence[str]) -> None:
    few = len(onsets) <= FEW
    for number, onset in enumerate(onsets):
        here = one.onset == number
        kind = number if few else 0
        said, found = one.said[here], one.found[here]
        reach = np.stack([said - one.low[here], one.high[here] - said])
        axes.errorbar(
            said,
            found,
            xerr=np.maximum(reach, 0.0),
            fmt=MARKERS[kind % len(MARKERS)],
            color=MODELS[kind % len(MODELS)],
            markersize=4.0,
            markeredgecolor=ink(),
            markeredgewidth=0.4,
            elinewidth=0.7,
            alpha=0.85,
            label=onset if few else ("an agent and onset" if number == 0 else None),
        )
        _record(axes, one, here, onset)


def _record(axes: Axes, one: Foreseen, here: np.ndarray, onset: str) -> None:
    for case in np.flatnonzero(here):
        record(
            axes,
            onset,
            at=float(one.found[case]),
            value=float(one.said[case]),
            low=float(one.low[case]),
            high=float(one.high[case]),
            seed=int(one.seed[case]),
            across=True,
        )


def _largest(one: Foreseen) -> float:
    ends = [np.abs(part).max(initial=0.05) for part in (one.said, one.found, one.low, one.high)]
    return float(max(ends))
