"""The evidence of a diagnosis as a table: measured beside exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any

from matplotlib.figure import Figure

from shardsim.plot.canvas import new_figure, styled
from shardsim.plot.style import BLUE, RESIDUAL, VERMILLION, WIDTH, ink, section_colours

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
_LEFT = (0.015, 0.13, 0.46, 0.525, 0.575, 0.67, 0.755, 0.905)
_LETTERS = (14, 48, 8, 6, 12, 11, 20, 14)
_ROW = 0.19  # inches
DISAGREES = "disagrees"
VERDICTS = {"agrees": BLUE, DISAGREES: VERMILLION}


@styled
def evidence_table(title: str, rows: Sequence[Mapping[str, Any]]) -> Figure:
    """A table of measurements in the order of the data flow, a colour a section.

    Args:
        title: the verdict in words.
        rows: each with the keys of `COLUMNS`; those missing are left empty.
    """
    height = _ROW * (len(rows) + 2) + 0.3
    figure, grid = new_figure(WIDTH, height)
    axes = grid[0, 0]
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) + 0.6, -0.6)
    axes.set_title(title, fontweight="bold")
    sections = list(dict.fromkeys(str(row.get("section") or "") for row in rows))
    colours = {"": RESIDUAL} | section_colours([name for name in sections if name])
    for left, name in zip(_LEFT, COLUMNS, strict=True):
        axes.text(left, 0, COLUMNS[name], fontweight="bold", va="center", fontsize=7)
    axes.plot([0, 1], [0.5, 0.5], color=ink(), linewidth=0.8)
    for number, row in enumerate(rows, start=1):
        section = str(row.get("section") or "")
        axes.plot(
            [0.004] * 2,
            [number - 0.5, number + 0.5],
            color=colours[section],
            linewidth=4,
            solid_capstyle="butt",
        )
        for left, letters, name in zip(_LEFT, _LETTERS, COLUMNS, strict=True):
            text = shorten(cell(row.get(name)), letters, placeholder="…")
            colour = ink()
            if name == "verdict":
                colour = VERDICTS.get(text, ink())
            axes.text(left, number, text, va="center", fontsize=6.6, color=colour)
    return figure


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
