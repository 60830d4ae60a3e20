"""reflection: each shard's share before and after reflection, by onset, against the sham."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.reflection import reflection_shares
from shardsim.runs.figure_data import outcomes, results
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(
    run: Run, *, onset: str = "", seed: int | None = None, confidence: float = 0.9
) -> FigureBase:
    """Draw a row an onset; left, shares by seed; right, their difference from the sham."""
    shifts = outcomes.shifts(run, onset, seed)
    data = run.shards.dataset
    about = f"target levels, {results.seeds_in_words(run, seed)}"
    return reflection_shares(shifts, results.labels(data), results.colours(data), confidence, about)
