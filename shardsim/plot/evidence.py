"""The evidence of a diagnosis: how far each measurement is from the exact value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import NullLocator

from shardsim.plot.canvas import legend_below, new_figure, styled
from shardsim.plot.marks import key, record
from shardsim.plot.style import BLUE, VERMILLION, WIDTH, ink, section_colours

COLUMNS = {  # key of a row -> heading
    "section": "section",
    "measurement": "measurement",
    "phase": "update",
    "seed": "seed",
    "measured": "measured",
    "exact": "exact",
    "unit": "unit",
    "verdict": "verdict",
}
LEAST, MOST = 1e-4, 1e2  # of the axis, in tolerances
WHOLE = "run"  # what belongs to no section
DISAGREES = "disagrees"
VERDICTS = {"agrees": BLUE, DISAGREES: VERMILLION}


@styled
def evidence_gaps(title: str, rows: Sequence[Mapping[str, Any]]) -> FigureBase:
    """How far each measurement is from the exact value, in tolerances, in the order of data flow.

    What lies left of the line agrees. The verdict stands beside each row; the numbers themselves
    are a table: `shardsim diagnose`, or the report.

    Args:
        title: the verdict in words.
        rows: each with the keys of `COLUMNS`, and `gap` and `tolerance` where they are known.
    """
    figure, grid = new_figure(WIDTH, 1.1 + 0.165 * len(rows))
    axes = grid[0, 0]
    sections = list(dict.fromkeys(str(row.get("section") or WHOLE) for row in rows))
    colours = section_colours(sections)
    for y, row in enumerate(rows):
        section = str(row.get("section") or WHOLE)
        axes.plot([LEAST] * 2, [y - 0.5, y + 0.5], color=colours[section], linewidth=7)
        _gap(axes, y, row)
    axes.axvline(1.0, color=ink(), linewidth=1.0, label="tolerance")
    axes.set_xscale("log")
    axes.set_xlim(LEAST, MOST)
    ticks = [10.0**power for power in (-4, -3, -2, -1, 0, 1, 2)]
    axes.set_xticks(ticks, ["0", "0.001", "0.01", "0.1", "1", "10", "≥ 100"])
    axes.xaxis.set_minor_locator(NullLocator())
    names = [f"{row.get('section') or WHOLE}: {row.get('measurement', '')}" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize="x-small")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(False, axis="y")
    axes.set_xlabel("distance from the exact value ÷ tolerance")
    axes.set_title(title, fontweight="bold")
    for label, colour in VERDICTS.items():
        key(axes, label, colour)
    legend_below(figure)
    return figure


def _gap(axes: Axes, y: int, row: Mapping[str, Any]) -> None:
    """One measurement: a dot where its distance is known in tolerances, and the verdict."""
    verdict = str(row.get("verdict") or "")
    colour = VERDICTS.get(verdict, ink())
    gap, tolerance = row.get("gap"), row.get("tolerance")
    known = gap is not None and (gap == 0 or tolerance)
    parts = float(gap / tolerance if gap else 0.0) if known else float("nan")
    record(axes, verdict, row.get("measurement"), parts, seed=row.get("seed"), across=True)
    if known:
        axes.plot(min(max(parts, LEAST * 1.5), MOST / 1.5), y, "o", color=colour, markersize=4)
    axes.text(
        1.01,
        y,
        verdict,
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize="x-small",
        color=colour,
    )


def cell(value: Any) -> str:
    """A value as a table shows it: four digits, a dash where there is none."""
    if value is None or value != value:  # NaN is unknown too
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−")
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value)
    return str(value)
