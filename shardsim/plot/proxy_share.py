"""A proxy's share against how often training tells it from the goal. Axis letters: K seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from shardsim.base.statistics import SHARE, Bounds
from shardsim.plot.canvas import styled
from shardsim.plot.findings import Row, finding_figure, legend_under
from shardsim.plot.marks import curve
from shardsim.plot.style import BLUE, SKY, VERMILLION, values_axis

Lines = Mapping[str, Sequence[np.ndarray]]  # label -> float64[K] at each share


class Beside(NamedTuple):
    """A published sweep."""

    label: str  # of its x axis, with its unit
    x: np.ndarray
    lines: Mapping[str, np.ndarray]


@styled
def proxy_share_figure(
    rows: Sequence[Row],
    shares: Sequence[float],
    influence: Lines,
    returns: Lines,
    colours: Mapping[str, str],
    published: Beside,
) -> FigureBase:
    """Influence and returns by the share of decorrelated levels, beside a published sweep.

    Args:
        rows: the table.
        shares: of decorrelated training levels, rising.
        influence: concept -> its share of decision influence.
        returns: split -> return ÷ optimum.
        colours: label -> colour, of all labels.
        published: the other sweep.
    """
    figure, (left, middle, right) = finding_figure(rows, 3, 2.5)
    _panel(left, shares, influence, colours, "share of decision influence", SHARE)
    _panel(middle, shares, returns, colours, "return ÷ optimum")
    for (name, values), (colour, marker) in zip(
        published.lines.items(), ((VERMILLION, "^"), (SKY, "s"), (BLUE, "o")), strict=False
    ):
        right.plot(published.x, values, color=colour, marker=marker, markersize=3, label=name)
    right.set_xlabel(published.label)
    right.set_ylabel("return ÷ optimum")
    right.set_ylim(bottom=0)
    right.set_title("jaxgmg, one run a size")
    for place in (left, middle, right):
        legend_under(place, 1)
    return figure


def _panel(
    axes: Axes,
    shares: Sequence[float],
    lines: Lines,
    colours,
    label: str,
    within: Bounds | None = None,
) -> None:
    x = np.asarray(shares, np.float64)
    for number, (name, values) in enumerate(lines.items()):
        curve(
            axes,
            x,
            np.array(list(zip_longest(*values, fillvalue=np.nan))),
            colours[name],
            name,
            within=within,
            marker="os^D"[number % 4],
            markersize=4,
        )
        for at, one in zip(x, values, strict=True):
            axes.plot(np.full(len(one), at), one, ".", color=colours[name], markersize=2, alpha=0.5)
    values_axis(axes, x)
    axes.set_xlabel("decorrelated levels (share)")
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_ylabel(label)
