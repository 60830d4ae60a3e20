"""What the updates of each kind of reinforcement event do to each shard, beside chance.

Axis letters: Q kinds of event · S seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from shardsim.base.statistics import t_interval
from shardsim.plot.canvas import legend_below, styled, surface
from shardsim.plot.findings import FindingFigure
from shardsim.plot.marks import record
from shardsim.plot.style import RESIDUAL, WIDTH, ink, paper

COLUMNS = 2  # of panels
BESIDE, PANEL, ROW = 0.85, 0.45, 0.4  # inches: the figure, and each panel and row in it


class Pushes(NamedTuple):
    """Pushes on one shard."""

    kinds: Sequence[str]  # Q, with the part of all episodes
    seeds: np.ndarray  # float64[Q, S]
    chance: np.ndarray  # float64[Q, 2], 90 % of mean pushes by chance; NaN where not known
    p_value: Sequence[float]  # Q
    selective: Sequence[bool]  # Q
    colour: str


class PushRow(NamedTuple):
    """One line of the figure's table."""

    data: Mapping[str, Any]

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return dict(self.data)


class BuiltFigure(FindingFigure):
    """A figure with the sentences that it shows."""

    sentences: Sequence[str] = ()

    def table(self) -> str:
        """The sentences."""
        return "\n".join(self.sentences)


@styled
def what_built(
    shards: Mapping[str, Pushes],
    rows: Sequence[PushRow],
    sentences: Sequence[str],
    note: str = "",
    confidence: float = 0.9,
) -> FigureBase:
    """Draw a panel a shard with a row a kind of event.

    Args:
      shards: titles, and what pushes on the shard.
      rows: the same as the figure keeps it for JSON.
      sentences: that the figure keeps for the terminal.
      note: where the events are from.
      confidence: of the intervals over seeds (Student's t); with one seed there is none.
    """
    kinds = max(len(one.kinds) for one in shards.values())
    columns = min(len(shards), COLUMNS)
    lines = -(-len(shards) // columns)
    figure = surface(WIDTH, BESIDE + lines * (PANEL + ROW * kinds), BuiltFigure)
    if isinstance(figure, BuiltFigure):
        figure.rows, figure.sentences = tuple(rows), tuple(sentences)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).ravel()
    panels, rest = grid[: len(shards)], grid[len(shards) :]
    for axes, (title, pushes) in zip(panels, shards.items(), strict=True):
        _panel(axes, pushes, confidence)
        axes.set_title(title)
        axes.tick_params(labelbottom=True)
    for axes in rest:
        axes.set_axis_off()
    for axes in panels[-columns:]:
        axes.set_xlabel("push on the shard (RMS over single episodes)")
    _limits(panels)
    figure.suptitle(note, x=0.01, ha="left", fontsize="medium", color=ink())
    several = any(one.seeds.shape[1] > 1 for one in shards.values())
    legend_below(figure, columns=2, extra=_legend(shards, several, confidence))
    return figure


def _panel(axes: Axes, pushes: Pushes, confidence: float) -> None:
    axes.axvline(0.0, color=ink(), linewidth=0.7)
    for row, (seeds, chance) in enumerate(zip(pushes.seeds, pushes.chance, strict=True)):
        if np.isfinite(chance).all():
            axes.barh(row, np.diff(chance), left=chance[0], height=0.62, color=RESIDUAL, zorder=1)
        axes.plot(seeds, np.full(len(seeds), row), ".", color="#777777", markersize=4, zorder=3)
        kind = pushes.kinds[row].replace("\n", ", ")
        for seed, value in enumerate(seeds):
            record(axes, "each seed", kind, value, seed=seed, across=True)
        found = t_interval(seeds, confidence=confidence)
        record(axes, "mean", kind, found.mean, low=found.low, high=found.high, across=True)
        if np.isfinite(found.low):
            axes.plot([found.low, found.high], [row, row], color=pushes.colour, zorder=2)
        face = pushes.colour if pushes.selective[row] else paper()
        axes.plot(
            found.mean,
            row,
            "o",
            markersize=6.5,
            color=pushes.colour,
            markerfacecolor=face,
            zorder=4,
        )
        said = f"p = {pushes.p_value[row]:.2g}"
        axes.text(
            1.0, row - 0.34, said, transform=axes.get_yaxis_transform(), ha="right", fontsize=7
        )
    axes.set_yticks(range(len(pushes.kinds)), list(pushes.kinds))
    axes.set_ylim(len(pushes.kinds) - 0.45, -0.55)
    axes.grid(False, axis="y")


def _limits(panels: np.ndarray) -> None:
    """Leave room at the right for the p-values."""
    ends = np.concatenate([axes.dataLim.intervalx for axes in panels])
    low, high = min(ends.min(), 0.0), max(ends.max(), 0.0)
    reach = max(high - low, 1e-9)
    panels[0].set_xlim(low - 0.05 * reach, high + 0.28 * reach)


def _legend(shards: Mapping[str, Pushes], several: bool, confidence: float) -> list[Any]:
    mean = f"mean and {confidence:.0%} interval over seeds" if several else "the one seed"
    marks = {
        mean: paper(),
        "filled: strengthens this shard, and it alone (p)": ink(),
    }
    handles: list[Any] = [
        Line2D([], [], linestyle="", marker="o", color=ink(), markerfacecolor=face, label=label)
        for label, face in marks.items()
    ]
    if several:
        handles.append(Line2D([], [], linestyle="", marker=".", color="#777777", label="each seed"))
    if any(np.isfinite(one.chance).any() for one in shards.values()):
        handles.append(
            Patch(color=RESIDUAL, label="90% of means when kinds are dealt out by chance")
        )
    return handles
