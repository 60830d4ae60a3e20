"""A published finding beside ours: a figure that keeps a table with a verdict a row.

Axis letter: K seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from shardsim.base.columns import aligned
from shardsim.base.statistics import Bounds, Interval, t_interval
from shardsim.plot.canvas import ShardFigure, surface
from shardsim.plot.style import WIDTH, ink

AGREES, DISAGREES, CANNOT_TELL, NOT_READABLE, A_NULL = (
    "agrees",
    "disagrees",
    "cannot tell",
    "not readable",
    "null",
)
HEADINGS = ("measure", "paper", "ours [90 % over seeds]", "verdict")


class Row(NamedTuple):
    """One line of a finding's table."""

    measure: str  # with its unit
    paper: float | str  # a figure, or a word
    seeds: np.ndarray  # float64[K], one number a seed; or [1], a number without seeds
    verdict: str
    confidence: float = 0.9
    given: Interval | None = None  # where the interval is not that of a mean over `seeds`
    within: Bounds | None = None  # what the mean cannot leave, as `SHARE`

    def interval(self) -> Interval:
        """Over the seeds of which it is known."""
        if self.given is not None:
            return self.given
        known = np.asarray(self.seeds)[np.isfinite(self.seeds)]
        if not known.size:
            return Interval(np.nan, np.nan, np.nan)
        return t_interval(known, confidence=self.confidence, within=self.within)

    def ours(self) -> str:
        """The mean with its interval, in words."""
        found, known = self.interval(), int(np.isfinite(self.seeds).sum())
        if not known:
            return f"none in {len(self.seeds)} seeds"
        said = said_number(float(found.mean))
        if np.isfinite(found.low):
            said += f" [{said_number(float(found.low))}, {said_number(float(found.high))}]"
        if known < len(self.seeds):
            said += f", {known} of {len(self.seeds)} seeds"
        return said

    def paper_said(self) -> str:
        """The paper's side in words."""
        return self.paper if isinstance(self.paper, str) else said_number(self.paper)

    def as_data(self) -> dict[str, Any]:
        """For JSON, whose writer knows what to do with NaN and arrays."""
        return {
            "measure": self.measure,
            "paper": self.paper,
            "ours": self.interval()._asdict(),
            "seeds": self.seeds,
            "verdict": self.verdict,
        }


class FindingFigure(ShardFigure):
    """A figure with the table of its finding."""

    rows: Sequence[Any] = ()  # each with `as_data`, as `Row`

    def table(self) -> str:
        """The table as text."""
        return "\n".join(aligned([HEADINGS, *(_cells(row) for row in self.rows)]))


def said_number(value: float) -> str:
    """Three decimals below 10, fewer above, with a true minus sign."""
    digits = 3 if abs(value) < 10 else 1
    value = round(value, digits) + 0.0  # no negative zero
    return f"{value:.{digits}f}".replace("-", "−")


def _cells(row: Row) -> tuple[str, str, str, str]:
    return (row.measure, row.paper_said(), row.ours(), row.verdict)


def finding_figure(
    rows: Sequence[Row], panels: int, height: float, widths: Sequence[float] | None = None
) -> tuple[Any, np.ndarray]:
    """Return a figure that keeps the table, and its empty panels.

    The table is text: the command prints it, and `figure.table()` returns it.

    Args:
        rows: of the table.
        panels: how many stand side by side.
        height: of the figure, inches.
        widths: relative widths of the panels.
    """
    figure = surface(1.15 * WIDTH, height, FindingFigure)
    if isinstance(figure, FindingFigure):
        figure.rows = tuple(rows)
    axes: np.ndarray = figure.subplots(1, panels, squeeze=False, width_ratios=widths)[0]
    return figure, axes


def lines_axis(axes: Axes, names: Sequence[str]) -> None:
    """Name the lines of a panel of dots, from the top."""
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axvline(0, color=ink(), linewidth=0.7)
    axes.grid(False, axis="y")


def legend_under(axes: Axes, columns: int = 1) -> None:
    """A legend under one panel, without repeated labels."""
    handles, labels = axes.get_legend_handles_labels()
    first = {label: handle for handle, label in reversed(list(zip(handles, labels, strict=True)))}
    names = list(dict.fromkeys(labels))
    axes.legend(
        [first[name] for name in names],
        names,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.24),
        ncols=columns,
        fontsize=6.6,
        columnspacing=1.0,
        handletextpad=0.3,
    )
