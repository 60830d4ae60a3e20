"""shares-by-seed: each shard's share over training, a panel a seed, with the mean of all."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.over_time import shares_by_seed
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(run: Run) -> FigureBase:
    """Draw small multiples on common axes."""
    return shares_by_seed(results.distribution(run), [f"seed {seed}" for seed in run.seeds])
