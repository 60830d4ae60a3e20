"""constancy: change of every shard's value by reflection, with the tolerance and verdicts."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.constancy import value_changes
from shardsim.runs.figure_data import outcomes
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(
    run: Run,
    *,
    onset: str = "",
    place: str = "",
    seed: int | None = None,
    confidence: float = 0.9,
) -> FigureBase:
    """Draw a row an onset, shard and place ("target" levels, or the "onset" itself)."""
    changes = outcomes.changes(run, onset, place, seed)
    margin = float(run.reflection.attrs["epsilon"])
    # A verdict is about all seeds, so it does not stand over one of them.
    verdicts = outcomes.verdicts(run, onset) if seed is None else {}
    return value_changes(changes, margin, verdicts, confidence)
