"""shares: the shares of the trained agents on held-out and target levels, with intervals."""

from __future__ import annotations

from matplotlib.figure import Figure

from shardsim.plot.shares import share_intervals
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run


def draw(run: Run) -> Figure:
    """Draw a row a shard, then habit, affordance and the residual."""
    named = results.parts(run.shards.dataset)
    return share_intervals(results.shares(run), named.names, named.colours)
