"""learning-curves: return relative to the optimum during training, by seed; one run or several."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.curves import learning_curves
from shardsim.runs.figure_data import pooled
from shardsim.runs.run import Run


def draw(
    *runs: Run,
    battery: str = "",
    seed: int | None = None,
    aim: float = 0.95,
    confidence: float = 0.9,
) -> FigureBase:
    """Draw held-out and target levels in one panel a run, with a dashed line at `aim`.

    Runs that differ in nothing but their seeds are one panel.
    """
    return learning_curves(pooled.curves(runs, battery, seed), aim, confidence)
