"""shares: the shares of the trained agents on held-out and target levels, with intervals."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.shares import share_intervals
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run, *, battery: str = "", seed: int | None = None) -> FigureBase:
    """Draw a row a shard, then habit, affordance and residual, of all or one battery and seed."""
    named = results.parts(run.shards.dataset)
    groups = results.shares(run, battery, seed)
    title = f"shares at the end of training, {results.seeds_in_words(run, seed)}"
    return share_intervals(groups, named.names, named.colours, title)
