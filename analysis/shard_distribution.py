"""shard-distribution: each shard's share over training, by seed, with what belongs to no shard."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.shares import shard_distribution
from shardsim.runs.figure_data import pooled, results
from shardsim.runs.figure_data.marks import marks
from shardsim.runs.run import Run


def draw(*runs: Run, seed: int | None = None, confidence: float = 0.9) -> FigureBase:
    """Draw one column a run, of all seeds or of the one at a position, with its events.

    Events of all seeds are marked where the median seed has them. Runs that differ in nothing but
    their seeds are one column, without events.
    """
    return shard_distribution(
        pooled.distributions(runs, seed),
        confidence,
        {title: marks(run, seed) for title, run in results.titled(runs).items()},
    )
