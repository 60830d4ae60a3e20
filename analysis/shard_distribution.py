"""shard-distribution: shares of shards, habit, affordance and residual over training, stacked."""

from __future__ import annotations

from matplotlib.figure import Figure

from shardsim.plot.shares import shard_distribution
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run


def draw(*runs: Run, confidence: float = 0.9) -> Figure:
    """Draw one panel a run, with intervals over seeds at the boundaries."""
    return shard_distribution(
        {name: results.distribution(run) for name, run in results.titled(runs).items()},
        confidence=confidence,
    )
