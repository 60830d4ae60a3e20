"""influence-over-time: signed influence of each concept by distance, checkpoint by checkpoint."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.over_time import influence_over_time
from shardsim.runs.figure_data import over_time
from shardsim.runs.run import Run

SIDE_BY_SIDE = True


def draw(
    run: Run,
    *,
    battery: str = "target",
    seed: int | None = None,
    checkpoints: int = 9,
    contexts: int = 2000,
    confidence: float = 0.9,
) -> FigureBase:
    """Draw a panel a concept: removal for objects, the mirror test for places.

    It is measured now, on a sample of the battery, at evenly chosen checkpoints.
    """
    places = over_time.checkpoints(run, checkpoints)
    found = over_time.influence(run, battery, places, contexts, seed)
    times = [over_time.steps_in_words(steps) for steps in found.steps]
    return influence_over_time(times, found.bins, found.concepts, confidence)
